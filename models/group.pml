/* Group commit, as built: owners publish intents in slots of a queue, leaders claim them
 * and swap the head once for all of them. Each access to a word of the queue, to the head
 * or to a lock is a step of its own; what stands in one atomic touches one shared thing.
 *
 *   N owners    one change each (owner i has identity i; with SAMEID 0 and 1 share one)
 *   S slots     fewer than owners: slots are used again, by another generation
 *   L leaders   each may stand still at any step for ever, or go on at any later time,
 *               so there is no need to model their death, nor the lock of leadership:
 *               nothing here depends on it
 *   LT          attempts (and rounds) of a leader
 *   R           attempts of an owner's plain loop
 *
 *   -DCRASH     an owner may die at any step; its outcome is resolved by its identity
 *   -DLATE      a request may arrive late, its sender having gone on
 *   -DLOST      an answer may be lost, or be the refusal of a second delivery
 *   -DALONE     a leader may send a member away
 *   -DWIPE      the queue file may be truncated, once, at any time
 *   -DTWOQUEUES the queue file was replaced: leader l sees slot l only
 *   -DSAMEID    owners 0 and 1 are two runs of one identity
 *   -DTAKEBACK  leader l is owner l's own; it may send itself away, and its intent was
 *               never sent if it was the first to claim it and nobody has taken over
 *   -DHFAIL     the head may be unreadable right after a withdrawal
 *   -DWFAIL     the write of WITHDRAWN may fail
 *   -DFOREIGN   somebody who knows no queue commits once
 *   -DCARRIES=k owner i < k leads (it is leader i) with its own change in no slot
 *
 * Mutants: -DM_x, each at the line that it breaks; models/check_model.py lists them.
 */
#ifndef N
#define N 2
#endif
#ifndef S
#define S 2
#endif
#ifndef L
#define L 1
#endif
#ifndef LT
#define LT 2
#endif
#ifndef R
#define R 1
#endif
#ifndef CARRIES
#define CARRIES 0
#endif

#define PUB(i) (1 + (i))              /* PUBLISHED(generation): owner i's is unlike others' */
#define WITHDRAWN(i) (1 + N + (i))
#define IS_PUB(w) ((w) >= 1 && (w) <= N)
#define CLAIMED 2                     /* since its owner last looked; 1: no more than then; 0: blank */
#define COMMITTED(n) (1 + (n))        /* receipts name the identity */
#define SENT_ALONE(n) (1 + N + (n))

#ifdef SAMEID
#define ID(i) ((i) < 2 -> 0 : (i))
#else
#define ID(i) (i)
#endif
#define BIT(m, i) (((m) >> (i)) & 1)
#if CARRIES > 0
#define ROWS(i) ((i) < CARRIES)       /* may_be_carried: who has files publishes */
#else
#define ROWS(i) ((i) & 1)             /* odd owners' rows travel in the intent */
#endif

#define RUNNING 0
#define ACKED 1
#define NOT 2
#define UNKNOWN 3

/* the table */
byte head;              /* number of the newest version                                  */
byte in_[N];            /* version that brought the identity in; 0 = none                */
byte tin;               /* runs whose change is in the table, one bit per owner          */
byte via;               /* of those, the ones a group brought in                         */
byte gref;              /* data files of groups that the table refers to                 */
byte gex;               /* data files of groups that exist                               */
byte data;              /* owners' own files that exist                                  */
byte late_o;            /* owners with a late request on the present head                */
byte late_m;            /* members of a leader's late request on the present head,       */
byte late_f;            /* and its data file                                             */

/* the queue */
byte oword[S];          /* the owner's record: state and generation                      */
byte intent[S], claim[S], receipt[S];
byte lock[S];           /* 1 + owner who has the slot's byte locked                      */
byte alive;             /* owners whose generation's byte is locked                      */

#ifdef TAKEBACK
byte epoch;             /* of leadership: whoever begins to lead has taken over          */
byte led[L];            /* the epoch that leader l leads                                 */
byte first, away;       /* leaders that claimed their own first; that sent it away       */
byte before[N];         /* the claim word as it was before publication                   */
#endif

#if CARRIES > 0
#define LED_ANSWERED 1                /* enum dsi_lead_end; 0: it leads, or will */
#define LED_WITHDRAWN 2
#define LED_HELPLESS 3
byte led_end[CARRIES];  /* what the owner's call of dsi_group_lead returns               */
byte since[CARRIES];    /* own.since: the head on which its leader has admitted it       */
#ifdef CRASH
byte dead;              /* owners that died: whose leader does nothing any more          */
#endif
#endif

byte st[N];
bit dup, lost, leaked, dangling;

inline check() {
	k = 0;
	do
	:: k < N ->
		lost = lost || (st[k] == ACKED && in_[ID(k)] == 0);
		leaked = leaked || (st[k] == NOT && BIT(tin, k));
		dangling = dangling || (BIT(tin, k) && !BIT(data, k)
			&& !(ROWS(k) && BIT(via, k)));
		k++
	:: else -> break
	od;
	k = 0;
	dangling = dangling || (gref & ~gex) != 0;
	assert(!dup);                 /* I4 */
	assert(!lost);                /* I1 */
	assert(!leaked);              /* I2 */
	assert(!dangling)             /* I3 */
}

/* The swap says yes: dsi_catalog_swap. Requests on older heads are dead from here on. */
inline move_head() { head++; late_o = 0; late_m = 0; late_f = 0 }

inline apply(members, group, f) {
	k = 0;
	do
	:: k < N ->
		if
		:: BIT(members, k) ->
			dup = dup || in_[ID(k)] != 0;
			in_[ID(k)] = head + 1; tin = tin | (1 << k);
			via = via | ((group) << k)
		:: else
		fi;
		k++
	:: else -> break
	od;
	gref = gref | ((group) << (f));
	move_head();
	check()
}

#define FOUND(n, b) (in_[n] != 0 && in_[n] <= (b))    /* dsi_look on version b */

/* A step of an owner, or its death just before it. */
#ifdef CRASH
#define DIES :: goto crash
#else
#define DIES
#endif

#ifdef TAKEBACK
#define BEFORE before[i]
#else
#define BEFORE before
#endif
#define LOOK_AT_CLAIM claim[s] = (claim[s] != 0 -> 1 : 0); BEFORE = claim[s]

#ifdef M_NOT_FIRST
#define WAS_FIRST(i) 1
#else
#define WAS_FIRST(i) BIT(first, i)
#endif
#ifdef M_NO_BEAT
#define STILL_LEADS(i) 1
#else
#define STILL_LEADS(i) (epoch == led[i])
#endif

proctype owner(byte i)
{
	byte s, b, k;
	byte top;               /* 1 + trail.base; 0: nothing was sent */
	byte try;
#ifndef TAKEBACK
	bit before;             /* the claim word as it was before publication */
#endif

#if CARRIES > 0
	if
	:: i < CARRIES -> goto carried       /* may_be_carried, dsi_queue_try_lead in group.c */
	:: i >= CARRIES
	fi;
#endif
	/* dsi_queue_publish: a slot; the claim as it is (a nonce; here it is given the name 1);
	 * the intent; and last the owner's record with its word */
	atomic {
#if S == N
		s = i;           /* which one makes no difference then */
#else
		if
		:: lock[0] == 0 -> s = 0
#if S > 1
		:: lock[S - 1] == 0 -> s = S - 1
#endif
		fi;
#endif
		lock[s] = 1 + i; alive = alive | (1 << i)
#if S == N
		; LOOK_AT_CLAIM; intent[s] = PUB(i)
#endif
	}
#if S < N               /* somebody may read the slot while it is being filled */
	if :: atomic { LOOK_AT_CLAIM } DIES fi;
	if :: intent[s] = PUB(i) DIES fi;
#endif
	if :: oword[s] = PUB(i) DIES fi;
	/* dsi_queue_wait: a receipt, or none (deadline, file broken); then dsi_queue_withdraw */
	if
	:: atomic { receipt[s] == COMMITTED(ID(i)) -> lock[s] = 0; alive = alive & ~(1 << i); goto ok }
#ifdef M_ANY_RECEIPT
	:: atomic { receipt[s] >= 1 && receipt[s] <= N -> goto ok }
#endif
#ifdef M_ACK_ON_CLAIM
	:: atomic { claim[s] == CLAIMED -> goto ok }
#endif
#ifdef M_ALONE_IS_NOT
	:: atomic { receipt[s] == SENT_ALONE(ID(i)) -> goto not_committed }
#endif
#ifdef M_BASE_BEFORE_WITHDRAW
	:: b = head + 1; oword[s] = WITHDRAWN(i)
#else
	:: oword[s] = WITHDRAWN(i)
#endif
#ifdef WFAIL
#ifdef M_WITHDRAW_UNSEEN
	:: skip
#else
	:: atomic { alive = alive & ~(1 << i) }      /* the lock goes, and that is one too */
#endif
#endif
	DIES
	fi;
	if
	:: atomic {
		top = (claim[s] == BEFORE -> 0 : 1);
#ifndef TAKEBACK
		BEFORE = 0;
#endif
#ifdef M_IGNORE_CLAIM
		top = 0;
#endif
	   }
	DIES
	fi;
#if defined(WIPE) && !defined(M_NO_INTACT)
	atomic { if :: intent[s] != PUB(i) -> top = 1 :: else fi };      /* its record is whole */
#endif
#ifdef TAKEBACK
	/* take_back in group_lead.c: the beat comes after the withdrawal */
	atomic { if :: BIT(away, i) && WAS_FIRST(i) && STILL_LEADS(i) -> top = 0 :: else fi }
#endif
	if
	:: top == 0 -> goto gone
	:: top != 0
	fi;
	/* dsi_group_commit: the head, read after the withdrawal, is the base sent */
	if
#ifdef M_BASE_BEFORE_WITHDRAW
	:: atomic { top = b; b = 0 }
#else
	:: top = head + 1
#endif
#ifdef HFAIL
#ifdef M_NO_BASE_IS_OLD
	:: atomic { top = 1; st[i] = UNKNOWN; lock[s] = 0; alive = alive & ~(1 << i); goto resolve }
#else
	:: atomic { top = 0; st[i] = UNKNOWN; lock[s] = 0; alive = alive & ~(1 << i); goto no_base }
#endif
#endif
	DIES
	fi;
gone:
	atomic { lock[s] = 0; alive = alive & ~(1 << i); s = 0 }       /* dsi_queue_leave */
#if CARRIES > 0
	goto plain;
carried:
	/* carry in group.c: what dsi_group_lead returned; nothing is read from the queue */
	if
	:: atomic { led_end[i] == LED_ANSWERED -> goto ok }              /* take_receipt */
	:: atomic { led_end[i] == LED_WITHDRAWN -> goto plain }
#ifdef M_NOT_NOTED
	:: atomic { led_end[i] == LED_HELPLESS -> goto plain }
#elif defined(M_SINCE_IS_BASE)
	:: atomic { led_end[i] == LED_HELPLESS -> top = since[i] + 1 }
#else
	:: atomic { led_end[i] == LED_HELPLESS -> top = head + 1 }       /* note_sent: read afterwards */
#endif
#ifdef HFAIL
	:: atomic { led_end[i] == LED_HELPLESS -> st[i] = UNKNOWN; goto no_base }
#endif
	DIES
	fi;
#endif
plain:
	/* commit_alone in commit.c: dsi_loop_run, then dsi_loop_settle; as in commit.pml */
	if
	:: atomic { try < R -> try++ }
	:: goto settle
	DIES
	fi;
	atomic {                 /* dsi_attempts_look: head and history in one read */
		b = head;
		if
		:: FOUND(ID(i), b) -> goto found
		:: else
		fi;
		if :: b + 1 > top -> top = b + 1 :: else fi;
		data = data | (1 << i)   /* rows get a file of their own now */
	}
	atomic {                 /* swap in attempt.c */
		if
		:: head == b -> apply(1 << i, 0, 0); goto ok
#ifdef LOST
		:: head == b -> apply(1 << i, 0, 0)
#endif
#ifdef LATE
		:: head == b -> late_o = late_o | (1 << i)
#endif
		:: head != b -> skip
		fi;
		b = 0; goto plain
	}
settle:
	atomic {
		b = head;
		if
		:: top == 0 -> goto not_committed
		:: FOUND(ID(i), b) -> goto found
		:: top != 0 && !FOUND(ID(i), b) && b >= top -> goto not_committed
		:: top != 0 && !FOUND(ID(i), b) && b < top -> st[i] = UNKNOWN; try = 0; b = 0;
#ifdef M_ABSENT_NOW
			goto not_committed
#else
			goto resolve
#endif
		fi
	}
#ifdef CRASH
crash:
	atomic {                     /* the kernel drops its locks */
#if CARRIES > 0
		dead = dead | (1 << i);
#endif
		if :: lock[s] == 1 + i -> lock[s] = 0 :: else fi;
		alive = alive & ~(1 << i); s = 0; b = 0; try = 0; top = 0; st[i] = UNKNOWN
	}
#endif
#if defined(CRASH) || defined(HFAIL)
no_base:
	top = head + 1;              /* no base known: the first head read is one */
#endif
resolve:                             /* dsi_commit_resolve: look_once, fence, look_once */
	atomic {
		b = head;
		if
		:: FOUND(ID(i), b) -> goto found
		:: !FOUND(ID(i), b) && b >= top -> goto not_committed
		:: !FOUND(ID(i), b) && b < top
#ifdef M_NO_FENCE
			-> goto not_committed
#endif
		fi
	}
	atomic {                     /* fence in resolve.c: an empty version on that head */
		if
		:: head == b -> move_head()
		:: else
		fi;
		b = 0; goto resolve
	}
found:
	/* dsi_clean_after_found: what was offered to leaders may be in the table */
	atomic {
		if
#ifdef M_CLEAN_FOUND
		:: BIT(via, i) || !BIT(tin, i) -> data = data & ~(1 << i)
#else
		:: !BIT(tin, i) || (ROWS(i) && BIT(via, i)) -> data = data & ~(1 << i)
#endif
		:: else
		fi;
	}
ok:
	atomic { st[i] = ACKED; goto fin }
not_committed:
	atomic { st[i] = NOT; data = data & ~(1 << i) }     /* conclude in commit.c: dsi_clean_all */
fin:
	atomic { top = 0; try = 0; b = 0; s = 0; check() }
}

#ifdef TWOQUEUES
#define SEES(l, s) ((l) == (s))
#else
#define SEES(l, s) 1
#endif

#ifdef M_NO_LIVENESS
#define ALIVE(i, s) 1
#else
#ifdef M_SLOT_LIVENESS
#define ALIVE(i, s) (lock[s] != 0)
#else
#define ALIVE(i, s) BIT(alive, i)
#endif
#endif

#define ANSWERED(w, s) (receipt[s] == COMMITTED(ID((w) - 1)) || receipt[s] == SENT_ALONE(ID((w) - 1)))

#ifdef M_NO_GENERATION
#define SAME(now, was) IS_PUB(now)
#else
#define SAME(now, was) ((now) == (was))
#endif
#define MINE(l) (((1 << LT) - 1) << ((l) * LT))       /* data files of leader l */

/* What follows is local; the loop over the slots goes on, or ends. */
#define NEXT(more, end) s++; if :: s == S -> s = 0; goto end :: else -> goto more fi

/* Two runs of one identity: the group takes one of them. */
#if defined(SAMEID) && !defined(M_NO_DEDUPE_INSIDE)
#define TWIN(m, i) ((i) < 2 && ((m) & 3) != 0)
#else
#define TWIN(m, i) 0
#endif

/* The next member whose identity version b has; s == S: there is none. */
inline next_found() {
	do
	:: s < S && (memb[s] == 0 || !FOUND(ID(memb[s] - 1), b)) -> s++
	:: else -> break
	od
}

/* A leader's own change that is in no slot: in no version up to `since` (admit_own), and
 * looked for in what came later (dsi_attempts_look, look_member in still_right). */
#if CARRIES > 0
#define HAS_OWN (l < CARRIES && own == 0)
#define OWN_FOUND (HAS_OWN && FOUND(l, b) && in_[l] > since[l])
#endif

/* dsi_queue_answer: is the slot still the same owner's? Then the receipt. */
#define STILL_HIS(s) (oword[s] == PUB(memb[s] - 1))

proctype leader(byte l)
{
	byte b, s, w, k, m, t;
	byte newest;            /* 1 + the newest base sent for this group */
	byte memb[S];           /* 1 + owner whose intent of the slot is in the group */
#ifdef M_STALE_DEDUPE
	byte seen;
#endif
#ifdef M_STALE_FILE
	byte rows;
#endif
#ifdef ALONE
	bit sent_away;
#endif
#if CARRIES > 0
	byte own;               /* how leading ended for its own change; 0: not yet */
#endif

#ifdef TAKEBACK
	atomic { epoch++; led[l] = epoch }     /* dsi_queue_take_over */
#endif
round:
#ifdef M_STALE_DEDUPE
	seen = head;
#endif
	/* (1) the head, and with it the identities that its history has */
#if CARRIES > 0
	atomic { b = head; if :: HAS_OWN && newest == 0 -> since[l] = b :: else fi }
#elif !defined(M_HEAD_AFTER_CLAIM)
	b = head;
#endif
	/* (2) dsi_queue_claim, and dsi_queue_still_wanted for what is claimed already */
slot:
	atomic {
		if
		:: !SEES(l, s) -> NEXT(slot, claimed)
		:: SEES(l, s) && memb[s] != 0 && newest == b + 1 -> NEXT(slot, claimed)    /* the same head */
		:: SEES(l, s) && memb[s] != 0 && newest != b + 1 ->
#ifdef M_NO_RECHECK
			NEXT(slot, claimed)
#else
			if
			:: oword[s] == PUB(memb[s] - 1) -> goto living
			:: else -> memb[s] = 0; NEXT(slot, claimed)
			fi
#endif
		:: SEES(l, s) && memb[s] == 0 && IS_PUB(oword[s]) && !ANSWERED(oword[s], s) -> w = oword[s]
#ifdef TAKEBACK
			; if :: w == PUB(l) && claim[s] == before[l] -> first = first | (1 << l) :: else fi
#endif
		:: SEES(l, s) && memb[s] == 0 && (!IS_PUB(oword[s]) || ANSWERED(oword[s], s)) -> NEXT(slot, claimed)
		fi
	}
#ifdef M_CLAIM_LAST
	atomic { if :: SAME(oword[s], w) -> memb[s] = w :: else -> w = 0; NEXT(slot, claimed) fi }
	claim[s] = CLAIMED;
#else
	claim[s] = CLAIMED;
	atomic {
		if
		:: SAME(oword[s], w) -> memb[s] = w
		:: else -> w = 0;
#ifdef M_UNCLAIM
			claim[s] = 1;
#endif
			NEXT(slot, claimed)
		fi
	}
#endif
living:
	atomic {
		if
		:: ALIVE(memb[s] - 1, s)
		:: else -> memb[s] = 0; w = 0; NEXT(slot, claimed)
		fi;
		if :: w == 0 -> NEXT(slot, claimed) :: else fi
	}
#if S < N
	atomic {                 /* the intent, by the sum in the record */
#ifdef M_NO_INTENT_CHECK
		memb[s] = intent[s]; w = 0;
#elif defined(M_INTENT_EARLY)            /* it was read with the record */
		w = 0;
#else
		if :: intent[s] != w -> memb[s] = 0 :: else fi; w = 0;
#endif
		NEXT(slot, claimed)
	}
#else
	atomic { w = 0; NEXT(slot, claimed) }
#endif
claimed:
#ifdef M_HEAD_AFTER_CLAIM
	b = head;
#endif
	/* (3) members that the history has are answered; (ALONE) one that does not apply */
#ifdef M_NO_DEDUPE
	goto swap;
#endif
dedupe:
	atomic {
		next_found();
		if
#if CARRIES > 0
		:: s == S && OWN_FOUND -> s = 0; own = LED_ANSWERED; goto over     /* dsi_attempts_look */
		:: s == S && !OWN_FOUND -> s = 0; goto swap
#else
		:: s == S -> s = 0; goto swap
#endif
#ifdef M_STALE_DEDUPE
		:: s < S && in_[ID(memb[s] - 1)] > seen -> s = 0; goto swap
#endif
		:: s < S && STILL_HIS(s)
		:: s < S && !STILL_HIS(s) -> memb[s] = 0; goto dedupe
		fi
	}
	atomic { receipt[s] = COMMITTED(ID(memb[s] - 1)); memb[s] = 0; goto dedupe }
swap:
#ifdef TAKEBACK
	if
	:: atomic {              /* its own does not apply: nothing more is done here */
		memb[0] == PUB(l) || memb[S - 1] == PUB(l) -> away = away | (1 << l);
		memb[0] = 0; memb[S - 1] = 0; goto done
	   }
#ifdef M_NO_GUARD
	:: skip
#else
	:: atomic { epoch != led[l] -> memb[0] = 0; memb[S - 1] = 0; goto done }    /* dsi_queue_beat */
	:: epoch == led[l]
#endif
	fi;
#endif
#if CARRIES > 0
	if
	:: skip                  /* send_away, still_right: while nothing of it is on its way */
#ifdef M_AWAY_WHILE_OPEN
	:: atomic { HAS_OWN -> own = LED_WITHDRAWN; goto over }
#else
	:: atomic { HAS_OWN && newest <= b -> own = LED_WITHDRAWN; goto over }
#endif
	fi;
#endif
#ifdef ALONE
	if
	:: sent_away -> skip
	:: atomic { !sent_away && memb[0] != 0 && STILL_HIS(0) -> sent_away = 1 }
	   atomic { receipt[0] = SENT_ALONE(ID(memb[0] - 1)); memb[0] = 0 }
	:: skip
	fi;
#endif
#ifdef M_RECEIPT_FIRST
	atomic {
		s = 0;
		do
		:: s < S -> if :: memb[s] != 0 -> receipt[s] = COMMITTED(ID(memb[s] - 1)) :: else fi; s++
		:: else -> break
		od;
		s = 0
	}
#endif
	atomic {
		/* (4) one change of all; each identity once, also when two runs of it are here */
#if CARRIES > 0
#ifdef CRASH
		if :: l < CARRIES && BIT(dead, l) -> own = LED_HELPLESS; goto over :: else fi;
#endif
		m = (HAS_OWN -> 1 << l : 0);
#else
		m = 0;
#endif
		do
		:: s < S ->
			if
			:: memb[s] != 0 && !TWIN(m, memb[s] - 1) -> m = m | (1 << (memb[s] - 1))
			:: else
			fi;
			s++
		:: else -> break
		od;
		s = 0;
		if :: m == 0 -> goto over :: else fi;
		gex = gex | (1 << (l * LT + t));
#ifdef M_STALE_FILE
		if :: rows == 0 -> rows = m :: else fi;   /* kept though members left */
		m = rows;
#endif
		newest = b + 1;
		/* (5) dsi_catalog_swap, once */
		if
		:: head == b -> apply(m, 1, l * LT + t); m = 0; b = 0;
#if CARRIES > 0
			if :: HAS_OWN -> own = LED_ANSWERED :: else fi;    /* answer: in memory */
#endif
			goto yes
#ifdef LOST
		:: head == b -> apply(m, 1, l * LT + t)
#endif
#ifdef LATE
		:: head == b && late_m == 0 -> late_m = m; late_f = l * LT + t
#endif
		:: head != b -> skip
#ifdef M_REFUSED_IS_YES
			; own = LED_ANSWERED     /* taken over meanwhile, it takes itself for the leader */
#endif
		fi;
#ifdef M_LEADER_CLEANS
		gex = gex & ~(1 << (l * LT + t)); check();
#endif
		m = 0; b = 0;
		if
		:: t + 1 < LT -> t++; goto round
#if CARRIES > 0
		:: HAS_OWN           /* the last attempt: no time, cancelled, or taken over */
#endif
		:: else
		fi
	}
	/* the group's settle: what became of the members, as far as it can be read */
	b = head;
settle:
	atomic {
#ifdef M_RECEIPT_BY_GROUP
		if :: (gref & MINE(l)) != 0 -> s = 0; goto yes :: else fi;
#endif
		next_found();
		if
		:: s == S -> s = 0;
#if CARRIES > 0
			if               /* dsi_loop_settle: found, still on its way, or never to come */
			:: OWN_FOUND -> own = LED_ANSWERED
#ifndef M_ON_AFTER_UNKNOWN
			:: HAS_OWN && !OWN_FOUND && b < newest -> own = LED_HELPLESS
#endif
			:: else
			fi;
#endif
			goto over
		:: s < S && STILL_HIS(s)
		:: s < S && !STILL_HIS(s) -> memb[s] = 0; goto settle
		fi
	}
	atomic { receipt[s] = COMMITTED(ID(memb[s] - 1)); memb[s] = 0; goto settle }
yes:
	/* (6) receipts, each after the swap said yes */
	atomic {
		do :: s < S && memb[s] == 0 -> s++ :: else -> break od;
		if
		:: s == S -> s = 0; goto over
		:: s < S && STILL_HIS(s)
		:: s < S && !STILL_HIS(s) -> memb[s] = 0; goto yes
		fi
	}
	atomic { receipt[s] = COMMITTED(ID(memb[s] - 1)); memb[s] = 0; goto yes }
over:
	/* its own files: only after a definite outcome, and only what nobody names */
	atomic {
		if
		:: head >= newest -> gex = gex & ~(MINE(l) & ~gref); check()
		:: else
		fi;
		do :: s < S -> memb[s] = 0; s++ :: else -> break od;
		s = 0; newest = 0; b = 0;
#if CARRIES > 0
		if :: own != 0 -> goto done :: else fi;       /* run_round: no point in another one */
#endif
		if :: t + 1 < LT -> t++; goto round :: else -> t = 0 fi
	}
#if defined(TAKEBACK) || CARRIES > 0
done:
	atomic {
		s = 0; t = 0; b = 0; w = 0; newest = 0;
#if CARRIES > 0
		if :: HAS_OWN -> own = LED_WITHDRAWN :: else fi;      /* each round is known to have failed */
		if :: l < CARRIES -> led_end[l] = own :: else fi;
		own = 0
#endif
	}
#endif
}

#ifdef LATE
active proctype network()
{
	byte k;
end:
	do
	:: atomic { late_m != 0 -> apply(late_m, 1, late_f) }
	:: atomic { late_o & 1 -> apply(1, 0, 0) }
	:: atomic { late_o & 2 -> apply(2, 0, 0) }
#if N > 2
	:: atomic { late_o & 4 -> apply(4, 0, 0) }
#endif
	od
}
#endif

#ifdef WIPE
active proctype wipe()
{
	byte s;
end:
	if
	:: atomic {
		s = 0;
		do
		:: s < S -> oword[s] = 0; intent[s] = 0; claim[s] = 0; receipt[s] = 0; s++
		:: else -> break
		od;
		s = 0
	   }
	fi
}
#endif

#ifdef FOREIGN
active proctype foreign()
{
	atomic { move_head() }
}
#endif

init
{
	byte i;

	atomic {
		do
		:: i < N ->
			if :: ROWS(i) -> skip :: else -> data = data | (1 << i) fi;
			run owner(i); i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < L -> run leader(i); i++
		:: else -> break
		od;
		i = 0
	}
}

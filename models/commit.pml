/* The commit of a single change, as built: outcomes. N writers, each with one change, swap
 * one head; requests and answers are lost, late, doubled and out of order. Small on
 * purpose, so that three writers fit; commit_files.pml has what attempts write and remove.
 *
 * Versions are numbered. A request carries the version that it was built on and is applied
 * only while that is the head (dsi_catalog_swap).
 *
 *   -DN=2|3        writers            -DRETRIES=k    attempts after the first
 *   -DTMO=t        answers that a writer may give up on
 *   -DSTALE        a read may return an older version (dsi_table_refresh), the last too
 *   -DLOSTREQ      a request may never arrive
 *   -DLOSTREPLY    an answer may be lost although the request was applied
 *   -DDUPMSG       a request may arrive more than once
 *   -DNOTSENT      the catalog may say itself that no request left (DS_EIO and the like)
 *   -DRESOLVE      any process may turn an unknown outcome into an answer, by the token
 *   -DEXPIRE=k     the history holds no more than the newest k versions (0: all)
 *   -DGC           a collector removes files of finished writers, in two steps
 *
 * Mutants: -DM_x, each at the line that it breaks; models/check_model.py lists them.
 */
#ifndef N
#define N 3
#endif
#ifndef RETRIES
#define RETRIES 1
#endif
#ifndef TMO
#define TMO 1
#endif
#ifndef EXPIRE
#define EXPIRE 0
#endif

#define ACKED 1
#define NOT 2
#define UNKNOWN 3
#define CRASHED 4

byte head;          /* number of the newest committed version                        */
byte in_[N];        /* version that brought in w's file; 0 = none                     */
bit  data[N];       /* w's file exists                                               */
byte st[N];         /* outcome told to the caller; 0 = still running                 */
byte top[N];        /* 1 + trail.base, the newest base sent; 0 = trail.sent is false */
byte msg[N];        /* requests of w in the network: bit b = "if head is b"          */
byte rep[N];        /* answer w waits for: 1 applied, 2 refused                      */
byte repb[N];       /* the base that answer is about; 255 = not waiting              */
bit  ready;         /* all has been set up                                           */
bit  dup, lost, leaked, dangling;

inline check() {
	c = 0;
	do
	:: c < N ->
		lost = lost || (st[c] == ACKED && in_[c] == 0);
		leaked = leaked || (st[c] == NOT && in_[c] != 0);
		dangling = dangling || (in_[c] != 0 && !data[c]);
		c++
	:: else -> break
	od;
	c = 0;
	assert(!dup);                 /* I4: no identity twice                */
	assert(!lost);                /* I1: acknowledged means there         */
	assert(!leaked);              /* I2: not committed means never there  */
	assert(!dangling)             /* I3: what is named exists             */
}

/* dsi_table_refresh: some version that is or was the head. */
inline read_head(x) {
	x = head;
#ifdef STALE
	do
	:: x > 0 -> x--
	:: break
	od
#endif
}

/* dsi_look on version b (look.c). With EXPIRE, only the newest versions can be asked; the
 * identity is known to be absent from version 0 and before (trail.looked). */
#if EXPIRE > 0
#define SEEN(v, b) ((v) + EXPIRE > (b))
#else
#define SEEN(v, b) 1
#endif
#define FOUND(w, b) (in_[w] != 0 && in_[w] <= (b) && SEEN(in_[w], b))
#ifdef M_BROKEN_IS_ABSENT
#define WHOLE(b) 1
#else
#define WHOLE(b) SEEN(1, b)
#endif

proctype writer(byte w)
{
	byte try, tmo, b, c;
#ifdef M_BELIEVE_REFUSAL
	bit refused;
#endif

again:
	/* dsi_attempt: dsi_attempts_look, rebase, store, swap. What passes between the look
	 * and the request's arrival is the network's delay. */
	atomic {
		read_head(b);
#ifndef M_NO_LOOK
		if
		:: FOUND(w, b) -> goto found
		:: !FOUND(w, b) && top[w] != 0 && !WHOLE(b) -> goto settle    /* BROKEN: STOP */
		:: else
		fi;
#endif
		if
		:: msg[w] = msg[w] | (1 << b);
			if
			:: b + 1 > top[w] -> top[w] = b + 1
			:: else
			fi;
			rep[w] = 0; repb[w] = b
#ifdef NOTSENT
#ifdef M_SENT_AFTER_ALL                 /* it says so, and is wrong */
		:: msg[w] = msg[w] | (1 << b); goto retry
#else
		:: goto retry                   /* swap() puts the trail back as it was */
#endif
#endif
		fi
	}
	if
	:: atomic { rep[w] == 1 -> rep[w] = 0; goto ok }
	:: atomic {
		rep[w] == 2 -> rep[w] = 0;
#ifdef M_BELIEVE_REFUSAL
		refused = 1;
#endif
		goto retry
	   }
	:: atomic {                  /* lost or late: DS_EUNKNOWN */
		tmo < TMO -> tmo++; rep[w] = 0; repb[w] = 255;
#ifdef M_BELIEVE_REFUSAL
		refused = 0;
#endif
		goto retry
	   }
	:: atomic { st[w] = CRASHED; goto fin }
	fi;
retry:                               /* dsi_loop_run: is there budget left? */
	if
	:: atomic { try < RETRIES -> try++; goto again }
	:: try == RETRIES
	fi;
settle:                              /* dsi_loop_settle */
	atomic {
		read_head(b);
		if
#ifdef M_BELIEVE_REFUSAL
		:: refused -> goto not_committed
		:: else ->
		if
#endif
		:: top[w] == 0 -> goto not_committed
		:: top[w] != 0 && FOUND(w, b) -> goto found
#ifdef M_ABSENT_NOW
		:: top[w] != 0 && !FOUND(w, b) -> goto not_committed
#else
		:: top[w] != 0 && !FOUND(w, b) && WHOLE(b) && b >= top[w] -> goto not_committed
		:: top[w] != 0 && !FOUND(w, b) && !(WHOLE(b) && b >= top[w]) -> st[w] = UNKNOWN;
#ifdef M_CLEAN_UNKNOWN
			data[w] = 0; check();
#endif
			goto fin
#endif
#ifdef M_BELIEVE_REFUSAL
		fi
#endif
		fi
	}
not_committed:                       /* conclude in commit.c: dsi_clean_all */
	atomic { st[w] = NOT; data[w] = 0; check(); goto fin }
found:                               /* FOUND, confirmed by dsi_catalog_confirm */
ok:
	atomic { st[w] = ACKED; check() }
fin:
	atomic {
		b = 0; try = 0; tmo = 0; repb[w] = 255
#ifdef M_BELIEVE_REFUSAL
		; refused = 0
#endif
	}
}

#ifdef M_TOKEN_REPEATS               /* the swap compares what can come back */
#define MATCHES(b) (b == head || b + 2 == head)
#else
#define MATCHES(b) (b == head)
#endif

#if N > 2
#define ANY(a) (a[0] != 0 || a[1] != 0 || a[2] != 0)
#else
#define ANY(a) (a[0] != 0 || a[1] != 0)
#endif
active proctype catalog()
{
	byte w, b, c;

end:
	do
	:: atomic {
		ANY(msg) ->
		w = 0; do :: w < N - 1 -> w++ :: break od;
		b = 0; do :: b < head -> b++ :: break od;
		if
		:: (msg[w] >> b) & 1 ->
			if
			:: msg[w] = msg[w] & (255 - (1 << b))
#ifdef DUPMSG
			:: skip                  /* a copy stays in the network */
#endif
			fi;
			if
#ifdef LOSTREQ
			:: msg[w] = msg[w] & (255 - (1 << b))      /* it never arrives */
#endif
			:: MATCHES(b) ->
				if :: in_[w] != 0 -> dup = 1 :: else fi;
				head++;
				in_[w] = head;
				check();
				if
				:: repb[w] == b -> rep[w] = 1
#ifdef LOSTREPLY
				:: repb[w] == b
#endif
				:: repb[w] != b
				fi
			:: !MATCHES(b) ->
				if
				:: repb[w] == b && rep[w] == 0 -> rep[w] = 2
				:: else
				fi
			fi
		:: else
		fi;
		w = 0; b = 0
	   }
	od
}

#ifdef RESOLVE
#ifdef M_NO_FENCE
#define PROOF(b, w) 1
#else
#define PROOF(b, w) (b >= top[w])    /* dsi_state_is_newer than trail.base */
#endif
/* dsi_commit_resolve: any process, later, with nothing but the token. */
proctype resolver(byte w)
{
	byte b, c;

	if
	:: st[w] == ACKED || st[w] == NOT || st[w] == CRASHED -> goto done
	:: st[w] == UNKNOWN
	fi;
look:                                /* look_once */
	atomic {
		read_head(b);
		if
		:: FOUND(w, b) -> st[w] = ACKED; check(); goto done
		:: !FOUND(w, b) && !WHOLE(b) -> goto done      /* NEVER: it stays unknown */
		:: !FOUND(w, b) && WHOLE(b) && PROOF(b, w) -> st[w] = NOT; data[w] = 0; check(); goto done
		:: !FOUND(w, b) && WHOLE(b) && !PROOF(b, w)
		fi
	}
#ifdef M_WAIT_FOR_OTHERS
	head >= top[w];
#else
	if
	:: atomic { head < top[w] -> head++ }    /* fence: an empty version on the head */
	:: atomic { head >= top[w] }             /* somebody else moved it              */
	fi;
#endif
	goto look;
done:
	b = 0
}
#endif

#ifdef GC
#ifdef M_NO_GRACE
#define OLD(i) 1
#else
#define OLD(i) (st[i] != 0 && msg[i] == 0)
#endif
/* The collector's rule (reliability.md, 1.6): nothing refers to it, its commit has ended,
 * and no request of it is left. */
active proctype collector()
{
	byte i, c, cand;

end:
	do
	:: atomic {                      /* list ... */
		ready && ANY(data) ->
		cand = 0; i = 0;
		do
		:: i < N ->
			if
			:: data[i] && in_[i] == 0 && OLD(i) -> cand = cand | (1 << i)
			:: else
			fi;
			i++
		:: else -> break
		od;
		i = 0;
		if :: cand == 0 -> goto end :: else fi
	   }
	   atomic {                      /* ... time passes, then remove */
		i = 0;
		do
		:: i < N ->
			if :: (cand >> i) & 1 -> data[i] = 0 :: else fi;
			i++
		:: else -> break
		od;
		i = 0; cand = 0;
		check()
	   }
	od
}
#endif

init
{
	byte i;

	atomic {
		do
		:: i < N ->
			data[i] = 1; repb[i] = 255; run writer(i);
#ifdef RESOLVE
			run resolver(i);
#endif
			i++
		:: else -> break
		od;
		i = 0;
		ready = 1
	}
}

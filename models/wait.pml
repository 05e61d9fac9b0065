/* Waiting and leading, as built: does everybody who waits get an answer, without a deadline
 * having to pass? N writers publish G changes each, one after the other, in a slot of their
 * own. What a leader does to the table is left out (group.pml has it): here it answers.
 *
 *   -DSTOPS=k     so many times a leader stops, for ever or until it goes on
 *   -DCRASHES=k   so many times a leader dies (the kernel drops its lock)
 *   -DCARRIES     who comes may try to lead before it publishes, with its change in no slot
 *
 * Whoever takes over may stop too, between the lock of the next epoch and writing it. A
 * leader that resigns may keep leadership for itself, and come back in time, late or never.
 *
 * Mutants: -DM_x, each at the line that it breaks; models/check_model.py lists them.
 */
#ifndef N
#define N 2
#endif
#ifndef G
#define G 2
#endif
#ifndef STOPS
#define STOPS 0
#endif
#ifndef CRASHES
#define CRASHES 0
#endif

byte epoch;
byte lk[2 * STOPS + 3]; /* the lock of each epoch's leadership: 1 + who has it */
byte gen[N];            /* what is published in the slot; 0: nothing           */
byte rec[N];            /* the generation that the slot's receipt is for       */
bit  bell[N];           /* the slot's futex; ringing changes it                */
bit  halted[N];        /* neither beats nor goes on                           */
byte kept;              /* 1 + for whom leadership is kept; 0: nobody         */
byte stops, crashes;
bit  helpless;
#ifdef M_CLAIMED_ONCE
byte claimed[N];
#endif

#define UNANSWERED(s) (gen[s] != 0 && rec[s] != gen[s])     /* dsi_queue_is_waiting */
#ifdef M_CLAIMED_ONCE
#define WANTED(s) (UNANSWERED(s) && claimed[s] != gen[s])
#else
#define WANTED(s) UNANSWERED(s)
#endif

#define KEPT (kept != 0 && kept != 1 + i)                    /* dsi_queue_kept_ns */

/* Something for a waiter to see when it looks: dsi_queue_wait, each POLL_NS. */
#define HELD(e) (lk[e] != 0 && halted[lk[e] - 1])
#define STUCK (HELD(epoch) && (lk[epoch + 1] == 0 || (HELD(epoch + 1) && lk[epoch + 2] == 0)))
#ifdef M_NO_TAKEOVER
#define NEWS(g) (rec[i] == g || lk[epoch] == 0)
#else
#define NEWS(g) (rec[i] == g || lk[epoch] == 0 || STUCK)
#endif

#ifdef CARRIES
#define CARRIED carried
#else
#define CARRIED 0
#endif

#if STOPS > 0
#define MAY_STOP :: atomic { stops < STOPS -> stops++; halted[i] = 1 } \
	if :: atomic { halted[i] = 0 } :: goto for_ever fi
#else
#define MAY_STOP
#endif
#if CRASHES > 0
#define MAY_DIE :: atomic { crashes < CRASHES -> crashes++; lk[e] = 0; gen[i] = 0; goto dead }
#else
#define MAY_DIE
#endif

proctype writer(byte i)
{
	byte g, e, s;
	byte mine[N];           /* the generations that it claimed as leader */
	bit was;
#ifdef CARRIES
	bit carried;            /* its change is in no slot */
#endif

next:
#ifdef CARRIES
	atomic {                       /* dsi_group_commit: carry, or publish */
		g++; s = 0;
		if
		:: carried = 1
		:: gen[i] = g; goto wait
		fi
	}
try:
	atomic { e = epoch; goto locked }      /* dsi_queue_try_lead */
#else
	atomic { g++; gen[i] = g; s = 0 }      /* dsi_queue_publish */
#endif
wait:
	was = bell[i];                 /* before the receipt is read: what comes later rings again */
	if
	:: atomic { rec[i] == g -> goto answered }
	:: atomic { rec[i] != g -> e = epoch }
	fi;
locked:
	atomic {                       /* lead_locked: is it kept for another? ... */
		if
		:: KEPT -> goto stuck
		:: !KEPT
		fi
	}
	atomic {                       /* ... the lock, then whether it still is the one */
		if
		:: lk[e] == 0 -> lk[e] = 1 + i
		:: lk[e] != 0 -> goto stuck
		fi
	}
	atomic { if :: epoch == e -> kept = 0; goto lead :: epoch != e -> lk[e] = 0 fi }
#ifdef CARRIES
	if :: carried -> goto try :: !carried -> goto wait fi;
stuck:
	atomic {                       /* somebody leads: dsi_queue_publish */
		if
		:: carried -> carried = 0; gen[i] = g; e = 0; goto wait
		:: !carried
		fi
	}
#else
	goto wait;
stuck:
#endif
#ifdef M_NO_TAKEOVER
	goto sleep;
#elif STOPS > 0
	atomic {                       /* stuck_for, dsi_queue_take_over; then what take_over_locked reads */
		if
		:: epoch == e && STUCK -> e = (lk[epoch + 1] == 0 -> epoch + 1 : epoch + 2); lk[e] = 1 + i
		:: !(epoch == e && STUCK) -> goto sleep
		fi
	}
	if
	:: skip
	MAY_STOP
	fi;
	atomic { epoch = e; kept = 0; goto lead }        /* what it writes */
#endif
sleep:
	if
	:: bell[i] != was -> goto wait
#ifndef M_NO_POLL
	:: NEWS(g) && !KEPT -> goto wait
#endif
#ifndef M_KEPT_FOR_EVER
	:: atomic { KEPT -> kept = 0; goto wait } /* who has seen it sleeps no longer than that */
#endif
	fi;
lead:
	/* dsi_group_lead: claim all there are ... */
	if
	:: skip
#ifdef CARRIES
#ifdef M_NOT_RESIGNED
	:: carried -> goto answered
#else
	:: carried -> goto resign      /* nothing could be swapped; it goes on alone */
#endif
#endif
	MAY_STOP
	MAY_DIE
	fi;
	atomic {
		do
		:: s < N ->
			if
			:: WANTED(s) -> mine[s] = gen[s]
#ifdef M_CLAIMED_ONCE
				; claimed[s] = gen[s]
#endif
			:: else
			fi;
			s++
		:: else -> break
		od;
		s = 0;
		helpless = helpless || (!CARRIED && mine[i] != g && rec[i] != g);
		assert(!helpless)      /* a leader helps itself, or it would lead for ever */
	}
	/* ... swap; and answer them one by one (dsi_queue_answer) */
	do
	:: s < N && mine[s] == 0 -> s++
	:: s < N && mine[s] != 0 ->
		if
		:: skip
		MAY_STOP
		MAY_DIE
		fi;
		atomic {
			if
			:: gen[s] != mine[s] -> goto given
			:: gen[s] == mine[s]
			fi
		}
		if
		:: atomic { rec[s] = mine[s]; bell[s] = 1 - bell[s] }
#if STOPS > 0
		:: atomic { stops < STOPS -> stops++; halted[i] = 1 }
			if
			:: atomic { halted[i] = 0; rec[s] = mine[s]; bell[s] = 1 - bell[s] }
			:: goto for_ever
			fi
#endif
		fi;
given:
		atomic { mine[s] = 0; s++ }
	:: s == N -> break
	od;
#ifdef CARRIES
resign:
#endif
	/* dsi_queue_resign: the lock, then the bell of one that waits; dsi_queue_recess keeps it first */
	if
	:: skip
	:: atomic { lk[e] == 1 + i -> kept = 1 + i }
	fi;
	atomic { s = 0; if :: lk[e] == 1 + i -> lk[e] = 0 :: else fi }
	atomic {
		do
		:: s < N && !UNANSWERED(s) -> s++
		:: s < N && UNANSWERED(s) -> bell[s] = 1 - bell[s]; break
		:: s == N -> break
		od;
		s = 0
	}
#ifdef CARRIES
	if :: !carried -> goto wait :: carried fi;       /* it has its answer, or goes on alone */
#else
	goto wait;
#endif
answered:
#ifdef CARRIES
	carried = 0;
#endif
	atomic { gen[i] = 0; was = 0; e = 0 }  /* dsi_queue_leave */
	if
	:: g < G -> goto next
	:: g == G -> goto done
	fi;
#if STOPS > 0
for_ever:
	atomic { s = 0; do :: s < N -> mine[s] = 0; s++ :: else -> break od; s = 0 }
end_stopped:
	false;
#endif
#if CRASHES > 0
dead:
	s = 0;
	atomic { do :: s < N -> mine[s] = 0; s++ :: else -> break od; s = 0 }
#endif
done:
	skip
}

init
{
	byte i;

	atomic {
		do
		:: i < N -> run writer(i); i++
		:: else -> break
		od;
		i = 0
	}
}

/* The commit of a single change, as built: files. Two runs; every attempt stores its own
 * manifest list and metadata (here: a version), so bugs in what an attempt contains, and in
 * what is removed when, become visible. commit.pml has more writers and the outcomes.
 *
 *   -DRETRIES=k   attempts after the first      -DTMO=t     answers a writer may give up on
 *   -DGC          a collector in two steps      -DLOSTREPLY an applied request may go unanswered
 *   -DDUPMSG      each request may arrive twice
 *   -DSTOREFAIL   storing the run's own manifest, which every attempt names, may fail
 *   -DSAMEID      both runs carry one identity (a job that was started twice)
 *
 * Mutants: -DM_x, each at the line that it breaks; models/check_model.py lists them.
 */
#define N 2
#ifndef RETRIES
#define RETRIES 2
#endif
#ifndef TMO
#define TMO 1
#endif
#define MAXV (1 + N * (RETRIES + 1))

byte head = 0;         /* the current version                                     */
byte nver = 1;         /* versions written so far; version 0 is the empty table   */
byte vset[MAXV];       /* files listed by a version, one bit per run              */
bit  vdup[MAXV];       /* a version holds an identity twice                       */
byte vpar[MAXV];       /* parent version                                          */
bit  valive[MAXV];     /* the version's own list and metadata still exist         */
byte vown[MAXV];       /* the run that wrote it; 255 = nobody                     */
bit  data[N];          /* the run's data file exists                              */
bit  manifest[N];      /* its own manifest does                                   */
bit  acked[N];         /* caller was told: committed                              */
bit  failed[N];        /* caller was told: not committed                          */
bit  running[N];
byte inflight[N];
byte rep[N];           /* answer: 0 none, 1 applied, 2 refused                    */
byte repv[N];          /* the version that answer is about                        */
bit  ready;
bit  dup, lost, leaked, dangling;
chan net = [N * (RETRIES + 2)] of { byte, byte, byte, bit };  /* run, base, new, may repeat */

#ifdef DUPMSG
#define REPEAT 1
#else
#define REPEAT 0
#endif
#ifdef SAMEID
#define HAS(v, w) (vset[v] != 0)                 /* the history of v has w's identity */
#else
#define HAS(v, w) ((vset[v] >> (w)) & 1)
#endif

inline check() {
	dup = vdup[head];
	lost = (acked[0] && !HAS(head, 0)) || (acked[1] && !HAS(head, 1));
	leaked = (failed[0] && (vset[head] & 1)) || (failed[1] && (vset[head] & 2));
	dangling = !valive[head] || ((vset[head] & 1) && !(data[0] && manifest[0])) ||
		((vset[head] & 2) && !(data[1] && manifest[1]));
	assert(!dup);                  /* I4 */
	assert(!lost);                 /* I1 */
	assert(!leaked);               /* I2: of the run that said so */
	assert(!dangling)              /* I3 */
}

/* Every list and metadata file that this run stored, but `but`. */
inline remove_attempts(but) {
	v = 1;
	do
	:: v < nver -> if :: vown[v] == me && v != but -> valive[v] = 0 :: else fi; v++
	:: else -> break
	od;
	v = 0
}

proctype writer(byte me)
{
	byte base, nv, v, try, tmo;
	short tried;                   /* bases this commit was ever sent on (trail.base: the newest) */
	bit has, stored;               /* a->prepared_stored */

	atomic { running[me] = 1; data[me] = 1 }     /* dsi_append: durable before it is named */
again:
	if :: skip :: goto crash fi;
	/* dsi_attempts_look: head and history in one read */
	atomic {
		base = head; has = HAS(base, me);
#ifndef M_NO_LOOK
#ifdef M_REPOINT
		if
		:: has && vown[base] != me && ((vset[base] >> me) & 1) ->    /* own commit, made head again */
			v = base;
			do :: vown[v] != me -> v = vpar[v] :: vown[v] == me -> break od;
			nv = nver; nver++; vpar[nv] = base; vset[nv] = vset[v];
			vdup[nv] = 0; valive[nv] = 1; vown[nv] = me; v = 0;
			goto send
		:: has && !(vown[base] != me && ((vset[base] >> me) & 1)) -> goto found
		:: else
		fi;
#else
		if :: has -> goto found :: else fi;
#endif
#endif
		/* store_prepared: what an attempt failed to store is left to the next one */
		if
		:: !stored ->
			if
			:: manifest[me] = 1; stored = 1
#ifdef STOREFAIL
			:: skip;
#ifdef M_TAKEN_FOR_STORED
				stored = 1;
#endif
				goto retry
#endif
			fi
		:: else
		fi;
		/* dsi_rebase, store: a new list and metadata, on this base */
		nv = nver; nver++; vpar[nv] = base;
#ifdef M_STALE_MANIFEST
		vset[nv] = (try == 0 -> (vset[base] | (1 << me)) : (1 << me));
#else
		vset[nv] = vset[base] | (1 << me);
#endif
		vdup[nv] = vdup[base] | has; valive[nv] = 1; vown[nv] = me; has = 0
	}
send:
	atomic {                       /* swap in attempt.c: the request leaves */
		has = 0; rep[me] = 0; repv[me] = nv; inflight[me]++; tried = tried | (1 << base);
		net!me,base,nv,REPEAT;
	}
	if :: skip :: goto crash fi;
end_wait:                              /* with LOSTREPLY a writer may wait for ever once TMO is used up */
	if
	:: rep[me] == 1 -> goto committed
	:: rep[me] == 2 ->
#ifdef M_BLIND_CLEAN
		atomic { valive[nv] = 0; check() }
#endif
		goto retry
	:: tmo < TMO -> tmo++;         /* the answer is lost or late */
#ifdef M_CLEAN_UNKNOWN
		atomic { valive[nv] = 0; data[me] = 0; check() }
		goto unknown;
#endif
#ifdef M_STATUS_CHECK
		if
		:: HAS(head, me) -> goto found
		:: !HAS(head, me) -> atomic { valive[nv] = 0; data[me] = 0; failed[me] = 1; check() } goto done
		fi;
#endif
#ifdef M_HIDDEN_RETRY
		atomic { inflight[me]++; net!me,base,nv,0; rep[me] = 0 }
		if
		:: rep[me] == 1 -> goto committed
		:: rep[me] == 2 -> atomic { valive[nv] = 0; data[me] = 0; failed[me] = 1; check() } goto done
		fi;
#endif
		goto retry
	fi;
retry:                                 /* dsi_loop_run: is there budget left? */
	if
	:: try < RETRIES -> try++; goto again
	:: try == RETRIES
	fi;
	/* dsi_loop_settle */
	atomic {
		if
		:: HAS(head, me) -> goto found
#ifndef SAMEID                         /* there nobody else moves the head */
		:: !HAS(head, me) && !((tried >> head) & 1) ->
			failed[me] = 1; data[me] = 0;        /* conclude in commit.c: dsi_clean_all */
			remove_attempts(0);
			check(); goto done
#endif
		:: !HAS(head, me) && ((tried >> head) & 1) -> goto unknown
		fi
	}
committed:                             /* dsi_clean_after_commit: what the version made names stays */
	atomic { acked[me] = 1; remove_attempts(nv); check(); goto done }
found:                                 /* dsi_clean_after_found */
	atomic {
		acked[me] = 1; has = 0;
		v = head;              /* the version that brought it in */
		do
		:: v != 0 && HAS(vpar[v], me) -> v = vpar[v]
		:: else -> break
		od;
		nv = v; v = 0;
		if
		:: vown[nv] == me -> remove_attempts(nv)             /* an earlier attempt of ours */
#ifdef SAMEID                          /* another run of it did */
#ifdef M_KEEP_NOTHING
		:: vown[nv] != me -> remove_attempts(0); data[me] = 0; data[1 - me] = 0
#else
		:: vown[nv] != me -> remove_attempts(0); data[me] = 0
#endif
#endif
		fi;
		check(); goto done
	}
unknown:
	skip;                          /* nothing is removed */
done:
	running[me] = 0;
	goto end;
crash:
	running[me] = 0;
end:
	atomic { base = 0; nv = 0; try = 0; tmo = 0; tried = 0; stored = 0 }
}

inline answer(w, n, what) {
	if
	:: repv[w] == n && (what == 1 || rep[w] == 0) ->
		if
		:: rep[w] = what
#ifdef LOSTREPLY
		:: skip
#endif
		fi
	:: else
	fi
}

#ifdef M_TWO_STEPS
#define CATALOGS 2
#else
#define CATALOGS 1
#endif
active [CATALOGS] proctype catalog()
{
	byte w, b, n;
	bit rpt;

end:
	do
#ifdef M_TWO_STEPS                     /* compare, then swap */
	:: net??w,b,n,rpt ->
		if
		:: head == b -> atomic { head = n; check(); answer(w, n, 1) }
		:: head != b -> answer(w, n, 2)
		fi;
		inflight[w]--; w = 0; b = 0; n = 0; rpt = 0
#else
	:: atomic {                    /* dsi_catalog_swap, in any order */
		net??w,b,n,rpt ->
		if
		:: head == b -> head = n; check(); answer(w, n, 1)
		:: head != b -> answer(w, n, 2)
		fi;
#ifdef DUPMSG
		if
		:: rpt -> net!w,b,n,0  /* a copy stays in the network */
		:: inflight[w]--
		fi;
#else
		inflight[w]--;
#endif
		w = 0; b = 0; n = 0; rpt = 0
	   }
#endif
	od
}

#ifdef GC
#ifdef M_NO_GRACE
#define GRACE(i) 1
#else
#define GRACE(i) (!running[i] && inflight[i] == 0)
#endif
/* The collector's rule (reliability.md, 1.6). */
active proctype collector()
{
	byte i, cand;

	atomic {                       /* list ... */
		ready;
		do
		:: i < N ->
			if
			:: data[i] && !((vset[head] >> i) & 1) && GRACE(i) -> cand = cand | (1 << i)
			:: else
			fi;
			i++
		:: else -> break
		od;
		i = 0
	}
	atomic {                       /* ... time passes, then remove */
		do
		:: i < N -> if :: (cand >> i) & 1 -> data[i] = 0 :: else fi; i++
		:: else -> break
		od;
		i = 0; cand = 0;
		check()
	}
}
#endif

init
{
	atomic {
		valive[0] = 1; vown[0] = 255; ready = 1;
		run writer(0); run writer(1)
	}
}

#!/usr/bin/env python3
"""Checks the models of the commit protocol, and that each known mistake would be found.

usage: check_model.py [--full] [--only WORD] [--jobs N]

Every configuration is searched to its end: no assertion may fail, no state may be one in
which somebody waits for ever, and no statement of a model may be one that none of its
configurations reaches. Then every mutant (a model with one rule broken) must be caught, by
the very check that is meant for it. Without --full: the small configurations, and the
mutants that are found quickly. Ends in one line; exit 1 when something is wrong, 77 when
spin is not installed.
"""

import argparse
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
STACK = 100000  # Steps; the longest search needs a few hundred.
SECONDS_MAX = 1500

# The check that is meant: I1 acknowledged means there, I2 not committed means never there,
# I3 what is named exists, I4 no identity twice, END nobody waits for ever.
CHECKS = {"lost": "I1", "leaked": "I2", "dangling": "I3", "dup": "I4", "stuck": "END", "helpless": "END"}

SMALL, LARGE, HUGE = 0, 1, 2  # Huge ones run one after the other: up to 2 GB.

CONFIGURATIONS = [
    # One commit: outcomes.
    (SMALL, "commit.pml", "N=2 GC STALE LOSTREPLY LOSTREQ DUPMSG RESOLVE NOTSENT"),
    (SMALL, "commit.pml", "N=2 LOSTREPLY LOSTREQ RESOLVE RETRIES=2 TMO=2"),
    (SMALL, "commit.pml", "N=3 GC"),
    (LARGE, "commit.pml", "N=3 GC LOSTREPLY NOTSENT"),
    (LARGE, "commit.pml", "N=3 GC RETRIES=2"),
    (LARGE, "commit.pml", "N=2 GC STALE LOSTREPLY DUPMSG RESOLVE RETRIES=2 TMO=2"),
    (HUGE, "commit.pml", "N=3 LOSTREPLY RESOLVE TMO=2 EXPIRE=2"),
    (SMALL, "commit.pml", "N=2 LOSTREPLY LOSTREQ RESOLVE RETRIES=2 TMO=2 EXPIRE=1"),
    # One commit: files.
    (SMALL, "commit_files.pml", "GC RETRIES=1 DUPMSG LOSTREPLY"),
    (SMALL, "commit_files.pml", "GC RETRIES=2"),
    (SMALL, "commit_files.pml", "SAMEID GC RETRIES=2"),
    (SMALL, "commit_files.pml", "STOREFAIL GC RETRIES=2"),
    (LARGE, "commit_files.pml", "GC RETRIES=3 TMO=2"),
    (LARGE, "commit_files.pml", "GC RETRIES=2 DUPMSG LOSTREPLY"),
    (LARGE, "commit_files.pml", "SAMEID RETRIES=2 DUPMSG LOSTREPLY"),
    # Groups.
    (SMALL, "group.pml", "LOST LATE"),
    (SMALL, "group.pml", "S=1 CRASH LOST"),
    (SMALL, "group.pml", "S=1 L=2 LT=1"),
    (SMALL, "group.pml", "TWOQUEUES L=2 LT=1"),
    (SMALL, "group.pml", "SAMEID LOST"),
    (SMALL, "group.pml", "HFAIL WFAIL ALONE"),
    (SMALL, "group.pml", "WIPE LT=1"),
    (SMALL, "group.pml", "CARRIES=1 L=2 LT=1 LATE LOST"),
    (SMALL, "group.pml", "CARRIES=1 LATE LOST CRASH ALONE HFAIL"),
    (LARGE, "group.pml", "LOST LATE CRASH ALONE"),
    (LARGE, "group.pml", "FOREIGN LOST"),
    (LARGE, "group.pml", "WIPE LOST"),
    (HUGE, "group.pml", "S=1 L=2 LT=1 CRASH LOST"),
    (LARGE, "group.pml", "SAMEID LOST L=2 LT=1"),
    (HUGE, "group.pml", "L=2 LT=1 LOST"),
    (HUGE, "group.pml", "N=3 S=1 LOST"),
    (HUGE, "group.pml", "TAKEBACK L=2 LT=1"),
    (LARGE, "group.pml", "CARRIES=1 LATE LOST CRASH ALONE HFAIL FOREIGN R=2"),
    (LARGE, "group.pml", "CARRIES=1 L=2 LOST"),
    (LARGE, "group.pml", "CARRIES=1 L=2 LT=1 WIPE LOST"),
    (LARGE, "group.pml", "CARRIES=2 L=2 LATE LOST CRASH"),
    (HUGE, "group.pml", "CARRIES=1 L=2 LT=1 LATE LOST CRASH"),
    (HUGE, "group.pml", "N=3 S=1 CARRIES=1 LATE LOST"),
    (HUGE, "group.pml", "N=3 S=1 CARRIES=2 L=2 LT=1 LATE"),
    # Waiting and leading.
    (SMALL, "wait.pml", "N=2"),
    (SMALL, "wait.pml", "N=2 STOPS=2 CRASHES=1"),
    (SMALL, "wait.pml", "N=2 STOPS=2 CRASHES=1 CARRIES"),
    (LARGE, "wait.pml", "N=3 STOPS=1 CRASHES=1 G=1"),
    (LARGE, "wait.pml", "N=3 STOPS=2 G=1"),
    (LARGE, "wait.pml", "N=2 STOPS=2 CRASHES=1 G=3"),
    (LARGE, "wait.pml", "N=3 STOPS=1 CRASHES=1 G=1 CARRIES"),
    (LARGE, "wait.pml", "N=2 STOPS=2 CRASHES=1 G=3 CARRIES"),
]

MUTANTS = [
    # The first column is when it is run; the last what must catch it.
    (SMALL, "commit.pml", "N=2 GC", "ABSENT_NOW", "leaked"),
    (SMALL, "commit.pml", "N=2 GC", "CLEAN_UNKNOWN", "dangling"),
    (SMALL, "commit.pml", "N=2 GC", "NO_LOOK", "dup"),
    (SMALL, "commit.pml", "N=2 GC", "NO_GRACE", "dangling"),
    (SMALL, "commit.pml", "N=2 GC DUPMSG LOSTREPLY", "BELIEVE_REFUSAL", "leaked"),
    (SMALL, "commit.pml", "N=2 RESOLVE", "NO_FENCE", "leaked"),
    (SMALL, "commit.pml", "N=2 RESOLVE LOSTREQ", "WAIT_FOR_OTHERS", "stuck"),
    (LARGE, "commit.pml", "N=3", "TOKEN_REPEATS", "dup"),
    (SMALL, "commit.pml", "N=2 NOTSENT", "SENT_AFTER_ALL", "leaked"),
    (SMALL, "commit.pml", "N=2 LOSTREPLY EXPIRE=1", "BROKEN_IS_ABSENT", "dup"),
    (SMALL, "commit_files.pml", "GC", "CLEAN_UNKNOWN", "dangling"),
    (LARGE, "commit_files.pml", "GC", "STATUS_CHECK", "leaked"),
    (LARGE, "commit_files.pml", "GC", "HIDDEN_RETRY", "leaked"),
    (LARGE, "commit_files.pml", "GC", "NO_LOOK", "dup"),
    (SMALL, "commit_files.pml", "GC", "REPOINT", "lost"),
    (SMALL, "commit_files.pml", "GC", "STALE_MANIFEST", "lost"),
    (SMALL, "commit_files.pml", "GC", "TWO_STEPS", "lost"),
    (LARGE, "commit_files.pml", "GC", "NO_GRACE", "dangling"),
    (SMALL, "commit_files.pml", "GC DUPMSG LOSTREPLY", "BLIND_CLEAN", "dangling"),
    (SMALL, "commit_files.pml", "STOREFAIL", "TAKEN_FOR_STORED", "dangling"),
    (LARGE, "commit_files.pml", "SAMEID RETRIES=1", "NO_LOOK", "dup"),
    (SMALL, "commit_files.pml", "SAMEID RETRIES=1", "KEEP_NOTHING", "dangling"),
    (SMALL, "group.pml", "L=2 LT=1", "NO_DEDUPE", "dup"),
    (SMALL, "group.pml", "L=2 LT=1", "STALE_DEDUPE", "dup"),
    (SMALL, "group.pml", "", "CLAIM_LAST", "leaked"),
    (SMALL, "group.pml", "FOREIGN", "NO_RECHECK", "leaked"),
    (SMALL, "group.pml", "S=1", "NO_GENERATION INTENT_EARLY NO_LIVENESS", "leaked"),
    (SMALL, "group.pml", "S=1 CRASH", "NO_INTENT_CHECK", "leaked"),
    (LARGE, "group.pml", "S=1 L=2", "UNCLAIM", "leaked"),
    (SMALL, "group.pml", "", "ACK_ON_CLAIM", "lost"),
    (SMALL, "group.pml", "", "RECEIPT_FIRST", "lost"),
    (LARGE, "group.pml", "LOST FOREIGN", "RECEIPT_BY_GROUP", "lost"),
    (SMALL, "group.pml", "S=1", "ANY_RECEIPT", "lost"),
    (LARGE, "group.pml", "ALONE L=2", "ALONE_IS_NOT", "leaked"),
    (SMALL, "group.pml", "", "BASE_BEFORE_WITHDRAW", "leaked"),
    (SMALL, "group.pml", "", "IGNORE_CLAIM", "leaked"),
    (SMALL, "group.pml", "", "HEAD_AFTER_CLAIM", "leaked"),
    (SMALL, "group.pml", "LOST", "LEADER_CLEANS", "dangling"),
    (SMALL, "group.pml", "", "CLEAN_FOUND", "dangling"),
    (LARGE, "group.pml", "FOREIGN", "STALE_FILE", "dup"),
    (SMALL, "group.pml", "WIPE", "NO_INTACT", "leaked"),
    (SMALL, "group.pml", "HFAIL", "NO_BASE_IS_OLD", "leaked"),
    (SMALL, "group.pml", "WFAIL", "WITHDRAW_UNSEEN", "leaked"),
    (SMALL, "group.pml", "CRASH", "NO_LIVENESS", "leaked"),
    (SMALL, "group.pml", "CRASH S=1", "SLOT_LIVENESS", "leaked"),
    (SMALL, "group.pml", "", "NO_FENCE", "leaked"),
    (LARGE, "group.pml", "", "ABSENT_NOW", "leaked"),
    (SMALL, "group.pml", "SAMEID", "NO_DEDUPE_INSIDE", "dup"),
    (LARGE, "group.pml", "TAKEBACK L=2 LT=1", "NOT_FIRST", "leaked"),
    (SMALL, "group.pml", "TAKEBACK L=2 LT=1", "NO_BEAT", "leaked"),
    (LARGE, "group.pml", "TAKEBACK L=2 LT=1", "NO_GUARD", "leaked"),
    (SMALL, "group.pml", "CARRIES=1 LATE", "NOT_NOTED", "leaked"),
    (LARGE, "group.pml", "CARRIES=1 LATE", "SINCE_IS_BASE", "leaked"),
    (LARGE, "group.pml", "CARRIES=1 LATE", "ON_AFTER_UNKNOWN", "leaked"),
    (SMALL, "group.pml", "CARRIES=1 LATE", "AWAY_WHILE_OPEN", "leaked"),
    (SMALL, "group.pml", "CARRIES=1 L=2 LT=1", "REFUSED_IS_YES", "lost"),
    (SMALL, "wait.pml", "STOPS=1", "NO_TAKEOVER", "stuck"),
    (SMALL, "wait.pml", "CRASHES=1", "NO_POLL", "stuck"),
    (SMALL, "wait.pml", "N=2", "KEPT_FOR_EVER", "stuck"),
    (SMALL, "wait.pml", "CRASHES=1", "CLAIMED_ONCE", "helpless"),
    (SMALL, "wait.pml", "N=2 CARRIES", "NOT_RESIGNED", "stuck"),
]


class Broken(Exception):
    """The tools did not do their work: neither a pass nor a failure of a model."""


class Result:
    def __init__(self, output, lines):
        errors = re.search(r"errors: (\d+)", output)
        states = re.search(r"^\s*([0-9.e+]+) states, stored", output, re.M)
        if "max search depth too small" in output:
            raise Broken("the search was cut off: raise STACK")
        if not errors or not states or "out of memory" in output:
            raise Broken("pan did not finish:\n" + output)
        self.errors = int(errors.group(1))
        self.states = int(float(states.group(1)))
        found = re.search(r"pan:\d+: (assertion violated\s+!\s*\(+(\w+)|invalid end state)", output)
        self.caught_by = (found.group(2) or "stuck") if found else None
        self.memory = float(re.search(r"([0-9.]+)\s+total actual memory", output).group(1))
        # What every run of a configuration leaves out, by line and text.
        self.unreached = {
            (int(m.group(1)), m.group(2).replace(" ", ""))
            for m in re.finditer(r'^\t\S+:(\d+), state \d+, "(.*)"$', output, re.M)
            if m.group(2) != "-end-"
        }
        self.lines = lines  # Of the model, that are in this configuration.


def run(command, cwd, timeout=None):
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            timeout=timeout,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            universal_newlines=True,
        )
    except subprocess.TimeoutExpired:
        raise Broken("%s: no end after %d s" % (" ".join(command), timeout))
    return done.stdout


def lines_of(preprocessed, model):
    """The numbers of the model's lines that a configuration has."""
    lines = set()
    number = 0
    inside = False
    for line in preprocessed.splitlines():
        marker = re.match(r'# (\d+) "([^"]*)"', line)
        if marker:
            number = int(marker.group(1)) - 1
            inside = marker.group(2) == model
            continue
        number += 1
        if inside and line.strip():
            lines.add(number)
    return lines


def search(model, flags, optimise):
    options = ["-D" + f for f in flags.split()]
    directory = tempfile.mkdtemp(prefix="model-")
    try:
        shutil.copy(os.path.join(HERE, model), directory)
        said = run(["spin", "-a"] + options + [model], directory)
        if not os.path.exists(os.path.join(directory, "pan.c")):
            raise Broken("spin -a %s %s:\n%s" % (" ".join(options), model, said))
        said = run(
            ["gcc", optimise, "-w", "-DSAFETY", "-DCOLLAPSE", "-DVECTORSZ=512"]
            + ["-o", "pan", "pan.c"],
            directory,
        )
        if not os.path.exists(os.path.join(directory, "pan")):
            raise Broken("gcc:\n" + said)
        output = run(["./pan", "-m%d" % STACK, "-w24"], directory, SECONDS_MAX)
        preprocessed = run(["gcc", "-E", "-x", "c"] + options + [model], directory)
        return Result(output, lines_of(preprocessed, model))
    except Broken as e:
        raise Broken("%s %s: %s" % (model, flags, e))
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def again(model, flags):
    options = " ".join("-D" + f for f in flags.split())
    return (
        "    to see how: cd models; spin -a %s %s && gcc -w -DSAFETY -o pan pan.c && "
        "./pan -m%d; spin -t -p -g %s %s" % (options, model, STACK, options, model)
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="everything; some minutes")
    parser.add_argument("--only", default="", help="what has this word in its line")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    arguments = parser.parse_args()
    if not shutil.which("spin"):
        print("spin is not installed (Debian: apt-get install spin)", file=sys.stderr)
        return 77
    largest = HUGE if arguments.full else SMALL
    workers = max(1, arguments.jobs - 1) if arguments.full else arguments.jobs

    def wanted(size, line):
        return size <= largest and arguments.only in line

    def check(task):
        size, model, flags, mutant, _ = task
        all_flags = flags + "".join(" M_" + m for m in mutant.split())
        optimise = "-O2" if size > SMALL else "-O1"
        return search(model, all_flags, optimise)

    tasks = [(z, m, f, "", "") for z, m, f in CONFIGURATIONS if wanted(z, m + " " + f)]
    tasks += [t for t in MUTANTS if wanted(t[0], "%s %s %s" % t[1:4])]
    failures = 0
    configurations = states = violations = mutants = killed = 0
    memory = 0.0
    results = {}
    executor = concurrent.futures.ThreadPoolExecutor
    with executor(workers) as pool, executor(1) as one_by_one:
        futures = {t: (one_by_one if t[0] == HUGE else pool).submit(check, t) for t in tasks}
        for task in tasks:
            _, model, flags, mutant, meant = task
            try:
                r = futures[task].result()
            except Broken as e:
                print("BROKEN  %s" % e)
                failures += 1
                continue
            memory = max(memory, r.memory)
            if mutant:
                mutants += 1
                ok = r.caught_by == meant
                killed += ok
                print(
                    "mutant  %-72s %s"
                    % (
                        "%s %s: %s" % (model, flags, mutant),
                        "caught: %s (%s)" % (CHECKS[meant], meant)
                        if ok
                        else "NOT CAUGHT by %s: %s" % (meant, r.caught_by),
                    )
                )
                continue
            configurations += 1
            states += r.states
            violations += r.errors
            print("model   %-72s %10d states %5.0f MB" % (model + " " + flags, r.states, r.memory))
            if r.errors:
                print("VIOLATION of %s" % CHECKS.get(r.caught_by, r.caught_by))
                print(again(model, flags))
            results.setdefault(model, []).append(r)
            sys.stdout.flush()
    dead = sorted(
        (model, line, text)
        for model, found in results.items()
        for line, text in set().union(*(r.unreached for r in found))
        if not any(line in r.lines and (line, text) not in r.unreached for r in found)
    )
    for model, line, text in dead:
        print("UNREACHED  %s:%d  %s" % (model, line, text))
    failures += len(dead)
    failures += violations + (mutants - killed)
    print(
        "model: configurations=%d states=%d violations=%d unreached=%d mutants=%d/%d"
        % (configurations, states, violations, len(dead), killed, mutants)
    )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

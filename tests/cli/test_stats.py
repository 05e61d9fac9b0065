"""What the writers of a table do together: stats and top."""
import json
import os
import pathlib
import pty
import re
import signal
import subprocess

from harness import FAST, PROGRAM, bad, equal, good, main

CATALOG = ("--catalog", "sqlite:catalog.db")


def make(name="t", *more):
    good("create", name, "--schema", "id long not null, s string", *more)


def append(name, n, *more):
    good("append", name, "-", "--format", "csv", *more, input=f"id,s\n{n},a\n")


def stats(name="t", *more):
    return json.loads(good("stats", name, "--json", *more))


def test_nothing_without_writers():
    make()
    s = stats()
    equal(s["has_queue"], False)
    equal((s["commits"], s["swaps"], s["queue"]["slots_used"]), (0, 0, 0))
    assert "no queue" in good("stats", "t")
    equal(sorted(p.name for p in pathlib.Path("t/metadata").iterdir()
                 if "group" in p.name), [])  # Looking makes nothing.


def test_what_was_committed_is_counted():
    for name, more in (("t", ()), ("ns.t", CATALOG)):
        if more:
            good("create-namespace", "ns", *more)
        make(name, *more)
        for n in range(3):
            append(name, n, *more)
        s = stats(name, *more)
        assert s["has_queue"], s
        equal((s["commits"], s["appends"]), (3, 3))
        equal(s["group_sizes"]["1"], 3)
        equal((s["lost"], s["failed"], s["takeovers"], s["leader_pid"]), (0, 0, 0, 0))
        assert s["leaders"] >= 3 and s["swaps"] >= 3, s
        wait = s["wait_us"]
        assert 0 < wait["p50"] <= wait["p99"] <= wait["max"] <= wait["sum"], wait
        equal(s["queue"], {"waiting": 0, "claimed": 0, "slots_used": 0, "slots": 256})
        text = good("stats", name, *more)
        assert re.search(r"^commits +3 ", text, re.M), text
        assert re.search(r"^group sizes +1: 3 ", text, re.M), text
        for word in ("waits", "rounds", "swaps", "leaders", "queue"):
            assert re.search(f"^{word} ", text, re.M), text


def test_top_is_one_line_an_interval():
    make()
    append("t", 1)
    lines = good("top", "t", "--every", "20ms", "--count", "3").splitlines()
    equal(len(lines), 4)
    assert lines[0].startswith("time "), lines
    for line in lines[1:]:
        assert re.match(r"\d\d:\d\d:\d\d +0\.0 +0\.0 ", line), line
    assert max(map(len, lines)) <= 90
    objects = good("top", "t", "--every", "20ms", "--count", "2", "--json").splitlines()
    equal(len(objects), 2)
    for o in map(json.loads, objects):
        equal(o["commits"], 0)  # Of the interval.
        assert 20_000 <= o["elapsed_us"] < FAST * 1_000_000, o


def test_top_sees_what_happens():
    make()
    with subprocess.Popen([PROGRAM, "top", "t", "--every", "20ms", "--json"],
                          stdout=subprocess.PIPE, text=True) as top:
        json.loads(top.stdout.readline())
        append("t", 1)
        append("t", 2)
        seen = 0
        while seen < 2:
            o = json.loads(top.stdout.readline())
            seen += o["commits"]
            assert not o["commits"] or o["commits_per_second"] > 0, o
        equal(seen, 2)
        top.send_signal(signal.SIGINT)
        top.stdout.read()
        equal(top.wait(FAST), 0)


def test_top_draws_anew_on_a_terminal():
    make()
    append("t", 1)
    ours, theirs = pty.openpty()
    with subprocess.Popen([PROGRAM, "top", "t", "--every", "20ms", "--count", "2"],
                          stdout=theirs) as top:
        os.close(theirs)
        text = b""
        try:
            while more := os.read(ours, 4096):
                text += more
        except OSError:
            pass  # The terminal's other end is closed.
        equal(top.wait(FAST), 0)
    os.close(ours)
    equal(text.count(b"\033[H\033[J"), 2)
    assert b"swaps" in text and b"Ctrl-C" in text, text


def test_top_ends_when_nobody_reads():
    make()
    with subprocess.Popen([PROGRAM, "top", "t", "--every", "20ms"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as top:
        top.stdout.readline()
        top.stdout.close()
        equal(top.wait(FAST), 1)
        assert "standard output" in top.stderr.read()


def test_wrong_words():
    bad("stats", "nowhere", says="nowhere")
    bad("top", "nowhere", "--count", "1", says="nowhere")
    bad("stats", code=2)
    make()
    for every in ("often", "1ms", "0"):
        bad("top", "t", "--every", every, code=2, says="--every")
    bad("top", "t", "--count", "-1", code=2)


def test_a_queue_that_is_damaged_is_none():
    make()
    append("t", 1)
    queue, = pathlib.Path("t/metadata").glob(".datashard-*group*")
    size = queue.stat().st_size
    with open(queue, "r+b") as f:
        f.write(b"garbage")
    equal(stats()["has_queue"], False)
    os.truncate(queue, 10)
    equal(stats()["has_queue"], False)
    append("t", 2)  # Which makes it anew.
    equal(queue.stat().st_size, size)
    equal(stats()["commits"], 1)


if __name__ == "__main__":
    main(globals())

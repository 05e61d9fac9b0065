"""Streams, signals, and the demo: what was acknowledged is there, and nothing else."""
import json
import os
import pathlib
import re
import signal
import subprocess

from harness import PROGRAM, bad, count, equal, good, main, rows


def stream(*words):
    return subprocess.Popen([PROGRAM, "append", "t", "-", "--format", "jsonl", *words],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


def send(process, i):
    process.stdin.write(json.dumps({"id": i}) + "\n")
    process.stdin.flush()


def acked(lines):
    return sum(int(line.split(": ")[1].split()[0]) for line in lines)


def test_a_stream_commits_while_it_is_open():
    good("create", "t", "--schema", "id long")
    process = stream("--every", "50ms")
    for i in range(3):
        send(process, i)
        equal(acked([process.stdout.readline()]), 1)
        equal(count("t"), i + 1)
    process.stdin.close()
    equal(process.wait(timeout=60), 0)


def test_a_stream_that_is_stopped_keeps_what_it_read():
    for number in (signal.SIGINT, signal.SIGTERM):
        good("create", "t", "--schema", "id long", "--if-not-exists")
        before = count("t")
        process = stream("--every", "50ms")
        send(process, 1)
        first = process.stdout.readline()
        send(process, 2)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
        equal(process.returncode, 130)
        assert "stopped" in err, err
        equal(count("t") - before, acked([first, *out.splitlines()]))


def test_one_commit_that_is_stopped_commits_nothing():
    good("create", "t", "--schema", "id long")
    process = stream()
    send(process, 1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    # A signal before the program listens ends it as any other.
    assert process.returncode in (130, -signal.SIGINT), process.returncode
    assert process.returncode < 0 or "nothing was committed" in err, err
    equal(count("t"), 0)


def test_killed_streams_lose_nothing_that_was_acknowledged():
    good("create", "t", "--schema", "id long")
    total = 0
    for _ in range(5):
        process = stream("--every", "20ms")
        lines = []
        for i in range(3):
            send(process, i)
            lines.append(process.stdout.readline())
        send(process, 99)
        process.kill()
        process.communicate()
        total += acked(lines)
        found = count("t")
        assert total <= found <= total + 1, (total, found)
        total = found


def test_a_bad_line_of_a_stream_keeps_earlier_commits():
    good("create", "t", "--schema", "id long")
    process = stream("--every", "50ms")
    send(process, 1)
    equal(acked([process.stdout.readline()]), 1)
    process.stdin.write("nonsense\n")
    out, err = process.communicate(timeout=60)
    equal(process.returncode, 1)
    assert ":2" in err, err
    equal(count("t"), 1)


def demo(folder, **settings):
    return subprocess.run([os.environ["DATASHARD_DEMO"], folder], capture_output=True,
                          text=True, timeout=120, env={**os.environ, **settings})


def test_the_demo_counts_every_row():
    done = demo("d", DEMO_WRITERS="3", DEMO_APPENDS="5", DEMO_INCREMENTS="50")
    equal(done.returncode, 0)
    last = done.stdout.splitlines()[-1]
    match = re.match("demo: writers=3 appends=15 acked=15 found=15 lost=0 duplicate=0 "
                     r"alien=0 snapshots=(\d+) seconds=", last)
    assert match and 5 <= int(match[1]) <= 15, last


def test_the_demo_sees_what_is_off():
    demo("d", DEMO_WRITERS="2", DEMO_APPENDS="3", DEMO_INCREMENTS="50")
    where = pathlib.Path("d/acked-001.txt")
    lines = where.read_text().splitlines(keepends=True)
    where.write_text("".join(lines[1:]) + "writer 001 row 00000009 0000000000000000\n")
    done = subprocess.run([os.environ["DATASHARD_DEMO"], "d", "--check", "0"], text=True,
                          capture_output=True,
                          env={**os.environ, "DEMO_WRITERS": "2", "DEMO_APPENDS": "3"})
    equal(done.returncode, 1)
    assert "lost=1 duplicate=0 alien=1" in done.stdout, done.stdout


if __name__ == "__main__":
    main(globals())

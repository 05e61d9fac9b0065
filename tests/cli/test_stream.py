"""Streams, signals, and the demo: what was acknowledged is there, and nothing else."""
import json
import os
import pathlib
import re
import select
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


def test_a_bad_line_keeps_every_row_before_it_and_none_after():
    good("create", "t", "--schema", "id long")
    lines = [json.dumps({"id": i}) for i in range(1000)]
    for name, wrong in {"a.jsonl": "nonsense", "b.jsonl": '{"id": 7} {"id": 8}',
                        "c.jsonl": '{"id": "x"}', "d.jsonl": '{"other": 1}'}.items():
        before = count("t")
        pathlib.Path(name).write_text("\n".join([*lines[:700], wrong, *lines[700:]]))
        says = bad("append", "t", name, "--every", "1s", says=f"{name}:701")
        assert "700 rows in 1 commit before that stayed in the table" in says, says
        equal(count("t") - before, 700)
        bad("append", "t", name, says=f"{name}:701")  # One commit: all or nothing.
        equal(count("t") - before, 700)


def test_a_stream_is_cut_by_rows_and_bytes_and_sums_up():
    good("create", "t", "--schema", "id long")
    pathlib.Path("r.jsonl").write_text("".join(f'{{"id": {i}}}\n' for i in range(100000)))
    out = good("append", "t", "r.jsonl", "--every", "1h", "--rows", "30000", "--json")
    *commits, last = [json.loads(line) for line in out.splitlines()]
    assert len(commits) >= 2, out
    equal(sum(c["rows"] for c in commits), 100000)
    equal({c["outcome"] for c in commits}, {"committed"})
    equal(last["summary"], True)
    equal((last["rows_read"], last["rows_committed"]), (100000, 100000))
    equal(last["commits"], len(commits))
    out = good("append", "t", "r.jsonl", "--every", "1h", "--bytes", "100000")
    assert len(out.splitlines()) >= 2, out
    equal(acked(out.splitlines()), 100000)
    equal(count("t"), 200000)
    for options in (["--rows", "5"], ["--budget", "1m"], ["--every", "1s", "--budget", "x"]):
        bad("append", "t", "r.jsonl", *options, code=2)


def test_a_stream_without_rows_commits_nothing():
    good("create", "t", "--schema", "id long")
    out = good("append", "t", "-", "--format", "jsonl", "--every", "50ms", input="")
    assert "nothing to commit" in out, out


def place_that_can_leave(name):
    """A directory behind a link: while it is away nobody can make it anew by its name."""
    os.mkdir("real")
    os.symlink("real", name)


def away_and_back(name, env):
    """What is behind the link goes away while rows come in, and comes back."""
    process = subprocess.Popen([PROGRAM, "append", name, "-", "--format", "jsonl", "--every",
                                "20ms", "--json"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env={**os.environ, **env})
    for i in range(10):
        send(process, i)
    first = json.loads(process.stdout.readline())
    equal(first["outcome"], "committed")
    os.rename("real", "gone")
    try:
        for i in range(10, 2000):
            send(process, i)
        # Long enough for it to notice, and to try again in vain.
        assert not select.select([process.stdout], [], [], 0.5)[0]
    finally:
        os.rename("gone", "real")
    out, err = process.communicate(timeout=60)
    equal(process.returncode, 0)
    # Where it has taken long to come back, that was said.
    said = f"datashard: append {name}: commits "
    assert all(line.startswith((said + "fail, and are tried again: ", said + "work again"))
               for line in err.splitlines()), err
    last = json.loads(out.splitlines()[-1])
    equal((last["rows_read"], last["rows_committed"]), (2000, 2000))
    assert last["failed_tries"] > 0, last
    found = [r["id"] for r in rows_of(name, env)]
    equal(sorted(found), list(range(2000)))


def rows_of(name, env):
    out = good("scan", name, "--format", "jsonl", env=env)
    return [json.loads(line) for line in out.splitlines()]


def test_a_catalog_that_goes_away_and_comes_back_loses_nothing():
    place_that_can_leave("c")
    env = {"DATASHARD_CATALOG": "sqlite:" + os.path.abspath("c") + "/catalog.db"}
    good("create", "n.t", "--schema", "id long", env=env)
    away_and_back("n.t", env)


def test_a_path_table_that_goes_away_and_comes_back_loses_nothing():
    place_that_can_leave("t")
    good("create", "./t", "--schema", "id long")
    away_and_back("./t", {})


def test_a_catalog_that_stays_away_is_told_within_the_budget():
    place_that_can_leave("c")
    env = {"DATASHARD_CATALOG": "sqlite:" + os.path.abspath("c") + "/catalog.db"}
    good("create", "n.t", "--schema", "id long", env=env)
    process = subprocess.Popen([PROGRAM, "append", "n.t", "-", "--format", "jsonl", "--every",
                                "20ms", "--budget", "300ms"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env={**os.environ, **env})
    send(process, 0)
    equal(acked([process.stdout.readline()]), 1)
    os.rename("real", "gone")
    send(process, 1)
    # The pipe stays open: it ends because it can't go on, not because there is no more.
    equal(process.wait(timeout=60) in (1, 4), True)
    err = process.stderr.read()
    assert "1 row in 1 commit before that stayed in the table" in err, err
    process.stdin.close()
    os.rename("gone", "real")
    equal(len([r for r in rows_of("n.t", env) if r["id"] == 0]), 1)


def test_a_stream_that_is_stopped_in_full_flow_says_what_is_in_the_table():
    good("create", "t", "--schema", "id long")
    process = stream("--every", "10ms", "--json")
    sent = 0
    while sent < 20000:
        send(process, sent)
        sent += 1
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    equal(process.returncode, 130)
    last = json.loads(out.splitlines()[-1])
    equal(last["rows_read"], last["rows_committed"])
    assert f"stopped; {last['rows_committed']} rows" in err, err
    equal([r["id"] for r in sorted(rows("t"), key=lambda r: r["id"])],
          list(range(last["rows_committed"])))


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

"""Arrow files and streams at the program: out, in, through pipes, damaged."""
import json
import os
import pathlib
import subprocess

from harness import PROGRAM, bad, count, equal, good, main, rows, run

TYPES = "b boolean, i int, l long, f float, d double, n decimal(9,2), day date, " \
        "ti time, ts timestamp, tz timestamptz, s string, u uuid, x fixed[2], y binary"
ROW = {"b": True, "i": -2147483648, "l": 9223372036854775807, "f": 1.5, "d": 0.1,
       "n": "-1234567.89", "day": "1969-12-31", "ti": "23:59:59.999999",
       "ts": "1969-12-31T23:59:59.999999", "tz": "2026-11-20T09:00:00Z", "s": "ä\u0001\"",
       "u": "f79c3e09-677c-4bbd-a479-3f349cb785e7", "x": "00ff", "y": "deadbeef"}


def make(table="t", types=TYPES, row=ROW, copies=1):
    good("create", table, "--schema", types)
    text = "".join(json.dumps(r) + "\n" for r in [row, {}] * copies)
    good("append", table, "-", "--format", "jsonl", input=text)


def test_every_type_comes_back_from_files_and_streams():
    make(copies=500)
    wanted = rows("t")
    schema = json.loads(good("schema", "t", "--json"))["fields"]
    for name in ("out.arrow", "out.arrows", "out.feather"):
        for codec in ("none", "lz4", "zstd"):
            good("scan", "t", "--output", name, "--compression", codec)
            head = pathlib.Path(name).read_bytes()[:6]
            equal(head == b"ARROW1", name != "out.arrows")
            good("create", "u", "--like", name)
            equal(json.loads(good("schema", "u", "--json"))["fields"], schema)
            good("append", "u", name)
            equal(rows("u"), wanted)
            subprocess.run(["rm", "-r", "u"], check=True)


def test_a_pipe_carries_streams_and_files():
    make()
    good("create", "u", "--schema", TYPES)
    data = good("scan", "t", "--format", "arrow", binary=True)
    equal(data[:4], b"\xff\xff\xff\xff")
    good("append", "u", "-", input=data)  # The first bytes tell.
    good("append", "u", "-", "--format", "arrow", input=data)
    good("scan", "t", "--output", "a.arrow")
    good("append", "u", "-", input=pathlib.Path("a.arrow").read_bytes())
    equal(count("u"), 6)
    equal([r for r in rows("u") if r["b"]], [r for r in rows("t") if r["b"]] * 3)


def test_first_bytes_tell_where_names_do_not():
    make("t", "id long", {"id": 1})
    good("scan", "t", "--output", "a.arrow")
    good("scan", "t", "--output", "a.parquet")
    good("scan", "t", "--output", "a.arrows")
    for name in ("a.arrow", "a.parquet", "a.arrows"):
        os.rename(name, "data.bin")
        good("append", "t", "data.bin")
        good("create", "u" + name, "--like", "data.bin")
    equal(count("t"), 8)
    good("append", "t", "-", input='{"id": 5}\n{"id": 6}\n')  # Lines of objects, …
    good("append", "t", "-", input='\n [{"id": 7},\n {"id": 8}]')  # … or an array of them.
    equal(count("t"), 12)
    pathlib.Path("data.bin").write_text("a,b\n1,2\n")
    bad("append", "t", "data.bin", says=("data.bin", "neither its name nor its first bytes"))


def test_columns_are_matched_and_checked_as_always():
    make("t", "id long, s string", {"id": 1, "s": "a"})
    good("scan", "t", "--output", "a.arrow", "--select", "s")
    good("append", "t", "a.arrow")
    equal([r for r in rows("t") if r["id"] is None and r["s"]], [{"id": None, "s": "a"}])
    good("create", "v", "--schema", "id string, s string")
    good("scan", "t", "--output", "b.arrow")
    bad("append", "v", "b.arrow", says="id")
    good("create", "w", "--schema", "id long")
    bad("append", "w", "b.arrow", says="s")
    equal(count("v"), 0)


def test_a_stream_commits_while_it_is_open():
    make("t", "id long", {"id": 1})
    good("append", "t", "-", "--format", "jsonl", input='{"id": 5}\n')
    data = good("scan", "t", "--format", "arrow", binary=True)
    marks = [i for i in range(0, len(data), 8) if data[i:i + 4] == b"\xff\xff\xff\xff"]
    equal(len(marks), 4)  # Schema, a batch for each file, the end.
    good("create", "u", "--schema", "id long")
    process = subprocess.Popen([PROGRAM, "append", "u", "-", "--format", "arrow", "--every",
                                "20ms"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdin.write(data[:marks[2] + 5])  # A batch, and the beginning of the next.
    process.stdin.flush()
    assert b" row" in process.stdout.readline()
    first = count("u")
    assert first in (1, 2), first
    process.stdin.write(data[marks[2] + 5:])
    process.stdin.close()
    assert b" row" in process.stdout.readline()
    equal(process.wait(timeout=60), 0)
    equal(count("u"), 3)


def test_a_stream_that_is_cut_off():
    make("t", "id long, s string", {"id": 1, "s": "text"})
    data = good("scan", "t", "--format", "arrow", binary=True)
    good("create", "u", "--schema", "id long, s string")
    for at in list(range(1, len(data) - 8, 37)):
        bad("append", "u", "-", "--format", "arrow", input=data[:at], says="standard input")
    bad("append", "u", "-", "--format", "arrow", input=b"", says="there is no schema")
    bad("append", "u", "-", "--format", "arrow", input=data + b"x",
        says="bytes after the end of the stream")
    bad("append", "u", "-", "--format", "arrow", input=b"id,s\n1,a\n", says="not an Arrow message")
    equal(count("u"), 0)
    good("append", "u", "-", "--format", "arrow", input=data)
    equal(count("u"), 2)


def test_a_damaged_file():
    make("t", "id long, s string", {"id": 1, "s": "text"})
    for codec in ("none", "zstd"):
        good("scan", "t", "--output", "good.arrow", "--compression", codec)
        whole = pathlib.Path("good.arrow").read_bytes()
        for at in range(0, len(whole), 29):
            pathlib.Path("in.arrow").write_bytes(whole[:at])
            bad("append", "t", "in.arrow", says="in.arrow")
            torn = bytearray(whole)
            torn[at] ^= 0xff
            pathlib.Path("in.arrow").write_bytes(torn)
            result = run("create", f"x{codec}{at}", "--like", "in.arrow")
            assert result.code in (0, 1), result.err
            good("create", f"y{codec}{at}", "--schema", "id long, s string")
            result = run("append", f"y{codec}{at}", "in.arrow")
            assert result.code in (0, 1), result.err
    equal(count("t"), 2)


def test_what_makes_no_sense():
    make("t", "id long", {"id": 1})
    bad("scan", "t", "--compression", "zstd", code=2, says="--compression is for")
    bad("scan", "t", "--format", "arrow", "--compression", "gzip", code=2, says="not 'gzip'")
    bad("scan", "t", "--format", "feather", code=2, says="arrow")
    bad("scan", "t", "--output", "no/such/folder.arrow", says="no/such/folder.arrow")
    bad("append", "t", "missing.arrow", says="missing.arrow")
    bad("create", "u", "--like", "missing.arrow", says="missing.arrow")


if __name__ == "__main__":
    main(globals())

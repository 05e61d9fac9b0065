"""Every command does what its help says."""
import json
import os
import pathlib
import re
import signal
import sqlite3
import subprocess
import time
import unicodedata

from harness import PROGRAM, SOURCE, bad, count, equal, good, main, rows, run

CATALOG = ("--catalog", "sqlite:catalog.db")


def commands():
    text = good("--help")
    return re.findall(r"^  ([a-z][a-z-]+) {2,}[A-Z]", text, re.M)


def make(name="t", schema="id long not null, s string", *more):
    good("create", name, "--schema", schema, *more)


def test_help_of_every_command():
    assert len(commands()) >= 19, commands()
    for command in commands():
        text = good(command, "--help")
        assert text.startswith(f"usage: datashard {command}"), text
        equal(text, good("help", command))
        assert max(map(len, text.splitlines())) <= 90, command


def test_version():
    assert re.match(r"datashard \d+\.\d+\.\d+\n$", good("--version"))


def test_a_wrong_command_line_is_exit_2():
    for words in (["nonsense"], ["scan"], ["scan", "t", "--nonsense"], ["append", "t"],
                  ["scan", "t", "--limit", "many"], ["scan", "t", "--limit"],
                  ["scan", "t", "--limit", "99999999999999999999"],
                  ["scan", "t", "--limit", " 1"], ["scan", "t", "--threads", "4294967296"],
                  ["create", "t"], ["scan", "t", "--format", "xml"],
                  ["scan", "t", "--as-of", "yesterday-ish"],
                  ["scan", "t", "--as-of", "2026-02-30"], ["scan", "t", "--as-of", "2026-02-01 1:-5"],
                  ["scan", "t", "--as-of", "2026-02-01 10:00 +-5:30"],
                  ["scan", "t", "--as-of", "2026-02-01 10:00 +5:-30"],
                  ["scan", "t", "--as-of", "2026-02-01 10:00 +24:00"],
                  ["scan", "t", "--as-of", "2026-02-01 10:00 +05:60"],
                  ["scan", "t", "--limit", "0"], ["append", "t", "-", "--delimiter", ";;"],
                  ["append", "t", "-", "--delimiter", ""], ["append", "t", "-", "--delimiter", "ü"],
                  ["append", "t", "-", "--every", "often"], ["append", "t", "-", "--every", "nan"],
                  ["rename", "a"]):
        bad(*words, code=2)
    bad("scna", "t", code=2, says="scan")
    bad("scan", "t", "--limt", "3", code=2, says="--limit")
    assert run().code == 2


def test_create_and_append_and_scan():
    make()
    good("append", "t", "-", "--format", "csv", input='s,id\n"a, b",1\n,2\n"",3\n')
    equal(rows("t"), [{"id": 1, "s": "a, b"}, {"id": 2, "s": None}, {"id": 3, "s": ""}])
    equal(count("t"), 3)
    equal(count("t", "--where", "id > 1"), 2)
    equal(rows("t", "--select", "s", "--where", "id = 1"), [{"s": "a, b"}])
    equal(len(rows("t", "--limit", "2")), 2)


def test_create_for_ingest():
    good("create", "t", "--schema", "id long", "--ingest", "-p",
         "history.expire.min-snapshots-to-keep=3", "-p", "datashard.expire-batch=4")
    shown = good("properties", "t")
    assert "datashard.expire-on-commit" in shown and "previous-versions-max" in shown
    for i in range(12):
        good("append", "t", "-", "--format", "jsonl", input=f'{{"id": {i}}}\n')
    lines = good("snapshots", "t", "--format", "jsonl").splitlines()
    assert 3 <= len(lines) <= 7, lines
    equal(count("t"), 12)


def merging(name, *properties):
    """A table whose small files are merged every 16 versions."""
    words = [w for p in ("merge-small-files.every=16", *properties) for w in ("-p", f"datashard.{p}")]
    good("create", name, "--schema", "id long", "--ingest", *words)


def append_each(name, first, last, *options):
    for i in range(first, last):
        told = good("append", name, "-", "--format", "csv", *options, input=f"id\n{i}\n")
        assert told.startswith(f"{name}: 1 row"), told


def data_files(name):
    lines = good("snapshots", name, "--format", "jsonl").splitlines()
    return len(json.loads(good("files", name, "--json"))), len(lines)


def test_programs_that_append_once_merge_small_files():
    merging("t")
    append_each("t", 0, 40)
    files, versions = data_files("t")
    assert files < 20 and versions > 40, (files, versions)
    equal(rows("t"), sorted(({"id": i} for i in range(40)), key=json.dumps))


def test_appends_that_wait_for_no_merging():
    merging("off", "merge-small-files.enabled=false")
    append_each("off", 0, 20)
    equal(data_files("off"), (20, 20))
    merging("t", "merge-small-files.at-close-ms=0")
    append_each("t", 0, 20)
    append_each("t", 20, 40, "--no-wait")
    equal(count("t"), 40)  # What a program merged before it was done is up to chance.


def test_relocate():
    make()
    good("append", "t", "-", "--format", "csv", input="id,s\n1,a\n2,b\n")
    equal(good("relocate", "t"), "t: nothing to do\n")
    os.rename("t", "u")
    bad("append", "u", "-", "--format", "csv", input="id,s\n3,c\n", says="relocate")
    before = sorted(pathlib.Path("u").rglob("*"))
    told = json.loads(good("relocate", "u", "--dry-run", "--json"))
    equal((told["relocated"], told["snapshots"], told["manifests"]), (True, 1, 1))
    equal(sorted(pathlib.Path("u").rglob("*")), before)
    assert good("relocate", "u").startswith("u: written anew: 1 snapshots, 1 manifests, 0 files")
    equal(json.loads(good("relocate", "u", "--json"))["relocated"], False)
    good("append", "u", "-", "--format", "csv", input="id,s\n3,c\n")
    equal([r["id"] for r in rows("u")], [1, 2, 3])
    bad("relocate", "nothing", says="relocate nothing")


def test_create_twice():
    make()
    bad("create", "t", "--schema", "id long", says="t")
    assert "created" not in good("create", "t", "--schema", "id long", "--if-not-exists")


def test_create_answers_in_json_whatever_the_name():
    name = 'a "b" \\ ü'
    made = json.loads(good("create", name, "--schema", "id long", "--json"))
    shown = {p["property"]: p["value"] for p in json.loads(good("info", name, "--json"))}
    equal(made["uuid"], shown["uuid"])
    assert name in made["table"] and name in made["location"], made


def test_a_colon_may_follow_a_name():
    make("t", 'id: long not null, a:b int, "c:" string, d : struct<x: int>')
    good("append", "t", "-", "--format", "jsonl", input='{"id": 1, "a:b": 2, "c:": "x", "d": {"x": 3}}\n')
    equal(rows("t"), [{"id": 1, "a:b": 2, "c:": "x", "d": {"x": 3}}])


def test_delimiters():
    make()
    good("append", "t", "-", "--format", "csv", "--delimiter", ";", input="id;s\n1;a,b\n")
    good("append", "t", "-", "--format", "csv", "--delimiter", r"\t", input="id\ts\n2\tc;d\n")
    equal(rows("t"), [{"id": 1, "s": "a,b"}, {"id": 2, "s": "c;d"}])


def test_results_that_cannot_be_written_are_a_failure():
    make()
    good("append", "t", "-", "--format", "csv", input="id\n1\n")
    full = ("sh", "-c", 'exec "$0" "$@" >/dev/full')
    for words in (["scan", "t"], ["scan", "t", "--count"], ["scan", "t", "--format", "csv"],
                  ["metadata", "t"], ["schema", "t", "--json"], ["info", "t"], ["stats", "t"]):
        error = bad(*words, prefix=full, says="No space left")
        equal(len(error.splitlines()), 1)
    done = run("append", "t", "-", "--format", "csv", input="id\n2\n", prefix=full)
    assert done.code == 0 and "No space left" in done.err, done.err  # It is committed.
    equal(count("t"), 2)
    os.rename("t", "u")
    for _ in range(2):
        done = run("relocate", "u", prefix=full)
        assert done.code == 0 and "No space left" in done.err, done.err  # Likewise.
    good("append", "u", "-", "--format", "csv", input="id\n3\n")


def test_standard_streams_that_are_closed():
    make()
    closed = ("sh", "-c", 'exec "$0" "$@" <&- >&-')
    equal(run("append", "t", "-", "--format", "jsonl", prefix=closed).code, 0)
    pathlib.Path("in.csv").write_text("id\n1\n")
    equal(run("append", "t", "in.csv", prefix=closed).code, 0)
    equal(rows("t"), [{"id": 1, "s": None}])


def wait_until_it_leads(pid):
    until = time.monotonic() + 30
    while json.loads(good(*CATALOG, "stats", "a.t", "--json"))["leader_pid"] != pid:
        assert time.monotonic() < until, "it never commits"
        time.sleep(0.01)


def test_a_commit_that_waits_can_be_stopped():
    good(*CATALOG, "create", "a.t", "--schema", "id long")
    other = sqlite3.connect("catalog.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")  # Others may read.
    pathlib.Path("in.csv").write_text("id\n1\n")
    for number in (signal.SIGINT, signal.SIGTERM):
        job = subprocess.Popen([PROGRAM, *CATALOG, "append", "a.t", "in.csv"],
                               stderr=subprocess.PIPE, text=True)
        wait_until_it_leads(job.pid)
        job.send_signal(number)
        error = job.communicate(timeout=20)[1]
        equal((job.returncode, "nothing was committed" in error), (130, True))
    other.close()
    equal(count("a.t", *CATALOG), 0)


def test_a_parquet_file_through_a_pipe_is_named():
    make()
    bad("append", "t", "-", input=b"PAR1....PAR1", says="standard input is Parquet")
    bad("append", "t", "-", "--format", "parquet", says="standard input is Parquet")


def test_a_catalog_may_stand_in_front_and_a_namespace_with_tables_stays():
    good("-csqlite:c.db", "create", "ns.t", "--schema", "id long")
    bad("-csqlite:c.db", "create", "ns.t", "--schema", "id long", says="table ns.t is already")
    words = bad("-csqlite:c.db", "drop-namespace", "ns", code=1, says="not empty")
    assert "run it again" not in words, words


def test_every_type_comes_back_as_it_went_in():
    make("t", "b boolean, i int, l long, f float, d double, n decimal(9,2), day date, "
              "ti time, ts timestamp, tz timestamptz, s string, u uuid, x fixed[2], y binary")
    row = {"b": True, "i": -2147483648, "l": 9223372036854775807, "f": 1.5, "d": 0.1,
           "n": "-1234567.89", "day": "1969-12-31", "ti": "23:59:59.999999",
           "ts": "1969-12-31T23:59:59.999999", "tz": "2026-11-20T09:00:00Z", "s": "ä\u0001\"",
           "u": "f79c3e09-677c-4bbd-a479-3f349cb785e7", "x": "00ff", "y": "deadbeef"}
    good("append", "t", "-", "--format", "jsonl", input=json.dumps(row) + "\n{}\n")
    lines = good("scan", "t", "--format", "jsonl").splitlines()
    equal(good("scan", "t", "--where", "l = 9223372036854775807", "--count"), "1\n")
    for form in ("jsonl", "csv", "json"):
        good("create", form, "--schema", good("schema", "t", "--json"))
        text = good("scan", "t", "--format", form)
        good("append", form, "-", "--format", form, input=text)
        equal(sorted(good("scan", form, "--format", "jsonl").splitlines()), sorted(lines))


def test_parquet_out_and_in():
    make()
    good("append", "t", "-", "--format", "csv", input="id,s\n1,a\n2,\n")
    good("scan", "t", "--format", "parquet", "--output", "out.parquet")
    good("create", "u", "--like", "out.parquet")
    good("append", "u", "out.parquet")
    equal(rows("u"), rows("t"))
    bad("scan", "t", "--format", "parquet", "--output", "out.parquet", says="out.parquet")


def test_columns_stand_below_each_other_in_any_script():
    good("create", "t", "--schema", "s string, n int")
    words = ["plain", "東京", "e\u0301te\u0301", "😀", "한글", ""]
    lines = "".join(json.dumps({"s": s, "n": 7}) + "\n" for s in words)
    good("append", "t", "-", "--format", "jsonl", input=lines)
    for env in ({"LC_ALL": "C"}, {"LC_ALL": "C.UTF-8"}):
        table = good("scan", "t", env=env).splitlines()
        equal(table[0], "s      n")
        for line in table[1:]:
            wide = sum(2 if unicodedata.east_asian_width(c) == "W" else not unicodedata.combining(c)
                       for c in line)
            equal((line[-1], wide), ("7", len("s      n")))


def test_a_file_is_scanned_as_a_table_is():
    make("t", "id int, xs list<string>, m map<string, int>")
    text = '{"id":1,"xs":["a",null],"m":{"k":1}}\n{"id":2,"xs":[],"m":null}\n'
    good("append", "t", "-", "--format", "jsonl", input=text)
    good("scan", "t", "--output", "rows.parquet")
    good("scan", "t", "--output", "rows.arrow")
    for form in ("jsonl", "csv", "table"):
        for file in ("rows.parquet", "rows.arrow"):
            equal(good("scan", file, "--format", form), good("scan", "t", "--format", form))
    equal(good("scan", "rows.parquet", "--where", "id = 2", "-s", "id,m", "-f", "csv"),
          good("scan", "t", "--where", "id = 2", "-s", "id,m", "-f", "csv"))
    bad("scan", "rows.arrow", "--where", "id = 2", says="Arrow files come as they are")
    bad("scan", "rows.parquet", "--count", code=2, says="rows.parquet is a file")
    pathlib.Path("bad.parquet").write_bytes(b"PAR1 is not all of it: PAR1")
    bad("scan", "bad.parquet", says="bad.parquet")
    bad("scan", "absent.parquet", says="No such file")


def test_like_a_csv_file_guesses_types():
    text = "zip,n,x,day,at,flag,s\n00501,1,1.5,2026-11-20,2026-11-20 10:00:00,true,a\n" \
           "10001,-7,2,2026-11-21,2026-11-20T10:00:01,false,b\n"
    pathlib.Path("a.csv").write_text(text)
    good("create", "t", "--like", "a.csv")
    fields = {f["name"]: f["type"] for f in json.loads(good("schema", "t", "--json"))["fields"]}
    equal(fields, {"zip": "string", "n": "long", "x": "double", "day": "date",
                   "at": "timestamp", "flag": "boolean", "s": "string"})
    good("append", "t", "a.csv")
    equal(rows("t")[0]["zip"], "00501")


def test_like_json_lines():
    pathlib.Path("a.jsonl").write_text('{"a": 1, "b": null}\n{"a": 2.5, "b": "x"}\n')
    good("create", "t", "--like", "a.jsonl")
    good("append", "t", "a.jsonl")
    equal(rows("t"), [{"a": 1.0, "b": None}, {"a": 2.5, "b": "x"}])


def test_several_files_are_one_commit():
    make()
    pathlib.Path("a.csv").write_text("id,s\n1,a\n")
    pathlib.Path("b.jsonl").write_text('{"id": 2}\n')
    good("append", "t", "a.csv", "b.jsonl")
    equal(len(good("snapshots", "t", "--format", "csv").splitlines()), 2)
    equal(count("t"), 2)
    pathlib.Path("c.csv").write_text("id,s\nx,a\n")
    bad("append", "t", "a.csv", "c.csv", says="c.csv:2")
    equal(count("t"), 2)


def test_partitions():
    make("t", "d date, s string", "--partition-by", "month(d), s")
    good("append", "t", "-", "--format", "csv", input="d,s\n2026-01-05,a\n2026-02-05,b\n,\n")
    parts = [json.loads(line)["partition"]
             for line in good("files", "t", "--format", "jsonl").splitlines()]
    equal(sorted(parts), ["d_month=2026-01/s=a", "d_month=2026-02/s=b", "d_month=null/s=null"])
    stats = good("scan", "t", "--where", "d = date '2026-01-05'", "--count")
    equal(stats, "1\n")


def test_snapshots_history_refs_and_time_travel():
    make()
    for i in (1, 2):
        good("append", "t", "-", "--format", "csv", input=f"id,s\n{i},a\n")
    found = [json.loads(x) for x in good("snapshots", "t", "--format", "jsonl").splitlines()]
    equal(len(found), 2)
    first = found[0]["snapshot_id"]
    equal(count("t", "--snapshot", str(first)), 1)
    equal(count("t", "--ref", "main"), 2)
    equal(count("t", "--as-of", "-0s"), 2)
    bad("scan", "t", "--as-of", "2001-01-01", says="2001")
    bad("scan", "t", "--snapshot", "12", says="12")
    bad("scan", "t", "--ref", "nobody", says="nobody")
    equal(len(good("history", "t", "--format", "csv").splitlines()), 3)
    refs = json.loads(good("refs", "t", "--json"))
    equal([r["name"] for r in refs], ["main"])


def test_nested_values_come_back_as_they_went_in():
    make("t", "id long not null, who struct<name: string not null, tags: list<string>>, "
              "m map<string, array<struct<a int, `b c` date>>>, n map<int, boolean not null>")
    nested = [{"id": 1, "who": {"name": "A \"b\", c", "tags": ["x", None, ""]},
               "m": {"k": [{"a": 1, "b c": "2020-02-29"}, None], "": []},
               "n": [{"key": -1, "value": True}]},
              {"id": 2, "who": None, "m": {}, "n": []},
              {"id": 3, "who": {"name": "", "tags": None}, "m": None, "n": None}]
    good("append", "t", "-", "--format", "jsonl", input="\n".join(map(json.dumps, nested)))
    equal(rows("t"), nested)
    equal(json.loads(good("scan", "t", "--format", "json", "--where", "id = 2")), nested[1:2])
    for form in ("csv", "json", "parquet"):
        good("scan", "t", "--format", form, "--output", f"out.{form}")
        good("create", form, "--schema", good("schema", "t", "--json"))
        good("append", form, f"out.{form}")
        equal(rows(form), nested)
    assert '{"name":"A \\"b\\", c","tags":["x",null,""]}' in good("scan", "t")
    shown = good("schema", "t")
    for words in ("struct<name: string not null, tags: list<string>>",
                  "map<string, list<struct<a: int, b c: date>>>", "map<int, boolean not null>"):
        assert words in shown, shown
    bad("append", "t", "-", "--format", "jsonl", input='{"id":4,"who":{"tags":[]}}',
        says=("input:1", "who.name", "required"))
    bad("append", "t", "-", "--format", "jsonl", input='{"id":4,"m":{"k":[{"a":"x"}]}}',
        says=("input:1", "m.value.element.a"))


def test_nested_types_are_taken_from_a_file():
    pathlib.Path("n.jsonl").write_text(
        '{"a": {"b": [1, 2.5]}, "c": [{"d": "2020-01-01"}]}\n{"a": {"e": true}}\n')
    good("create", "t", "--like", "n.jsonl")
    good("append", "t", "n.jsonl")
    shown = good("schema", "t")
    assert "struct<b: list<double>, e: boolean>" in shown, shown
    assert "list<struct<d: date>>" in shown, shown
    equal(count("t"), 2)


def test_metadata_schema_and_info():
    make()
    metadata = json.loads(good("metadata", "t"))
    equal(metadata["format-version"], 2)
    assert "id" in good("schema", "t") and "long" in good("schema", "t")
    assert metadata["table-uuid"] in good("info", "t")


def test_properties():
    make("t", "id long", "--property", "owner=me")
    assert "owner" in good("properties", "t")
    good("properties", "t", "a=b=c", "x=")
    equal(json.loads(good("metadata", "t"))["properties"]["a"], "b=c")
    good("properties", "t", "--unset", "owner")
    assert "owner" not in json.loads(good("metadata", "t"))["properties"]


def test_a_catalog_has_names():
    good(*CATALOG, "create", "a.t", "--schema", "id long")
    good(*CATALOG, "append", "a.t", "-", "--format", "jsonl", input='{"id": 1}\n')
    equal(good("list", *CATALOG, "--format", "csv"), "name\na.t\n")
    good(*CATALOG, "create-namespace", "b")
    good(*CATALOG, "rename", "a.t", "b.u")
    bad(*CATALOG, "scan", "a.t", says="a.t")
    equal(good(*CATALOG, "scan", "b.u", "--count"), "1\n")
    assert "b" in good(*CATALOG, "namespaces")
    location = json.loads(good(*CATALOG, "info", "b.u", "--json"))
    where = {r["property"]: r["value"] for r in location}
    good(*CATALOG, "drop", "b.u", "--yes")
    good(*CATALOG, "register", "b.again", where["metadata"])
    equal(good(*CATALOG, "scan", "b.again", "--count"), "1\n")
    bad(*CATALOG, "drop-namespace", "b", says="not empty")
    good(*CATALOG, "drop", "b.again", "--purge", "--yes")
    good(*CATALOG, "drop-namespace", "b")
    left = [f for f in pathlib.Path("warehouse").rglob("*") if f.is_file()]
    equal(left, [])


def test_a_catalog_from_the_environment():
    env = {"DATASHARD_CATALOG": "sqlite:catalog.db"}
    good("create", "a.t", "--schema", "id long", env=env)
    equal(good("scan", "a.t", "--count", env=env), "0\n")
    make("./path")
    equal(good("scan", "./path", "--count", env=env), "0\n")


def test_forms_of_output():
    make()
    good("append", "t", "-", "--format", "csv", input='id,s\n1,"a\n""b"\n')
    equal(good("scan", "t", "--format", "csv"), 'id,s\n1,"a\n""b"\n')
    equal(json.loads(good("scan", "t", "--format", "json")), [{"id": 1, "s": 'a\n"b'}])
    equal(json.loads(good("scan", "t", "--json")), [{"id": 1, "s": 'a\n"b'}])
    good("scan", "t", "--format", "csv", "--output", "out.csv")
    equal(pathlib.Path("out.csv").read_text(), 'id,s\n1,"a\n""b"\n')
    for command in ("snapshots", "history", "files", "refs"):
        assert isinstance(json.loads(good(command, "t", "--json")), list), command


def test_an_identity_commits_once():
    make()
    identity = "01a1fc87-c860-7439-9aae-d5c697e81aa4"
    for _ in range(2):
        good("append", "t", "-", "--format", "csv", "--identity", identity,
             input="id,s\n1,a\n")
    equal(count("t"), 1)
    bad("append", "t", "-", "--format", "csv", "--identity", "no", input="id,s\n1,a\n")
    assert good("resolve", "t", identity).startswith("committed, snapshot ")
    assert "not committed" in good("resolve", "t", identity[:-1] + "5")
    equal(count("t"), 1)


def test_an_identity_is_unknown_where_history_is_gone():
    good("create", "t", "--schema", "id long", "--ingest", "-p",
         "history.expire.min-snapshots-to-keep=1", "-p", "datashard.expire-batch=1")
    for i in range(4):
        good("append", "t", "-", "--format", "jsonl", input=f'{{"id": {i}}}\n')
    nobody = "01a1fc87-c860-7439-9aae-d5c697e81aa4"
    assert "not committed" in good("resolve", "t", nobody)
    for file in pathlib.Path("t/metadata").glob(".datashard-ledger-*"):
        file.unlink()
    bad("resolve", "t", nobody, code=4, says=nobody)


def test_nothing_is_appended_from_nothing():
    make()
    good("append", "t", "-", "--format", "csv", input="id,s\n")
    equal(len(good("snapshots", "t", "--format", "csv").splitlines()), 1)


def test_optimize_makes_few_files_of_many():
    make()
    for i in range(5):
        good("append", "t", "-", "--format", "csv", input=f"id,s\n{i},a\n")
    equal(good("optimize", "t", "--files-min", "6"), "nothing to do\n")
    equal(good("optimize", "t", "--small-bytes", "1"), "nothing to do\n")
    equal(good("optimize", "t"), "5 files became 1, 5 rows\n")
    done = json.loads(good("optimize", "t", "--json"))
    equal((done["files"], done["made"], done["commits"]), (0, 0, 0))
    equal(len(json.loads(good("files", "t", "--json"))), 1)
    equal(count("t"), 5)
    equal(len(rows("t")), 5)
    bad("optimize", "t", "--files-min", "1", code=2)
    bad("optimize", "nowhere", says="nowhere")


def test_add_files_takes_them_as_they_are():
    make()
    good("append", "t", "-", "--format", "csv", input="id,s\n1,a\n2,b\n")
    good("scan", "t", "--format", "parquet", "--output", "mine.parquet")
    mine = pathlib.Path("mine.parquet").read_bytes()
    make("u")
    done = json.loads(good("add-files", "u", "mine.parquet", "--json"))
    equal((done["outcome"], done["rows"], done["files"]), ("committed", 2, 1))
    equal(rows("u"), [{"id": 1, "s": "a"}, {"id": 2, "s": "b"}])
    assert "mine.parquet" in good("files", "u", "--format", "csv")
    bad("add-files", "u", "mine.parquet", says="in the table already")
    bad("add-files", "u", "nobody.parquet", says="nobody.parquet")
    bad("add-files", "u", "../none", says="write the full path")
    bad("add-files", "u", "./mine.parquet", says="in the table already")
    bad("add-files", "u", code=2)
    make("w", "id long not null, s int")
    bad("add-files", "w", "mine.parquet", says="column s: the file has a string")
    equal(pathlib.Path("mine.parquet").read_bytes(), mine)


def test_add_files_are_told_their_partition():
    make("t", "id long, s string", "--partition-by", "s")
    make("from", "id long, s string")
    for s in ("a", "b"):
        good("append", "from", "-", "--format", "csv", input=f"id,s\n1,{s}\n")
        good("scan", "from", "--format", "parquet", "--output", f"{s}.parquet", "--where", f"s = '{s}'")
    good("scan", "from", "--format", "parquet", "--output", "both.parquet")
    good("add-files", "t", "a.parquet", "b.parquet")
    equal(count("t", "--where", "s = 'b'"), 1)
    bad("add-files", "t", "both.parquet", says="column s: the rows are of more than one")
    bad("add-files", "t", "both.parquet", "--partition", "s=a", says="not of the given partition")
    bad("add-files", "t", "both.parquet", "--partition", "s", code=2)


def test_a_reader_that_goes_away_is_no_crash():
    make()
    many = "id,s\n" + "".join(f"{i},text\n" for i in range(50000))
    good("append", "t", "-", "--format", "csv", input=many)
    code = os.system(f"{os.environ['DATASHARD_PROGRAM']} scan t --format csv 2>err | head -1 >out")
    equal(code, 0)
    equal(pathlib.Path("out").read_text(), "id,s\n")


def test_hello_is_the_program_of_the_readme():
    text = (SOURCE / "README.md").read_text()
    program = re.search(r"```c\n(.*?)```", text, re.S).group(1)
    equal((SOURCE / "examples/hello.c").read_text(), program)


if __name__ == "__main__":
    main(globals())

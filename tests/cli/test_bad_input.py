"""Bad input: each gives one clear message, refuses the whole append, and changes nothing."""
import json
import os
import pathlib
import shutil
import subprocess
import threading

from harness import PROGRAM, bad, count, equal, good, main, rows, run

SCHEMA = "id long not null, n int, d decimal(5,2), ts timestamp, tz timestamptz, s string"


def make(name="t", schema=SCHEMA):
    good("create", name, "--schema", schema)
    first = schema.split()[0]
    good("append", name, "-", "--format", "csv", input=f"{first}\n1\n")


def unchanged(name="t", wanted=1):
    """The table is as it was, and no data file of a refused append is left."""
    equal(count(name), wanted)
    live = len(good("files", name, "--format", "jsonl").splitlines())
    equal(len(list(pathlib.Path(name).rglob("*.parquet"))), live)


def refused(text, form, says, name="t"):
    pathlib.Path(f"in.{form}").write_bytes(text if isinstance(text, bytes) else text.encode())
    bad("append", name, f"in.{form}", says=says)
    unchanged(name)


def test_malformed_csv():
    make()
    refused('id,s\n2,"open\n3,x\n', "csv", "in.csv:2")
    refused('id,s\n2,"a"b\n', "csv", "in.csv:2")
    refused("id,s\n2,a,extra\n", "csv", "in.csv:2")
    refused("id,s\n2\n", "csv", "in.csv:2")
    refused(b"id,s\n2,\xff\xfe\n", "csv", ("in.csv:2", "UTF-8"))
    refused("id,s\n" + "2,a\n" * 5000 + "x,a\n", "csv", ("in.csv:5002", "id"))


def test_malformed_json():
    make()
    for line, where in (('{"id": 2', "in.jsonl:1:9"), ('{"id": 2,}', "in.jsonl:1:10"),
                        ('{"id": 02}', "in.jsonl:1"), ("[1]", "in.jsonl:1:1"),
                        ('{"id": 2} x', "in.jsonl:1:11"), ('{"id": tru}', "in.jsonl:1"),
                        ('{"id": 2, "s": "\\ud800"}', "in.jsonl:1"), ("nonsense", "in.jsonl:1"),
                        ('{"id": 2, "s": "a\tb"}', "in.jsonl:1")):
        refused(line + "\n", "jsonl", where)
    refused('{"id": 2}\n{"id": 3}\n{"id": }\n', "jsonl", "in.jsonl:3")
    deep = '{"id": 2, "s": ' + "[" * 100000 + "]" * 100000 + "}\n"
    refused(deep, "jsonl", "in.jsonl:1")
    for text in ('[{"id": 2}', '[{"id": 2},]', '[{"id": 2} {"id": 3}]', '{"id": 2', "[1]"):
        refused(text, "json", "in.json")


def unprivileged():
    """What makes a program run by a user who is refused what root is not; None: nothing."""
    if os.geteuid() != 0:
        return ()
    if not shutil.which("setpriv"):
        print("        skipped: root may do everything, and there is no setpriv")
        return None
    prefix = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    if run("scan", "t", "--count", prefix=prefix).code != 0:
        print("        skipped: another user may not look here at all")
        return None
    return prefix


def test_a_type_that_does_not_fit():
    make()
    for column, value in (("id", "1.5"), ("id", "9223372036854775808"),
                          ("id", "true"), ("n", "2147483648"), ("n", "1e3"),
                          ("s", "{}"), ("s", "[1]"), ("ts", "5"), ("ts", '"soon"')):
        row = {"id": "2", column: value}
        text = "{" + ", ".join(f'"{k}": {v}' for k, v in row.items()) + "}\n"
        refused(text, "jsonl", ("in.jsonl:1", column))
    refused("id,n\n2,abc\n", "csv", ("in.csv:2", "n", "abc", "int"))


def test_a_missing_required_value():
    make()
    refused("s\nx\n", "csv", "id")
    refused("id,s\n,x\n", "csv", ("in.csv:2", "id"))
    refused('{"s": "x"}\n', "jsonl", ("in.jsonl:1", "id"))
    refused('{"id": null}\n', "jsonl", ("in.jsonl:1", "id"))


def test_an_unknown_column_and_a_column_twice():
    make()
    refused("id,nobody\n2,x\n", "csv", ("in.csv:1", "nobody"))
    refused('{"id": 2, "nobody": 1}\n', "jsonl", ("in.jsonl:1", "nobody"))
    refused("id,s,s\n2,x,y\n", "csv", ("in.csv:1", "s"))
    refused('{"id": 2, "s": "a", "s": "b"}\n', "jsonl", ("in.jsonl:1", "s"))
    bad("create", "u", "--schema", "a int, a long", says="a")
    assert not pathlib.Path("u").exists()
    bad("scan", "t", "--select", "nobody", says="nobody")
    bad("scan", "t", "--where", "nobody = 1", says="nobody")
    bad("scan", "t", "--where", "id =", says="=")


def test_out_of_range():
    make()
    for column, value in (("d", "1234.5"), ("d", "1.234"), ("ts", "2026-02-30 00:00:00"),
                          ("ts", "2026-01-01 25:00:00"), ("ts", "999999-01-01 00:00:00"),
                          ("tz", "2026-01-01 00:00:00"), ("ts", "2026-01-01 00:00:00Z")):
        refused(f"id,{column}\n2,{value}\n", "csv", ("in.csv:2", column))


def test_a_wrong_create():
    for schema in ("id", "id nonsense", "id decimal(39,2)", "id decimal(5,9)", "a int,,b int",
                   "id fixed[0]", "id list<int", '{"type": "struct"}', "{"):
        bad("create", "t", "--schema", schema)
        assert not list(pathlib.Path(".").iterdir()), schema
    for options in (["--partition-by", "month(id)"], ["--partition-by", "nobody"],
                    ["--partition-by", "bucket(0, id)"], ["--sort-by", "nobody"],
                    ["--property", "format-version=9"]):
        bad("create", "t", "--schema", "id long", *options)
        assert not pathlib.Path("t").exists(), options
    bad("create", "t", "--like", "missing.csv", says="missing.csv")
    pathlib.Path("mixed.jsonl").write_text('{"a": {"b": 1}}\n{"a": {"b": [1]}}\n')
    bad("create", "t", "--like", "mixed.jsonl", says=("mixed.jsonl:2", "a.b", "an array"))


def test_a_damaged_parquet_file():
    make("t", "id long, s string")
    good("scan", "t", "--format", "parquet", "--output", "good.parquet")
    whole = pathlib.Path("good.parquet").read_bytes()
    step = max(1, len(whole) // 40)
    for at in range(0, len(whole), step):
        pathlib.Path("in.parquet").write_bytes(whole[:at])
        bad("append", "t", "in.parquet", says="in.parquet")
        torn = bytearray(whole)
        torn[at] ^= 0xff
        pathlib.Path("in.parquet").write_bytes(torn)
        run("scan", "t", "--count")
        result = run("create", f"x{at}", "--like", "in.parquet")
        assert result.code in (0, 1), result.err
    unchanged()
    pathlib.Path("in.parquet").write_text("PAR1 this is none PAR1")
    bad("append", "t", "in.parquet", says="in.parquet")
    unchanged()


def test_damaged_metadata():
    make()
    for path in sorted(pathlib.Path("t/metadata").glob("*.metadata.json"))[-1:]:
        whole = path.read_bytes()
        for wrong in (b"", b"{", whole[:-20], whole.replace(b'"format-version": 2', b'"format-version": 9')
                      .replace(b'"format-version":2', b'"format-version":9')):
            path.write_bytes(wrong)
            bad("scan", "t", says=path.name)
            bad("append", "t", "-", "--format", "csv", says=path.name, input="id\n2\n")
        path.write_bytes(whole)
    unchanged()
    for path in pathlib.Path("t/metadata").glob("snap-*.avro"):
        whole = path.read_bytes()
        path.write_bytes(whole[:len(whole) // 2])
        bad("scan", "t", says=path.name)
        path.write_bytes(whole)
    equal(count("t"), 1)


def test_a_path_that_escapes_the_table():
    make()
    newest = sorted(pathlib.Path("t/metadata").glob("*.metadata.json"))[-1]
    text = newest.read_text()
    newest.write_text(text.replace("/metadata/snap-", "/../../metadata/snap-"))
    bad("scan", "t", says="..")
    newest.write_text(text)
    bad("create", "a/../../b", "--schema", "id long")
    bad("--catalog", "sqlite:c.db", "create", "n.t", "--schema", "id long", "--location",
        "/tmp/../etc/x", says="..")


def test_a_file_that_disappears():
    make()
    bad("append", "t", "missing.csv", says="missing.csv")
    bad("append", "t", ".", "--format", "csv", says="directory")
    data = next(pathlib.Path("t").rglob("*.parquet"))
    data.rename("away")
    bad("scan", "t", says=data.name)
    pathlib.Path("away").rename(data)
    equal(count("t"), 1)


def named_once(message, path):
    """The message names the file, by its path, and says nothing twice."""
    says = message.partition(": ")[2]
    equal(says.count(path.name), 1)
    assert str(path.resolve()) in says, message
    assert says.count("reading ") + says.count("opening ") <= 1, message


def test_each_error_names_its_file_once():
    make()
    for pattern in ("metadata/v2.metadata.json", "metadata/snap-*.avro", "metadata/*-m0.avro",
                    "data/**/*.parquet"):
        path, = pathlib.Path("t").glob(pattern)
        whole = path.read_bytes()
        for less in (0, len(whole) // 2):
            path.write_bytes(whole[:less])
            named_once(bad("scan", "t"), path)
        path.unlink()
        if pattern != "metadata/v2.metadata.json":  # Then version 1 would be the head.
            named_once(bad("scan", "t"), path)
            path.mkdir()
            equal(bad("scan", "t").count(path.name), 1)
            path.rmdir()
        path.write_bytes(whole)
        prefix = unprivileged()
        if prefix is not None:
            path.chmod(0)
            named_once(bad("scan", "t", prefix=prefix), path)
            path.chmod(0o644)
    unchanged()


def test_a_full_disk():
    if os.geteuid() != 0 or not shutil.which("mount"):
        print("        skipped: a full disk wants root, to mount one")
        return
    os.mkdir("small")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", "small"],
                      capture_output=True).returncode != 0:
        print("        skipped: may not mount here")
        return
    try:
        make("small/t", "id long not null, s string")
        text = "id,s\n" + "".join(f"{i},{os.urandom(20).hex()}\n" for i in range(50000))
        bad("append", "small/t", "-", "--format", "csv", says="space", input=text)
        equal(count("small/t"), 1)
        pathlib.Path("small/fill").write_bytes(b"")
        with open("small/fill", "wb", buffering=0) as f:
            try:
                while f.write(b"x" * 4096):
                    pass
            except OSError:
                pass
        bad("append", "small/t", "-", "--format", "csv", says="space", input="id\n2\n")
        equal(count("small/t"), 1)
        os.remove("small/fill")
        good("append", "small/t", "-", "--format", "csv", input="id\n2\n")
        equal(count("small/t"), 2)
    finally:
        subprocess.run(["umount", "small"])


def test_a_file_that_grows_too_large():
    make("t", "id long not null, s string")
    text = "id,s\n" + "".join(f"{i},{os.urandom(20).hex()}\n" for i in range(20000))
    bad("append", "t", "-", "--format", "csv", input=text,
        prefix=("sh", "-c", 'ulimit -f 100; exec "$0" "$@"'))
    unchanged()


def test_no_permission():
    make()
    prefix = unprivileged()
    if prefix is None:
        return
    if os.geteuid() != 0:
        for path in ("t/metadata", "t/data", "t"):
            os.chmod(path, 0o555)
    bad("append", "t", "-", "--format", "csv", says="denied", input="id\n2\n", prefix=prefix)
    bad("create", "t/u", "--schema", "id long", says="denied", prefix=prefix)
    os.chmod("t/data", 0o555)
    for path in ("t/metadata", "t"):
        os.chmod(path, 0o777)
    many = "id\n" + "".join(f"{i}\n" for i in range(3000)) # More than travels as rows.
    says = bad("append", "t", "-", "--format", "csv", says=("denied", "t/data/"), input=many,
               prefix=prefix)
    assert ".parquet" in says, says
    for path in ("t", "t/metadata", "t/data"):
        os.chmod(path, 0o755)
    unchanged()


def test_a_file_in_the_place_of_a_directory():
    make()
    os.rename("t/data", "kept")
    with open("t/data", "w", encoding="utf-8"):
        pass
    for count in (1, 3000): # Rows that travel as rows, and rows that are a file.
        lines = "id\n" + "".join(f"{i}\n" for i in range(count))
        bad("append", "t", "-", "--format", "csv", says="t/data", input=lines)
    os.remove("t/data")
    os.rename("kept", "t/data")
    unchanged()


def test_a_table_deleted_under_way():
    def during(delete, *where):
        process = subprocess.Popen([PROGRAM, *where, "--every", "100ms", "--format", "jsonl",
                                    "--budget", "1s"],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        process.stdin.write('{"id": 2}\n')
        process.stdin.flush()
        first = process.stdout.readline()
        assert "1 row," in first or "1 row in" in first, first
        delete()
        try:
            for i in range(100):
                process.stdin.write('{"id": 3}\n')
                process.stdin.flush()
        except BrokenPipeError:
            pass
        out, err = process.communicate(timeout=60)
        assert process.returncode in (1, 3, 4), (process.returncode, out, err)
        assert err.startswith("datashard: "), err
        return err

    for more in ((), ("--alone",)):
        make()
        said = during(lambda: shutil.rmtree("t"), "append", "t", "-", *more)
        assert " is gone: " in said, said
        assert not pathlib.Path("t").exists()
    catalog = ("--catalog", "sqlite:c.db")
    good(*catalog, "create", "n.t", "--schema", "id long")
    home = pathlib.Path("warehouse/n/t")
    said = during(lambda: shutil.rmtree(home), *catalog, "append", "n.t", "-")
    assert "table n.t is gone: " in said and str(home.absolute()) in said, said
    assert not home.exists()
    good(*catalog, "drop", "n.t", "--yes")
    good(*catalog, "create", "n.t", "--schema", "id long")
    during(lambda: good(*catalog, "drop", "n.t", "--yes"), *catalog, "append", "n.t", "-")


def test_two_creators_of_one_table():
    for where in ((), ("--catalog", "sqlite:c.db")):
        name = "n.race" if where else "race"
        codes = []

        def create():
            codes.append(run(*where, "create", name, "--schema", "id long").code)
        threads = [threading.Thread(target=create) for _ in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        equal(sorted(codes), [0] + [1] * 7)
        equal(good(*where, "scan", name, "--count"), "0\n")


def test_no_table_and_no_catalog():
    bad("scan", "nothing", says="nothing")
    bad("append", "nothing", "-", "--format", "csv", says="nothing", input="id\n1\n")
    assert not pathlib.Path("nothing").exists()
    bad("--catalog", "nonsense:x", "list", says="nonsense")
    bad("list", says="catalog")
    pathlib.Path("c.db").write_text("this is no database, " * 100)
    bad("--catalog", "sqlite:c.db", "list", says="c.db")
    equal(pathlib.Path("c.db").read_text(), "this is no database, " * 100)


if __name__ == "__main__":
    main(globals())

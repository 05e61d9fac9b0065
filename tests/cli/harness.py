"""What the tests of the program share: running it, looking at what it said."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import traceback

PROGRAM = os.environ["DATASHARD_PROGRAM"]
SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
FAST = 60  # Seconds after which a program hangs.

# What a short-lived program holds until it ends is no leak; the library has unit tests for
# that. Everything else that a sanitizer finds still fails a test.
os.environ.setdefault("ASAN_OPTIONS", "detect_leaks=0")


class Result:
    def __init__(self, done):
        self.code = done.returncode
        self.out = done.stdout
        self.err = done.stderr


def run(*arguments, input="", env=None, cwd=None, prefix=(), binary=False):
    """Runs the program in the test's directory; never fails by itself."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("DATASHARD_")}
    data = input if isinstance(input, bytes) else input.encode()
    done = subprocess.run([*prefix, PROGRAM, *map(str, arguments)], input=data,
                          capture_output=True, env={**clean, **(env or {})}, cwd=cwd,
                          timeout=FAST)
    if not binary:
        done.stdout = done.stdout.decode()
    done.stderr = done.stderr.decode(errors="replace")
    if done.returncode < 0:
        raise AssertionError(f"died of signal {-done.returncode}: {arguments}\n{done.stderr}")
    return Result(done)


def good(*arguments, **more):
    """Runs the program, which must succeed; its standard output."""
    result = run(*arguments, **more)
    assert result.code == 0, f"{arguments}: exit {result.code}: {result.err}"
    return result.out


def bad(*arguments, code=1, says=(), **more):
    """Runs the program, which must fail with `code`, one message, and all of `says`."""
    result = run(*arguments, **more)
    assert result.code == code, f"{arguments}: exit {result.code}, not {code}: " \
        f"{result.err or result.out}"
    assert result.err.startswith("datashard: "), f"{arguments}: {result.err!r}"
    for words in [says] if isinstance(says, str) else says:
        assert words in result.err, f"{arguments}: {words!r} is not in {result.err!r}"
    return result.err


def rows(table, *options):
    """What a scan gives, in an order of its own."""
    out = good("scan", table, "--format", "jsonl", *options)
    return sorted((json.loads(line) for line in out.splitlines()), key=json.dumps)


def count(table, *options):
    return int(good("scan", table, "--count", *options))


def equal(found, wanted):
    assert found == wanted, f"\n  found  {found!r}\n  wanted {wanted!r}"


def main(tests):
    """Runs every test_… of a file, each in an empty directory."""
    failed = 0
    names = sys.argv[1:] or [n for n in tests if n.startswith("test_")]
    for name in names:
        folder = tempfile.mkdtemp(prefix="datashard-cli-")
        os.chmod(folder, 0o755)
        os.chdir(folder)
        try:
            tests[name]()
            print(f"ok      {name}")
        except Exception:
            failed += 1
            print(f"FAILED  {name}")
            traceback.print_exc()
        finally:
            os.chdir("/")
            shutil.rmtree(folder, ignore_errors=True)
        sys.stdout.flush()
    assert names, "no tests"
    print(f"{len(names) - failed} of {len(names)} passed")
    sys.exit(1 if failed else 0)

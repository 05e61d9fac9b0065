"""Environments that are made side by side: what each needs of Debian is installed. One that
cannot be made is a failure, unless nobody wants it.

usage: test_environment.py
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
# As apt-get does, it fails when it is not alone; an installed package is an empty program.
# It is not done before the other one asks, or has had the time to.
APT = """#!/bin/sh
cd '{base}' && mkdir lock 2>/dev/null || {{ touch refused; exit 100; }}
case $1 in install)
    for package; do :; done
    case $package in default-jre-headless) program=java ;; *) program=$package ;; esac
    i=0; while [ $i -lt 20 ] && [ ! -e refused ]; do sleep 0.05; i=$((i + 1)); done
    printf '#!/bin/sh\\n' > bin/$program && chmod +x bin/$program ;;
esac
rmdir lock
"""
# Only root may install: here nothing is.
NEED = """
import os, sys
os.geteuid = lambda: 0
import environment
os.environ["PATH"] = sys.argv[1]
sys.stdout.write("ready\\n")
sys.stdout.flush()
sys.stdin.readline()
sys.exit(not environment.need(sys.argv[2]))
"""


def start(base, program):
    return subprocess.Popen([sys.executable, "-c", NEED, f"{base}/bin", program],
                            cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            text=True)


def test_both_are_installed(base):
    (base / "bin").mkdir()
    for tool in ("mkdir", "rmdir", "touch", "sleep", "chmod"):
        (base / "bin" / tool).symlink_to(shutil.which(tool))
    apt = base / "bin/apt-get"
    apt.write_text(APT.format(base=base))
    apt.chmod(0o755)
    both = [start(base, program) for program in ("java", "npm")]
    for process in both:
        assert process.stdout.readline() == "ready\n"
    for process in both:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in both:
        output = process.communicate(timeout=60)[0]
        assert process.returncode == 0, output
    assert not (base / "refused").exists()


# No registry can be reached.
ALONE = """
import sys
import environment
environment.run = lambda *a, **k: False
environment.venv.create = lambda *a, **k: None
sys.argv = ["environment.py", sys.argv[1]]
environment.main()
"""


def test_without_registries(base):
    for value, code, says in ((None, 1, "DATASHARD_ENGINES=off"), ("no", 1, "could not be"),
                              ("off", 77, "SKIPPED")):
        env = {k: v for k, v in os.environ.items() if k != "DATASHARD_ENGINES"}
        env.update({} if value is None else {"DATASHARD_ENGINES": value})
        (base / "ready").touch()  # Of an earlier time: it must not count.
        done = subprocess.run([sys.executable, "-c", ALONE, str(base)], cwd=HERE, env=env,
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == code and says in done.stdout, (value, done)
        assert not (base / "ready").exists()


def main():
    with tempfile.TemporaryDirectory() as base:
        test_both_are_installed(pathlib.Path(base))
    with tempfile.TemporaryDirectory() as base:
        test_without_registries(pathlib.Path(base))
    print("2 programs were asked for at once, and installed; without registries it fails")


if __name__ == "__main__":
    main()

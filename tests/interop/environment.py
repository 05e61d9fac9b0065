#!/usr/bin/env python3
"""Prepares the other engines that the interoperability tests run beside datashard.

usage: environment.py DIR

Makes in DIR a Python environment with PyIceberg, DuckDB and Spark, the two Java archives
that Spark needs, and the npm package with real data. What is there already is kept, so a
second call is quick. Where a package registry cannot be reached it fails, and with it all tests
that need it: nothing would have shown that others read what we write. DATASHARD_ENGINES=off in
the environment says that this is meant: it exits with 77 ("skipped"), and they are skipped.
"""
import contextlib
import fcntl
import os
import pathlib
import shutil
import subprocess
import sys
import venv

PYTHON_PACKAGES = [
    "pyiceberg[sql-sqlite,pyarrow,pyiceberg-core]==0.12.*",
    "pyarrow==26.0.*",
    "duckdb==1.4.4",
    "duckdb-ext-iceberg==1.4.4.*",
    "duckdb-ext-avro==1.4.4.*",
    "pytz",
    "pyspark==3.5.*",
    "setuptools<81",
]
JAVA_ARCHIVES = [
    "org.apache.iceberg:iceberg-spark-runtime-3.5_2.12:1.10.1",
    "org.xerial:sqlite-jdbc:3.50.3.0",
]
NPM_PACKAGES = ["vega-datasets@3.2.1"]
DEBIAN_PACKAGES = {"java": "default-jre-headless", "mvn": "maven", "npm": "npm"}


def run(command, **more):
    print("+", " ".join(map(str, command)), flush=True)
    return subprocess.run(command, **more).returncode == 0


def begin(folder):
    """The directory of an environment, which is not ready yet; skips it if nobody wants it."""
    base = pathlib.Path(folder).resolve()
    base.mkdir(parents=True, exist_ok=True)
    (base / "ready").unlink(missing_ok=True)
    if os.environ.get("DATASHARD_ENGINES") == "off":
        print("\n*** SKIPPED: DATASHARD_ENGINES=off, so no other engine is asked ***\n", flush=True)
        sys.exit(77)
    return base


def fail(what):
    print(f"\n*** NO OTHER ENGINES: {what}. To test without them: DATASHARD_ENGINES=off ***\n",
          flush=True)
    sys.exit(1)


@contextlib.contextmanager
def alone():
    """One of us at a time: environments are made side by side, and a second apt-get fails."""
    with open(__file__, encoding="utf-8") as us:
        fcntl.flock(us, fcntl.LOCK_EX)
        yield


def need(program):
    """A program, from Debian when it is missing and we may install it."""
    if shutil.which(program):
        return True
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    with alone():
        run(["apt-get", "update", "-qq"], env=env, stdout=subprocess.DEVNULL)
        run(["apt-get", "install", "-y", "-qq", "--no-install-recommends",
             "-o", "DPkg::Lock::Timeout=600", DEBIAN_PACKAGES[program]],
            env=env, stdout=subprocess.DEVNULL)
    return shutil.which(program) is not None


def prepare_python(base, packages):
    mark = base / "python.txt"
    wanted = "\n".join(packages)
    if mark.is_file() and mark.read_text() == wanted:
        return
    shutil.rmtree(base / "python", ignore_errors=True)
    venv.create(base / "python", with_pip=True)
    if not run([base / "python/bin/pip", "-q", "--disable-pip-version-check", "install",
                *packages]):
        fail("the Python packages could not be installed")
    mark.write_text(wanted)


def prepare_java(base):
    jars = base / "jars"
    jars.mkdir(exist_ok=True)
    missing = [a for a in JAVA_ARCHIVES
               if not (jars / ("-".join(a.split(":")[1:]) + ".jar")).is_file()]
    if not need("java"):
        fail("no Java runtime, and none could be installed")
    if not missing:
        return
    if not need("mvn"):
        fail("no Maven client, and none could be installed")
    for artifact in missing:
        if not run(["mvn", "-q", "-B", "dependency:copy", f"-Dartifact={artifact}",
                    f"-DoutputDirectory={jars}"]):
            fail(f"{artifact} could not be fetched")


def prepare_npm(base, packages):
    folder = base / "npm"
    mark = folder / "packages.txt"
    wanted = "\n".join(packages)
    if mark.is_file() and mark.read_text() == wanted:
        return
    folder.mkdir(exist_ok=True)
    (folder / "package.json").write_text('{"private": true}\n')
    if need("npm") and run(["npm", "install", "--silent", "--no-fund", "--no-audit",
                            *packages], cwd=folder):
        mark.write_text(wanted)
    else:
        fail(f"{' '.join(packages)} could not be fetched")


def main():
    base = begin(sys.argv[1])
    prepare_python(base, PYTHON_PACKAGES)
    prepare_java(base)
    prepare_npm(base, NPM_PACKAGES)
    (base / "ready").touch()
    print(f"the other engines are ready in {base.name}/")


if __name__ == "__main__":
    main()

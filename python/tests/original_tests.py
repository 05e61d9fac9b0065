"""DataShard's own tests against this package, as a report.

    PYTHONPATH=build/dev/python python3 python/tests/original_tests.py [VERSION ...]

Fetches the source distribution of each version with pip into build/original-tests (never
into the repository), runs its tests with the package that PYTHONPATH names first, with the
fixtures of original_fixtures.py, and prints one line for each: passed, failed with the
reason, or not applicable, with why from original_tests.txt. Needs what environment.py
installs. Exits with 1 when a line of that file is about no test of these versions.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = ROOT / "build" / "original-tests"
VERSIONS = ("0.7.2", "0.11.2")
SECONDS_MAX = 1200


class Result(NamedTuple):
    """What became of one test; `outcome` is "passed", "failed" or "not applicable"."""

    name: str
    outcome: str
    reason: str


def fetch(version: str) -> Path:
    """The unpacked source distribution."""
    folder = WORK / f"datashard-{version}"
    archive = WORK / f"datashard-{version}.tar.gz"
    if folder.is_dir():
        return folder
    WORK.mkdir(parents=True, exist_ok=True)
    if not archive.exists():
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        command += ["--dest", str(WORK), f"datashard=={version}"]
        subprocess.run(command, check=True)
    with tarfile.open(archive) as packed:
        if hasattr(tarfile, "data_filter"):
            packed.extractall(WORK, filter="data")
        else:  # CPython before 3.11.4, Debian 12's among them.
            packed.extractall(WORK)
    return folder


def reasons() -> dict[str, str]:
    """Names of tests, and why those tests say nothing about this package."""
    lines = (HERE / "original_tests.txt").read_text(encoding="utf-8").splitlines()
    told = (line.split(" | ", 1) for line in lines if line and not line.startswith("#"))
    return {name.strip(): reason.strip() for name, reason in told}


def run(version: str) -> list[Result]:
    """Runs one version's tests."""
    folder = fetch(version)
    report = WORK / f"{version}.xml"
    report.unlink(missing_ok=True)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DATASHARD_")}
    first = environment.get("PYTHONPATH")
    environment["PYTHONPATH"] = os.pathsep.join([*([first] if first else []), str(HERE)])
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull]
    command += ["-p", "original_fixtures", "--rootdir", str(folder), "--continue-on-collection-errors", f"--junitxml={report}", "tests"]
    with open(WORK / f"{version}.log", "wb") as log:
        subprocess.run(
            command, cwd=folder, env=environment, stdout=log, stderr=log, timeout=SECONDS_MAX, check=False
        )
    if not report.exists():
        raise SystemExit(f"original_tests: no report; see {WORK / f'{version}.log'}")
    return read_report(report)


def read_report(report: Path) -> list[Result]:
    """The outcome of each test of a JUnit file, in its order."""
    known = reasons()
    results: list[Result] = []
    for case in ElementTree.parse(report).iter("testcase"):
        name = ".".join(part for part in (case.get("classname"), case.get("name")) if part)
        name = name.removeprefix("tests.")
        trouble = [node for node in case if node.tag in ("failure", "error", "skipped")]
        if not trouble:
            results.append(Result(name, "passed", ""))
            continue
        if name in known:
            results.append(Result(name, "not applicable", known[name]))
            continue
        message = (trouble[0].get("message") or trouble[0].text or "").strip()
        results.append(Result(name, "failed", message.splitlines()[0][:160] if message else "no message"))
    return results


def main(versions: list[str]) -> int:
    """Runs the versions and prints the report."""
    unknown = set(reasons())
    for version in versions or VERSIONS:
        results = run(version)
        unknown -= {one.name for one in results}
        unseen = {one.name for one in results if "." not in one.name and one.outcome != "passed"}
        unknown = {name for name in unknown if name.partition(".")[0] not in unseen}
        for one in results:
            print(f"{one.outcome}: {one.name}" + (f": {one.reason}" if one.reason else ""))
        passed = sum(one.outcome == "passed" for one in results)
        beside = sum(one.outcome == "not applicable" for one in results)
        print(
            f"original_tests: version={version} passed={passed} total={len(results)} "
            f"not_applicable={beside}"
        )
    if versions:
        return 0
    for name in sorted(unknown):
        print(f"original_tests.txt: there is no test {name}")
    return 1 if unknown else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

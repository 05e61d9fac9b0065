"""Tests where other packages are missing: those that need them are skipped, by name.

An empty environment has only pytest and datashard. A test file or a test that imports
pandas, say, is skipped there. Only an import made by the test itself counts: when the
package itself imports what is not there, that is a failure.
"""

from __future__ import annotations

import ast
import importlib.util
import pathlib
import signal
from collections.abc import Generator

import pytest

OPTIONAL = ("duckdb", "fastavro", "numpy", "pandas", "polars", "pyarrow", "pyiceberg", "pytz")
# A shell starts what it puts in the background with Ctrl-C ignored, and so would be the tests
# of it, and their children.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

HERE = pathlib.Path(__file__).resolve().parent
MISSING = frozenset(name for name in OPTIONAL if importlib.util.find_spec(name) is None)


def _imports_at_top(path: pathlib.Path) -> set[str]:
    names: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def _left_out() -> dict[str, list[str]]:
    """The test files that cannot be imported here, and what they lack."""
    found: dict[str, list[str]] = {}
    for path in sorted(HERE.glob("test_*.py")) if MISSING else []:
        lacking = sorted(_imports_at_top(path) & MISSING)
        if lacking:
            found[path.name] = lacking
    return found


LEFT_OUT = _left_out()
collect_ignore = list(LEFT_OUT)


def pytest_report_header() -> list[str]:
    return [f"left out: {name} needs {', '.join(what)}" for name, what in LEFT_OUT.items()]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, None, None]:
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name and error.name.split(".")[0] in MISSING and _by_a_test(error):
            pytest.skip(f"{error.name} is not installed here")
        raise


def _by_a_test(error: ModuleNotFoundError) -> bool:
    """Whether the import that failed is a test's own."""
    trace = error.__traceback__
    assert trace is not None
    while trace.tb_next and "importlib" not in trace.tb_next.tb_frame.f_code.co_filename:
        trace = trace.tb_next
    return HERE in pathlib.Path(trace.tb_frame.f_code.co_filename).resolve().parents

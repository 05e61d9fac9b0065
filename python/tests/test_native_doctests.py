"""Every example in the native modules' docstrings and in the guide runs."""

from __future__ import annotations

import doctest
import importlib
import pathlib

import pytest

import datashard._native as native

MODULES = ["_units", "_schema", "_scan", "_transaction", "_appender", "_table", "_catalog", "_native"]
GUIDE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "python.md"


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name: str) -> None:
    module = importlib.import_module(f"datashard.{name}")
    globs = {**{n: getattr(native, n) for n in native.__all__}, **vars(module)}
    result = doctest.testmod(module, globs=globs)
    assert result.failed == 0 and result.attempted > 0


def test_guide(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not GUIDE.exists():
        pytest.skip("the guide is not here")
    for module in ("pyarrow", "pandas", "polars", "duckdb"):
        pytest.importorskip(module)
    monkeypatch.chdir(tmp_path)
    result = doctest.testfile(str(GUIDE), module_relative=False)
    assert result.failed == 0 and result.attempted > 10

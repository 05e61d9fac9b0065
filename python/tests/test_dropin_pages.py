"""Every documented example has its test: the pages and their numbers, counted."""

from __future__ import annotations

import ast
import pathlib
import re

from examples_support import CALLS_NOTHING, PAGES, SAME_AS_BEFORE

HERE = pathlib.Path(__file__).resolve().parent


def names_of_tests() -> list[str]:
    """``page_number`` of each test of an example, in order."""
    found = []
    for path in sorted(HERE.glob("test_dropin_examples_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                name = re.fullmatch(r"test_([a-z0-9_]+?_\d+)_[a-z0-9_]+", node.name)
                assert name, node.name
                found.append(name[1])
    return found


def test_each_example_has_one_test() -> None:
    wanted = {f"{page}_{n}" for page, count in PAGES.items() for n in range(1, count + 1)}
    found = names_of_tests()
    elsewhere = set(CALLS_NOTHING) | set(SAME_AS_BEFORE)
    assert len(found) == len(set(found)) and set(SAME_AS_BEFORE.values()) <= set(found)
    assert elsewhere <= wanted and not elsewhere & set(found)
    assert set(found) == wanted - elsewhere

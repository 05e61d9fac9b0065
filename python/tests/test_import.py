"""What `import datashard` brings, and when."""

from __future__ import annotations

import ast
import inspect
import pkgutil
from pathlib import Path

import pytest
from children import child

import datashard


def run(code: str) -> str:
    """What a fresh process prints."""
    with child(code, stdout=-1) as process:
        assert process.stdout
        text = process.stdout.read().strip()
        assert process.wait() == 0, text
    return text


def imported_for_checkers() -> dict[str, str]:
    """The names that __init__.py imports where only type checkers look, with their modules."""
    tree = ast.parse(Path(inspect.getfile(datashard)).read_text())
    (branch,) = (node for node in tree.body if isinstance(node, ast.If))
    return {
        alias.name: str(node.module)
        for node in branch.body
        if isinstance(node, ast.ImportFrom) and node.level
        for alias in node.names
    }


def test_checkers_and_programs_see_the_same_names() -> None:
    assert imported_for_checkers() == datashard._LATER
    own = {"__author__", "__version__"}
    assert set(datashard.__all__) - own <= set(datashard._LATER)


def test_every_name_is_the_one_of_its_module() -> None:
    for name, home in datashard._LATER.items():
        module = __import__(f"datashard.{home}", fromlist=[name])
        assert getattr(datashard, name) is getattr(module, name)


def test_importing_loads_no_module_that_nobody_asked_for() -> None:
    loaded = run(
        "import sys, datashard; print(*sorted(m for m in sys.modules if m.startswith('datashard')))"
    )
    assert loaded.split() == ["datashard", "datashard._core", "datashard._errors"]


def test_all_of_it_comes_with_a_star() -> None:
    code = "import datashard as d; names = set(d.__all__); from datashard import *; print(names <= set(dir()))"
    assert run(code) == "True"


def test_public_modules_are_attributes_and_listed() -> None:
    modules = [m.name for m in pkgutil.iter_modules(datashard.__path__) if m.name[0] != "_"]
    assert {"table", "filters", "iceberg", "migrate"} <= set(modules)
    listed = run("import datashard; print(*dir(datashard))").split()
    assert {*modules, *datashard.__all__} <= set(listed) and listed == sorted(listed)
    code = (
        f"import datashard, types\nfor name in {modules}:\n"
        " assert isinstance(getattr(datashard, name), types.ModuleType), name\nprint(len(dir(datashard)))"
    )
    assert int(run(code)) >= len(listed)


def test_what_is_not_there_is_said() -> None:
    for name in ("Tabel", "_native_", "_LATER_", "__wrapped__"):
        with pytest.raises(AttributeError, match=f"module 'datashard' has no attribute '{name}'"):
            getattr(datashard, name)
    with pytest.raises(ImportError, match="cannot import name 'Tabel' from 'datashard'"):
        exec("from datashard import Tabel")


def test_a_private_module_is_no_attribute_before_it_is_imported() -> None:
    assert run("import datashard; print(hasattr(datashard, '_bounds'))") == "False"


def test_an_error_is_raised_where_no_file_can_be_opened() -> None:
    code = """
import datashard, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
try:
    datashard._core.open_table("/no/such/table")
except Exception as error:
    print(type(error).__module__)
"""
    assert run(code) == "datashard._errors"


def test_threads_may_ask_at_once() -> None:
    code = """
import datashard, threading
ready, got = threading.Barrier(8), []
def ask():
    ready.wait()
    got.append((datashard.Table, datashard.create_table, datashard.filters))
threads = [threading.Thread(target=ask) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(got), len(set(got)))
"""
    assert run(code) == "8 1"


def test_importing_leaves_the_logging_of_the_program_alone() -> None:
    code = """
import logging, datashard
logging.basicConfig(level="INFO", format="%(name)s %(message)s")
logging.getLogger("datashard").setLevel("ERROR")
datashard.Table, datashard.create_table, datashard.migrate
root, own = logging.getLogger(), logging.getLogger("datashard")
print(len(root.handlers), root.level, own.level, [type(h).__name__ for h in own.handlers])
"""
    assert run(code) == "1 20 40 ['NullHandler']"

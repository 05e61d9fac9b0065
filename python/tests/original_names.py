"""The public names of DataShard, as facts: what a program can import and call.

    python3 python/tests/original_names.py

Writes original_names.json beside it, from the source distributions that `original_tests.py`
fetches; needs what DataShard needs. A fact is a name with its kind and, where it has one,
its signature. Public are the modules, what a module defines or lists in ``__all__``, the
members of its classes, and what ``__init__`` sets on an object; nothing that begins with
an underscore, and no modules or names that were only imported.

`facts_of` and `gap` are what test_dropin_names.py counts with.
"""

from __future__ import annotations

import ast
import enum
import importlib
import inspect
import json
import os
import pkgutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple, TypeVar

HERE = Path(__file__).resolve().parent
FACTS = HERE / "original_names.json"
PACKAGE = "datashard"
SENTENCE_MIN = 80
PLAIN = (bool, int, float, str, bytes, type(None))


class Fact(NamedTuple):
    """`bases` of a class, `parameters` of what can be called, `value` of a plain constant."""

    kind: str
    parameters: list[str] | None = None
    bases: list[str] | None = None
    value: str | None = None


def parameters_of(thing: object) -> list[str] | None:
    """``["self", "a", "b=1", "*", "c=2", "**d"]``; None where there are none to ask for."""
    try:
        found = inspect.signature(thing).parameters.values()  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    told: list[str] = []
    starred = False
    for one in found:
        if one.kind is one.VAR_POSITIONAL:
            told.append(f"*{one.name}")
            starred = True
            continue
        if one.kind is one.KEYWORD_ONLY and not starred:
            told.append("*")
            starred = True
        if one.kind is one.VAR_KEYWORD:
            told.append(f"**{one.name}")
        else:
            told.append(one.name if one.default is one.empty else f"{one.name}={one.default!r}")
    return told


def _is_public(name: str) -> bool:
    return not name.startswith("_") and name not in ("logger", "TYPE_CHECKING")


def _defined(source: str) -> set[str]:
    """The names that a module's own statements define, imports left out."""
    names: set[str] = set()
    waiting: list[ast.stmt] = list(ast.parse(source).body)
    while waiting:
        one = waiting.pop()
        if isinstance(one, (ast.FunctionDef, ast.ClassDef)):
            names.add(one.name)
        elif isinstance(one, ast.Assign):
            names.update(t.id for t in one.targets if isinstance(t, ast.Name))
        elif isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
            names.add(one.target.id)
        elif isinstance(one, ast.If):
            waiting += [*one.body, *one.orelse]
        elif isinstance(one, ast.Try):
            waiting += [*one.body, *one.orelse, *(s for h in one.handlers for s in h.body)]
    return names


def set_in_init(cls: type) -> set[str]:
    """The attributes that ``__init__`` of a class, or of one it is made of, sets."""
    names: set[str] = set()
    for one in cls.__mro__:
        init = vars(one).get("__init__")
        if not inspect.isfunction(init):
            continue
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(init)))
        except (OSError, TypeError, SyntaxError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                if isinstance(node.value, ast.Name) and node.value.id == "self":
                    names.add(node.attr)
    return names


def fact(thing: object) -> Fact:
    """What is to be said of one object."""
    if inspect.isclass(thing):
        bases = [b.__name__ for b in thing.__mro__[1:] if not b.__name__.startswith("_")]
        return Fact("class", parameters_of(thing), sorted(set(bases) - {"object", "ABC", "Generic"}))
    if callable(thing):
        return Fact("callable", parameters_of(thing))
    if isinstance(thing, str) and len(thing) >= SENTENCE_MIN and " " in thing:
        return Fact("message")  # That there is one is a fact; how it is put is the author's.
    if isinstance(thing, PLAIN):
        return Fact("constant", value=repr(thing))
    return Fact("object")


def _members(name: str, cls: type) -> dict[str, Fact]:
    found: dict[str, Fact] = {}
    for base in cls.__mro__:
        if not base.__module__.startswith(PACKAGE):
            continue
        for key in vars(base):
            if _is_public(key) and f"{name}.{key}" not in found:
                value = inspect.getattr_static(cls, key)
                attribute = isinstance(value, property) or not callable(getattr(cls, key, None))
                told = Fact("attribute") if attribute else fact(getattr(cls, key))
                found[f"{name}.{key}"] = told
    for key in set_in_init(cls):
        if _is_public(key):
            found.setdefault(f"{name}.{key}", Fact("attribute"))
    return found


def _is_own(name: str, thing: object) -> bool:
    """Not another package's, and no private name that `__all__` lists."""
    if name.startswith("_") and not name.startswith("__"):
        return False
    if inspect.ismodule(thing) or isinstance(thing, TypeVar):
        return False
    return not inspect.isclass(thing) or thing.__module__.startswith(PACKAGE)


def facts_of() -> dict[str, Fact]:
    """All of the package that ``import datashard`` finds here."""
    package = importlib.import_module(PACKAGE)
    found: dict[str, Fact] = {}
    names = [PACKAGE]
    names += [f"{PACKAGE}.{m.name}" for m in pkgutil.iter_modules(package.__path__)]
    for module_name in sorted(names):
        plain = module_name.rpartition(".")[2]
        if plain.startswith("_") and plain != "__main__":
            continue
        module = importlib.import_module(module_name)
        found[module_name] = Fact("module")
        listed = set(getattr(module, "__all__", ()))
        wanted = {n for n in _defined(inspect.getsource(module)) if _is_public(n)} | listed
        for name in sorted(wanted):
            thing = getattr(module, name)
            if not _is_own(name, thing):
                continue
            found[f"{module_name}.{name}"] = fact(thing)
            if inspect.isclass(thing) and thing.__module__ == module_name:
                found.update(_members(f"{module_name}.{name}", thing))
    return found


def find(name: str) -> object:
    """The object of that name here, ``Fact("attribute")`` for one that __init__ sets;
    ImportError or AttributeError where there is none."""
    parts = name.split(".")
    thing: object = importlib.import_module(parts[0])
    rest = parts[1:]
    if rest and importlib.util.find_spec(".".join(parts[:2])) is not None:
        thing = importlib.import_module(".".join(parts[:2]))
        rest = parts[2:]
    for part in rest:
        if inspect.isclass(thing) and not hasattr(thing, part) and part in set_in_init(thing):
            return Fact("attribute")
        thing = getattr(thing, part)
    return thing


def _named(parameter: str) -> tuple[str, str | None]:
    name, equals, default = parameter.partition("=")
    return name, default if equals else None


def _parameter_gap(wanted: list[str], found: list[str] | None) -> str:
    """Why a call by the known signature would not do; "" when it would."""
    if {"*args", "**kwargs"} <= set(wanted):
        return ""
    mine = list(found or [])
    by_keyword = False
    open_ended = any(one.startswith("**") for one in mine)
    positions = [one for one in mine if not one.startswith("*")]
    for place, one in enumerate(wanted):
        if one.startswith("*"):
            by_keyword = True
            continue
        name, default = _named(one)
        known = {n: (i, d) for i, (n, d) in enumerate(map(_named, positions))}
        if name not in known:
            if open_ended:
                continue
            return f"no parameter {name}"
        if not by_keyword and known[name][0] != place:
            return f"parameter {name} is in another place"
        if default is not None and known[name][1] != default:
            return f"{name} is {known[name][1]} by default, not {default}"
    names = {_named(one)[0] for one in wanted}
    for name, default in map(_named, positions):
        if name not in names and default is None:
            return f"parameter {name} is one more and has no default"
    return ""


def _derives(thing: object, mine: Fact, base: str) -> bool:
    """Whether a class has a base of that name, or one that goes by it here."""
    if base in (mine.bases or ()):
        return True
    known_as = getattr(importlib.import_module(PACKAGE), base, None)
    return inspect.isclass(thing) and inspect.isclass(known_as) and issubclass(thing, known_as)


def gap(name: str, wanted: Fact) -> str:
    """What differs here from the fact; "" when nothing does."""
    try:
        thing = find(name)
    except (ImportError, AttributeError):
        return "absent"
    if wanted.kind in ("module", "object", "attribute") or isinstance(thing, Fact):
        return ""
    if wanted.kind == "message":
        return "" if isinstance(thing, str) and thing else "no text"
    if wanted.kind == "constant":
        if name.endswith((".__version__", "_AVAILABLE")):
            return ""  # Of the day, and of the machine.
        return "" if repr(thing) == wanted.value else f"{thing!r}, not {wanted.value}"
    mine = fact(thing)
    if wanted.kind == "class" and mine.kind != "class":
        return "no class"
    lacking = sorted(base for base in wanted.bases or () if not _derives(thing, mine, base))
    if lacking:
        return f"no {', '.join(lacking)}"
    if inspect.isclass(thing) and issubclass(thing, enum.Enum):
        return ""  # How an enumeration is called depends on the Python version.
    return _parameter_gap(wanted.parameters, mine.parameters) if wanted.parameters else ""


def known() -> dict[str, dict[str, Fact]]:
    """The facts of the file, by version and name."""
    told = json.loads(FACTS.read_text(encoding="utf-8"))
    return {v: {name: Fact(**one) for name, one in facts.items()} for v, facts in told.items()}


def main() -> None:
    """Makes the file; started by itself with "-" it prints the facts of one package."""
    if sys.argv[1:] == ["-"]:
        compact = {n: {k: v for k, v in f._asdict().items() if v is not None} for n, f in facts_of().items()}
        print(json.dumps(compact))
        return
    from original_tests import VERSIONS, fetch

    told = {}
    for version in VERSIONS:
        env = {**os.environ, "PYTHONPATH": str(fetch(version) / "src")}
        command = [sys.executable, str(Path(__file__).resolve()), "-"]
        told[version] = json.loads(subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE).stdout)
    lines = [
        f'"{v}": {{\n' + ",\n".join(f"{json.dumps(n)}: {json.dumps(f)}" for n, f in sorted(facts.items())) + "\n}"
        for v, facts in told.items()
    ]
    FACTS.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print({v: len(facts) for v, facts in told.items()})


if __name__ == "__main__":
    main()

"""One word for one thing, and no setting that is forgotten: checks of the whole source."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import fields
from graphlib import TopologicalSorter
from pathlib import Path

import pixleak

ROOT = Path(pixleak.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))

DOORS = ("auditing/api.py", "cli/", "runners/worker.py")
"""Public functions, and the commands named after them: the same thing by another door."""

SUBJECTS = {
    *("attacks", "audit", "canaries", "controls", "defences", "difficulties", "function", "images"),
    *("leave_one_out", "models", "module", "page", "parts", "query", "questions", "references"),
    *("sections", "set_test", "signals", "subgroups", "utility"),
}
"""What several rooms deal with, each in a file of this name: requested, computed, saved, shown."""


def _twice(names: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    places = defaultdict(list)
    for name, place in names:
        places[name].append(place)
    return {name: where for name, where in places.items() if len(where) > 1}


def _defined(kinds: tuple[type[ast.stmt], ...]) -> Iterable[tuple[str, str]]:
    for path in MODULES:
        place = path.relative_to(ROOT).as_posix()
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, kinds):
                yield node.name, place  # type: ignore[attr-defined]


def test_no_class_name_stands_for_two_things() -> None:
    assert _twice(_defined((ast.ClassDef,))) == {}


def test_no_public_function_name_stands_for_two_things() -> None:
    # The checks of several kinds of method have the same parts: a description, batches, pickling.
    functions = [
        (name, place)
        for name, place in _defined((ast.FunctionDef,))
        if not name.startswith("_") and not place.startswith((*DOORS, "testing/"))
    ]
    assert _twice(functions) == {}


def test_no_file_name_stands_for_two_things() -> None:
    stems = ((path.stem, path.relative_to(ROOT).as_posix()) for path in MODULES)
    allowed = SUBJECTS | {"__init__", "base"}
    assert {name: where for name, where in _twice(stems).items() if name not in allowed} == {}


def test_no_setting_of_a_plan_is_left_unread() -> None:
    from pixleak.pipeline.plan.plan import Plan

    text = "\n".join(path.read_text() for path in MODULES if path.name != "plan.py")
    unread = [one.name for one in fields(Plan) if not re.search(rf"plan\.{one.name}\b", text)]
    assert unread == []


def _imports(path: Path, known: set[str]) -> set[str]:
    """The modules of the package that a file imports, at its top or inside a function."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("pixleak"):
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.add(whole if whole in known else str(node.module))
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found & known


def test_no_modules_import_each_other_in_a_circle() -> None:
    names = {}
    for path in MODULES:
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        names[".".join(part for part in parts if part != "__init__")] = path
    del names["pixleak"]  # names the public functions, which are imported at first use
    graph = {name: _imports(path, set(names)) - {name} for name, path in names.items()}
    assert len(graph) > 300
    TopologicalSorter(graph).prepare()  # raises a CycleError that names the circle

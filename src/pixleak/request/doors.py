"""The doors a request comes through, and the words that each of them uses for a setting.

A Python caller knows arguments, the reader of a YAML file keys, and a user of the command line
options. Errors are raised deep inside with :func:`pixleak.core.errors.setting`; at the door they
are put into the caller's words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pixleak.core.errors import PixleakError

Word = Callable[[str], str]
"""The path of a setting, ``"target.samples"`` -> what the caller calls it."""

_ARGUMENTS = {
    "title": "AuditRequest(title=...)",
    "seed": "seed",
    "members": "members",
    "nonmembers": "nonmembers",
    "records": "AuditRequest(records=...)",
    "target.access": "access",
    "references": "references",
    "split.population": "Attacker(population=...)",
    "split.reserve": "TargetModel(reserve=...)",
    "run.folder": "out",
}
"""Settings whose argument is not named after their part."""

_OPTIONS = {"run.folder": "--out"}
"""Settings with an option of their own, which stand in no file."""

_PARTS = {
    "split": "SplitChoice",
    "target": "TargetModel",
    "attacker": "Attacker",
    "references": "References",
    "canaries": "Canaries",
    "poison": "PoisonChoice",
    "evaluation": "Evaluation",
    "run": "Run",
}

_MAPPINGS = ("input", "output")
"""Fields that a Python caller gives as a mapping."""


def python(path: str) -> str:
    """A setting as a Python caller writes it.

    >>> python("target.access"), python("target.samples"), python("analyses")
    ('access', 'TargetModel(samples=...)', 'AuditRequest(analyses=...)')
    >>> python("target.input.range")
    "TargetModel(input={'range': ...})"
    """
    if path in _ARGUMENTS:
        return _ARGUMENTS[path]
    part, _, field = path.partition(".")
    if part in _PARTS and field:
        name, _, inner = field.partition(".")
        value = f"{{'{inner}': ...}}" if inner and name in _MAPPINGS else "..."
        return f"{_PARTS[part]}({name}={value})"
    return f"AuditRequest({part}=...)"


def yaml(path: str) -> str:
    """A setting as it stands in a configuration file: its key.

    >>> yaml("split.reserve"), yaml("run.folder")
    ('split.reserve', '--out')
    """
    return _OPTIONS.get(path, path)


def command_line(path: str) -> str:
    """A setting as it is given on the command line.

    >>> command_line("split.reserve"), command_line("run.folder")
    ('--set split.reserve=...', '--out')
    """
    return _OPTIONS.get(path, f"--set {path}=...")


@contextmanager
def speaking(word: Word) -> Iterator[None]:
    """Errors of the block are raised in the words of a door.

    Args:
        word: :func:`python`, :func:`yaml` or :func:`command_line`.
    """
    try:
        yield
    except PixleakError as error:
        told = error.told(word)
        if told == error.args[0]:
            raise
        worded = type(error)(told)
        worded.__dict__.update(error.__dict__)  # what it carries, such as a result
        raise worded from error

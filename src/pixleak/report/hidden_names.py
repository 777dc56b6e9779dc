"""What is hidden in the texts of a result that is passed on: ids, subjects, paths, user names.

A name can be an ordinary word: a user called ``root``, a record called ``mean``. So keys are
never changed, nor are words of the result's own vocabulary, unless the place says what they are.
"""

from __future__ import annotations

import getpass
import platform
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

_PATH = re.compile(r"""(?<![\w.:/])(?:~|[A-Za-z]:)?(?:[/\\][^\s/\\'",;:<>|]+)+[/\\]?""")
_WHOLE_PATH = re.compile(r"""(?:~[\w.-]*|[A-Za-z]:)?[/\\][^'"<>|:;]*""")
_HOME = re.compile(r"""((?:^|[/\\])(?:home|Users)[/\\])[^\s/\\'",;:<>|]+""")
_ROOT = re.compile(r"""(?<![\w./\\])/root(?=[/\s'",;:]|$)""")

_OF_RECORDS = {"id", "ids", "record", "subject", "subjects", "member", "nonmember"}
"""Keys whose values are names of records or subjects."""

_OF_PEOPLE = {"user", "username", "user_name", "login", "owner", "author", "logname"}
_OF_MACHINES = {"host", "hostname", "node", "machine_name"}

_OF_METHODS = {
    "access", "answer", "attack", "feature", "kind", "method", "name", "network", "reader",
    "side", "signal", "unit",
}  # fmt: skip
"""Keys whose values are words of the package and not of the records."""

_QUOTED_WHOLE = r"""['"](?P<name>{})['"]"""
_QUOTED = r"""(?<=['"])(?P<name>{})(?=['"])"""
_BARE = r"""(?<!\w)(?P<name>{})(?!\w)"""


class HiddenNames:
    """Hides what tells who and where in the content of a result.

    Args:
        names: id or subject -> what stands in its place.
        content: of the result, whose keys and names of methods are its vocabulary.
    """

    def __init__(self, names: Mapping[str, str], content: Any) -> None:
        self._names = names
        vocabulary = set(_vocabulary(content))
        ordered = sorted((one for one in names if one), key=len, reverse=True)
        plain = [one for one in ordered if one not in vocabulary]
        self._patterns = [
            _either(ordered, r"(?<=record )" + _QUOTED_WHOLE),
            _either(ordered, r"(?<=subject )" + _QUOTED_WHOLE),
            _either(plain, _QUOTED),
            _either([one for one in plain if _telling(one)], _BARE),
        ]
        node = platform.node()
        told = node if re.search(r"[\W\d]", node) and node not in vocabulary else ""
        # In the names of files and folders any name is looked for, in sentences no plain word.
        self._machine = _either([told] if told else [], _BARE)
        self._machine_in_paths = _either([node] if node else [], _BARE)
        self._own = {_user(), Path.home().name} - {""}

    def cleaned(self, value: Any, key: str = "") -> Any:
        """The content with everything hidden; keys and numbers stay as they are."""
        if isinstance(value, str):
            return self._value(value, key)
        if isinstance(value, list):
            return [self.cleaned(one, key) for one in value]
        if isinstance(value, dict):
            return {name: self.cleaned(one, name) for name, one in value.items()}
        return value

    def _value(self, text: str, key: str) -> str:
        if key in _OF_RECORDS and text in self._names:
            return self._names[text]
        if key in _OF_PEOPLE:
            return "user"
        if key in _OF_MACHINES:
            return "machine"
        text = self._path(self._ids(text))
        return text if self._machine is None else self._machine.sub("machine", text)

    def _ids(self, text: str) -> str:
        for pattern in self._patterns:
            if pattern is not None:
                text = pattern.sub(
                    lambda found: found[0].replace(found["name"], self._names[found["name"]]), text
                )
        return text

    def _path(self, text: str) -> str:
        text = _ROOT.sub("/home/user", _HOME.sub(r"\1user", text))
        home = str(Path.home())
        if home != "/":
            text = re.sub(rf"(?<![\w/\\]){re.escape(home)}(?!\w)", "/home/user", text)
        if _WHOLE_PATH.fullmatch(text):
            return self._last(text)
        return _PATH.sub(lambda path: self._last(path[0]), text)

    def _last(self, path: str) -> str:
        parts = [part for part in re.split(r"[/\\]", path) if part]
        last = parts[-1] if parts else path
        if last in self._own:
            return "user"
        found = self._machine_in_paths
        return last if found is None else found.sub("machine", last)


def _user() -> str:
    """The name of this user; empty where the system knows none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


def _either(names: Sequence[str], form: str) -> re.Pattern[str] | None:
    """One of these names, the longest first, in a form with a place ``{}``; None without names."""
    if not names:
        return None
    return re.compile(form.replace("{}", "|".join(map(re.escape, names))))


def _telling(name: str) -> bool:
    """Whether a name can be hidden unquoted: a letter and a digit, so no word and no number."""
    return bool(re.search(r"[^\W\d_]", name)) and bool(re.search(r"\d", name))


def _vocabulary(value: Any, key: str = "") -> Iterator[str]:
    if isinstance(value, str):
        if key in _OF_METHODS:
            yield value
    elif isinstance(value, list):
        for one in value:
            yield from _vocabulary(one, key)
    elif isinstance(value, dict):
        for name, one in value.items():
            yield name
            yield from _vocabulary(one, name)

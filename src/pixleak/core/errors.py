"""The errors that pixleak raises on purpose.

Every one is a single sentence a user can act on: what was wrong, where, what was
expected, how to correct it. The command line prints it without a traceback and exits with 2.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sysconfig
import traceback
from collections.abc import Callable, Iterator
from importlib.metadata import distributions
from pathlib import Path
from types import ModuleType

_OPEN, _CLOSE = "\ue000", "\ue001"  # of the private use area, which no text of ours contains
_SETTING = re.compile(f"{_OPEN}(.*?){_CLOSE}")


def setting(path: str) -> str:
    """A setting inside an error message, to be written in the words of the caller's door.

    A message that tells the user which setting to change does not know whether the user calls
    Python, writes a YAML file or types options. So it marks the setting's place in the request,
    and the door that the user came through writes it as an argument, a key or an option.

    Args:
        path: from the top of the request, ``"split.reserve"``.

    Example:
        >>> error = InputError(f"too few records: raise {setting('split.reserve')}")
        >>> str(error)
        'too few records: raise split.reserve'
        >>> error.told(lambda path: f"--set {path}=...")
        'too few records: raise --set split.reserve=...'
    """
    return f"{_OPEN}{path}{_CLOSE}"


class PixleakError(Exception):
    """Base of all errors raised on purpose."""

    def told(self, word: Callable[[str], str]) -> str:
        """The message with every :func:`setting` written by ``word``."""
        return _SETTING.sub(lambda found: word(found[1]), super().__str__())

    def __str__(self) -> str:
        return self.told(lambda path: path)


class InputError(PixleakError, ValueError):
    """Something the user gave (a file, a record, a model's output, a setting) cannot be used."""


class UnmetNeedError(PixleakError):
    """A signal or an attack needs more than the target or the references can give."""


class MissingExtraError(PixleakError, ImportError):
    """An optional dependency is not installed; the message names the extra that brings it."""


def require(module: str, *, extra: str, why: str) -> ModuleType:
    """Import an optional dependency, or say which extra brings it.

    Args:
        module: dotted name to import, ``"segmentation_models_pytorch"``.
        extra: the extra of pixleak that installs it, ``"smp"``.
        why: what it is needed for, completing "... is needed for WHY".

    Raises:
        MissingExtraError: the module is not installed, or cannot be imported.
    """
    try:
        return importlib.import_module(module)
    except (ImportError, RuntimeError, AttributeError) as error:
        # RuntimeError and AttributeError: a torchvision that does not match the installed torch
        # fails so inside the imported package.
        if isinstance(error, ModuleNotFoundError):
            raise MissingExtraError(
                f"{module} is needed for {why}: pip install 'pixleak[{extra}]'"
            ) from error
        raise MissingExtraError(
            f"{module} is needed for {why}; it is installed, but importing it fails with "
            f"{told(error)}: the versions of what it needs may not fit together, such as those of "
            f"torch and torchvision; pip install --upgrade 'pixleak[{extra}]' chooses them anew"
        ) from error


_LONGEST = 600  # characters of a message
_HERE = Path(__file__).resolve().parents[1]
_INSTALLED = tuple(Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib"))


def told(error: BaseException) -> str:
    """Type and message of an error that the user's code raised, with the user's file and line.

    Example:
        >>> told(ValueError("too    short"))
        'ValueError: too short'
    """
    message = " ".join(str(error).split())
    if len(message) > _LONGEST:
        message = message[:_LONGEST] + " ..."
    found = f"{type(error).__name__}: {message}" if message else type(error).__name__
    place = next((place for ours, place in _places(error) if not ours), "")
    return f"{found} ({place})" if place else found


def fault_of_others(error: BaseException) -> str | None:
    """A sentence about an error in code that pixleak called: a user's file, or a plug-in.

    Returns:
        None if the error arose in pixleak itself, or in a package that it uses: that is a bug
        of pixleak, whose traceback is wanted.
    """
    ours, place = next(_places(error), (True, ""))
    if ours or not place:
        return None
    return f"code that pixleak called, and that is not its own, fails with {told(error)}"


def _places(error: BaseException) -> Iterator[tuple[bool, str]]:
    """Innermost first: whether a line of the traceback is pixleak's, and where it is.

    Lines of installed packages are left out, unless the package offers methods to pixleak.
    """
    frames = traceback.extract_tb(error.__traceback__)
    plugins = _plugin_folders() if frames else ()
    for frame in reversed(frames):
        file = Path(frame.filename)
        if not file.is_file():
            continue
        above = file.resolve().parents
        if _HERE in above:
            yield True, f"{file}, line {frame.lineno}"
        elif any(one in (file.resolve(), *above) for one in plugins) or not any(
            folder in file.parents for folder in _INSTALLED
        ):
            yield False, f"{file}, line {frame.lineno}"


def _plugin_folders() -> tuple[Path, ...]:
    """Folders (or single files) of the packages that offer methods by an entry point."""
    tops = {
        point.module.partition(".")[0]
        for package in distributions()
        for point in package.entry_points
        if point.group.startswith("pixleak.")
    }
    found = []
    for top in tops:
        try:
            spec = importlib.util.find_spec(top)
        except (ImportError, ValueError):
            continue
        if spec is not None and spec.submodule_search_locations:
            found += [Path(place).resolve() for place in spec.submodule_search_locations]
        elif spec is not None and spec.origin:
            found.append(Path(spec.origin).resolve())
    return tuple(found)

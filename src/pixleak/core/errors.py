"""The errors that pixleak raises on purpose.

Every one is a single sentence a user can act on: what was wrong, where, what was
expected, how to mend it. The command line prints it without a traceback and exits with 2.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
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
        MissingExtraError: the module cannot be imported.
    """
    try:
        return importlib.import_module(module)
    except (ImportError, RuntimeError, AttributeError) as error:
        # RuntimeError and AttributeError: a torchvision that does not match the installed torch
        # fails so inside the imported package.
        cause = "" if isinstance(error, ModuleNotFoundError) else f" (it failed with: {error})"
        raise MissingExtraError(
            f"{module} is needed for {why}{cause}: pip install 'pixleak[{extra}]'"
        ) from error

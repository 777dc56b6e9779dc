"""The errors that pixleak raises on purpose.

Every one is a single sentence a user can act on: what was wrong, where, what was
expected, how to mend it. The command line prints it without a traceback and exits with 2.
"""

from __future__ import annotations

import importlib
from types import ModuleType


class PixleakError(Exception):
    """Base of all errors raised on purpose."""


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

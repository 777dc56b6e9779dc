"""Functions of the user's own, named in a configuration as ``file.py:name``."""

from __future__ import annotations

import importlib.util
import itertools
import sys
from collections.abc import Callable
from pathlib import Path

from pixleak.core.errors import InputError, told
from pixleak.core.registry import nearest

_number = itertools.count()


def load_function(spec: str) -> Callable[..., object]:
    """The callable that ``"file.py:name"`` names.

    The file is imported under a private name, so it can neither shadow nor be shadowed by an
    installed module; while it runs, its folder is on the import path, as for a script.

    Raises:
        InputError: no such file or name, the import fails, or it is not callable.
    """
    file, colon, attribute = spec.rpartition(":")
    if not colon or not file or not attribute:
        raise InputError(f"{spec!r} names no function; write file.py:name")
    path = Path(file).expanduser().resolve()
    if not path.is_file():
        raise InputError(f"there is no file {file} to take {attribute!r} from")
    module_name = f"_pixleak_user_{next(_number)}_{path.stem}"
    found = importlib.util.spec_from_file_location(module_name, path)
    if found is None or found.loader is None:
        raise InputError(f"{file} is not a Python file; its name must end in .py")
    module = importlib.util.module_from_spec(found)
    sys.modules[module_name] = module
    sys.path.insert(0, str(path.parent))
    try:
        found.loader.exec_module(module)
    except Exception as error:
        del sys.modules[module_name]
        raise InputError(f"importing {file} fails with {told(error)}") from error
    finally:
        sys.path.remove(str(path.parent))
    if not hasattr(module, attribute):
        public = [name for name in vars(module) if not name.startswith("_")]
        raise InputError(f"{file} defines no {attribute!r}{nearest(attribute, public)}")
    function = getattr(module, attribute)
    if not callable(function):
        raise InputError(f"{spec} is of type {type(function).__name__}, not something to call")
    return function  # type: ignore[no-any-return]

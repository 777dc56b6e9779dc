"""Functions of the user's own, named in a configuration as ``file.py:name``."""

from __future__ import annotations

import importlib.util
import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from pixleak.core.errors import InputError, told
from pixleak.core.registry import nearest

_number = itertools.count()


def load_function(spec: str, *, version: str = "") -> Callable[..., object]:
    """The callable that ``"file.py:name"`` names.

    The file is imported under a private name, so it can neither shadow nor be shadowed by an
    installed module; while it runs, its folder is on the import path, as for a script.

    Args:
        spec: names it.
        version: of the file. With one the file is imported once in a process, under a name that is
            the same in all processes, so that objects of its classes can be pickled.

    Raises:
        InputError: no such file or name, the import fails, or it is not callable.
    """
    path, attribute = file_and_name(spec)
    file = spec.rpartition(":")[0]
    module_name = f"_pixleak_user_{version or next(_number)}_{path.stem}"
    if version and module_name in sys.modules:
        return _attribute(sys.modules[module_name], attribute, spec)
    found = importlib.util.spec_from_file_location(module_name, path)
    if found is None or found.loader is None:
        raise InputError(f"{file} is not a Python file; its name must end in .py")
    module = importlib.util.module_from_spec(found)
    sys.modules[module_name] = module
    try:
        with importing_from(path.parent):
            found.loader.exec_module(module)
    except Exception as error:
        del sys.modules[module_name]
        raise InputError(f"importing {file} fails with {told(error)}") from error
    return _attribute(module, attribute, spec)


def file_and_name(spec: str) -> tuple[Path, str]:
    """The file and the name of ``"file.py:name"``.

    Raises:
        InputError: it names none, or there is no such file.
    """
    file, colon, attribute = spec.rpartition(":")
    if not colon or not file or not attribute:
        raise InputError(f"{spec!r} names no function; write file.py:name")
    path = Path(file).expanduser().resolve()
    if not path.is_file():
        raise InputError(f"there is no file {file} to take {attribute!r} from")
    return path, attribute


@contextmanager
def importing_from(folder: Path) -> Iterator[None]:
    """Inside, a folder is on the import path, as that of a running script is."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        if str(folder) in sys.path:  # unless the user's code took it off
            sys.path.remove(str(folder))


def _attribute(module: ModuleType, attribute: str, spec: str) -> Callable[..., object]:
    file = spec.rpartition(":")[0]
    if not hasattr(module, attribute):
        public = [name for name in vars(module) if not name.startswith("_")]
        raise InputError(f"{file} defines no {attribute!r}{nearest(attribute, public)}")
    function = getattr(module, attribute)
    if not callable(function):
        raise InputError(f"{spec} is of type {type(function).__name__}, not something to call")
    return function  # type: ignore[no-any-return]

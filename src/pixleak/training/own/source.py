"""What determines a function of the user's own: its source, and the values that it is bound to.

A trained model is kept under the digest of what determines it. Of a function of the user's that is
the file it is defined in, with every other file of the user's that this one imports, directly or
through others; and what stands beside the source: the arguments of a ``functools.partial``,
defaults, values of enclosing functions, and the globals that it names. What a function reads
elsewhere while it runs, such as files or the environment, nobody can know beforehand.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import io
import pickle
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import pixleak
from pixleak.core.errors import InputError, told

_OURS = Path(pixleak.__file__).resolve().parent
_PLAIN = (int, float, complex, str, bytes, bool, type(None), Path)


def digest_of_function(function: Any, name: str, *more: Path) -> str:
    """A digest of the source of a function, a dash, and a digest of the values that it is bound to.

    Args:
        function: anything callable.
        name: what to call it in errors.
        more: files and folders that determine it too.

    Raises:
        InputError: it is bound to a value that cannot be recognised again.
    """
    seen = _Seen(name)
    seen.add(function)
    seen.files |= dict.fromkeys(more)
    return f"{digest_of_files(seen.files)}-{seen.values.hexdigest()[:16]}"


def digest_of_files(paths: Iterable[Path]) -> str:
    """A digest of files with all that they import of the user's own; where they lie plays no role.

    Args:
        paths: Python files; of others the content alone counts, of a folder all files in it.

    Raises:
        InputError: one of them cannot be read.
    """
    found: dict[Path, str] = {}
    for path in paths:
        for inner in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if inner.is_file() and "__pycache__" not in inner.parts:
                relative = inner.relative_to(path) if path.is_dir() else Path(inner.name)
                found.setdefault(inner.resolve(), relative.as_posix())
    for path in list(found):
        if path.suffix == ".py":
            for name, module in imported_files(path).items():
                found.setdefault(module, name)
    total = hashlib.sha256()
    for path, name in sorted(found.items(), key=lambda item: (item[1], str(item[0]))):
        try:
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}") from error
        total.update(f"{name} {content}\n".encode())
    return total.hexdigest()[:32]


def imported_files(path: Path) -> dict[str, Path]:
    """Name -> file of every module of the user's own that a Python file imports, also indirectly.

    Nothing is imported for this: import statements are read from the source, inside functions too.
    Installed packages and pixleak itself are left out.
    """
    path = path.resolve()
    root = path.parent
    while (root / "__init__.py").is_file():
        root = root.parent
    searched = [path.parent, root]
    searched += [place for entry in sys.path if (place := Path(entry or ".").resolve()).is_dir()]
    searched = [place for place in dict.fromkeys(searched) if not _of_others(place)]
    found: dict[str, Path] = {}
    waiting = [path]
    while waiting:
        file = waiting.pop()
        for name in _imports(file, searched):
            module = _found(name, searched)
            if module is not None and module != path and name not in found:
                found[name] = module
                waiting.append(module)
    return found


def _of_others(path: Path) -> bool:
    folders = {path, *path.parents}
    return _OURS in folders or not folders.isdisjoint(_installed(tuple(sys.path)))


@functools.lru_cache(maxsize=8)
def _installed(searched: tuple[str, ...]) -> frozenset[Path]:
    """Folders of installed packages: those of this interpreter, and where pip put some."""
    found = [Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib")]
    for entry in searched:
        place = Path(entry or ".")
        if place.is_dir() and next(place.glob("*.dist-info"), None) is not None:
            found.append(place)
    return frozenset(place.resolve() for place in found)


def _imports(file: Path, searched: Sequence[Path]) -> Iterator[str]:
    """Dotted names that a file may import, those of packages above them included."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return  # importing it says what is wrong
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                folder = file.parents[node.level - 1] if node.level <= len(file.parents) else None
                above = _dotted(folder, searched) if folder is not None else None
                if above is None:
                    continue
                base = ".".join(part for part in (above, base) if part)
            names = [base, *(f"{base}.{alias.name}" for alias in node.names)] if base else []
        for name in names:
            parts = name.split(".")
            yield from (".".join(parts[: i + 1]) for i in range(len(parts)))


def _dotted(folder: Path, searched: Sequence[Path]) -> str | None:
    """The package that a folder is."""
    for place in searched:
        if place in folder.parents:
            return ".".join(folder.relative_to(place).parts)
    return None


def _found(name: str, searched: Sequence[Path]) -> Path | None:
    for place in searched:
        base = place.joinpath(*name.split("."))
        for file in (base / "__init__.py", base.with_suffix(".py")):
            if file.is_file():
                resolved = file.resolve()
                return None if _of_others(resolved) else resolved
    return None


class _Seen:
    """Files and values that determine a function, collected without going anywhere twice."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.files: dict[Path, None] = {}
        self.values = hashlib.sha256()
        self._known: set[int] = set()
        self._kept: list[Any] = []  # so that no id is given to another object meanwhile

    def note(self, *words: object) -> None:
        """Add words to the digest of values."""
        for word in words:
            self.values.update(f"{word!r};".encode())

    def add(self, value: Any, *, needed: bool = True) -> None:
        """Add a value, and all that determines it.

        Args:
            value: anything.
            needed: whether to refuse it where it cannot be recognised again.
        """
        if isinstance(value, _PLAIN):
            self.note(type(value).__name__, value)
            return
        if id(value) in self._known:
            self.note("again")
            return
        self._known.add(id(value))
        self._kept.append(value)
        if isinstance(value, functools.partial):
            self.note("partial")
            for part in (value.func, value.args, dict(value.keywords)):
                self.add(part, needed=needed)
        elif isinstance(value, MethodType):
            self.add(value.__func__, needed=needed)
            self.add(value.__self__, needed=needed)
        elif isinstance(value, FunctionType):
            self._function(value, needed)
        elif isinstance(value, type):
            self._class(value)
        elif isinstance(value, ModuleType):
            self._file(getattr(value, "__file__", None), value.__name__)
        elif isinstance(value, Mapping):
            self.note(type(value).__name__, len(value))
            for key in sorted(value, key=repr):
                self.add(key, needed=needed)
                self.add(value[key], needed=needed)
        elif isinstance(value, list | tuple):
            self.note(type(value).__name__, len(value))
            for one in value:
                self.add(one, needed=needed)
        elif isinstance(value, set | frozenset):
            self.note(type(value).__name__, sorted(map(repr, value)))
        else:
            self._object(value, needed)

    def _file(self, file: str | None, module: str) -> bool:
        """Take a source file in; False where there is none."""
        path = None if file is None else Path(file).resolve()
        if path is None or not path.is_file():
            return False
        if _of_others(path):
            top = sys.modules.get(module.partition(".")[0])
            self.note(module, getattr(top, "__version__", ""))
        else:
            self.files[path] = None
        return True

    def _function(self, function: FunctionType, needed: bool) -> None:
        self.note(function.__qualname__)
        others = self._file(function.__code__.co_filename, function.__module__ or "")
        if not others:
            self._code(function.__code__)
        elif _of_others(Path(function.__code__.co_filename).resolve()):
            return
        for value in (function.__defaults__, function.__kwdefaults__):
            self.add(value, needed=needed)
        for cell in function.__closure__ or ():
            try:
                self.add(cell.cell_contents, needed=needed)
            except ValueError:  # not yet filled
                self.note("empty")
        for name in sorted(_names(function.__code__)):
            if name in function.__globals__:
                self.note(name)
                self.add(function.__globals__[name], needed=False)

    def _code(self, code: CodeType) -> None:
        """The code itself, of a function whose source is in no file."""
        self.note(code.co_code, code.co_names, code.co_varnames)
        for const in code.co_consts:
            if isinstance(const, CodeType):
                self._code(const)
            else:
                self.note(const if not isinstance(const, frozenset) else sorted(map(repr, const)))

    def _class(self, kind: type) -> None:
        self.note(kind.__qualname__)
        module = sys.modules.get(kind.__module__)
        if kind.__module__ == "builtins" or self._file(
            getattr(module, "__file__", None), kind.__module__
        ):
            return
        for base in kind.__bases__:
            self.add(base, needed=False)
        for name, value in sorted(vars(kind).items()):
            if isinstance(value, FunctionType | staticmethod | classmethod | property):
                self.note(name)
                for part in ("__func__", "fget"):
                    value = getattr(value, part, None) or value
                self.add(value, needed=False)
            elif isinstance(value, _PLAIN) and not name.startswith("__"):
                self.note(name, value)

    def _object(self, value: Any, needed: bool) -> None:
        """Anything else by its class and its pickle."""
        self.add(type(value), needed=False)
        self._called(value)
        content = io.BytesIO()
        try:
            _ByName(content).dump(value)
        except Exception as error:
            if needed:
                raise InputError(
                    f"{self.name} holds a {type(value).__name__}, which cannot be recognised again "
                    f"({told(error)}): make it inside the function"
                ) from error
            return
        self.values.update(hashlib.sha256(content.getvalue()).digest())

    def _called(self, value: Any) -> None:
        """What an object does when it is called."""
        call = getattr(type(value), "__call__", None)  # noqa: B004
        if isinstance(call, FunctionType):
            self.add(call, needed=False)


class _ByName(pickle.Pickler):
    """Functions and classes by their names: their code is digested elsewhere."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, type | FunctionType) and value is not str:
            return str, (f"{value.__module__}:{value.__qualname__}",)
        return NotImplemented


def _names(code: CodeType) -> set[str]:
    """The global names that a function mentions, those of functions inside it included."""
    inner = (const for const in code.co_consts if isinstance(const, CodeType))
    return set(code.co_names).union(*(_names(one) for one in inner))

"""A module of the user's on disk: its weights as safetensors, its structure as a pickle.

Weights are every parameter and every saved buffer. The structure is the module with these left out,
so that neither file holds them twice. Where the user says how the module is made, no structure is
written, and nothing is unpickled.
"""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from pixleak.core.disk.whole_files import replaced
from pixleak.core.errors import InputError, told
from pixleak.version import __version__


def structure_path(weights: Path) -> Path:
    """Where the structure of a module is, beside its weights."""
    return weights.with_suffix(".module.pickle")


def weights_of(module: nn.Module) -> dict[str, Tensor]:
    """Name -> parameter or buffer that belongs to the state; a shared one by its first name."""
    unsaved = {
        f"{prefix}.{name}" if prefix else name
        for prefix, part in module.named_modules()
        for name in getattr(part, "_non_persistent_buffers_set", ())
    }
    buffers = {key: one for key, one in module.named_buffers() if key not in unsaved}
    return dict(module.named_parameters()) | buffers


def save_module(module: nn.Module, path: Path, *, structure: bool, who: str) -> None:
    """Write a module.

    Args:
        module: on any device.
        path: of the weights.
        structure: whether to write the structure as well.
        who: made the module, for errors.

    Raises:
        InputError: the structure cannot be pickled, or there is no space.
    """
    state = weights_of(module)
    if structure:
        content = io.BytesIO()
        try:
            _Structure(content, {id(one): key for key, one in state.items()}).dump(module)
        except Exception as error:  # whatever the module's parts raise on being pickled
            raise InputError(
                f"the module of {who} cannot be saved ({told(error)}): define its classes and "
                "functions at the top of a file, or say with 'make' how the untrained module is "
                "made, so that its weights alone are saved"
            ) from error
        with replaced(structure_path(path)) as temporary:
            temporary.write_bytes(content.getvalue())
    copied = {key: one.detach().cpu().contiguous().clone() for key, one in state.items()}
    with replaced(path) as temporary:
        temporary.write_bytes(save(copied, {"pixleak": __version__}))


def read_weights(path: Path) -> dict[str, Tensor]:
    """The weights that :func:`save_module` wrote.

    Raises:
        InputError: the file is missing or damaged.
    """
    if not path.is_file():
        raise InputError(f"there is no file of weights {path}")
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} is not a readable safetensors file: {error}") from error


def read_module(path: Path, who: str) -> nn.Module:
    """The module that :func:`save_module` wrote with its structure.

    Unpickling runs code, so the files must be this machine's own; the classes of the user's must
    have been imported before.

    Raises:
        InputError: a file is missing or damaged, or a class is no longer what it was.
    """
    state, structure = read_weights(path), structure_path(path)
    if not structure.is_file():
        raise InputError(f"there is no structure {structure} beside the weights")
    try:
        module = _Filled(io.BytesIO(structure.read_bytes()), state).load()
    except Exception as error:  # whatever a class raises on being unpickled
        raise InputError(f"the module of {who} in {structure} cannot be read: {told(error)}") from (
            error
        )
    assert isinstance(module, nn.Module)
    return module


class _Structure(pickle.Pickler):
    """Writes names in place of weights."""

    def __init__(self, file: io.BytesIO, names: dict[int, str]) -> None:
        super().__init__(file)
        self._names = names

    def persistent_id(self, value: Any) -> Any:
        if not isinstance(value, Tensor) or id(value) not in self._names:
            return None
        return (self._names[id(value)], isinstance(value, nn.Parameter), value.requires_grad)


class _Filled(pickle.Unpickler):
    """Puts weights in the places of their names."""

    def __init__(self, file: io.BytesIO, state: dict[str, Tensor]) -> None:
        super().__init__(file)
        self._state = state
        self._made: dict[str, Tensor] = {}

    def persistent_load(self, key: Any) -> Tensor:
        name, parameter, gradient = key
        if name not in self._made:
            value = self._state[name]
            made = nn.Parameter(value, requires_grad=gradient) if parameter else value
            self._made[name] = made
        return self._made[name]

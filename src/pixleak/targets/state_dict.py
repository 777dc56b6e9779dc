"""A module's state: loaded from a state dict if it fits, and digested to be recognised again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from pixleak.core.errors import InputError

# What DataParallel, Lightning, torch.compile and common training scripts put before each name.
_PREFIXES = (
    "",
    "module.",
    "model.",
    "net.",
    "network.",
    "_orig_mod.",
    "module._orig_mod.",
    "_orig_mod.module.",
    "model._orig_mod.",
    "model.module.",
    "model.model.",
    "module.model.",
)


def load_state(module: nn.Module, state: Mapping[str, Tensor], source: str, into: str) -> None:
    """Load ``state`` into ``module``, without the prefixes that common wrappers put on names.

    Args:
        module: filled in place; unchanged where the state does not fit.
        state: name -> tensor.
        source: where the state comes from, for the error.
        into: what the module is, for the error.

    Raises:
        InputError: weights are missing, left over or of another shape; the message gives their
            numbers and the first of each.
    """
    expected = module.state_dict()
    state = _without_prefix(state, expected)
    # Batch counters were added to batch normalisation later; torch fills them in.
    missing = [k for k in expected if k not in state and not k.endswith("num_batches_tracked")]
    unexpected = [key for key in state if key not in expected]
    reshaped = [k for k in expected if k in state and _shape(state[k]) != _shape(expected[k])]
    differences = []
    if missing:
        differences.append(f"{len(missing)} of {len(expected)} are missing (first {missing[0]!r})")
    if unexpected:
        differences.append(f"{len(unexpected)} are not in it (first {unexpected[0]!r})")
    if reshaped:
        key = reshaped[0]
        differences.append(
            f"{len(reshaped)} have another shape (first {key!r}: {_shape(state[key])} instead of "
            f"{_shape(expected[key])})"
        )
    if differences:
        raise InputError(
            f"the weights in {source} are of another architecture than {into}: "
            + ", ".join(differences)
        )
    module.load_state_dict(dict(state))


def _shape(value: object) -> tuple[int, ...]:
    return tuple(value.shape) if isinstance(value, Tensor) else ()


def _without_prefix(
    state: Mapping[str, Tensor], expected: Mapping[str, Tensor]
) -> Mapping[str, Tensor]:
    """The part of the state under the prefix that most of the expected names are found with."""

    def found(prefix: str) -> int:
        return sum(prefix + key in state for key in expected)

    best = max(_PREFIXES, key=found)  # the first of equals: no prefix where none helps
    if not best:
        return state
    return {key[len(best) :]: value for key, value in state.items() if key.startswith(best)}


def state_digests(module: nn.Module) -> dict[str, str]:
    """Name -> digest of every entry of a module's state; ``repr`` of what is no tensor."""
    return {
        key: tensor_digest(value) if isinstance(value, Tensor) else repr(value)
        for key, value in module.state_dict().items()
    }


def tensor_digest(values: Tensor) -> str:
    """SHA-256 of a tensor's shape, type and content."""
    plain = values.detach().cpu().contiguous()
    head = f"{plain.dtype} {tuple(plain.shape)} ".encode()
    # Viewed as bytes, since numpy lacks some of torch's types.
    return hashlib.sha256(head + plain.reshape(-1).view(torch.uint8).numpy().tobytes()).hexdigest()

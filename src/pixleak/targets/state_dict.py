"""A module's state: loaded from a state dict if it fits, and digested to be recognised again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from pixleak.core.errors import InputError, setting


def load_state(
    module: nn.Module,
    state: Mapping[str, Tensor],
    source: str,
    into: str,
    *,
    prefix: str | None = None,
) -> None:
    """Load ``state`` into ``module``, without what wrappers put before its names.

    DataParallel, Lightning, torch.compile and training scripts keep a module as an attribute of
    another: ``module.``, ``model.``, ``unet.``. The prefix under which most names fit is taken off.

    Args:
        module: filled in place; unchanged where the state does not fit.
        state: name -> tensor.
        source: where the state comes from, for the error.
        into: what the module is, for the error.
        prefix: what stands before the names; None: to be found.

    Raises:
        InputError: weights are missing, left over or of another shape (the message gives their
            numbers and the first of each), no name has the prefix, or two prefixes fit equally.
    """
    expected = module.state_dict()
    found = _prefix(state, expected, source) if prefix is None else prefix
    if found and not any(key.startswith(found) for key in state):
        begins = sorted({key.rpartition(".")[0].partition(".")[0] + "." for key in state})
        raise InputError(
            f"no weight in {source} has a name that starts with {found!r}; names there start with "
            f"{', '.join(map(repr, begins[:5]))}: give one of these as {setting('target.prefix')}"
        )
    if found:
        state = {key[len(found) :]: v for key, v in state.items() if key.startswith(found)}
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
            + (f", after the prefix {found!r}" if found else "")
        )
    module.load_state_dict(dict(state))


def _shape(value: object) -> tuple[int, ...]:
    return tuple(value.shape) if isinstance(value, Tensor) else ()


def _prefix(state: Mapping[str, Tensor], expected: Mapping[str, Tensor], source: str) -> str:
    """The prefix that most of the expected names are found with; none where it is no worse.

    Raises:
        InputError: several hold all weights, with other values.
    """
    ends = {key.rpartition(".")[2] for key in expected}
    named = [key for key in state if key.rpartition(".")[2] in ends]
    first = next(iter(expected), "")
    prefixes = {key[: -len(first)] for key in named if key.endswith(first)}
    counts = {one: sum(one + key in state for key in expected) for one in {"", *prefixes}}
    best = max(counts, key=lambda one: (counts[one], -len(one)))
    whole = sorted(one for one, count in counts.items() if count == len(expected) > 0)
    if "" in whole:
        return ""
    others = [
        one
        for one in whole
        if any(not torch.equal(state[one + key], state[whole[0] + key]) for key in expected)
    ]
    if others:
        raise InputError(
            f"{source} holds several sets of weights that could be meant, under "
            f"{', '.join(map(repr, whole))}: say which with {setting('target.prefix')}"
        )
    return best if counts[best] > counts[""] else ""


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

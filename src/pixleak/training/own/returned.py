"""Whether what a training of the user's own returned can be audited; else one sentence says why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from pixleak.core.access import Access
from pixleak.core.errors import InputError
from pixleak.core.truth import ImageTruth
from pixleak.records.base import Records
from pixleak.targets.target_for import target_for
from pixleak.training.loop.samples import answers_now
from pixleak.training.trained import Trained


def module_from(returned: object, who: str) -> nn.Module:
    """What was returned, if it is a torch module with finite weights.

    The module inside ``torch.compile`` or ``DataParallel`` is taken.

    Args:
        returned: by the user's code.
        who: returned it.

    Raises:
        InputError: it is something else.
    """
    told = f"{who} must return the trained torch module"
    if returned is None:
        raise InputError(f"{told}, but it returned nothing: end it with `return model`")
    if isinstance(returned, type) and issubclass(returned, nn.Module):
        raise InputError(
            f"{told}, but it returned the class {returned.__name__}: return the object that was "
            "trained"
        )
    if isinstance(returned, Mapping) and any(isinstance(one, Tensor) for one in returned.values()):
        raise InputError(f"{told}, but it returned a state dict: return the module that holds it")
    if isinstance(returned, list | tuple):
        inside = [i for i, one in enumerate(returned) if isinstance(one, nn.Module)]
        more = f": return its entry {inside[0]} alone" if inside else ""
        raise InputError(f"{told}, but it returned a {type(returned).__name__}{more}")
    if not isinstance(returned, nn.Module):
        raise InputError(f"{told}, but it returned a {type(returned).__name__}")
    module = _unwrapped(returned)
    if next(module.parameters(), None) is None:
        raise InputError(
            f"{who} returned a {type(module).__name__} without parameters, in which nothing can "
            "have been learned"
        )
    for name, value in module.named_parameters():
        if not bool(value.detach().isfinite().all()):
            raise InputError(
                f"{who} returned a module whose weights {name!r} are not finite: its training "
                "diverged; a lower learning rate helps"
            )
    return module


def _unwrapped(module: nn.Module) -> nn.Module:
    inner = getattr(module, "_orig_mod", module)  # of torch.compile
    if isinstance(inner, nn.DataParallel | nn.parallel.DistributedDataParallel):
        inner = inner.module
    return inner if isinstance(inner, nn.Module) else module


def check_answers_of(
    module: nn.Module, records: Records, declared: Access, device: str, who: str
) -> None:
    """Ask a module about two records, and check that it answers as declared.

    Args:
        module: in evaluation mode.
        records: that it was trained on.
        declared: what it answers with; of generators always images.
        device: where.
        who: returned it.

    Raises:
        InputError: it fails, or answers with something else.
    """
    images = records.batch(range(min(2, len(records)))).images
    access = Access.IMAGE if isinstance(records.truth, ImageTruth) else declared

    def wrong(kind: Access) -> InputError | None:
        target = target_for(module, records.truth, kind, name="module", device=device)
        try:
            with torch.random.fork_rng(devices=[]):
                target.predict(images)
        except InputError as error:
            return error
        return None

    error = wrong(access)
    if error is None:
        return
    other = {Access.LOGIT: Access.PROBABILITY, Access.PROBABILITY: Access.LOGIT}.get(access)
    if other is not None and wrong(other) is None:
        names = {Access.LOGIT: "logits", Access.PROBABILITY: "probabilities"}
        raise InputError(
            f"the module that {who} returned answers with what look like {names[other]}, not "
            f"{names[access]}: set answers: {other} beside it"
        )
    raise InputError(
        f"the module that {who} returned cannot be audited: {error.args[0]}"
    ) from error


def finished_training(
    returned: object,
    records: Records,
    declared: Access,
    *,
    device: str,
    who: str,
    losses: Sequence[float],
    seconds: float,
    pictures: bool,
) -> Trained:
    """The training that the user's code has just finished, checked.

    Args:
        returned: by the user's code.
        records: that it was trained on.
        declared: what a segmenter answers with.
        device: where it was trained.
        who: returned it.
        losses: of its epochs, where it reported any.
        seconds: that it took.
        pictures: whether to keep a generator's answers on the first records.

    Raises:
        InputError: it cannot be audited.
    """
    module = module_from(returned, who).to(device).eval()
    module.zero_grad(set_to_none=True)
    check_answers_of(module, records, declared, device, who)
    shown = {}
    if pictures:
        shown[max(1, len(losses))] = answers_now(module, records, torch.device(device))
    return Trained(module, tuple(losses), seconds, pictures=shown)

"""Which difficulties an audit measures."""

from __future__ import annotations

from collections.abc import Sequence

from pixleak.core.errors import InputError, MissingExtraError, UnmetNeedError
from pixleak.core.truth import LabelTruth, Truth
from pixleak.signals.difficulty import Difficulty, usual_difficulties


def available_difficulties(
    wanted: Sequence[Difficulty] | None, truth: Truth
) -> tuple[tuple[Difficulty, ...], list[str]]:
    """The difficulties that can be measured here, and one sentence for each that cannot.

    Args:
        wanted: those that were asked for; None for the usual ones of such records.
        truth: of the records.

    Raises:
        InputError: one is named twice.
        UnmetNeedError: one is for the other kind of truth.
        MissingExtraError: one that was asked for needs a package that is not installed.
    """
    difficulties = usual_difficulties(truth) if wanted is None else tuple(wanted)
    names = [one.name for one in difficulties]
    if twice := [name for name in names if names.count(name) > 1]:
        raise InputError(f"difficulty {twice[0]!r} is named twice; once is enough")
    found: list[Difficulty] = []
    left_out = []
    for one in difficulties:
        if not one.measured_on(truth):
            raise UnmetNeedError(
                f"{one.name} is a difficulty for records whose truth is "
                f"{'an image' if isinstance(truth, LabelTruth) else 'a label map'}; leave it out"
            )
        try:
            one.prepare()
        except MissingExtraError as error:
            if wanted is not None:
                raise
            left_out.append(f"{one.name} was left out: {error}")
            continue
        found.append(one)
    return tuple(found), left_out

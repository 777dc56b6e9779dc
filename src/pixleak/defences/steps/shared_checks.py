"""Checks that several defences share."""

from __future__ import annotations

import math

from pixleak.core.access import Access
from pixleak.core.errors import InputError, setting
from pixleak.records.base import Records


def check_positive(name: str, **options: float) -> None:
    """Refuse options of a defence that are not positive and finite.

    Raises:
        InputError: naming the first such option.
    """
    for option, value in options.items():
        if not 0 < value < math.inf:
            raise InputError(f"{name} needs {option} above 0, got {value}")


def refuse_labels(name: str, given: Access) -> None:
    """Refuse to alter probabilities if the target returns only labels.

    Raises:
        InputError: the target returns labels.
    """
    if given is Access.LABEL:
        raise InputError(
            f"defence {name!r} alters probabilities, but the target returns labels: put it "
            "before 'argmax', declare a higher access, or leave it out"
        )


def required_reserve(name: str, reserve: Records | None) -> Records:
    """The reserve of a training, which this defence needs.

    Raises:
        InputError: there is none, or it is empty.
    """
    if reserve is None or not len(reserve):
        raise InputError(
            f"{name} needs records of the defender that are not trained on: set "
            f"{setting('split.reserve')}"
        )
    return reserve

"""What defences that alter probabilities have in common."""

from __future__ import annotations

from pixleak.core.access import Access
from pixleak.core.errors import InputError


def refuse_labels(name: str, given: Access) -> None:
    """Refuse to alter probabilities where there are none.

    Raises:
        InputError: the target gives labels away.
    """
    if given is Access.LABEL:
        raise InputError(
            f"defence {name!r} alters probabilities, but the target gives labels away: put it "
            "before 'argmax', declare a higher access, or leave it out"
        )

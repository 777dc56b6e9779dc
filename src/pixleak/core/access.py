"""What a target's answers reveal."""

from __future__ import annotations

from enum import StrEnum

from pixleak.core.errors import InputError
from pixleak.core.truth import ImageTruth, Truth


class Access(StrEnum):
    """What a target's answers reveal, from least to most; a target grants its own level and below.

    The first three are a segmenter's, the last two a generator's.
    """

    LABEL = "label"
    PROBABILITY = "probability"
    LOGIT = "logit"
    IMAGE = "image"
    DISCRIMINATOR = "discriminator"

    @property
    def of_images(self) -> bool:
        """Whether it is a generator's."""
        return self in (Access.IMAGE, Access.DISCRIMINATOR)

    def grants(self, needed: Access) -> bool:
        """Whether a target with this access can serve something that needs ``needed``."""
        order = list(Access)
        return self.of_images == needed.of_images and order.index(self) >= order.index(needed)


def access_for(truth: Truth, given: Access | None = None) -> Access:
    """The access to a target of records with this truth.

    Args:
        truth: what the target answers with.
        given: what was declared; None for the usual: logits, or images.

    Raises:
        InputError: what was declared is a segmenter's access to a generator, or the reverse.
    """
    images = isinstance(truth, ImageTruth)
    if given is None:
        return Access.IMAGE if images else Access.LOGIT
    if given.of_images != images:
        kind = "a generator, whose truth is images" if images else "of records with label maps"
        known = [str(access) for access in Access if access.of_images == images]
        raise InputError(f"access is {given}, but the target is {kind}: give {' or '.join(known)}")
    return given

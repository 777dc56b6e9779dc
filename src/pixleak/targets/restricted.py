"""A target that reveals less than the one behind it.

A shadow model answers with logits. To represent a target that grants only probabilities or labels
it must be asked in the same way, or what is learned on it would not carry over.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pixleak.core.access import Access
from pixleak.core.errors import InputError
from pixleak.core.truth import ImageTruth
from pixleak.targets.altered import AlteredTarget
from pixleak.targets.base import Target


class RestrictedTarget(AlteredTarget):
    """Another target's answers, reduced to a lower access level.

    Logits become probabilities (softmax over classes, or the sigmoid of a single channel) or
    labels (the largest class; ties go to the lower label).

    Args:
        inner: the target that is asked.
        access: what its answers may reveal.

    Raises:
        InputError: ``inner`` grants less than ``access``, or answers with images.
    """

    def __init__(self, inner: Target, access: Access) -> None:
        if isinstance(inner.truth, ImageTruth):
            raise InputError(f"{inner.name} answers with images, which have no access levels")
        if not inner.access.grants(access):
            raise InputError(f"{inner.name} grants {inner.access} access, it cannot give {access}")
        super().__init__(inner, access)

    def _query(self, images: Tensor) -> object:
        values = self.inner.predict(images).values
        given = self.inner.access
        if given is self.access:
            return values
        binary = values.shape[1] == 1
        if self.access is Access.LABEL:
            threshold = 0.0 if given is Access.LOGIT else 0.5
            if values.shape[1] == 2:  # several times as fast as argmax, which has no such case
                return (values[:, 1] > values[:, 0]).long()
            return (values[:, 0] > threshold).long() if binary else values.argmax(dim=1)
        return torch.sigmoid(values) if binary else torch.softmax(values, dim=1)


def restricted(target: Target, access: Access) -> Target:
    """``target`` itself if it grants just ``access``, else the target reduced to it."""
    return target if target.access is access else RestrictedTarget(target, access)

"""Noise: add random noise to the answers.

Idea: noise hides small differences between members and other records::

    z' = z + s e                        on logits (given probabilities: on log p, then normalised)
    p' = clip(p + s e, 0, 1) / sum      on probabilities
    v' = clip(v + s e (high - low))     a generator's pixels, clipped to the image's range

with e standard normal, independent per pixel and channel, and s = ``sigma``. If all classes of a
pixel are clipped to zero, they get equal shares.

Noise that is drawn anew for every query averages out over repeated queries. So it is memoised: e is
determined by the image's content and a secret, and the same image always gets the same answer, in
any batch. The secret is derived from the seed and the name of the model: a shadow or reference
model has other noise on the same image, since an attacker does not know the defender's secret. An
image changed by one grey level is another image, so queries with many variants still average the
noise out. ``fresh`` draws anew, as naive services do: the n-th query of an image has the n-th
noise, independent of other queries.

A generator's discriminator, if it can be queried, answers as before.

Source:
    Output perturbation is folklore; for membership Jia, Salem, Backes, Zhang, Gong, "MemGuard",
    CCS 2019, arXiv:1909.10594, who also fix the noise by the query.

Differs from the source:
    Theirs is optimised against an attack classifier and keeps the predicted label; this is plain
    Gaussian noise, which costs utility and does not protect against attacks on labels.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from pixleak.core.access import Access
from pixleak.core.errors import InputError
from pixleak.core.truth import ImageTruth, Truth
from pixleak.defences.steps.shared_checks import check_positive, refuse_labels
from pixleak.targets.altered import AlteredTarget
from pixleak.targets.base import Target
from pixleak.targets.restricted import restricted
from pixleak.training.defence import Defence, DefenceSide
from pixleak.training.recipe import Recipe

Added = Literal["logits", "probabilities"]

_SMALLEST = 1e-7
"""Lower bound of probabilities before their logarithm, so that noise can change a 0."""


@dataclass(frozen=True, kw_only=True)
class Noise(Defence):
    """Gaussian noise on the answers.

    Args:
        sigma: standard deviation: in nat on logits, as a share on probabilities, and for
            generators in units of the image's range.
        added_to: ``"logits"`` or ``"probabilities"``; ignored for generators.
        fresh: whether noise is drawn anew for every query.
        seed: of the secret.
    """

    name: ClassVar[str] = "noise"
    title: ClassVar[str] = "Noisy answers"
    summary: ClassVar[str] = "add Gaussian noise that repeated queries do not average out"
    source: ClassVar[str] = "folklore; after Jia 2019, arXiv:1909.10594"
    side: ClassVar[DefenceSide] = "output"
    on: ClassVar[Literal["labels", "image", "any"]] = "any"

    sigma: float = 1.0
    added_to: Added = "logits"
    fresh: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        check_positive(self.name, sigma=self.sigma)
        if self.added_to not in ("logits", "probabilities"):
            raise InputError(
                f"noise needs added_to 'logits' or 'probabilities', got {self.added_to!r}"
            )

    def check(self, recipe: Recipe | None, truth: Truth) -> None:
        if isinstance(truth, ImageTruth) and self.sigma >= 1:
            raise InputError(
                f"noise on a generator is in units of the image's range, got sigma={self.sigma}: "
                "give much less than 1, such as 0.02"
            )

    def access_after(self, given: Access) -> Access:
        refuse_labels(self.name, given)
        return given if given.of_images or self.added_to == "logits" else Access.PROBABILITY

    def wrap_target(self, target: Target) -> Target:
        access = self.access_after(target.access)
        return NoisyTarget(target if access.of_images else restricted(target, access), self)


class NoisyTarget(AlteredTarget):
    """Another target's answers with noise.

    Args:
        inner: does not return labels.
        noise: its amount and place.
    """

    def __init__(self, inner: Target, noise: Noise) -> None:
        super().__init__(inner, inner.access)
        self.noise = noise
        self._secret = f"{noise.seed}/{inner.name}/".encode()
        self._queries: Counter[bytes] = Counter()

    def _query(self, images: Tensor) -> Tensor:
        values = self.inner.predict(images).values
        if isinstance(self.truth, ImageTruth):
            span = self.truth.high - self.truth.low
            moved = values + span * self._drawn(images, values)
            return moved.clamp(self.truth.low, self.truth.high)
        if self.access is Access.LOGIT:
            return values + self._drawn(images, values)
        one = values.shape[1] == 1
        if self.noise.added_to == "logits":
            if one:
                odds = torch.logit(values, eps=_SMALLEST)
                return torch.sigmoid(odds + self._drawn(images, values))
            logarithms = values.clamp_min(_SMALLEST).log()
            return torch.softmax(logarithms + self._drawn(images, values), dim=1)
        both = torch.cat([1 - values, values], dim=1) if one else values
        moved = (both + self._drawn(images, both)).clamp(0, 1)
        moved = torch.where(moved.sum(dim=1, keepdim=True) > 0, moved, 1.0)
        shares = moved / moved.sum(dim=1, keepdim=True)
        return shares[:, 1:] if one else shares

    def _drawn(self, images: Tensor, like: Tensor) -> Tensor:
        """(b, ...) sigma times standard normal noise, seeded by the content of each image."""
        return torch.stack(
            [
                self.noise.sigma
                * torch.randn(
                    answer.shape, generator=torch.Generator().manual_seed(self._seed(image))
                )
                for image, answer in zip(images, like, strict=True)
            ]
        )

    def _seed(self, image: Tensor) -> int:
        plain = image.detach().cpu().contiguous()
        content = hashlib.sha256(self._secret + f"{tuple(plain.shape)}/".encode())
        content.update(plain.numpy().tobytes())
        if self.noise.fresh:
            key = content.digest()
            content.update(f"/{self._queries[key]}".encode())
            self._queries[key] += 1
        return int.from_bytes(content.digest()[:7], "big")

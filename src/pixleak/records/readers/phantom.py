"""Phantoms: generated, CT-like slices of an abdomen with tumours.

Every property that matters to an audit can be set: how hard records are, how far masks disagree
with the images (which a model can only memorise), and the two ways in which an audit can mislead, a
distribution shift and near-duplicates.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from pixleak.core.truth import LabelTruth
from pixleak.records.base import RecordKey, Records
from pixleak.records.phantom.anatomy import CLASS_NAMES
from pixleak.records.phantom.rendering import COPIES, SCANNERS, Rendering
from pixleak.records.readers.base import Turnable, read


class PhantomReader(Turnable):
    """Generated, labelled, medical-looking images.

    Each is generated when it is asked for, in about a millisecond at 64 x 64. Record i depends on
    the seed and the other settings, not on ``count``.
    """

    name: ClassVar[str] = "phantom"
    summary: ClassVar[str] = "generated CT-like images with tumours and a known truth"

    count: int = Field(480, ge=1, le=1_000_000, description="number of images")
    size: int = Field(64, ge=16, le=4096, description="height and width in pixels")
    channels: Literal[1, 3] = Field(1, description="1: grey, 3: tinted")
    classes: int = Field(
        2,
        ge=2,
        le=len(CLASS_NAMES),
        description="2 marks the tumours; 3 to 9 add liver, cysts, kidneys, spleen, spine, "
        "stomach and aorta, in this order",
    )
    slices_per_subject: int = Field(
        1,
        ge=1,
        le=100_000,
        description="neighbouring images that show one anatomy; from 2 on, records carry a subject",
    )
    difficulty: float = Field(
        0.5,
        ge=0,
        le=1,
        description="how much the contrast of tumours varies: at 0 all are clearly visible, at 1 "
        "some are almost invisible",
    )
    label_noise: float = Field(
        0.3,
        ge=0,
        le=1,
        description="how far masks are displaced and deformed against the image; at 1 by about a "
        "tenth of the body's half-width, the radius of a small tumour",
    )
    shift: float = Field(
        0,
        ge=0,
        le=1,
        description="share of subjects, on average, from another scanner (brighter, noisier, more "
        "blurred); the groups scanner-a and scanner-b tell which",
    )
    near_duplicates: float = Field(
        0,
        ge=0,
        le=0.5,
        description="share of images (with several slices: of subjects), on average, that repeat "
        "the one before with a little noise",
    )
    empty_share: float = Field(
        0.05, ge=0, le=1, description="share of images, on average, without a lesion"
    )
    seed: int = Field(0, ge=0)

    def open(self) -> Records:
        slices = self.slices_per_subject
        subjects = -(-self.count // slices)
        repeat = np.random.default_rng((self.seed, COPIES)).random(subjects)
        other = np.random.default_rng((self.seed, SCANNERS)).random(subjects) < self.shift
        copies = frozenset(u for u in range(1, subjects, 2) if repeat[u] < 2 * self.near_duplicates)
        shifted = frozenset(u for u in range(subjects) if other[u - 1 if u in copies else u])
        keys = []
        for index in range(self.count):
            number, position = divmod(index, slices)
            subject = f"phantom-{number:05d}"
            scanner = "scanner-b" if number in shifted else "scanner-a"
            keys.append(
                RecordKey(
                    id=subject if slices == 1 else f"{subject}-{position:02d}",
                    subject=None if slices == 1 else subject,
                    group=scanner if self.shift > 0 else None,
                )
            )
        load = Rendering(
            seed=self.seed,
            size=self.size,
            classes=self.classes,
            channels=self.channels,
            slices=slices,
            difficulty=self.difficulty,
            label_noise=self.label_noise,
            empty_share=self.empty_share,
            copies=copies,
            shifted=shifted,
        )
        truth = LabelTruth(self.classes, names=CLASS_NAMES[: self.classes])
        return self.directed(Records(keys, load, truth, "phantom"))


def phantom(count: int, *, seed: int, empty_share: float = 0.0, **options: Any) -> Records:
    """Generated records.

    Args:
        count: number of records.
        seed: non-negative.
        empty_share: 0..1; share of records, on average, without a lesion. Unlike in a
            configuration, every record has one by default.
        **options: other fields of :class:`PhantomReader`: ``size``, ``channels``, ``classes``,
            ``slices_per_subject``, ``difficulty``, ``label_noise``, ``shift``,
            ``near_duplicates``, ``direction``.

    Raises:
        InputError: a setting is out of range.

    Example:
        >>> phantom(4, seed=0, size=16)
        Records('phantom', 4 records, label maps of 2 classes)
    """
    return read(PhantomReader, count=count, seed=seed, empty_share=empty_share, **options)

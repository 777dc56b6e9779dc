"""Rendering phantoms: from a subject's anatomy to the scanned slice and its label map.

A slice shows a body with organs of their own brightness and texture, a smooth bias field, and
scanner noise; the truth marks the tumours (and organs, with more classes). Which body, scan and
annotation a record has is drawn from streams of its own, so that every record can be rendered
alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from pixleak.records.phantom.anatomy import (
    CLASS_NAMES,
    Field,
    Organs,
    Subject,
    draw_modes,
    draw_subject,
    smooth,
)

SUBJECT, SLICE, TRUTH, COPIES, SCANNERS = range(5)
"""What each random stream of a seed is for; streams never overlap."""

# Brightness of red, green and blue as powers of the grey value: pinkish, like stained tissue.
_TINT = (0.8, 1.05, 1.0)


@dataclass(frozen=True)
class _Scanner:
    """How a scanner shows tissue: contrast curve, offset, strength of noise, and blur."""

    gamma: float
    offset: float
    noise: float
    blur: float


_SCANNER_A = _Scanner(gamma=1.0, offset=0.0, noise=0.035, blur=0.15)
_SCANNER_B = _Scanner(gamma=0.8, offset=0.05, noise=0.055, blur=0.25)


@dataclass(frozen=True)
class Rendering:
    """Renders the i-th record; holds nothing but settings, so it pickles to a few bytes.

    Args:
        seed: of all streams.
        size: height and width in pixels.
        classes: 2 marks the tumours; more mark further tissues, in the order of the class names.
        channels: 1 (grey) or 3 (tinted).
        slices: number of neighbouring records that show one subject.
        difficulty: 0..1; how much the contrast of tumours varies.
        label_noise: 0..1; how far masks are displaced and deformed against the image.
        empty_share: 0..1; share of slices without a lesion, on average.
        copies: subjects that repeat the one before them.
        shifted: subjects that are imaged by the other scanner.
    """

    seed: int
    size: int
    classes: int
    channels: int
    slices: int
    difficulty: float
    label_noise: float
    empty_share: float
    copies: frozenset[int]
    shifted: frozenset[int]

    def __call__(self, index: int) -> tuple[Tensor, Tensor]:
        unit, position = divmod(index, self.slices)
        if unit in self.copies:
            image, labels = self._render(unit - 1, position)
            again = np.random.default_rng((self.seed, SLICE, unit, position))
            image = image + 0.012 * again.standard_normal(image.shape, dtype=np.float32)
            image = np.clip(image * np.float32(again.uniform(0.98, 1.02)), 0, 1)
        else:
            image, labels = self._render(unit, position)
        return torch.from_numpy(image), torch.from_numpy(labels)

    def _render(self, unit: int, position: int) -> tuple[Field, NDArray[np.int64]]:
        """(channels, size, size) image and (size, size) labels of one slice of one subject."""
        body = np.random.default_rng((self.seed, SUBJECT, unit))
        subject = draw_subject(body, difficulty=self.difficulty, cysts=self.classes > 3)
        height = 0.0 if self.slices == 1 else position / (self.slices - 1) - 0.5
        extent = self._lesion_extent(body, position)
        organs = subject.organs.cut(height)
        if extent > 0:
            organs = organs + subject.lesions.scaled(extent)

        u, v = _plane(subject, self.size)
        texture = smooth(subject.texture, self.size)
        grey = _paint(subject, organs, u, v, texture)
        scan = np.random.default_rng((self.seed, SLICE, unit, position))
        image = _scan(scan, grey, _SCANNER_B if unit in self.shifted else _SCANNER_A, self.channels)

        labelled = organs.only(CLASS_NAMES[1 : self.classes])
        annotate = np.random.default_rng((self.seed, TRUTH, unit, position))
        du, dv = smooth(draw_modes(annotate, (2, 6, 6), 0, 0.5), self.size)
        reach = np.float32(0.09 * self.label_noise)
        inside = _inside(labelled, u + reach * du, v + reach * dv, texture)
        labels = np.zeros((self.size, self.size), dtype=np.int64)
        for tissue, by in zip(labelled.tissues, inside, strict=True):
            # At least one pixel, however small the organ.
            labels[by >= min(0.0, float(by.max()))] = CLASS_NAMES.index(tissue)
        return image, labels

    def _lesion_extent(self, generator: Generator, position: int) -> float:
        """Relative size of the lesions in this slice; 0 if the slice has none.

        A run of neighbouring slices shows the lesions; its length is binomial, so that
        ``empty_share`` of all slices are empty on average.
        """
        length = int(generator.binomial(self.slices, 1 - self.empty_share))
        start = int(generator.integers(0, self.slices - length + 1))
        if not start <= position < start + length:
            return 0.0
        along = (position - start + 0.5) / length
        return float(np.sqrt(np.sin(np.pi * along)))


def _plane(subject: Subject, size: int) -> tuple[Field, Field]:
    """(size, size) body coordinates of the pixels, x and y."""
    at = ((np.arange(size, dtype=np.float32) + 0.5) / size) * 2 - 1
    warp = smooth(subject.warp, size)
    u = (at[None, :] - np.float32(subject.centre[0])) / np.float32(subject.width) + warp[0]
    v = (at[:, None] - np.float32(subject.centre[1])) / np.float32(subject.height) + warp[1]
    return u, v


def _inside(organs: Organs, u: Field, v: Field, texture: Field) -> Field:
    """(n, size, size) depth inside each organ: 1 - d ** 2 with d = 1 on its border.

    The quadratic is expanded, so that one matrix product serves all organs.
    """
    x, y = organs.at[:, 0], organs.at[:, 1]
    a, b = organs.radii[:, 0] ** -2, organs.radii[:, 1] ** -2
    constant = 1 - a * x**2 - b * y**2
    coefficients = np.stack([-a, -b, 2 * a * x, 2 * b * y, constant, -2 * organs.look[:, 2]], 1)
    monomials = np.stack([u**2, v**2, u, v, np.ones_like(u), texture])
    product: Field = coefficients @ monomials.reshape(6, -1)
    return product.reshape(-1, *u.shape)


def _paint(subject: Subject, organs: Organs, u: Field, v: Field, texture: Field) -> Field:
    """(size, size) noise-free slice; organs cover what was painted before them."""
    by_pixel = np.float32(len(u) * subject.width / 2)
    skin = np.sqrt(u**2 + v**2)
    grey: Field = np.clip((1 - skin) * by_pixel + 0.5, 0, 1) * np.float32(0.2) + np.float32(0.01)
    grey += np.clip(1 - np.abs(skin - 0.985) * (0.6 * by_pixel), 0, 1) * np.float32(0.2)
    vessels = np.exp(-((smooth(subject.texture.T, len(u)) / np.float32(0.16)) ** 2))
    inside = _inside(organs, u, v, texture)
    # Near the border 1 - d ** 2 is about 2 (1 - d), so this ramp is about one pixel wide.
    ramps = organs.radii[:, :2].min(axis=1) * (by_pixel / 2)
    cover = inside * ramps[:, None, None]
    cover += np.float32(0.5)
    np.clip(cover, 0, 1, out=cover)
    brightness, amplitude = organs.look[:, 0], organs.look[:, 1]
    for index, kind in enumerate(organs.tissues):
        tissue = amplitude[index] * texture + brightness[index]
        if kind == "liver":
            tissue += np.float32(0.07) * vessels
        elif kind == "tumour":
            tissue += np.float32(0.05) * np.clip(1 - 2 * inside[index], 0, 1)
        tissue -= grey
        tissue *= cover[index]
        grey += tissue
    return grey


def _scan(generator: Generator, grey: Field, scanner: _Scanner, channels: int) -> Field:
    """(channels, size, size) in [0, 1]: blur, bias field, contrast curve, noise."""
    bias = 1 + np.float32(0.05) * smooth(draw_modes(generator, (3, 3), 1, 1.0), len(grey))
    grey = np.clip(_blurred(np.clip(grey, 0, 1), scanner.blur) * bias, 0, 1)
    noise = generator.standard_normal((channels, *grey.shape), dtype=np.float32)
    strength = np.float32(1.6 * scanner.noise * generator.uniform(0.7, 1.3))
    powers = _TINT if channels == 3 else (1.0,)
    image = np.stack([grey ** np.float32(power * scanner.gamma) for power in powers])
    image += np.float32(scanner.offset) * (grey > 0.1)
    # Reconstruction correlates a scanner's noise over neighbouring pixels.
    image += strength * _blurred(noise, 0.2)
    return np.clip(image, 0, 1)


def _blurred(field: Field, weight: float) -> Field:
    """A three-tap blur (w, 1 - 2w, w) along both axes; edges are repeated."""
    side, middle = np.float32(weight), np.float32(1 - 2 * weight)
    for _ in range(2):
        blurred = middle * field
        blurred[..., 1:] += side * field[..., :-1]
        blurred[..., :-1] += side * field[..., 1:]
        blurred[..., 0] += side * field[..., 0]
        blurred[..., -1] += side * field[..., -1]
        field = np.swapaxes(blurred, -1, -2)
    return field

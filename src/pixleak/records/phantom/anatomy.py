"""The anatomy of phantoms: where the organs lie, and how they look.

A subject is a list of ellipsoids in body coordinates (x to the right, y down, both -1..1 at the
skin; z along the body), painted over one another in a smoothly warped plane. The values
are those of an abdominal CT in a soft-tissue window scaled to [0, 1]: air 0, fat .25, liver .6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Field = NDArray[np.float32]

CLASS_NAMES = (
    "background",
    "tumour",
    "liver",
    "cyst",
    "kidney",
    "spleen",
    "spine",
    "stomach",
    "aorta",
)

WARP_MODES = 4
TEXTURE_MODES = 14


@dataclass(frozen=True, eq=False)
class Organs:
    """Ellipsoids in body coordinates, in painting order.

    Args:
        tissues: n class names, or other names for tissues that are never labelled.
        at: (n, 3) centres: x, y, z.
        radii: (n, 3) semi-axes.
        look: (n, 3) brightness; amplitude of the texture, in the same units; and how far the
            texture moves the border in and out, in radii.
    """

    tissues: tuple[str, ...]
    at: Field
    radii: Field
    look: Field

    @classmethod
    def of(cls, rows: Sequence[tuple[str, *tuple[float, ...]]]) -> Organs:
        """From rows of tissue, x, y, z, rx, ry, rz, brightness, texture, raggedness."""
        numbers = np.array([row[1:] for row in rows], dtype=np.float32).reshape(-1, 9)
        tissues = tuple(row[0] for row in rows)
        return cls(tissues, numbers[:, :3], numbers[:, 3:6], numbers[:, 6:])

    def __add__(self, other: Organs) -> Organs:
        return Organs(
            self.tissues + other.tissues,
            np.concatenate([self.at, other.at]),
            np.concatenate([self.radii, other.radii]),
            np.concatenate([self.look, other.look]),
        )

    def only(self, tissues: Sequence[str]) -> Organs:
        """The organs of these tissues, still in painting order."""
        chosen = [i for i, tissue in enumerate(self.tissues) if tissue in tissues]
        return Organs(
            tuple(self.tissues[i] for i in chosen),
            self.at[chosen],
            self.radii[chosen],
            self.look[chosen],
        )

    def scaled(self, scale: float | Field) -> Organs:
        """Smaller or larger ellipses, by one factor or by (n,) factors."""
        factors = np.broadcast_to(np.asarray(scale, dtype=np.float32), (len(self.tissues),))
        return Organs(self.tissues, self.at, self.radii * factors[:, None], self.look)

    def cut(self, height: float) -> Organs:
        """The ellipses in which the plane z = height meets the organs; none vanishes entirely."""
        along = (height - self.at[:, 2]) / self.radii[:, 2]
        return self.scaled(np.sqrt(np.maximum(1 - along**2, 0.04)).astype(np.float32))


_ATLAS = Organs.of(
    [
        ("muscle", 0.0, 0.0, 0.0, 0.93, 0.90, 9.0, 0.47, 0.03, 0.0),
        ("cavity", 0.0, -0.06, 0.0, 0.83, 0.76, 9.0, 0.27, 0.03, 0.0),
        ("back", 0.0, 0.72, 0.0, 0.62, 0.28, 9.0, 0.47, 0.03, 0.0),
        ("bowel", 0.10, 0.02, 0.1, 0.17, 0.14, 0.9, 0.45, 0.05, 0.2),
        ("bowel", 0.36, 0.02, -0.1, 0.15, 0.13, 0.9, 0.43, 0.05, 0.2),
        ("bowel", 0.02, -0.44, 0.2, 0.18, 0.13, 0.9, 0.46, 0.05, 0.2),
        ("kidney", -0.40, 0.38, 0.1, 0.16, 0.20, 1.1, 0.74, 0.03, 0.0),
        ("pelvis", -0.35, 0.39, 0.1, 0.06, 0.08, 0.6, 0.35, 0.02, 0.0),
        ("kidney", 0.40, 0.40, -0.1, 0.16, 0.20, 1.1, 0.74, 0.03, 0.0),
        ("pelvis", 0.35, 0.41, -0.1, 0.06, 0.08, 0.6, 0.35, 0.02, 0.0),
        ("spleen", 0.66, 0.10, 0.1, 0.15, 0.29, 1.1, 0.60, 0.02, 0.0),
        ("stomach", 0.40, -0.34, 0.2, 0.29, 0.24, 1.3, 0.52, 0.02, 0.0),
        ("lumen", 0.40, -0.32, 0.2, 0.23, 0.18, 1.2, 0.36, 0.03, 0.0),
        ("gas", 0.40, -0.44, 0.2, 0.15, 0.06, 1.1, 0.03, 0.0, 0.0),
        ("liver", -0.40, -0.10, 0.0, 0.42, 0.50, 1.5, 0.60, 0.02, 0.0),
        ("liver", -0.08, -0.36, 0.0, 0.26, 0.22, 1.3, 0.60, 0.02, 0.0),
        ("vein", -0.10, 0.22, 0.0, 0.07, 0.07, 9.0, 0.70, 0.01, 0.0),
        ("aorta", 0.09, 0.22, 0.0, 0.08, 0.09, 9.0, 0.84, 0.01, 0.0),
        ("spine", 0.0, 0.45, 0.0, 0.15, 0.17, 9.0, 0.92, 0.04, 0.0),
        ("marrow", 0.0, 0.44, 0.0, 0.11, 0.12, 9.0, 0.78, 0.06, 0.0),
        ("spine", 0.0, 0.76, 0.0, 0.05, 0.14, 9.0, 0.92, 0.04, 0.0),
        ("canal", 0.0, 0.64, 0.0, 0.05, 0.05, 9.0, 0.42, 0.0, 0.0),
    ]
)
_RIB_ANGLES = np.deg2rad(np.array([-62.0, -28.0, 4.0, 34.0, 146.0, 176.0, 208.0, 242.0]))
_TISSUE_OF = np.unique(_ATLAS.tissues, return_inverse=True)[1]
_LIVER = _ATLAS.tissues.index("liver")


@dataclass(frozen=True, eq=False)
class Subject:
    """One patient's anatomy.

    Args:
        width: half-width of the body, as a share of half the image.
        height: half-height of the body, in the same unit.
        centre: position of the body, x and y.
        warp: (2, modes, modes) coefficients of the displacement of body coordinates.
        texture: (modes, modes) coefficients of the tissue texture, unit variance.
        organs: painted in this order.
        lesions: painted last; radii at their largest.
    """

    width: float
    height: float
    centre: tuple[float, float]
    warp: Field
    texture: Field
    organs: Organs
    lesions: Organs


@lru_cache(maxsize=16)
def cosines(size: int, modes: int) -> Field:
    """(size, modes) cosine basis on pixel centres; read-only, since it is shared."""
    at = (np.arange(size) + 0.5) / size
    basis: Field = np.cos(np.pi * at[:, None] * np.arange(modes)).astype(np.float32)
    basis.flags.writeable = False
    return basis


def smooth(coefficients: Field, size: int) -> Field:
    """(..., size, size) field of (..., modes, modes) cosine coefficients."""
    basis = cosines(size, coefficients.shape[-1])
    field: Field = np.matmul(basis @ coefficients, basis.T)
    return field


def draw_modes(generator: Generator, shape: tuple[int, ...], first: int, power: float) -> Field:
    """Random cosine coefficients of a field of about unit variance.

    Args:
        generator: source of randomness.
        shape: (..., modes, modes).
        first: modes below this radius are left out, so that the field has no trend.
        power: amplitudes fall as radius to this power.
    """
    modes = np.arange(shape[-1])
    radius = np.hypot(modes[:, None], modes[None, :])
    weight = np.where((radius >= first) & (radius < shape[-1]), np.maximum(radius, 1) ** -power, 0)
    # A product of two cosines has mean square 1/4 (1/2 along an axis).
    weight /= np.sqrt(np.sum(weight**2) / 4)
    drawn = generator.standard_normal(shape, dtype=np.float32) * weight
    return drawn.astype(np.float32)


def draw_subject(generator: Generator, *, difficulty: float, cysts: bool) -> Subject:
    """One patient.

    Args:
        generator: source of randomness.
        difficulty: 0..1; how much the contrast of tumours varies between subjects: at 0 all are
            clearly visible, at 1 some are almost invisible.
        cysts: whether some patients have cysts besides their tumours.
    """
    organs = _draw_organs(generator)
    liver = (*organs.at[_LIVER, :2].tolist(), *organs.radii[_LIVER, :2].tolist())
    contrast = 0.27 * (1 - 0.92 * difficulty * generator.random())
    tumour = float(organs.look[_LIVER, 0]) - contrast
    lesions = [_lesion(generator, liver, "tumour", generator.uniform(0.14, 0.27), tumour, 0.17)]
    for _ in range(int(generator.random() < 0.35) + int(generator.random() < 0.15)):
        radius = generator.uniform(0.08, 0.15)
        lesions.append(_lesion(generator, liver, "tumour", radius, tumour, 0.17))
    for _ in range(int(generator.random() < 0.6) + int(generator.random() < 0.3)):
        cyst = _lesion(generator, liver, "cyst", generator.uniform(0.07, 0.14), 0.2, 0.0)
        if cysts:
            lesions.append(cyst)
    return Subject(
        width=generator.uniform(0.80, 0.91),
        height=generator.uniform(0.70, 0.82),
        centre=(float(generator.normal(0, 0.015)), float(generator.normal(0, 0.015))),
        warp=0.04 * draw_modes(generator, (2, WARP_MODES, WARP_MODES), 1, 1.2),
        texture=draw_modes(generator, (TEXTURE_MODES, TEXTURE_MODES), 4, 0.5),
        organs=organs,
        lesions=Organs.of(lesions),
    )


def _draw_organs(generator: Generator) -> Organs:
    """The atlas with positions, sizes and brightness varied, and ribs added."""
    n = len(_ATLAS.tissues)
    # The body wall stays where the skin is; organs move and grow.
    wall = (_ATLAS.radii[:, :1] > 0.5).astype(np.float32)
    at, radii, look = _ATLAS.at.copy(), _ATLAS.radii.copy(), _ATLAS.look.copy()
    at += generator.normal(0, 1, (n, 3)).astype(np.float32) * (0.02 * (1 - wall))
    grow = np.clip(generator.normal(0, 1, (n, 2)), -2, 2).astype(np.float32)
    radii[:, :2] *= 1 + grow * (0.07 - 0.05 * wall)
    look[:, 0] += generator.normal(0, 0.02, n).astype(np.float32)[_TISSUE_OF]
    angles = _RIB_ANGLES + generator.normal(0, 0.06, len(_RIB_ANGLES))
    ribs = [
        ("rib", 0.87 * np.cos(a), 0.82 * np.sin(a) - 0.02, 0, 0.055, 0.05, 9, 0.9, 0.04, 0)
        for a in angles.tolist()
    ]
    return Organs(_ATLAS.tissues, at, radii, look) + Organs.of(ribs)


def _lesion(
    generator: Generator,
    liver: tuple[float, ...],
    tissue: str,
    radius: float,
    brightness: float,
    ragged: float,
) -> tuple[str, *tuple[float, ...]]:
    """A row of an :class:`Organs` for a lesion somewhere inside the liver (x, y, rx, ry)."""
    x, y, rx, ry = liver
    angle, reach = generator.uniform(0, 2 * np.pi), np.sqrt(generator.random())
    stretch = generator.uniform(0.8, 1.25)
    x += reach * max(rx - radius, 0.05) * np.cos(angle)
    y += reach * max(ry - radius, 0.05) * np.sin(angle)
    return (tissue, x, y, 0, radius * stretch, radius / stretch, 9, brightness, 0.025, ragged)

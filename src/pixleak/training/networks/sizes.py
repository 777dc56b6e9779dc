"""Image sizes that a network can take."""

from __future__ import annotations


def fitting_size(size: tuple[int, int], stride: int, least: int) -> tuple[int, int]:
    """The smallest (h, w) not below ``size`` that a network of this stride can take.

    Example:
        >>> fitting_size((100, 64), stride=8, least=2)
        (104, 64)
        >>> fitting_size((3, 3), stride=8, least=2)
        (16, 16)
    """
    height, width = (max(-(-side // stride), least) * stride for side in size)
    return height, width

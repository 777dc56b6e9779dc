"""Error of the linear prediction of an image's pixels from its own deep features, exact and fast.

A backbone's stages are maps of different sizes, up-sampled to one grid of n positions and stacked
to a design matrix of sum(C_k) columns: 3840 for a Wide-ResNet-50-2. But a stage of h x w positions
has no more than h w independent columns, however many channels: where C > h w, take the QR
decomposition of its (C, h w) matrix and up-sample R instead. The columns change by an orthonormal
matrix, which leaves singular values, minimum-norm predictions and ridge predictions as they were,
and 1013 are left of 3840.

``split_error`` is the paper's: ordinary least squares on a share of the positions, mean absolute
error on the others. The problem is rank deficient (bilinear maps of constants are constants), so
the value depends on the cut-off below which singular values count as zero, ``rcond``. A
rank-revealing QR of the small triangle finds the rank, and where there is no clear gap about the
cut-off the singular values themselves do.

``ridge_error`` is the sound form: a penalty instead of a cut-off, so that the value does not depend
on a solver, and K-fold cross-validation instead of one split. The normal equations of a fold's
fit are those of all positions minus the fold's own, so that K fits cost little more than one.

All in float64, record by record, so that memory does not grow with the number of records.

Source:
    Shafran, Peleg, Hoshen, arXiv:2102.07762 (the difficulty). The reduction: pixleak.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import scipy.linalg
import torch
from torch import Tensor
from torch.nn import functional

from pixleak.core.errors import InputError
from pixleak.core.tables import Floats

RCOND = 1e-10
"""Singular values below it, relative to the largest, count as zero."""

_ROUNDING = 1e-13
"""Relative spread of the columns up to which they count as constant."""

_WIDE = 512
"""Number of columns from which more threads speed up a ridge regression."""

_GAP = 1e2
"""Distance from the cut-off, as a factor, at which a rank-revealing QR's diagonal is trusted."""


@dataclass(frozen=True, eq=False)
class Design:
    """The features of one record.

    Args:
        stages: (C_k, h_k, w_k) maps.
        grid: (H, W) to up-sample to, bilinearly.
        mirrored: beyond its border a map goes on as its mirror image, about the outermost values,
            rather than with these values themselves.
    """

    stages: Sequence[Tensor]
    grid: tuple[int, int]
    mirrored: bool = False

    @property
    def channels(self) -> int:
        """Columns of the full matrix."""
        return sum(len(stage) for stage in self.stages)

    def full(self) -> Tensor:
        """(H W, sum C_k) float64, the slow way."""
        return torch.cat([self._up(stage.double()) for stage in self.stages]).T.contiguous()

    def reduced(self) -> Tensor:
        """(H W, p) float64 with p <= sum min(C_k, h_k w_k): the same columns, rotated."""
        with _one_thread():
            return torch.cat(
                [self._up(self._rotated(stage)) for stage in self.stages]
            ).T.contiguous()

    @staticmethod
    def _rotated(stage: Tensor) -> Tensor:
        """(min(C, h w), h, w) float64."""
        channels, height, width = stage.shape
        rows = stage.double().reshape(channels, height * width)
        if channels > height * width:
            _, rows = torch.linalg.qr(rows, mode="r")
        return rows.reshape(-1, height, width)

    def _up(self, stage: Tensor) -> Tensor:
        """(C, H W)."""
        if tuple(stage.shape[-2:]) == self.grid:
            return stage.flatten(1)
        if self.mirrored:
            rows, columns = map(mirrored_weights, stage.shape[1:], self.grid)
            return (rows @ stage @ columns.T).flatten(1)
        up = functional.interpolate(
            stage[None], size=self.grid, mode="bilinear", align_corners=False
        )
        return up[0].flatten(1)


def split_error(columns: Tensor, targets: Tensor, fitted: Tensor, *, rcond: float = RCOND) -> float:
    """Mean absolute error of least squares, fitted on some positions, at the others.

    Args:
        columns: (n, p) float64, of :meth:`Design.reduced` or :meth:`Design.full`.
        targets: (n, c) float64.
        fitted: (n,) bool.
        rcond: relative cut-off of singular values; among those kept, the solution of least norm.

    Raises:
        InputError: no position is fitted, or none is left.
    """
    if not 0 < int(fitted.sum()) < len(fitted):
        raise InputError("a share of the positions must be fitted, and a share must be left")
    with _one_thread():
        inside, outside = columns[fitted], columns[~fitted]
        mean, level = inside.mean(dim=0), targets[fitted].mean(dim=0)
        centred = inside - mean
        if _largest(centred) <= _ROUNDING * _largest(inside):
            centred.zero_()  # constants predict nothing, and their rounding must not
        weights = least_norm(centred, targets[fitted] - level, rcond)
        errors = (outside - mean) @ weights + level - targets[~fitted]
        return float(errors.abs().mean())


def _largest(values: Tensor) -> float:
    low, high = torch.aminmax(values)
    return max(-float(low), float(high))


def least_norm(columns: Tensor, targets: Tensor, rcond: float) -> Tensor:
    """(p, c) weights of least squares, of least norm among equals.

    Args:
        columns: (m, p) float64, on any device.
        targets: (m, c) float64.
        rcond: relative cut-off of singular values.
    """
    rows, count = columns.shape
    if columns.device.type != "cpu":
        return _by_singular_values(columns, targets, rcond)
    if rows >= count:
        # The triangle of (columns, targets) holds R and Q'targets.
        _, both = torch.linalg.qr(torch.cat([columns, targets], dim=1), mode="r")
        return _small(both[:count, :count], both[:count, count:], rcond)
    basis, triangle = torch.linalg.qr(columns.T)
    weights: Tensor = basis @ _small(triangle.T, targets, rcond)
    return weights


@contextmanager
def _one_thread() -> Iterator[None]:
    """Where torch works on one record.

    Decompositions of this size gain nothing from more threads: two are slower than one.
    """
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        yield
    finally:
        torch.set_num_threads(before)


def _small(square: Tensor, targets: Tensor, rcond: float) -> Tensor:
    """The same for a square matrix: by a pivoted QR where that shows the rank beyond doubt."""
    size = len(square)
    found = scipy.linalg.qr_multiply(square.numpy(), targets.T.numpy(), mode="right", pivoting=True)
    answer, triangle, order = found[0].T, found[1], found[2]
    diagonal = np.abs(np.diag(triangle))
    top = diagonal[0] if size else 0.0
    if not top > 0:
        return torch.zeros(size, targets.shape[1], dtype=square.dtype)
    share = diagonal / top
    rank = int((share > rcond).sum())
    # The diagonal gives singular values only up to a modest factor, so a clear gap is needed.
    clear = share[rank - 1] > _GAP * rcond and (rank == size or share[rank] < rcond / _GAP)
    if not clear:
        return _by_singular_values(square, targets, rcond)
    weights = np.zeros((size, targets.shape[1]))
    weights[:rank] = scipy.linalg.solve_triangular(triangle[:rank, :rank], answer[:rank])
    if rank < size:
        # Take out the part in the null space, which is spanned by (-R11^-1 R12, 1).
        null = np.zeros((size, size - rank))
        null[:rank] = -scipy.linalg.solve_triangular(triangle[:rank, :rank], triangle[:rank, rank:])
        null[rank:] = np.eye(size - rank)
        null, _ = np.linalg.qr(null)
        weights -= null @ (null.T @ weights)
    unpivoted = np.empty_like(weights)
    unpivoted[order] = weights
    return torch.from_numpy(unpivoted)


def _by_singular_values(columns: Tensor, targets: Tensor, rcond: float) -> Tensor:
    left, values, right = torch.linalg.svd(columns, full_matrices=False)
    kept = values > rcond * values.max()
    inverse = torch.where(kept, 1 / values.where(kept, 1.0), 0.0)
    weights: Tensor = right.T @ (inverse[:, None] * (left.T @ targets))
    return weights


def ridge_error(columns: Tensor, targets: Tensor, folds: Tensor, *, penalty: float) -> float:
    """Mean absolute error of ridge regression, each position predicted from the other folds.

    Args:
        columns: (n, p) float64.
        targets: (n, c) float64.
        folds: (n,) int64, the fold of each position, from 0.
        penalty: on the sum of squared weights; the intercept is free.

    Raises:
        InputError: the penalty is not positive, or there are fewer than two folds.
    """
    number = int(folds.max()) + 1
    if not penalty > 0 or number < 2:
        raise InputError(f"ridge_error needs a penalty > 0 and 2 folds, got {penalty}, {number}")
    if columns.shape[1] >= _WIDE:
        return _folded(columns, targets, folds, penalty, number)
    with _one_thread():
        return _folded(columns, targets, folds, penalty, number)


def _folded(columns: Tensor, targets: Tensor, folds: Tensor, penalty: float, number: int) -> float:
    shifted = columns - columns.mean(dim=0)  # for precision alone; each fold has its own intercept
    ones = torch.ones(len(shifted), 1, dtype=shifted.dtype, device=shifted.device)
    design = torch.cat([ones, shifted], dim=1)
    penalties = torch.full((design.shape[1],), penalty, dtype=design.dtype, device=design.device)
    penalties[0] = 0.0
    whole, answer = design.T @ design, design.T @ targets
    total = torch.zeros((), dtype=design.dtype, device=design.device)
    for fold in range(number):
        part, wanted = design[folds == fold], targets[folds == fold]
        gram = whole - part.T @ part + torch.diag(penalties)
        weights = torch.cholesky_solve(answer - part.T @ wanted, torch.linalg.cholesky(gram))
        total += (part @ weights - wanted).abs().sum()
    return float(total) / targets.numel()


def penalty_of(design: Design, columns: Tensor, ridge: float) -> float:
    """``ridge`` times the mean squared norm of the design's columns about their means.

    The sum of squared norms is the same for full and reduced columns, so the penalty is too.
    """
    spread = (columns - columns.mean(dim=0)).square().sum()
    return max(ridge * float(spread) / design.channels, 1e-12)


def drawn_folds(positions: int, folds: int, seed: int) -> Tensor:
    """(n,) int64: equal folds at random, the same for every record."""
    order = np.random.default_rng(seed).permutation(positions)
    of = np.empty(positions, dtype=np.int64)
    of[order] = np.arange(positions) % folds
    return torch.from_numpy(of)


def drawn_share(positions: int, share: float, seed: int) -> Tensor:
    """(n,) bool: a share at random, the same for every record; rounded down, at least one."""
    order = np.random.default_rng(seed).permutation(positions)
    chosen = np.zeros(positions, dtype=np.bool_)
    chosen[order[: max(1, int(share * positions))]] = True
    return torch.from_numpy(chosen)


def as_array(values: Sequence[float]) -> Floats:
    """(b,) float64."""
    return np.array(values, dtype=np.float64)


def mirrored_weights(size: int, to: int) -> Tensor:
    """(to, size) float64: linear interpolation of ``size`` values at the centres of ``to`` cells.

    Values beyond the ends are those of the mirror image about the outermost values::

        x_i = (i + 1/2) size / to - 1/2,   out_i = (1 - f) v[floor x_i] + f v[floor x_i + 1]
        f = x_i - floor x_i,   v[-1] = v[1],   v[size] = v[size - 2]
    """
    at = (torch.arange(to, dtype=torch.float64) + 0.5) * size / to - 0.5
    below = at.floor().long()
    share = at - below
    weights = torch.zeros(to, size, dtype=torch.float64)
    rows = torch.arange(to)
    for neighbour, weight in ((below, 1 - share), (below + 1, share)):
        inside = (size - 1) - (neighbour.abs() - (size - 1)).abs()
        weights[rows, inside.clamp(0)] += weight
    return weights

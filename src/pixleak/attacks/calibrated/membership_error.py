"""Membership error: how much lower is a generator's error than the image's difficulty predicts?

Some images are easy for any generator, and their low error is no evidence of membership. Of a
record's reconstruction error e and its difficulties d (measured without the model)::

    membership-error         score = alpha d - e                       one image, no other data
    fitted-membership-error  score = (b0 + b.d - e) / se(d)            b fitted on a population

    se(d)^2 = s^2 (1 + x' (X'X)^-1 x),  x = (1, d),  s^2 = residual sum of squares / (n - p)

The population are records that the target was not trained on. The fitted score is the record's
distance from what a non-member of its difficulty would have, in standard errors of that prediction
(under normal errors, a t value with n - p degrees of freedom); so it can be read for one image.

The plain difference assumes that error and difficulty have one scale. They seldom do: at a slope
other than alpha, it adds the difficulty's own spread to the score, and can do harm.

The first of the signals is e, the others are d.

Source:
    Shafran, Peleg, Hoshen, "Membership Inference Attacks on Conditional Generative Models Using
    Image Difficulty", arXiv:2102.07762 (the plain difference, alpha = 1). The fitted form: pixleak.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pixleak.attacks.base import Attack, SignalLists
from pixleak.attacks.evidence import Evidence
from pixleak.attacks.usual import ERROR
from pixleak.core.errors import InputError
from pixleak.core.tables import Floats
from pixleak.core.truth import Kind


@dataclass(frozen=True, kw_only=True)
class MembershipError(Attack):
    """Reconstruction error minus difficulty.

    Args:
        alpha: weight of the difficulty, in units of the error per unit of the difficulty.
    """

    name: ClassVar[str] = "membership-error"
    title: ClassVar[str] = "Membership error"
    summary: ClassVar[str] = "error minus the image's difficulty, from one image alone"
    source: ClassVar[str] = "Shafran 2021, arXiv:2102.07762"
    rank: ClassVar = 90
    usual_without_pool: ClassVar = True
    signals: ClassVar = "many"
    recordwise: ClassVar[bool] = True
    named_by_signals: ClassVar[bool] = True

    alpha: float = 1.0

    def __post_init__(self) -> None:
        if not np.isfinite(self.alpha):
            raise InputError(f"membership-error needs a finite alpha, got {self.alpha}")

    @classmethod
    def usual_signals(cls, kind: Kind, difficulties: Sequence[str] = ()) -> SignalLists:
        if kind == "labels":
            return ()
        return tuple(("l1-error", d) for d in difficulties if d == "difficulty-features")

    def _score(self, evidence: Evidence) -> Floats:
        values = _two_or_more(self.name, evidence.values)
        # Oriented: the error comes negated, difficulties as they are.
        score: Floats = values[:, 0] + self.alpha * values[:, 1:].sum(axis=1)
        return score


@dataclass(frozen=True, kw_only=True)
class FittedMembershipError(Attack):
    """Distance of the error below its regression on difficulty, in standard errors."""

    name: ClassVar[str] = "fitted-membership-error"
    title: ClassVar[str] = "Fitted membership error"
    summary: ClassVar[str] = "error below what a non-member's difficulty predicts, by regression"
    source: ClassVar[str] = "pixleak, after Shafran 2021, arXiv:2102.07762"
    rank: ClassVar = 80
    usual_without_pool: ClassVar = True
    signals: ClassVar = "many"
    needs_population: ClassVar[bool] = True
    recordwise: ClassVar[bool] = True
    named_by_signals: ClassVar[bool] = True

    @classmethod
    def usual_signals(cls, kind: Kind, difficulties: Sequence[str] = ()) -> SignalLists:
        if kind == "labels":
            return ()
        # The logarithm: errors of easy and hard records differ by a factor, not by an amount.
        each = tuple((ERROR, name) for name in difficulties)
        if len(difficulties) < 2:
            return each
        return (ERROR, *difficulties), ("coarse-error", *difficulties), *each

    def _score(self, evidence: Evidence) -> Floats:
        values = _two_or_more(self.name, evidence.values)
        assert evidence.population is not None
        line = fit_line(evidence.population.values[:, 1:], evidence.population.values[:, 0])
        return line.above(values[:, 1:], values[:, 0])


@dataclass(frozen=True, eq=False)
class FittedLine:
    """A least-squares fit with what is needed for prediction errors.

    Args:
        slopes: (1 + p,) intercept first, for standardised columns.
        centre: (p,) column means.
        scale: (p,) column standard deviations, 1 where a column is constant.
        inverse: (1 + p, 1 + p) pseudo-inverse of X'X.
        spread: s, standard deviation of the residuals.
        freedom: n minus the rank of X.
    """

    slopes: Floats
    centre: Floats
    scale: Floats
    inverse: Floats
    spread: float
    freedom: int

    def predicted(self, columns: Floats) -> tuple[Floats, Floats]:
        """(m,) predictions and their standard errors, for one new observation each."""
        x = self._design(columns)
        leverage = np.einsum("ij,jk,ik->i", x, self.inverse, x)
        return x @ self.slopes, self.spread * np.sqrt(1 + leverage)

    def above(self, columns: Floats, values: Floats) -> Floats:
        """(m,) how far values lie above their predictions, in standard errors."""
        mean, error = self.predicted(columns)
        return np.asarray((values - mean) / error)

    def _design(self, columns: Floats) -> Floats:
        scaled = (columns - self.centre) / self.scale
        return np.concatenate([np.ones((len(columns), 1)), scaled], axis=1)


def fit_line(columns: Floats, values: Floats) -> FittedLine:
    """Ordinary least squares of ``values`` on an intercept and ``columns``.

    Args:
        columns: (n, p).
        values: (n,).

    Raises:
        InputError: n is less than p + 5, or the fit leaves no residual.

    Example:
        Errors 1, 3, 2, 4, 3, 5 at difficulties 0, 0, 1, 1, 2, 2: slope 1, intercept 2, residuals
        +-1, s^2 = 6 / 4. At difficulty 1, the mean, the leverage is 1/6.

        >>> d = np.array([[0.0], [0], [1], [1], [2], [2]])
        >>> line = fit_line(d, np.array([1.0, 3, 2, 4, 3, 5]))
        >>> mean, error = line.predicted(np.array([[1.0]]))
        >>> round(float(mean[0]), 9), bool(np.isclose(error[0] ** 2, 6 / 4 * (1 + 1 / 6)))
        (3.0, True)
    """
    n, p = columns.shape
    if n < p + 5:
        raise InputError(
            f"a regression of error on difficulty needs at least {p + 5} records that the target "
            f"was not trained on, got {n}"
        )
    centre, scale = columns.mean(axis=0), columns.std(axis=0)
    scale = np.where(scale > 1e-12 * np.maximum(np.abs(centre), 1e-12), scale, 1.0)
    design = np.concatenate([np.ones((n, 1)), (columns - centre) / scale], axis=1)
    slopes, _, rank, _ = np.linalg.lstsq(design, values, rcond=1e-10)
    residuals = values - design @ slopes
    freedom = n - int(rank)
    spread = float(np.sqrt((residuals**2).sum() / freedom))
    if not spread > 0:
        raise InputError(
            "the errors of the population are an exact function of their difficulty; "
            "they cannot be of independent images"
        )
    inverse = np.linalg.pinv(design.T @ design, rcond=1e-10, hermitian=True)
    return FittedLine(slopes, centre, scale, inverse, spread, freedom)


def _two_or_more(name: str, values: Floats) -> Floats:
    if values.shape[1] < 2:
        raise InputError(f"{name} takes an error and at least one difficulty, got one signal")
    return values

"""Learned on calibrated residuals: a classifier over many calibrated signals at once.

Each signal alone, calibrated by reference models, is an attack. How informative each is, and how
they combine, is learned where the answer is known: every reference model plays the victim against
the others. For a victim ``v`` and a record ``j``, over the other models that lack it (out)
and that hold it (in), each of ``s`` signals gives six features::

    r     = s_vj - mean_out                     z    = r / sigma_out        mean_out
    r_in  = s_vj - mean_in                      z_in = r_in / sigma_in
    llr   = z^2 / 2 + log sigma_out - z_in^2 / 2 - log sigma_in

    sigma^2 = (squared deviations of the record + k pooled variance) / (count - 1 + k)

Features are standardised and cut off at 8 standard deviations; a ridge-penalised logistic
regression is trained on all (victim, record) pairs of the references and applied to the target; the
score is its logit. Where no reference holds the target's records (references trained on records of
the attacker's own), it is trained on those of the population that some hold, and the last three
features are left out.

A spread needs two models, and one that lacks (or holds) the record plays the victim: three must
lack it, and where fewer than three hold it the last three features are left out.

No feature depends on how many references hold a record: where they differ in number, each
record is compared with as many models of either side as the record that has fewest. In a pool of
complementary halves they do not differ, since a victim's complement, which was trained on exactly
the other records, is not among its references.

Source:
    pixleak. Calibration: Watson 2022, arXiv:2111.08440. Both sides of a likelihood ratio: Carlini
    2022, arXiv:2112.03570. Models of one's own as victims: Shokri, Stronati, Song, Shmatikov,
    "Membership Inference Attacks Against Machine Learning Models", S&P 2017, arXiv:1610.05820.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from pixleak.attacks.base import Attack, SignalLists
from pixleak.attacks.calibrated.moments import Moments, complement, equally_many, moments
from pixleak.attacks.evidence import Evidence
from pixleak.attacks.usual import EVERY
from pixleak.core.errors import InputError, UnmetNeedError
from pixleak.core.tables import Bools, Floats
from pixleak.core.truth import Kind

CUT = 8.0
"""Standard deviations at which a feature is cut off."""

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Sides:
    """Moments of the references that lack, and that hold, each record of one set.

    Args:
        outside: of those that lack it, equally many for each record.
        inside: of those that hold it, likewise; None where some record has none to spare.
        lacks: (m, n) bool, which models ``outside`` is of.
        holds: (m, n) bool, which models ``inside`` is of.
    """

    outside: Moments
    inside: Moments | None
    lacks: Bools
    holds: Bools


@dataclass(frozen=True, kw_only=True)
class LearnedResiduals(Attack):
    """Logit of a classifier over calibrated residuals.

    Args:
        strength: k, of the shrinkage of variances, in models.
        regularisation: C of the logistic regression; smaller is stronger.
        rows: most (victim, record) pairs that it is trained on, drawn at random.
        seed: of that draw.
        held_out: whether to learn from the population alone, so that the classifier never sees a
            record that it scores; references must hold records of the population.
    """

    name: ClassVar[str] = "learned-residuals"
    title: ClassVar[str] = "Learned on calibrated residuals"
    summary: ClassVar[str] = "a classifier over many calibrated signals, references as victims"
    source: ClassVar[str] = "pixleak"
    rank: ClassVar = 10
    signals: ClassVar = "many"
    partial: ClassVar[bool] = True
    min_references: ClassVar[int] = 6
    min_outside: ClassVar[int] = 3
    natural_threshold: ClassVar[float | None] = 0.0

    strength: float = 8.0
    regularisation: float = 0.1
    rows: int = 60_000
    seed: int = 0
    held_out: bool = False

    def __post_init__(self) -> None:
        if not (self.strength > 0 and self.regularisation > 0 and self.rows >= 100):
            raise InputError(
                "learned-residuals needs strength > 0, regularisation > 0 and rows >= 100, got "
                f"{self.strength}, {self.regularisation} and {self.rows}"
            )

    @classmethod
    def usual_signals(cls, kind: Kind, difficulties: Sequence[str] = ()) -> SignalLists:
        return ((EVERY,),)

    def _score(self, evidence: Evidence) -> Floats:
        from sklearn.linear_model import LogisticRegression

        own = [evidence] if evidence.member.any() and not self.held_out else []
        population = evidence.population
        if population is not None and population.member.any():
            own.append(population)
        if not own:
            raise UnmetNeedError(
                f"attack {self.name!r} learns from reference models that hold records, and none "
                "holds any"
            )
        sides = _sides(evidence)
        learned_from = [(one, sides if one is evidence else _sides(one)) for one in own]
        both = all(s.inside is not None for s in (sides, *(s for _, s in learned_from)))
        examples, labels, weights = self._examples(learned_from, both)
        centre, scale = _centre_and_scale(examples)
        model = LogisticRegression(C=self.regularisation, solver="newton-cholesky", max_iter=100)
        with warnings.catch_warnings():
            # Where nothing separates members, the loss is flat to the last digit, the line search
            # ends early, and scikit-learn continues with L-BFGS, which warns if it fails as well.
            warnings.filterwarnings("ignore", message="Line search of Newton solver")
            model.fit(_standardised(examples, centre, scale), labels, sample_weight=weights)
        slope, at_zero = model.coef_[0], float(model.intercept_[0])
        scores = np.empty(len(evidence.values))
        for rows in _chunks(len(scores), 20_000):
            features = self._features(
                evidence.values[rows], evidence.measured[rows], _picked(sides, rows), both
            )
            scores[rows] = _standardised(features, centre, scale) @ slope + at_zero
        return scores

    def _examples(
        self, learned_from: list[tuple[Evidence, _Sides]], both: bool
    ) -> tuple[Floats, Bools, Floats]:
        """Features and labels of every reference playing the victim, and the weight of each pair.

        Each record has the same weight held as not held: otherwise a record that more references
        hold would be learned to look held, which reveals the victim's own bit in a balanced pool.
        """
        records = sum(one.reference.shape[1] for one, _ in learned_from)
        models = len(learned_from[0][0].reference)
        generator = np.random.default_rng(self.seed)
        share = min(1.0, self.rows / (models * records))
        parts, labels, weights = [], [], []
        for one, sides in learned_from:
            held = one.member.sum(axis=0)
            usable = np.flatnonzero((held > 0) & (held < models))
            for victim in range(models):
                rows = usable
                if share < 1:
                    rows = rows[generator.random(len(rows)) < share]
                # A complement is seen on all records, or not at all.
                other = complement(learned_from[0][0].member, victim)
                left = _without(one, _picked(sides, rows), rows, victim, other)
                measured = one.reference_measured[victim, rows]
                parts.append(self._features(one.reference[victim, rows], measured, left, both))
                label = one.member[victim, rows]
                labels.append(label)
                weights.append(models / 2 / np.where(label, held[rows], models - held[rows]))
        return np.concatenate(parts), np.concatenate(labels), np.concatenate(weights)

    def _features(self, values: Floats, measured: Bools, sides: _Sides, both: bool) -> Floats:
        """(b, 3 s) or (b, 6 s); 0 where a signal was not measured, of the victim or its models."""
        outside = sides.outside
        known = measured & (outside.count > 0)
        deviation = self._deviation(outside)
        residual = values - outside.mean
        z = residual / deviation
        columns = [residual, z, outside.mean]
        if both and sides.inside is not None:
            inside = sides.inside
            known &= inside.count > 0
            spread = self._deviation(inside)
            gain = values - inside.mean
            z_in = gain / spread
            ratio = (z**2 - z_in**2) / 2 + np.log(deviation / spread)
            columns += [gain, z_in, ratio]
        features = np.concatenate(columns, axis=1)
        if not known.all():
            features[~np.tile(known, (1, len(columns)))] = np.nan
        return features

    def _deviation(self, side: Moments) -> Floats:
        # One count for all records: counts still differ where signals were not measured.
        count = np.maximum(side.count, 1)
        least = float(count.min())
        variance = side.squares / count * least
        pooled = Moments(count, side.mean, side.squares).pooled
        shrunk = (variance + self.strength * pooled) / (max(least - 1, 0.0) + self.strength)
        deviation: Floats = np.sqrt(np.maximum(shrunk, np.finfo(np.float64).tiny ** 0.25))
        return deviation


def _sides(evidence: Evidence) -> _Sides:
    values = evidence.reference
    holds, lacks = (equally_many(values, side) for side in (evidence.member, ~evidence.member))
    inside = None
    # One of them is the victim, and a spread needs two others.
    if len(holds) and holds.sum(axis=0).min() >= 3:
        inside = _moments(evidence, holds)
    return _Sides(_moments(evidence, lacks), inside, lacks, holds)


def _moments(evidence: Evidence, side: Bools) -> Moments:
    if evidence.reference_measured.all():
        return moments(evidence.reference, side)
    return moments(evidence.reference, side[:, :, None] & evidence.reference_measured)


def _picked(sides: _Sides, rows: Rows) -> _Sides:
    inside = None if sides.inside is None else sides.inside.of(rows)
    return _Sides(sides.outside.of(rows), inside, sides.lacks[:, rows], sides.holds[:, rows])


def _without(
    evidence: Evidence, sides: _Sides, rows: Rows, victim: int, other: int | None
) -> _Sides:
    """The sides without the victim itself, and without its complement."""
    outside, inside = sides.outside, sides.inside
    for model in (victim,) if other is None else (victim, other):
        values = evidence.reference[model, rows]
        seen = evidence.reference_measured[model, rows]
        outside = outside.without(values, sides.lacks[model][:, None] & seen)
        if inside is not None:
            inside = inside.without(values, sides.holds[model][:, None] & seen)
    return _Sides(outside, inside, sides.lacks, sides.holds)


def _centre_and_scale(features: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each feature where it is known; 0 and 1 where it never is."""
    known = ~np.isnan(features)
    count = np.maximum(known.sum(axis=0), 1)
    filled = np.where(known, features, 0.0)
    centre = filled.sum(axis=0) / count
    filled -= centre
    filled *= known
    scale = np.sqrt(np.einsum("nf,nf->f", filled, filled) / count)
    scale[scale == 0] = 1.0
    return centre, scale


def _standardised(features: Floats, centre: Floats, scale: Floats) -> Floats:
    """In place; what is missing lies at the mean."""
    features -= centre
    features /= scale
    np.clip(features, -CUT, CUT, out=features)
    return np.nan_to_num(features, copy=False, nan=0.0)


def _chunks(count: int, size: int) -> Iterator[Rows]:
    for start in range(0, count, size):
        yield np.arange(start, min(start + size, count))

"""Type-I and Type-II attacks as a logistic regression over pixel statistics.

Idea: a few dozen statistics of a record's loss map hold what a network learns from it, at a
thousandth of the cost and without the network's fluctuations from epoch to epoch. Type-I attacks
see the prediction only, Type-II attacks the prediction and the truth. Missing statistics (a class
or a band that the record lacks) are replaced by the mean over the shadow's records, with an
indicator; all are standardised on the shadow's records and limited to 6 standard deviations, so
that a target unlike the shadow cannot let one statistic dominate the score::

    value = w . z + b,     w, b = argmin  |w|^2 / 2 + C sum_i log(1 + exp(-y_i (w . z_i + b)))

C is chosen by the log loss of a cross-validation on the shadow's records, subjects kept
together; nothing is chosen on the target. Where the target answers with labels only, the
statistics are those of predicted labels (:func:`~pixleak.signals.learned.pixel_statistics.
label_statistics`).

Source:
    The attacks: Chobola, Usynin, Kaissis, arXiv:2212.01082. This form of them: pixleak.

Differs from the source:
    Theirs is a ResNet-34 over the maps; see :mod:`pixleak.signals.learned.network`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pixleak.core.errors import InputError
from pixleak.core.tables import Bools, Floats, SignalInfo
from pixleak.records.base import Records
from pixleak.signals.base import Columns
from pixleak.signals.learned.base import Answers, FittedSignal, OnEpoch, SoftOrLabels
from pixleak.signals.learned.map_store import MapStore
from pixleak.signals.learned.pixel_statistics import (
    Statistics,
    label_statistics,
    pixel_statistics,
)
from pixleak.signals.pixels.labels import Pixels

LIMIT = 6.0
"""Standard deviations that a statistic is limited to."""

STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Values of C that the cross-validation chooses from; smaller = more regularised."""

_BATCH = 32


def _statistics(pixels: Pixels, answers: Answers, with_truth: bool) -> Statistics:
    if answers == "labels":
        return label_statistics(pixels, with_truth)
    return pixel_statistics(pixels if with_truth else pixels.as_predicted)


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedLogistic(FittedSignal):
    """Standardised pixel statistics times weights."""

    kind: ClassVar[str] = "logistic"

    def measure(self, pixels: Pixels) -> Columns:
        found = _statistics(pixels, self.settings["answers"], bool(self.settings["with_truth"]))
        inputs = _standardised(
            found, self.arrays["fill"], self.arrays["mean"], self.arrays["scale"]
        )
        return Columns.single(inputs @ self.arrays["weights"] + self.arrays["intercept"][0])


def _standardised(found: Statistics, fill: Floats, mean: Floats, scale: Floats) -> Floats:
    """(b, 2 f): filled statistics and indicators of the missing ones, standardised."""
    filled = np.where(found.measured, found.values, fill)
    both = np.concatenate([filled, ~found.measured], axis=1)
    return np.asarray(np.clip((both - mean) / scale, -LIMIT, LIMIT))


@dataclass(frozen=True, kw_only=True)
class _Logistic(SoftOrLabels):
    """The parameters of both types.

    Args:
        strength: C, or None to choose it by cross-validation on the shadow's records.
        folds: of that cross-validation.
    """

    fitted: ClassVar = FittedLogistic
    usual: ClassVar = True
    with_truth: ClassVar[bool]

    strength: float | None = None
    folds: int = 5

    def __post_init__(self) -> None:
        self._check_answers()
        if self.strength is not None and not self.strength > 0:
            raise InputError(f"{self.name}: strength must be positive, got {self.strength}")
        if self.folds < 2:
            raise InputError(f"{self.name}: folds must be at least 2, got {self.folds}")

    def fit(
        self,
        maps: MapStore,
        records: Records,
        member: Mapping[str, bool],
        *,
        seed: int,
        on_epoch: OnEpoch | None = None,
    ) -> FittedLogistic:
        from sklearn.linear_model import LogisticRegression

        labels = self._membership(maps, records, member)
        found = _gathered(maps, records, self.answers, self.with_truth)
        counts = found.measured.sum(axis=0)
        fill = np.where(found.measured, found.values, 0.0).sum(axis=0) / np.maximum(counts, 1)
        filled = np.where(found.measured, found.values, fill)
        both = np.concatenate([filled, ~found.measured], axis=1)
        mean, spread = both.mean(axis=0), both.std(axis=0)
        # A constant is uninformative: an infinite scale turns it into 0.
        scale = np.where(spread > 1e-9, spread, np.inf)
        inputs = _standardised(found, fill, mean, scale)
        history: dict[str, list[float]] = {}
        strength = self.strength
        if strength is None:
            losses = _validation_losses(inputs, labels, records.units, self.folds, seed)
            strength = STRENGTHS[int(np.argmin(losses))]
            history = {"strength": list(STRENGTHS), "validation log loss": losses}
        model = LogisticRegression(C=strength, max_iter=5000).fit(inputs, labels)
        if on_epoch is not None:
            on_epoch(1, 1)
        return FittedLogistic(
            card=self.info,
            settings={
                "with_truth": self.with_truth,
                "answers": self.answers,
                "strength": strength,
                "statistics": list(found.names),
            },
            arrays={
                "fill": fill,
                "mean": mean,
                "scale": scale,
                "weights": np.asarray(model.coef_[0], dtype=np.float64),
                "intercept": np.asarray(model.intercept_, dtype=np.float64),
            },
            history=history,
        )


def _gathered(maps: MapStore, records: Records, answers: Answers, with_truth: bool) -> Statistics:
    parts = [
        _statistics(pixels, answers, with_truth) for pixels in maps.batches(records.ids, _BATCH)
    ]
    return Statistics(
        parts[0].names,
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.measured for part in parts]),
    )


def _validation_losses(
    inputs: Floats, labels: Bools, units: tuple[str, ...], folds: int, seed: int
) -> list[float]:
    """Mean out-of-fold log loss for each of ``STRENGTHS``; subjects stay in one fold."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold

    folds = min(folds, int(labels.sum()), int((~labels).sum()))
    splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    losses = np.zeros(len(STRENGTHS))
    for train, test in splitter.split(inputs, labels, groups=np.asarray(units)):
        if len(np.unique(labels[train])) < 2:  # whole sides can share a subject
            continue
        for i, strength in enumerate(STRENGTHS):
            model = LogisticRegression(C=strength, max_iter=5000).fit(inputs[train], labels[train])
            signed = np.where(labels[test], 1.0, -1.0) * model.decision_function(inputs[test])
            losses[i] += np.logaddexp(0.0, -signed).sum()
    return [float(loss) for loss in losses / len(labels)]


@dataclass(frozen=True, kw_only=True)
class TypeILogistic(_Logistic):
    """Sees the prediction only."""

    with_truth: ClassVar[bool] = False
    card: ClassVar[SignalInfo] = SignalInfo(
        name="type-i-logistic",
        title="Type-I (logistic)",
        unit="logit",
        members_are="higher",
        needs_truth=False,
        learned=True,
        summary="logistic regression over statistics of the prediction, learned on a shadow",
        source="Chobola 2022, arXiv:2212.01082; this form: pixleak",
    )


@dataclass(frozen=True, kw_only=True)
class TypeIILogistic(_Logistic):
    """Sees the prediction and the truth."""

    rank: ClassVar = 10
    with_truth: ClassVar[bool] = True
    card: ClassVar[SignalInfo] = SignalInfo(
        name="type-ii-logistic",
        title="Type-II (logistic)",
        unit="logit",
        members_are="higher",
        learned=True,
        summary="logistic regression over statistics of prediction and truth, learned on a shadow",
        source="Chobola 2022, arXiv:2212.01082; this form: pixleak",
    )

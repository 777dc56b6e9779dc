"""The interface of attacks, on examples worked by hand, with references and with many signals."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from pixleak.attacks import ATTACKS, Threshold
from pixleak.attacks.base import Attack
from pixleak.attacks.evidence import Evidence, Population
from pixleak.core.errors import InputError, UnmetNeedError
from pixleak.core.tables import Bools, Floats, ReferenceTable, SignalInfo, SignalTable

LOSS = SignalInfo(name="loss", unit="nat/pixel", members_are="lower")
MARGIN = SignalInfo(name="margin", unit="nat", members_are="higher")


def table(values, infos=(LOSS,), ids=("a", "b", "c"), measured=None) -> SignalTable:
    values = np.asarray(values, dtype=np.float64).reshape(len(ids), len(infos))
    known: Bools = np.ones(values.shape, dtype=bool) if measured is None else np.array(measured)
    return SignalTable(tuple(ids), values, tuple(infos), known)


def references(values, member, infos=(LOSS,), ids=("a", "b", "c"), measured=None) -> ReferenceTable:
    member = np.array(member, dtype=bool)
    values = np.asarray(values, dtype=np.float64).reshape(*member.shape, len(infos))
    known: Bools = np.ones(values.shape, dtype=bool) if measured is None else np.array(measured)
    models = tuple(f"m{i}" for i in range(len(member)))
    return ReferenceTable(tuple(ids), models, values, tuple(infos), known, member)


@dataclass(frozen=True, kw_only=True)
class Calibrated(Attack):
    """Signal minus its mean over models that were not trained on the record."""

    name: ClassVar[str] = "calibrated"
    title: ClassVar[str] = "Calibrated"
    summary: ClassVar[str] = "signal minus its mean over OUT models"
    source: ClassVar[str] = "arXiv:2111.08440"
    min_references: ClassVar[int] = 1
    min_outside: ClassVar[int] = 1
    recordwise: ClassVar[bool] = True

    weight: float = 1.0

    def _score(self, evidence: Evidence) -> Floats:
        mean = np.where(evidence.outside, evidence.reference, 0.0).sum(axis=0)
        return evidence.values - self.weight * mean / evidence.outside.sum(axis=0)


@dataclass(frozen=True, kw_only=True)
class BestOfTwo(Attack):
    """The larger of the signals that were measured, above the population's mean of it."""

    name: ClassVar[str] = "best-of-two"
    title: ClassVar[str] = "Best of two"
    summary: ClassVar[str] = "the larger excess over the population"
    source: ClassVar[str] = "pixleak"
    signals: ClassVar = "many"
    needs_population: ClassVar[bool] = True
    partial: ClassVar[bool] = True

    def _score(self, evidence: Evidence) -> Floats:
        assert evidence.population is not None
        excess = evidence.values - np.nanmean(evidence.population.values, axis=0)
        best: Floats = np.where(evidence.measured, excess, -np.inf).max(axis=1)
        return best


@dataclass(frozen=True, kw_only=True)
class Broken(Attack):
    """Answers whatever it is told to."""

    name: ClassVar[str] = "broken"
    title: ClassVar[str] = "Broken"
    summary: ClassVar[str] = "wrong"
    source: ClassVar[str] = "pixleak"

    answer: tuple[float, ...] = ()

    def _score(self, evidence: Evidence) -> Floats:
        return np.array(self.answer)


def test_threshold_is_the_oriented_signal() -> None:
    scores = Threshold().score(table([0.5, 2.0, 0.0]))
    assert scores.values.tolist() == [-0.5, -2.0, 0.0]
    assert scores.ids == ("a", "b", "c")
    assert (scores.attack, scores.signal) == ("threshold", "loss")
    assert Threshold().score(table([0.5, 2.0, 0.0], (MARGIN,))).values.tolist() == [0.5, 2.0, 0.0]


def test_infinite_signals_pass_and_unmeasured_records_do_not() -> None:
    scores = Threshold().score(table([np.inf, np.nan, 1.0], measured=[[True], [False], [True]]))
    assert scores.measured.tolist() == [True, False, True]
    assert scores.values[[0, 2]].tolist() == [-np.inf, -1.0]


def test_nothing_measured_scores_nothing() -> None:
    scores = Threshold().score(table([1.0, 2.0, 3.0], measured=[[False]] * 3))
    assert not scores.measured.any()
    assert np.isfinite(scores.values).all()


def test_calibration_uses_only_models_that_did_not_train_on_the_record() -> None:
    # Losses; OUT means by hand: a (5 + 3) / 2 = 4, b 8, c (1 + 2 + 3) / 3 = 2.
    # Oriented: score = OUT mean - loss.
    reference = references(
        [[5.0, 8.0, 1.0], [3.0, 0.5, 2.0], [0.1, 0.5, 3.0]],
        [[False, False, False], [False, True, False], [True, True, False]],
    )
    scores = Calibrated().score(table([1.0, 2.0, 3.0]), reference)
    assert scores.values.tolist() == [3.0, 6.0, -1.0]
    assert scores.settings == {"weight": 1.0}
    halved = Calibrated(weight=0.5).score(table([1.0, 2.0, 3.0]), reference)
    assert halved.values.tolist() == [1.0, 2.0, -2.0]


def test_references_are_joined_by_record_and_signal() -> None:
    # The same numbers as above with records in the order c, a, b and a second signal in front.
    member = [[False, False, False], [False, False, True], [False, True, True]]
    values = [
        [[9, 1.0], [9, 5.0], [9, 8.0]],
        [[9, 2.0], [9, 3.0], [9, 0.5]],
        [[9, 3.0], [9, 0.1], [9, 0.5]],
    ]
    reference = references(values, member, (MARGIN, LOSS), ("c", "a", "b"))
    scores = Calibrated().score(table([1.0, 2.0, 3.0]), reference)
    assert scores.values.tolist() == [3.0, 6.0, -1.0]


def test_unmeasured_references_count_for_nothing() -> None:
    measured = np.ones((2, 3, 1), dtype=bool)
    measured[0, 0] = False
    reference = references(
        [[np.nan, 8.0, 1.0], [3.0, 4.0, 3.0]], np.zeros((2, 3)), measured=measured
    )
    scores = Calibrated().score(table([1.0, 2.0, 3.0]), reference)
    assert scores.values.tolist() == [2.0, 4.0, -1.0]


def test_many_signals_with_a_population() -> None:
    # Population means, oriented: -loss -3, margin 2. Excess of a: (-1 + 3, 5 - 2) = (2, 3) -> 3;
    # of b: only the loss is measured, -2 + 3 = 1; c: nothing measured.
    observed = table(
        [[1.0, 5.0], [2.0, 99.0], [0.0, 0.0]],
        (LOSS, MARGIN),
        measured=[[True, True], [True, False], [False, False]],
    )
    population = Population(
        table([[0.0, 2.0], [2.0, 4.0], [0.0, 4.0]], (MARGIN, LOSS), ids=("x", "y", "z")),
    )
    # z: margin 0 and loss 4 would move the means; leave it out by not having been measured.
    hidden = Population(
        table(
            [[0.0, 2.0], [4.0, 4.0], [0.0, 4.0]],
            (MARGIN, LOSS),
            ids=("x", "y", "z"),
            measured=[[True, True], [True, True], [False, False]],
        )
    )
    scores = BestOfTwo().score(observed, population=hidden)
    assert scores.measured.tolist() == [True, True, False]
    assert scores.values[:2].tolist() == [3.0, 1.0]
    assert scores.signal == "loss+margin"
    assert BestOfTwo().score(observed, population=population).values[0] == pytest.approx(13 / 3)


def test_reference_models_of_the_population_are_joined_by_model() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Against(Calibrated):
        def _score(self, evidence: Evidence) -> Floats:
            assert evidence.population is not None
            return evidence.reference[0] - evidence.population.reference[0].mean()

    observed = table([0.0, 0.0, 0.0], (MARGIN,))
    reference = references([[1, 2, 3], [7, 7, 7]], np.zeros((2, 3)), (MARGIN,))
    outer = references([[9, 9, 9], [4, 5, 6]], np.zeros((2, 3)), (MARGIN,), ("x", "y", "z"))
    swapped = ReferenceTable(
        outer.ids, ("m1", "m0"), outer.values, outer.infos, outer.measured, outer.member
    )
    population = Population(table([0, 0, 0], (MARGIN,), ("x", "y", "z")), swapped)
    scores = Against().score(observed, reference, population)
    assert scores.values.tolist() == [-4.0, -3.0, -2.0]


@pytest.mark.parametrize(
    ("observed", "reference", "message"),
    [
        (table([1, 2], (LOSS, MARGIN), ids=("a",)), None, "takes one signal, got 2: loss, margin"),
        (table([1, 2, 3]), references([[1, 2]], [[0, 0]], ids=("a", "b")), "record 'c' is not in"),
        (
            table([1, 2], ids=("a", "b")),
            references([[1, 2, 3]], [[0, 0, 0]]),
            "record 'c' is in the reference table but not",
        ),
        (table([1, 2, 3]), references([[1, 2, 3]], [[0, 0, 0]], (MARGIN,)), "signal 'loss' is not"),
        (
            table([1, 2, 3]),
            references(
                [[1, 2, 3]],
                [[0, 0, 0]],
                (SignalInfo(name="loss", unit="1", members_are="higher"),),
            ),
            "is lower for members in the observed table and higher in",
        ),
    ],
)
def test_tables_that_do_not_fit_are_refused(observed, reference, message) -> None:
    with pytest.raises(InputError, match=message):
        Calibrated().score(observed, reference)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        (None, "needs at least 1 reference models, got 0"),
        (references([[1, 2, 3]], [[0, 1, 0]]), "not trained on it for each record, but 'b' has 0"),
    ],
)
def test_too_few_references_are_refused(reference, message) -> None:
    with pytest.raises(UnmetNeedError, match=message):
        Calibrated().score(table([1, 2, 3]), reference)


def test_a_missing_population_is_refused() -> None:
    with pytest.raises(UnmetNeedError, match="needs a population"):
        BestOfTwo().score(table([[1, 1]], (LOSS, MARGIN), ids=("a",)))


def test_answers_of_wrong_shape_or_nan_are_refused() -> None:
    with pytest.raises(InputError, match=r"shape \(2,\) for 3 records"):
        Broken(answer=(1.0, 2.0)).score(table([1, 2, 3]))
    with pytest.raises(InputError, match="scored record 'b' as NaN"):
        Broken(answer=(1.0, np.nan, 2.0)).score(table([1, 2, 3]))


def test_forgetting_the_mask_fails_instead_of_being_wrong() -> None:
    class Careless(Calibrated):
        def _score(self, evidence: Evidence) -> Floats:
            return evidence.values - evidence.reference.mean(axis=0)

    measured = np.array([[[False], [True], [True]], [[True]] * 3])
    reference = references([[7, 1, 1], [1, 1, 1]], np.zeros((2, 3)), measured=measured)
    with pytest.raises(InputError, match="record 'a' as NaN"):
        Careless().score(table([1, 2, 3]), reference)


def test_registry_and_value_semantics() -> None:
    assert ATTACKS["threshold"] is Threshold
    with pytest.raises(InputError, match="did you mean 'threshold'"):
        ATTACKS["treshold"]
    assert Calibrated(weight=2.0) == Calibrated(weight=2.0) != Calibrated()
    assert repr(Calibrated()) == "Calibrated(weight=1.0)"
    assert pickle.loads(pickle.dumps(Threshold())) == Threshold()

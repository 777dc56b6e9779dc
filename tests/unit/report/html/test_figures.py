from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixleak.evaluation.statistics.rates import clopper_pearson
from pixleak.evaluation.statistics.roc import roc_of
from pixleak.report.folder import RecordScores
from pixleak.report.html.figures import (
    Curve,
    histogram,
    loss_figure,
    roc_figures,
    roc_path,
    tpr_bands,
)
from pixleak.results.models import ModelInfo
from pixleak.results.numbers import percent


def scores_of(values: list[float], member: list[bool]) -> RecordScores:
    return RecordScores(np.array(values, float), np.array(member), np.arange(len(values)))


def test_roc_path_of_four_records() -> None:
    # Descending: member, non-member, member, non-member. From (0, 0) the curve goes up, right,
    # up, right, by a half each; every corner is kept.
    path = roc_path(scores_of([4, 3, 2, 1], [True, False, True, False]))

    assert path.fpr.tolist() == [0, 0, 0.5, 0.5, 1]
    assert path.tpr.tolist() == [0, 0.5, 0.5, 1, 1]


def test_bands_of_four_records() -> None:
    # 0, 1, 1, 2, 2 of 2 members: [0, .842], [.013, .987], ..., [.158, 1] by Clopper-Pearson,
    # which are monotone already.
    scores = scores_of([4, 3, 2, 1], [True, False, True, False])

    low, high = tpr_bands(scores, roc_path(scores))

    assert low == pytest.approx([0, 0.0126, 0.0126, 0.1581, 0.1581], abs=1e-4)
    assert high == pytest.approx([0.8419, 0.9874, 0.9874, 1, 1], abs=1e-4)


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=2, max_size=40))
def test_bands_agree_with_clopper_pearson_one_by_one(rows: list[tuple[int, bool]]) -> None:
    values, member = [v for v, _ in rows], [m for _, m in rows]
    if len(set(member)) < 2:
        return
    scores = scores_of(values, member)
    path = roc_path(scores)
    low, high = tpr_bands(scores, path)

    n = sum(member)
    for rate, bottom, top in zip(path.tpr, low, high, strict=True):
        exact = clopper_pearson(round(rate * n), n)
        assert bottom == pytest.approx(exact.low, abs=1e-12)
        assert top == pytest.approx(exact.high, abs=1e-12)


def test_bands_of_few_subjects_are_wider_and_monotone() -> None:
    random = np.random.default_rng(0)
    subject = np.repeat(np.arange(20), 10)
    values = random.normal(size=20)[subject] + 0.1 * random.normal(size=200)
    member = subject < 10
    alone = RecordScores(values, member, np.arange(200))
    path = roc_path(alone)

    low, high = tpr_bands(RecordScores(values, member, subject), path)
    low_alone, high_alone = tpr_bands(alone, path)

    assert (np.diff(low) >= 0).all()
    assert (np.diff(high) >= 0).all()
    assert (low <= path.tpr).all()
    assert (path.tpr <= high).all()
    middle = (path.tpr > 0.2) & (path.tpr < 0.8)
    assert (high - low)[middle].mean() > 1.5 * (high_alone - low_alone)[middle].mean()


def test_members_of_one_subject_still_have_a_band() -> None:
    scores = RecordScores(np.arange(6.0), np.arange(6) > 2, np.array([0, 1, 2, 3, 3, 3]))

    low, high = tpr_bands(scores, roc_path(scores))

    assert np.isfinite([*low, *high]).all()


def test_a_long_curve_is_thinned_where_nobody_can_see_it() -> None:
    random = np.random.default_rng(1)
    member = np.arange(40_000) % 2 == 0
    values = random.normal(size=40_000) + member
    scores = RecordScores(values, member, np.arange(40_000))

    path = roc_path(scores)

    assert len(path.fpr) <= 900
    roc = roc_of(values, member)
    for wanted in (0, 0.0005, 0.001, 0.01, 0.1, 0.5, 0.9, 1):
        exact = roc.tpr[np.searchsorted(roc.fpr, wanted, side="right") - 1]
        drawn = path.tpr[np.searchsorted(path.fpr, wanted, side="right") - 1]
        assert drawn == pytest.approx(exact, abs=0.005)


def test_log_axes_start_below_one_record_and_shade_what_is_not_resolvable() -> None:
    random = np.random.default_rng(2)
    member = np.arange(400) < 200
    scores = RecordScores(random.normal(size=400) + member, member, np.arange(400))
    curve = Curve("an attack", 0.7, scores, ink="series-0", band=True)

    linear, log = roc_figures([curve])

    # 0.5 / 200 = 0.25 %: the decade below is 0.1 %.
    assert f">{percent(0.001)}<" in log
    assert f">{percent(0.0001)}<" not in log
    assert "var(--shade)" in log
    assert "var(--shade)" not in linear
    assert linear.count('data-curve="0"') == log.count('data-curve="0"') == 1
    assert 'data-curve="0-band"' in linear


def test_infinite_scores_are_counted_at_the_edges() -> None:
    member = np.arange(40) < 20
    values = np.where(member, 1.0, 0.0) + np.linspace(0, 0.5, 40)
    values[0], values[1], values[39] = np.inf, np.inf, -np.inf

    drawn = histogram(
        RecordScores(values, member, np.arange(40)), name="h", title="x", thresholds={"oracle": 0.9}
    )

    assert drawn.outside == 3
    assert "20 members" in drawn.svg
    assert "nan" not in drawn.svg.lower()


@pytest.mark.parametrize("value", [0.0, 3.5, float("inf"), float("-inf")])
def test_scores_that_are_all_the_same_can_be_drawn(value: float) -> None:
    scores = scores_of([value] * 6, [True] * 3 + [False] * 3)

    drawn = histogram(scores, name="h", title="x", thresholds={"shadow": value})
    linear, log = roc_figures([Curve("x", 0.5, scores, ink="series-0", band=True)])

    assert "<path" in drawn.svg
    assert "<path" in linear
    assert "<path" in log


def test_models_without_a_history_have_no_loss_figure() -> None:
    assert loss_figure([]) is None
    assert loss_figure([ModelInfo(name="given", description="", epoch_losses=[0.3])]) is None
    trained = ModelInfo(name="target", description="", epoch_losses=[0.9, 0.4, 0.2])
    figure = loss_figure([trained])
    assert figure is not None
    assert "from 0.9 to 0.2 in 3 epochs" in figure

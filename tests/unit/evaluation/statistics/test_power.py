"""The smallest AUC that an audit can detect."""

from __future__ import annotations

import numpy as np
from scipy import stats

from pixleak.evaluation.statistics.power import detectable_auc


def test_detectable_auc_is_detected_four_times_in_five() -> None:
    # One attack, so 0.05 / 3 for its AUC. The other two tests can only add.
    area = detectable_auc(100, 100, level=0.05 / 3)
    distance = float(stats.norm.ppf(area) * np.sqrt(2))
    rng = np.random.default_rng(1)
    member = np.arange(200) < 100
    found = 0
    for _ in range(400):
        scores = rng.normal(size=200) + distance * member
        p = stats.mannwhitneyu(scores[member], scores[~member], alternative="greater").pvalue
        found += p <= 0.05 / 3
    assert 0.74 <= found / 400 <= 0.86


def test_detectable_auc_shrinks_with_records() -> None:
    areas = [detectable_auc(n, n, level=0.01) for n in (10, 40, 160, 10_000)]
    assert areas == sorted(areas, reverse=True)
    assert areas[-1] < 0.52

"""A shift between members and non-members.

If the two differ in plain image properties, they can be told apart without the model, so leakage is
overstated.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np
from scipy.stats import ks_2samp

from pixleak.core.holm import holm
from pixleak.core.tables import Floats
from pixleak.records.base import Records
from pixleak.records.checks.features import SIZES, plain_features
from pixleak.results.controls import ShiftCheck, ShiftFeature


def check_shift(
    members: Records,
    nonmembers: Records,
    *,
    units: Mapping[str, str] | None = None,
    level: float = 0.01,
) -> ShiftCheck:
    """Compare the plain properties of the images and truths of members and non-members.

    Each property is tested by a two-sample Kolmogorov-Smirnov test, and the p-values are adjusted
    by Holm's method. The test assumes independence, but records of one unit (slices of a subject,
    frames of a block) resemble each other, so it compares the means of units.

    Args:
        members: n records.
        nonmembers: m records.
        units: record id -> unit, as ``Split.units`` gives it; if None, a record's unit is its
            subject, or the record itself if it has none.
        level: the check fails if an adjusted p-value is below it; this is the probability that a
            fair split fails.
    """
    names, first = plain_features(members, sizes=True)
    _, second = plain_features(nonmembers, sizes=True)
    if not np.ptp(np.concatenate([first, second])[:, -len(SIZES) :], axis=0).any():
        names, first, second = (
            names[: -len(SIZES)],
            first[:, : -len(SIZES)],
            second[:, : -len(SIZES)],
        )
    first, in_units = _unit_means(members, first, units)
    second, also_in_units = _unit_means(nonmembers, second, units)
    with warnings.catch_warnings():
        # scipy warns when it uses the asymptotic law because the exact p-value underflows.
        warnings.filterwarnings("ignore", "ks_2samp: Exact calculation", RuntimeWarning)
        tests = [ks_2samp(first[:, k], second[:, k]) for k in range(len(names))]
    adjusted = holm([float(test.pvalue) for test in tests])
    features = [
        ShiftFeature(
            feature=name,
            members_mean=float(first[:, k].mean()),
            nonmembers_mean=float(second[:, k].mean()),
            statistic=float(tests[k].statistic),
            p_value=float(tests[k].pvalue),
            p_adjusted=adjusted[k],
        )
        for k, name in enumerate(names)
    ]
    features.sort(key=lambda feature: feature.p_adjusted)
    differing = [feature for feature in features if feature.p_adjusted < level]
    of = (
        f"means of {len(first)} and {len(second)} units (subjects or blocks), since records of "
        "one unit are not independent"
        if in_units or also_in_units
        else f"{len(first)} and {len(second)} records"
    )
    if not differing:
        told = (
            f"None of {len(names)} plain image properties differs between members and "
            f"non-members (Kolmogorov-Smirnov on {of}; Holm, level {level:g})."
        )
    else:
        worst = differing[0]
        told = (
            f"{len(differing)} of {len(names)} plain image properties differ between members and "
            f"non-members, most of all {worst.feature} ({worst.members_mean:.3g} against "
            f"{worst.nonmembers_mean:.3g}, p = {worst.p_adjusted:.2g}; Kolmogorov-Smirnov on {of}; "
            "Holm). An attack may read this difference instead of membership."
        )
    return ShiftCheck(features=features, passed=not differing, explanation=told)


def _unit_means(
    records: Records, features: Floats, units: Mapping[str, str] | None
) -> tuple[Floats, bool]:
    """(u, d) means over the records of each unit, and whether any unit has several records."""
    names = records.units if units is None else [units[key] for key in records.ids]
    order = {name: i for i, name in enumerate(dict.fromkeys(names))}
    index = np.array([order[name] for name in names])
    sums = np.zeros((len(order), features.shape[1]))
    np.add.at(sums, index, features)
    return sums / np.bincount(index)[:, None], len(order) < len(names)

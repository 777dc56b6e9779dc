"""What makes an audit fool itself: duplicates across the split, and a shift between its sides.

A non-member that repeats a member looks like one, so that leaks are understated. Sides that differ
in plain image properties can be told apart without the model, so that leaks are overstated.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np
from scipy.stats import ks_2samp

from pixleak.core.errors import InputError
from pixleak.core.holm import holm
from pixleak.core.tables import Floats
from pixleak.core.truth import LabelTruth
from pixleak.records.base import Records
from pixleak.records.checks.features import plain_features
from pixleak.records.checks.hashes import close_pairs, look
from pixleak.results.controls import DuplicateCheck, DuplicatePair, ShiftCheck, ShiftFeature

_LISTED = 50


def find_duplicates(
    members: Records,
    nonmembers: Records,
    *,
    radius: int = 10,
    rms: float = 0.05,
    contrast_share: float = 0.25,
    tolerated: float = 0.01,
) -> DuplicateCheck:
    """Pairs of a member and a non-member whose images are identical or nearly so.

    A perceptual hash (signs of 63 cosine coefficients) proposes pairs, and the pixels decide. The
    defaults were set where re-encoded and repeated frames of Kvasir-SEG and noisy copies of
    phantoms are found (root mean square difference up to .04) and distinct records of either
    are not (from .065).

    Args:
        members: one side.
        nonmembers: other side; same image shape, brightness 0..1.
        radius: largest Hamming distance of hashes, of 63 bits.
        rms: largest root mean square pixel difference of a near-duplicate.
        contrast_share: largest such difference, as a share of the paler image's standard
            deviation, so that low-contrast images are not all alike.
        tolerated: the check fails where a larger share of non-members is affected.

    Raises:
        InputError: the two sides differ in image shape.
    """
    first, second = look(members), look(nonmembers)
    if first.shape != second.shape:
        raise InputError(f"members are images of shape {first.shape}, non-members {second.shape}")
    pairs: list[DuplicatePair] = []
    affected: set[int] = set()
    for i, j in close_pairs(first, second, radius, rms):
        distance = _pixel_rms(members, nonmembers, i, j)
        paler = min(first.contrast[i], second.contrast[j])
        if distance > 0 and (distance > rms or distance > contrast_share * paler):
            continue
        affected.add(j)
        pairs.append(
            DuplicatePair(
                member=members.keys[i].id,
                nonmember=nonmembers.keys[j].id,
                kind="identical" if distance == 0 else "near",
                distance=distance,
            )
        )
    pairs.sort(key=lambda pair: pair.distance)
    share = len(affected) / len(nonmembers)
    if not pairs:
        told = "No non-member repeats a member."
    else:
        identical = sum(pair.kind == "identical" for pair in pairs)
        told = (
            f"Non-members that repeat a member: {len(affected)} of {len(nonmembers)} "
            f"({share:.1%}); close pairs: {len(pairs)}, of which identical: {identical}. Such "
            "non-members look like members, which hides leaks; tolerated share of them: "
            f"{tolerated:.0%}."
        )
    return DuplicateCheck(
        pairs=pairs[:_LISTED],
        nonmembers_affected=len(affected),
        nonmembers=len(nonmembers),
        passed=share <= tolerated,
        explanation=told,
    )


def _pixel_rms(members: Records, nonmembers: Records, i: int, j: int) -> float:
    """Root mean square difference over all pixels and channels."""
    pair = members[i], nonmembers[j]
    labelled = isinstance(members.truth, LabelTruth)
    first, second = (one.image if labelled else one.truth for one in pair)
    difference = first.double() - second.double()
    return float(difference.square().mean().sqrt())


def check_shift(
    members: Records,
    nonmembers: Records,
    *,
    units: Mapping[str, str] | None = None,
    level: float = 0.01,
) -> ShiftCheck:
    """Compare the plain properties of members and non-members.

    Each property is tested by a two-sample Kolmogorov-Smirnov test, and the p-values are adjusted
    by Holm's method. Records of one unit (slices of a subject, frames of a block) are alike,
    and the test assumes independence; so it compares the means of units.

    Args:
        members: one side.
        nonmembers: other side.
        units: record id -> what it was dealt with, as ``Split.units`` gives it; subjects
            where left out, and else the records themselves.
        level: the check fails where an adjusted p-value is below it: the chance that a
            fair split fails.
    """
    names, first = plain_features(members)
    _, second = plain_features(nonmembers)
    first, in_units = _unit_means(members, first, units)
    second, also_in_units = _unit_means(nonmembers, second, units)
    with warnings.catch_warnings():
        # Where the exact p-value is beyond double precision, scipy says so and uses the limit law.
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
    """(u, d) means over each unit's records, and whether any unit has several."""
    names = records.units if units is None else [units[key] for key in records.ids]
    order = {name: i for i, name in enumerate(dict.fromkeys(names))}
    index = np.array([order[name] for name in names])
    sums = np.zeros((len(order), features.shape[1]))
    np.add.at(sums, index, features)
    return sums / np.bincount(index)[:, None], len(order) < len(names)

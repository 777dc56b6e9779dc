"""The independent units of an audit: subjects, blocks, or clusters of near-identical records."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pixleak.core.roles import Role
from pixleak.core.tables import Bools
from pixleak.evaluation.statistics.significance import DOMINATING
from pixleak.pipeline.plan.plan import Plan
from pixleak.pipeline.storage.store import Store
from pixleak.records.base import RecordKey
from pixleak.records.checks.descriptors import Descriptors, describe_pictures
from pixleak.records.checks.near_copies import clusters_of, near_limit, near_pairs
from pixleak.results.controls import NearCopies

if TYPE_CHECKING:
    from pixleak.records.prepared.prepare import PreparedRecords

_LISTED = 10
_SIDES = (Role.TARGET_MEMBERS, Role.TARGET_NONMEMBERS)


def with_clusters(
    plan: Plan, records: PreparedRecords, store: Store
) -> tuple[Plan, NearCopies | None]:
    """The plan with near-identical records as units, and what was found.

    Subjects that were given remain the units of their records. Blocks of neighbouring frames are
    units already, so nothing is looked for.

    Args:
        plan: what was asked for.
        records: all that are used.
        store: where the descriptors are kept.
    """
    if plan.split.unit == "block":
        return plan, None
    audited = records.select(plan.audited)
    members = set(plan.ids(Role.TARGET_MEMBERS))
    inside: Bools = np.array([key in members for key in audited.ids])
    counted = plan.evaluation.near_copies == "one unit"
    of, result = clusters_of_sides(
        descriptors(audited, store), audited.keys, inside, counted=counted
    )
    return replace(plan, split=replace(plan.split, clusters=of)) if counted else plan, result


def clusters_of_sides(
    found: Descriptors,
    keys: Sequence[RecordKey],
    inside: Bools,
    *,
    counted: bool = True,
    sides: tuple[str, str] = ("members", "non-members"),
    key: str = "evaluation.near_copies",
) -> tuple[dict[str, str], NearCopies]:
    """Id -> cluster of near-identical records within each of two sides, and what was found.

    Args:
        found: of n records.
        keys: (n,) their ids and subjects; records with a subject are in no cluster.
        inside: (n,) whether they lie on the first side.
        counted: whether clusters count as units.
        sides: what the two sides are called.
        key: the setting that says whether clusters count as units.
    """
    ids, subjects = [one.id for one in keys], [one.subject for one in keys]
    limit = near_limit(found)
    pairs = near_pairs(found, limit)
    clusters, guarded = [], False
    for side in (inside, ~inside):
        among = [i for i in np.flatnonzero(side).tolist() if subjects[i] is None]
        parts, cut = clusters_of(pairs, len(ids), among, limit)
        clusters.append([sorted(ids[i] for i in part) for part in parts])
        guarded |= cut
    across = [
        sorted((ids[i], ids[j]))
        for i, j in zip(pairs[0].tolist(), pairs[1].tolist(), strict=True)
        if inside[i] == inside[j]
        and subjects[i] != subjects[j]
        and not (subjects[i] is None and subjects[j] is None)
    ]
    result = NearCopies(
        members=sorted(clusters[0], key=lambda one: (-len(one), one))[:_LISTED],
        nonmembers=sorted(clusters[1], key=lambda one: (-len(one), one))[:_LISTED],
        member_clusters=len(clusters[0]),
        nonmember_clusters=len(clusters[1]),
        records=sum(len(one) for side in clusters for one in side),
        blank=int(found.blank.sum()),
        units=counted,
        guarded=guarded,
        across_subjects=sorted(across)[:_LISTED],
        explanation=_explained(clusters, counted, guarded, sides, key),
    )
    return {
        one: f"copies of {part[0]}" for side in clusters for part in side for one in part
    }, result


def _explained(
    clusters: Sequence[Sequence[list[str]]],
    counted: bool,
    guarded: bool,
    sides: tuple[str, str],
    key: str,
) -> str:
    if not any(clusters):
        return "No near-identical records were found within a side."
    told = []
    for side, name in zip(clusters, sides, strict=True):
        if side:
            example = max(side, key=len)
            several = "clusters" if len(side) > 1 else "cluster"
            were = "were" if len(side) > 1 else "was"
            told.append(
                f"{len(side)} {several} of near-identical records ({sum(map(len, side))} records, "
                f"such as {example[0]!r} and {example[1]!r}) {were} found among the {name}"
            )
    text = "; ".join(told)
    if counted:
        one = sum(map(len, clusters)) == 1
        text += "; it counts as one unit." if one else "; they count as one unit each."
    else:
        text += (
            f"; they count as independent records, as {key} says, "
            "so intervals and tests are too narrow."
        )
    if guarded:
        text += " A cluster of more than half of a side was divided (chaining guard)."
    return text


def unit_warnings(plan: Plan, copies: NearCopies | None) -> list[str]:
    """What the reader of a result must know of its units."""
    told = []
    if copies is not None and copies.member_clusters + copies.nonmember_clusters:
        told.append(copies.explanation)
    if copies is not None and copies.across_subjects:
        one, other = copies.across_subjects[0]
        told.append(
            f"Near-identical records lie in different subjects of one side, such as {one!r} and "
            f"{other!r}; if they show one subject, give them one."
        )
    units = plan.split.units(plan.records)
    for role in _SIDES:
        sizes = Counter(units[key] for key in plan.ids(role))
        largest = max(sizes.values(), default=0)
        if largest > DOMINATING * sizes.total():
            told.append(
                f"One subject, block or cluster holds {largest} of the {sizes.total()} "
                f"{role.words}: figures on records are mostly about that one, and the test of the "
                "AUC counts every unit once."
            )
    return told


def descriptors(records: PreparedRecords, store: Store) -> Descriptors:
    """Descriptors of these records, computed where they are not in the store yet."""
    place = store.artefact("descriptors", {"records": records.digest})
    with place.alone():
        if not place.exists:
            found = describe_pictures(records)
            with place.writing() as folder:
                np.savez(folder / "descriptors.npz", values=found.values, blank=found.blank)
                (folder / "ids.json").write_text(json.dumps(records.ids), encoding="utf-8")
        with np.load(place.folder / "descriptors.npz") as arrays:
            return Descriptors(arrays["values"], arrays["blank"])

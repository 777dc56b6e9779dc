"""Near-duplicates across the split.

A non-member that repeats a member looks like a member to an attack, so leakage is understated.
"""

from __future__ import annotations

from torch.nn.functional import adaptive_avg_pool2d

from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth
from pixleak.records.base import Records
from pixleak.records.checks.hashes import close_pairs, look, unit_of_brightness
from pixleak.results.controls import DuplicateCheck, DuplicatePair

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
    defaults find re-encoded and repeated frames of Kvasir-SEG and noisy copies of phantoms (root
    mean square difference up to 0.04), but not distinct records of either (from 0.065).

    Args:
        members: n records; other scales of brightness than 0..1 are brought to it.
        nonmembers: m records with as many channels. Images of two sizes are compared at the
            smaller one.
        radius: largest Hamming distance of hashes, of 63 bits.
        rms: largest root mean square pixel difference of a near-duplicate, brightness 0..1.
        contrast_share: largest such difference as a share of the standard deviation of the image
            with the lower contrast; without it, low-contrast images would all count as alike.
        tolerated: the check fails if a larger share of non-members is affected.

    Raises:
        InputError: the images of members and non-members differ in their channels.
    """
    first, second = look(members), look(nonmembers)
    if first.shape[0] != second.shape[0]:
        raise InputError(f"members are images of shape {first.shape}, non-members {second.shape}")
    pairs: list[DuplicatePair] = []
    affected: set[int] = set()
    unit = unit_of_brightness(first, second)
    for i, j in close_pairs(first, second, radius, rms * unit):
        distance = _pixel_rms(members, nonmembers, i, j) / unit
        paler = min(first.contrast[i], second.contrast[j]) / unit
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
            "non-members look like members, which hides leakage; tolerated share: "
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
    if first.shape != second.shape:
        (height, width), (high, wide) = first.shape[1:], second.shape[1:]
        size = min(height, high), min(width, wide)
        first, second = (adaptive_avg_pool2d(one.float(), size) for one in (first, second))
    difference = first.double() - second.double()
    return float(difference.square().mean().sqrt())

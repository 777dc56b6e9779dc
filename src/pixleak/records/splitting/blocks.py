"""Splits of video: blocks of neighbouring frames alternate over the roles.

Frames drawn one by one have near-duplicates in other roles, so non-members look like members. Whole
sequences look different, so members can be recognised without the model. Blocks of every sequence,
with gaps between them, avoid both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pixleak.core.errors import InputError, setting
from pixleak.core.roles import MAIN_ROLES, Role
from pixleak.records.base import Records
from pixleak.records.splitting.split import Split, checked_counts


def block_split(
    records: Records,
    counts: Mapping[str, int] | None,
    *,
    seed: int,
    block: int = 10,
    gap: int = 2,
) -> Split:
    """Blocks of neighbouring frames of every group, alternating over the roles.

    Every role gets its share of every group, and at least ``gap`` frames are dropped between two
    blocks. Blocks come in rounds, one block per role, in an order drawn anew for each round; their
    length is adapted so that whole rounds fill the group, and frames that are left over widen the
    gaps.

    Args:
        records: in order of time within each group; records without a group form one group.
        counts: role -> number of records, 0 for roles that are not named; None takes as many as
            fit, equally many in every group for each of the target's and the shadow's roles.
        seed: of the order of roles.
        block: approximate number of frames per block.
        gap: smallest number of frames dropped between two blocks.

    Raises:
        InputError: too few records for that many blocks and gaps, an unknown role, a count
            below zero, or a subject that gets two roles.
    """
    if block < 1 or gap < 0:
        raise InputError(f"a block split needs block >= 1 and gap >= 0, got {block} and {gap}")
    groups: dict[str | None, list[int]] = {}
    for position, key in enumerate(records.keys):
        groups.setdefault(key.group, []).append(position)
    frames = {name: len(positions) for name, positions in groups.items()}
    if counts is None:
        shares = {name: _equal_share(size, block, gap) for name, size in frames.items()}
        active = list(MAIN_ROLES)
    else:
        shares = _shares(frames, checked_counts(counts))
        active = [role for role in Role if counts.get(role, 0)]
    generator = np.random.default_rng(seed)
    dealt: dict[Role, list[int]] = {role: [] for role in Role}
    for name, positions in groups.items():
        share = {role: shares[name][role] for role in active}
        lengths = _rounds(share, len(positions), block, gap)
        if lengths is None:
            of = f"group {name!r}" if name is not None else records.name
            wanted = ", ".join(f"{role} {share[role]}" for role in active)
            raise InputError(
                f"{of} has {len(positions)} records, too few for {wanted} in blocks with "
                f"{gap} dropped between them; ask for fewer, or lower {setting('split.gap')}"
            )
        order = [(role, n) for one in lengths for role, n in _shuffled(one, generator) if n]
        slack = len(positions) - sum(n for _, n in order) - gap * (len(order) - 1)
        at = 0
        for index, (role, length) in enumerate(order):
            dealt[role].extend(positions[at : at + length])
            # Frames left over widen the gaps evenly.
            borders = max(len(order) - 1, 1)
            extra = slack * (index + 1) // borders - slack * index // borders
            at += length + gap + extra
    roles = {role: tuple(records.keys[p].id for p in sorted(at)) for role, at in dealt.items()}
    split = Split("block", "block", seed, roles)
    split.check(records)
    return split


def _equal_share(frames: int, block: int, gap: int) -> dict[Role, int]:
    """As many records for every role as whole rounds of about ``block`` frames leave room for."""
    n = len(MAIN_ROLES)
    rounds = max(1, round((frames + gap) / (n * (block + gap))))
    while rounds > 1 and frames - (n * rounds - 1) * gap < n * rounds:
        rounds -= 1
    length = (frames - (n * rounds - 1) * gap) // (n * rounds)
    return dict.fromkeys(MAIN_ROLES, max(length, 1) * rounds)


def _shares(
    frames: Mapping[str | None, int], counts: Mapping[Role, int]
) -> dict[str | None, dict[Role, int]]:
    """The count of every role divided over the groups by size, to the nearest whole record."""
    sizes = np.array(list(frames.values()), dtype=np.float64)
    shares: dict[str | None, dict[Role, int]] = {name: {} for name in frames}
    for role, count in counts.items():
        exact = count * sizes / sizes.sum()
        whole = np.floor(exact).astype(int)
        # Largest remainders first; a stable sort keeps ties in the order of groups.
        for index in np.argsort(-(exact - whole), kind="stable")[: count - whole.sum()]:
            whole[index] += 1
        for name, number in zip(frames, whole.tolist(), strict=True):
            shares[name][role] = number
    return shares


def _rounds(
    share: Mapping[Role, int], frames: int, block: int, gap: int
) -> list[list[tuple[Role, int]]] | None:
    """Block lengths by round, as many rounds as fit; None if not even one fits."""
    total = sum(share.values())
    rounds = max(1, round(total / (len(share) * block)))
    while rounds >= 1:
        lengths = [
            [(role, n * (i + 1) // rounds - n * i // rounds) for role, n in share.items()]
            for i in range(rounds)
        ]
        blocks = sum(n > 0 for one in lengths for _, n in one)
        if total + gap * max(blocks - 1, 0) <= frames:
            return lengths
        rounds -= 1
    return None


def _shuffled(
    blocks: Sequence[tuple[Role, int]], generator: np.random.Generator
) -> list[tuple[Role, int]]:
    return [blocks[i] for i in generator.permutation(len(blocks))]

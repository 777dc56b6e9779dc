"""Poison in an audit: which records are poisoned, and which roles they get.

Every model of the attacker's is trained on the same poison as the target, since the attacker made
it and knows it; or, with ``shadows: clean``, on none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from pixleak.core.errors import InputError
from pixleak.core.roles import Role
from pixleak.poisoning.base import Poison, with_copies

if TYPE_CHECKING:
    from pixleak.records.base import Records
    from pixleak.records.splitting.split import Split


@dataclass(frozen=True)
class Poisoning:
    """The poison of a plan.

    Args:
        poison: with its parameters.
        shadows: ``"alike"``: the attacker's models are trained on it too; ``"clean"``: they are
            not.
        origins: ids of the records that were poisoned.
    """

    poison: Poison
    shadows: Literal["alike", "clean"] = "alike"
    origins: tuple[str, ...] = ()

    @property
    def replaced(self) -> int:
        """How many training records the poison took the place of."""
        return len(self.origins) if self.poison.takes == "members" else 0


def poisoned(
    records: Records, split: Split, poisoning: Poisoning, *, seed: int
) -> tuple[Records, Split, Poisoning]:
    """The records with the poison among them, and the split that says so.

    A training record that is replaced loses its role: no model sees it as it is, so it is neither
    a member nor a fair non-member. Audited records that are not targeted become bystanders.

    Raises:
        InputError: the poison cannot be used on these records, or takes none of them.
    """
    poison = poisoning.poison
    poison.check(records.truth)
    units = _units(records, split)
    members, nonmembers = (
        split.roles[role] for role in (Role.TARGET_MEMBERS, Role.TARGET_NONMEMBERS)
    )
    candidates = members if poison.takes == "members" else (*members, *nonmembers)
    chosen = poison.select({key: units[key] for key in candidates}, seed=seed)
    if not chosen:
        raise InputError(
            f"poison {poison.description} takes none of the {len(candidates)} records it could: "
            "raise its share, or give another seed"
        )
    records, copies = with_copies(records, poison, chosen, seed=seed)
    taken = set(chosen)
    roles = dict(split.roles)
    if poison.takes == "members":
        roles[Role.TARGET_MEMBERS] = tuple(key for key in members if key not in taken)
    else:
        for side, ids in (("members", members), ("nonmembers", nonmembers)):
            roles[Role(f"target-{side}")] = tuple(key for key in ids if key in taken)
            others = tuple(key for key in ids if key not in taken)
            roles[Role(f"bystander-{side}")] += others
    roles[Role.POISONED] += copies
    return records, replace(split, roles=roles), replace(poisoning, origins=chosen)


def _units(records: Records, split: Split) -> dict[str, str]:
    """Record id -> what must be poisoned together: what the split kept together."""
    units = split.units(records)
    if split.unit == "group":
        units |= {k.id: f"group {k.group}" for k in records.keys if k.subject is None and k.group}
    return units

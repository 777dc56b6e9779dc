"""The roles that a record can have in an audit.

The target is trained on its members and never sees its non-members; the attacker's shadow model
is trained on the shadow members in the same way. The population is in no model's training set.
Each canary is trained on, or not, by the toss of a coin. A reserve is what a defender holds beside
the training records: to regularise with, to distil on or to stop training by; the shadow has one
of its own. Poisoned copies are in the target's training set beside the members. Bystanders are
trained on by the target, or not, and dealt to reference models as audited records are, but they
are not attacked.
"""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What a record is used for; a record has one role or none."""

    TARGET_MEMBERS = "target-members"
    TARGET_NONMEMBERS = "target-nonmembers"
    SHADOW_MEMBERS = "shadow-members"
    SHADOW_NONMEMBERS = "shadow-nonmembers"
    POPULATION = "population"
    CANARIES = "canaries"
    RESERVE = "reserve"
    SHADOW_RESERVE = "shadow-reserve"
    POISONED = "poisoned"
    BYSTANDER_MEMBERS = "bystander-members"
    BYSTANDER_NONMEMBERS = "bystander-nonmembers"

    @property
    def words(self) -> str:
        """For sentences: ``"target members"``."""
        return self.value.replace("-", " ")


MAIN_ROLES = (
    Role.TARGET_MEMBERS,
    Role.TARGET_NONMEMBERS,
    Role.SHADOW_MEMBERS,
    Role.SHADOW_NONMEMBERS,
)
"""Those that all records are shared out to where no numbers are given."""

"""A plan: everything an audit needs, decided before anything is computed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pixleak.core.access import Access
from pixleak.core.roles import Role
from pixleak.core.truth import Truth
from pixleak.request.parts import Canaries, Evaluation

if TYPE_CHECKING:
    from pixleak.attacks import AttackChoice
    from pixleak.pipeline.plan.poisoning import Poisoning
    from pixleak.records.base import Records
    from pixleak.records.metadata import Attributes
    from pixleak.records.splitting.membership import Membership
    from pixleak.records.splitting.split import Split
    from pixleak.signals import Signal
    from pixleak.signals.difficulty import Difficulty
    from pixleak.signals.learned import LearnedSignal
    from pixleak.targets.base import Target
    from pixleak.training.defence import Defence
    from pixleak.training.method import TrainingMethod


@dataclass(frozen=True)
class GivenTarget:
    """A target that exists already.

    Args:
        target: what to query.
        untrained: the same target with random weights, for the control, or None.
        untrained_note: why there is none.
        device: where it and the attacker's models run.
    """

    target: Target
    untrained: Target | None
    untrained_note: str = ""
    device: str = "cpu"

    @classmethod
    def of(cls, target: Target, seed: int, device: str = "cpu") -> GivenTarget:
        """A target with its untrained twin, or with the reason why it has none.

        Args:
            target: what to query.
            seed: of the twin's weights.
            device: where it and the attacker's models run.
        """
        from pixleak.targets.base import Untwinned
        from pixleak.targets.target_for import adapted

        twin = target.untrained(seed)
        if isinstance(twin, Untwinned):
            return cls(target, None, twin.reason, device)
        if target.adapter.settings and not twin.adapter.settings:
            twin = adapted(twin, target.adapter)
        return cls(target, twin, "", device)

    @property
    def access(self) -> Access:
        """What its answers reveal."""
        return self.target.access


@dataclass(frozen=True)
class TrainedTarget:
    """A target to be trained on the target members.

    Args:
        method: how to train it, before any defence modifies that.
        access: what the defended target grants.
        device: where it is trained and asked.
    """

    method: TrainingMethod
    access: Access
    device: str = "cpu"


@dataclass(frozen=True, eq=False)
class Pool:
    """The pool of reference models.

    Args:
        method: how each is trained.
        membership: on which records each is trained.
        records: ``"audited"``, or ``"own"`` where they are the shadow's records.
        unit: what is in a model as a whole: ``"subject"``, ``"block"``, ``"record"``.
        leave_one_out: whether each plays the victim as well.
    """

    method: TrainingMethod
    membership: Membership
    records: Literal["audited", "own"]
    unit: str
    leave_one_out: bool = True


@dataclass(frozen=True)
class Plan:
    """One audit, ready to run.

    Args:
        records: all records of all roles.
        split: role -> record ids; the shadow roles may be empty.
        target: what is attacked.
        defences: of the target, in the order they are stacked. A target that exists already is
            behind them in ``target``, and was trained as they say.
        attacker: ``"adaptive"``: the attacker's models are trained and asked with the defences.
        shadow: how the attacker's own model is trained, or None for no shadow model.
        signals: fixed signals attacked by threshold; None for the usual ones. Those that the
            target's access cannot serve are left out if usual, else an error.
        difficulties: measured on the records alone; None for the usual ones.
        samples: answers drawn per record.
        learned: learned signals; None for the usual ones.
        references: the pool, or None.
        attacks: beside the threshold on every signal; None for the usual ones.
        canaries: records with wrong label maps, or None; their role is in the split.
        poisoning: what was put into the training sets, or None; the roles are in the split.
        arguments: the configuration as it is saved with the result.
        attributes: record id -> what a metadata table says of it; empty without one.
    """

    title: str
    seed: int
    records: Records
    split: Split
    target: GivenTarget | TrainedTarget
    shadow: TrainingMethod | None
    defences: tuple[Defence, ...] = ()
    attacker: Literal["adaptive", "naive"] = "adaptive"
    signals: tuple[Signal, ...] | None = None
    learned: tuple[LearnedSignal, ...] | None = None
    difficulties: tuple[Difficulty, ...] | None = None
    samples: int = 1
    references: Pool | None = None
    attacks: tuple[AttackChoice, ...] | None = None
    canaries: Canaries | None = None
    poisoning: Poisoning | None = None
    evaluation: Evaluation = field(default_factory=Evaluation)
    analyses: tuple[str, ...] | None = None
    exhibits: int = 6
    batch_size: int = 16
    workers: int | None = None
    runner: str = "local"
    arguments: dict[str, Any] = field(default_factory=dict)
    attributes: Mapping[str, Attributes] = field(default_factory=dict)

    @property
    def truth(self) -> Truth:
        """What the records' label maps, or true images, mean."""
        return self.records.truth

    @property
    def audited(self) -> tuple[str, ...]:
        """The ids of the target members and non-members."""
        return self.ids(Role.TARGET_MEMBERS, Role.TARGET_NONMEMBERS)

    @property
    def outer(self) -> tuple[str, ...]:
        """The ids of the other records that the target was not trained on."""
        return self.ids(Role.SHADOW_MEMBERS, Role.SHADOW_NONMEMBERS, Role.POPULATION)

    def defences_of(self, model: str) -> tuple[Defence, ...]:
        """What a model of this name is trained and asked with."""
        if model in ("target", "untrained") or self.attacker == "adaptive":
            return self.defences
        return ()

    def reserve_of(self, model: str) -> tuple[str, ...]:
        """The ids of what the defender of this model holds beside its training records.

        An attacker who holds no such records is given the target's: the worst case.
        """
        own, others = self.ids(Role.RESERVE), self.ids(Role.SHADOW_RESERVE)
        return own or others if model == "target" else others or own

    def trained_on(self, model: str) -> tuple[str, ...]:
        """The ids of the records that a model is trained on, target, shadow or of the pool.

        The attacker made the poison, so that of the attacker's models each is trained on all of
        it, whatever else it is trained on; unless they are to be clean.
        """
        if model == "target":
            clean = (*self.ids(Role.TARGET_MEMBERS, Role.BYSTANDER_MEMBERS), *self.included)
        elif model == "shadow":
            clean = self.ids(Role.SHADOW_MEMBERS)
        else:
            assert self.references is not None
            drawn = self.references.membership
            clean = drawn.of(drawn.models.index(model))
        if model != "target" and self.poisoning is not None and self.poisoning.shadows == "clean":
            return clean
        return (*clean, *self.ids(Role.POISONED))

    @property
    def taught_on(self) -> tuple[str, ...]:
        """The ids of the reserve, where the target was trained here and on that."""
        if not isinstance(self.target, TrainedTarget):
            return ()
        taught = any(one.trains_on_reserve for one in self.defences_of("target"))
        return self.reserve_of("target") if taught else ()

    @property
    def included(self) -> tuple[str, ...]:
        """The ids of the canaries that the target is trained on."""
        from pixleak.records.canaries import toss

        return toss(self.ids(Role.CANARIES), seed=self.seed_for("canaries"))

    def seed_for(self, purpose: str) -> int:
        """A seed of its own for every purpose, whatever else runs beside it."""
        return int(hashlib.sha256(f"{self.seed}/{purpose}".encode()).hexdigest()[:7], 16)

    def ids(self, *roles: Role) -> tuple[str, ...]:
        """The ids of these roles, in order."""
        return tuple(key for role in roles for key in self.split.roles[role])

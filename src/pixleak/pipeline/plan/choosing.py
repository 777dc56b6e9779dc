"""What an audit measures and attacks with, decided and checked before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pixleak.attacks import ATTACKS
from pixleak.attacks.base import Attack
from pixleak.attacks.threshold import Threshold
from pixleak.core.access import Access
from pixleak.core.errors import InputError, MissingExtraError, UnmetNeedError
from pixleak.core.registry import alternatives, made
from pixleak.core.tables import SignalInfo
from pixleak.core.truth import LabelTruth, Truth
from pixleak.pipeline.plan.assemble import usual_difficulties
from pixleak.pipeline.plan.plan import Plan, TrainedTarget
from pixleak.request.audit import AttackConfig, DifficultyConfig, LearnedConfig
from pixleak.signals import signals_for
from pixleak.signals.difficulty import DIFFICULTIES
from pixleak.signals.difficulty.base import Difficulty
from pixleak.signals.learned import LEARNED

if TYPE_CHECKING:
    from pixleak.signals.base import Signal
    from pixleak.signals.learned.base import LearnedSignal

EVERY = "all"
"""In place of signals: every column that asks the model."""

CALIBRATED = "log-cross-entropy"
"""The signal that single-signal attacks calibrate, as far as the target's access allows."""

LABELS_ONLY = "label-agreement"
"""The one in its place where the target answers with labels."""

ERROR = "log-l1-error"
"""The signal of generators that single-signal attacks calibrate."""

Lists = Mapping[str, tuple[tuple[str, ...], ...]]
"""Attack -> the lists of signals that it is used on."""

USUAL: Lists = {
    "learned-residuals": ((EVERY,),),
    "stratified-lira": (("margin-by-stratum",),),
    "lira-online": ((CALIBRATED,), ("type-ii-logistic",), ("mirror-dice",), ("noise-dice",)),
    "lira-offline": ((CALIBRATED,),),
    "difficulty-calibration": ((CALIBRATED,), ("type-ii-logistic",)),
    "rmia": (("cross-entropy",),),
    "quantile-regression": ((CALIBRATED, "mask-share"),),
}
"""What segmenters are attacked with unless something else is asked for; the strongest first, as far
as measured: the first that can be served is the audit's default attack. Lists with a signal that is
not measured are left out: those of several queries are, unless named or all that there is."""


def usual_of_generators(difficulties: Sequence[str]) -> Lists:
    """The same of generators; the membership errors last, which need no reference models."""
    # Of the logarithm: errors of easy and hard records differ by a factor, not by an amount.
    fitted: list[tuple[str, ...]] = [(ERROR, name) for name in difficulties]
    if len(difficulties) > 1:
        fitted = [(ERROR, *difficulties), ("coarse-error", *difficulties), *fitted]
    plain = [("l1-error", name) for name in difficulties if name == "difficulty-features"]
    return {
        "learned-residuals": ((EVERY,),),
        "stratified-lira": (("error-by-detail",),),
        "lira-online": ((ERROR,), ("likeness",)),
        "lira-offline": ((ERROR,),),
        "difficulty-calibration": ((ERROR,), ("likeness",)),
        "rmia": ((ERROR,),),
        "fitted-membership-error": tuple(fitted),
        "membership-error": tuple(plain),
    }


WITHOUT_POOL = ("fitted-membership-error", "membership-error")
"""Attacks on generators that are used without reference models."""


@dataclass(frozen=True)
class Work:
    """One attack on certain signals.

    Args:
        attack: with its parameters.
        columns: what it looks at.
        info: what stands in for a single signal: its name, what it needs, its source.
        title: what to call it in tables.
    """

    attack: Attack
    columns: tuple[str, ...]
    info: SignalInfo
    title: str

    @property
    def plain(self) -> bool:
        """Whether it is a threshold on one signal."""
        return isinstance(self.attack, Threshold)


@dataclass(frozen=True)
class Chosen:
    """Signals and attacks of an audit.

    Args:
        fixed: all that the target's access allows, those to attack first.
        learned: to be trained on the shadow.
        difficulties: measured on the records alone.
        left_out: one sentence for everything that cannot be served.
        works: the attacks, thresholds first.
        default: position of the one that speaks for the audit: fixed beforehand, whichever turns
            out to be the strongest.
        outer: whether any looks at records beside the audited ones.
    """

    fixed: tuple[Signal, ...]
    learned: tuple[LearnedSignal, ...]
    difficulties: tuple[Difficulty, ...]
    left_out: tuple[str, ...]
    works: tuple[Work, ...]
    default: int
    outer: bool


def choose(plan: Plan) -> Chosen:
    """Look signals and attacks of a plan up and hold their needs against what there is.

    Raises:
        UnmetNeedError: the user asked for a signal or an attack that cannot be served.
        InputError: a name is unknown, or an option.
    """
    access = plan.target.access
    names = [*plan.signals, *(config.name for config in plan.learned)]
    if not names:
        raise InputError("there is nothing to attack with: name signals, or learned signals")
    if twice := [name for name in names if names.count(name) > 1]:
        raise InputError(f"signal {twice[0]!r} is named twice; once is enough")
    table = signals_for(plan.truth)
    chosen = [table[name] for name in plan.signals]
    for signal in chosen:
        if not signal.info.queries_model:
            raise InputError(
                f"signal {signal.name!r} never asks the model, so it is no attack; leave it out"
            )
        if signal.needs_samples and plan.samples < 2:
            raise UnmetNeedError(
                f"signal {signal.name!r} needs several answers to one input: set target.samples"
            )
        signal.prepare()
    _check_samples(plan)
    others = [
        signal
        for name, signal in table.items()
        if name not in plan.signals
        and not signal.optional
        and (plan.samples > 1 or not signal.needs_samples)
    ]
    fixed: list[Signal] = []
    left_out: list[str] = []
    for signal in chosen + others:
        needed = signal.info.access
        if access.grants(needed):
            fixed.append(signal)
        elif signal in chosen:
            lacks = f"it needs {needed} access, the target grants {access}"
            if plan.signals_chosen:
                raise UnmetNeedError(
                    f"signal {signal.name!r} cannot be measured: {lacks}; leave it out of "
                    f"signals, or declare access: {needed} if the target grants that"
                )
            left_out.append(f"{signal.name} was left out: {lacks}")
    learned = [_learned(config).served_by(access) for config in plan.learned]
    if learned and (plan.shadow is None or not plan.ids("shadow-members")):
        left_out.append("learned signals were left out: there is no shadow model to learn from")
        learned = []
    for one in learned:
        if not access.grants(one.info.access):
            left_out.append(
                f"{one.name} was left out: it needs {one.info.access} access, the target grants "
                f"{access}"
            )
    kept = tuple(one for one in learned if access.grants(one.info.access))
    difficulties, lacking = available(plan.difficulties, plan.truth)
    left_out += lacking
    columns = _Columns(plan, (*fixed, *difficulties), kept)
    thresholds = [
        _work(Threshold(), (name,), columns, plan)
        for one in (*(s.name for s in chosen if s in fixed), *(s.name for s in kept))
        for name in columns.of(one)
    ]
    calibrated, refused = _attacks(plan, columns)
    works = (*thresholds, *calibrated)
    return Chosen(
        fixed=tuple(fixed),
        learned=kept,
        difficulties=difficulties,
        left_out=(*left_out, *refused),
        works=works,
        default=_default(works),
        outer=any(not one.plain for one in calibrated) and bool(plan.outer),
    )


def _check_samples(plan: Plan) -> None:
    """Refuse to draw many equal answers; what a given model does is not known beforehand."""
    if isinstance(plan.target, TrainedTarget) and not plan.defences:
        plan.target.method.check_sampling(plan.samples)


def available(
    wanted: Sequence[DifficultyConfig], truth: Truth
) -> tuple[tuple[Difficulty, ...], list[str]]:
    """The difficulties that can be measured here, and one sentence for each that cannot.

    Args:
        wanted: the usual ones of these records, or those that were asked for.
        truth: of the records.

    Raises:
        InputError: one is unknown, or named twice.
        UnmetNeedError: one is of the other kind of truth.
        MissingExtraError: a package is not installed, for one that was asked for.
    """
    names = [config.name for config in wanted]
    if twice := [name for name in names if names.count(name) > 1]:
        raise InputError(f"difficulty {twice[0]!r} is named twice; once is enough")
    usual = tuple(wanted) == usual_difficulties(truth)
    kind = "labels" if isinstance(truth, LabelTruth) else "image"
    found: list[Difficulty] = []
    left_out = []
    for config in wanted:
        name = config.name
        difficulty = made("difficulty", name, type(DIFFICULTIES[name]), config.options)
        assert isinstance(difficulty, Difficulty)
        one = difficulty if config.options else DIFFICULTIES[name]
        if one.on not in (kind, "any"):
            raise UnmetNeedError(
                f"{name} is a difficulty of records whose truth is "
                f"{'an image' if kind == 'labels' else 'a label map'}; leave it out"
            )
        try:
            one.prepare()
        except MissingExtraError as error:
            if not usual:
                raise
            left_out.append(f"{name} was left out: {error}")
            continue
        found.append(one)
    return tuple(found), left_out


class _Columns:
    """Names of signals and families, and the columns that they are measured in."""

    def __init__(
        self, plan: Plan, fixed: Sequence[Signal], learned: Sequence[LearnedSignal]
    ) -> None:
        self._of = {signal.name: signal.infos(plan.truth) for signal in fixed}
        self._of |= {signal.name: (signal.info,) for signal in learned}
        self._queries = {signal.name: signal.info.queries for signal in fixed}
        self.infos = {info.name: info for infos in self._of.values() for info in infos}
        asking = [
            info.name
            for signal in fixed
            if signal.info.queries_model
            for info in self._of[signal.name]
        ]
        # What an attacker seldom has is no part of an attack on everything.
        self._every = tuple(
            name for name in asking if self.infos[name].access is not Access.DISCRIMINATOR
        )
        self.difficulties = tuple(s.name for s in fixed if isinstance(s, Difficulty))

    def of(self, name: str) -> tuple[str, ...]:
        """The columns of a signal, of a family, or of :data:`EVERY`; none if not measured."""
        if name == EVERY:
            return self._every
        if name in self._of:
            return tuple(info.name for info in self._of[name])
        return (name,) if name in self.infos else ()

    def queries(self, columns: Sequence[str]) -> int:
        """How often a record is asked about for these columns: once, and what each signal adds."""
        wanted = set(columns)
        used = [n for n, infos in self._of.items() if wanted & {info.name for info in infos}]
        return 1 + sum(self._queries.get(name, 1) - 1 for name in used)

    def known(self) -> list[str]:
        """Every name that may be asked for."""
        return [EVERY, *self._of, *self.infos]


def _attacks(plan: Plan, columns: _Columns) -> tuple[list[Work], list[str]]:
    """The attacks beside the thresholds, and one sentence for each that cannot be served."""
    works: list[Work] = []
    refused: list[str] = []
    asked = plan.attacks is not None
    for config in _wanted(plan, columns):
        attack = made("attack", config.name, ATTACKS[config.name], config.options)
        names: list[str] = []
        for name in config.signals:
            if not columns.of(name):
                if not asked:
                    break
                raise InputError(
                    f"attack {config.name!r}: signal {name!r} is not measured here"
                    f"{alternatives(name, columns.known())}"
                )
            names += columns.of(name)
        else:
            lacking = _lacking(attack, plan)
            if not lacking:
                works.append(_work(attack, tuple(dict.fromkeys(names)), columns, plan))
            elif asked:
                raise UnmetNeedError(f"attack {config.name!r} cannot be used: {lacking}")
            elif plan.references is not None:
                refused.append(f"{attack.title} was left out: {lacking}")
    return works, refused


def _wanted(plan: Plan, columns: _Columns) -> list[AttackConfig]:
    """What was asked for, or else the usual attacks; usual signals where none are named."""
    lists_of: Lists = USUAL
    if plan.target.access.of_images:
        lists_of = usual_of_generators(columns.difficulties)
    usual = {
        name: [_granted(signals, columns) for signals in lists] for name, lists in lists_of.items()
    }
    if plan.attacks is None:
        if plan.references is None and not plan.ids("population"):
            usual = {name: lists for name, lists in usual.items() if name in WITHOUT_POOL}
        return [
            AttackConfig(name=name, signals=signals)
            for name, lists in usual.items()
            for signals in lists
        ]
    wanted = []
    for config in plan.attacks:
        ATTACKS[config.name]  # an unknown name is refused, with the nearest known one
        lists = [config.signals] if config.signals else usual.get(config.name, [])[:1]
        if not lists:
            raise InputError(f"attack {config.name!r}: say which signals, with signals: [NAME]")
        wanted.append(config.model_copy(update={"signals": lists[0]}))
    return wanted


def _granted(signals: tuple[str, ...], columns: _Columns) -> tuple[str, ...]:
    return tuple(
        LABELS_ONLY if name == CALIBRATED and not columns.of(name) else name for name in signals
    )


def _lacking(attack: Attack, plan: Plan) -> str:
    """What the attack needs that the audit does not have, or the empty string."""
    inside = outside = models = 0
    if plan.references is not None:
        models = len(plan.references.membership.models)
        inside = models // 2 if plan.references.records == "audited" else 0
        outside = models - inside
    for needed, had, words in (
        (attack.min_references, models, "reference models"),
        (attack.min_outside, outside, "reference models that were not trained on a record"),
        (attack.min_inside, inside, "reference models that were trained on a record"),
    ):
        if had < needed:
            return f"it needs at least {needed} {words}, there are {had} (see references.models)"
    if attack.needs_population and not plan.outer:
        return (
            "it needs records that the target was not trained on, beside the audited ones (see "
            "split.population)"
        )
    return ""


def _work(attack: Attack, columns: tuple[str, ...], known: _Columns, plan: Plan) -> Work:
    infos = [known.infos[name] for name in columns]
    if attack.signals == "one" and len(infos) != 1:
        raise InputError(
            f"attack {attack.name!r} takes one signal, got {len(infos)}: {', '.join(columns)}"
        )
    first = infos[0]
    if isinstance(attack, Threshold):
        return Work(attack, columns, first, title_of(first))
    # The attack answers with a score of its own, so what it looked at is named as a whole.
    label, title = first.name, f"{attack.title} over {first.title or first.name.replace('-', ' ')}"
    if attack.named_by_signals:
        rest = [name.removeprefix("difficulty-") for name in columns[1:]]
        label = "+".join([columns[0], *(rest if len(rest) < 3 else ["all-difficulties"])])
        told = [info.title or info.name.replace("-", " ") for info in infos[1:]]
        told = told if len(told) < 3 else ["all difficulties"]
        if first.name not in (ERROR, "l1-error", CALIBRATED, "cross-entropy"):
            told.insert(0, first.title or first.name.replace("-", " "))
        title = f"{attack.title}, {' + '.join(told)}"
    elif attack.signals == "many":
        label, title = f"{len(columns)} signals", attack.title
    asking = [info for info in infos if info.queries_model] or infos
    access = max((info.access for info in asking), key=list(type(first.access)).index)
    info = SignalInfo(
        name=label,
        unit="1",
        members_are="higher",
        access=access,
        needs_truth=any(info.needs_truth for info in infos),
        source=attack.source,
        learned=any(info.learned for info in infos),
        queries=known.queries(columns),
    )
    return Work(attack, columns, info, title)


def _default(works: Sequence[Work]) -> int:
    """The strongest kind of attack that there is, by kind alone."""
    names = [work.attack.name for work in works]
    for name in (*USUAL, *WITHOUT_POOL):
        if name in names:
            return names.index(name)
    signals = [work.info.name for work in works]
    for name in ("type-ii-logistic", "cross-entropy", LABELS_ONLY, "l1-error"):
        if name in signals:
            return signals.index(name)
    return 0


def title_of(info: SignalInfo) -> str:
    """What a signal is called in tables."""
    title = info.title or info.name.replace("-", " ")
    return title[0].upper() + title[1:]


def _learned(config: LearnedConfig) -> LearnedSignal:
    one: LearnedSignal = made("learned signal", config.name, LEARNED[config.name], config.options)
    return one

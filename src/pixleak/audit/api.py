"""The questions of the library, as functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, Literal

from pixleak.audit.report import AuditReport
from pixleak.core.access import Access, access_for
from pixleak.core.errors import InputError
from pixleak.core.progress import Progress, Silent, shown
from pixleak.core.truth import ImageTruth, LabelTruth

if TYPE_CHECKING:
    from torch import nn
    from torch.utils.data import Dataset

    from pixleak.audit.questions.answers import QueryReport, SetTestReport
    from pixleak.pipeline.plan.plan import GivenTarget
    from pixleak.records.base import Records
    from pixleak.request.audit import AuditConfig
    from pixleak.targets.base import Target
    from pixleak.training.defence import Defence
    from pixleak.training.recipe import Recipe


def audit(
    model: nn.Module | Target | Callable[..., object],
    members: Records | Dataset[Any],
    nonmembers: Records | Dataset[Any],
    *,
    access: Access | str | None = None,
    classes: int | LabelTruth | ImageTruth | None = None,
    shadow: Recipe | None = None,
    shadow_records: Records | Dataset[Any] | None = None,
    references: int = 0,
    reference_recipe: Recipe | None = None,
    defences: Sequence[str | Defence] = (),
    attacker: Literal["adaptive", "naive"] = "adaptive",
    reserve: Records | Dataset[Any] | None = None,
    population: Records | Dataset[Any] | None = None,
    signals: Sequence[str] | None = None,
    learned: Sequence[str] | None = None,
    attacks: Sequence[str] | None = None,
    difficulties: Sequence[str] | None = None,
    samples: int = 1,
    discriminator: nn.Module | None = None,
    title: str = "Membership audit",
    seed: int = 0,
    device: str = "cpu",
    out: str | Path | None = None,
    progress: bool = False,
) -> AuditReport:
    """Can an outsider tell which records a model was trained on?

    Args:
        model: a torch module, a pixleak target, or a function from images (b, c, h, w) to
            predictions (b, K, h, w). Two classes may come as one channel, that of class 1; a
            dict with ``"out"`` or ``"logits"`` is understood.
        members: records the model was trained on: :class:`pixleak.Records`, or a torch
            Dataset of (image, label map).
        nonmembers: comparable records that it was not trained on. At least 10 records, of at
            least 5 subjects, are needed on either side.
        access: what the model's answers are: ``"logit"`` (if left out), ``"probability"`` or
            ``"label"``; of a generator ``"image"``, or ``"discriminator"`` where that is known too.
        classes: number of classes, a LabelTruth, or for a generator an ImageTruth; needed for
            Datasets only.
        shadow: recipe of a model that the attacker trains to learn from; None for no shadow,
            and then no learned attacks.
        shadow_records: the attacker's own records, half of which the shadow is trained on.
        references: how many reference models to train, each on half of the audited records; an
            even number, 0 for none. With them the attacks are calibrated, and far sharper.
        reference_recipe: how they are trained: as the model was. None: the shadow's recipe.
        defences: names, or defences with parameters of their own (:mod:`pixleak.defences`). Those
            of the output side are put around the model; those of the training side say how it was
            trained, so that the attacker's models are trained alike.
        attacker: ``"adaptive"`` knows the defences, ``"naive"`` does not.
        reserve: records for the attacker's models, where a defence needs some beside those it
            trains on.
        population: more records that the model was not trained on, which some attacks calibrate by.
        signals: fixed signals to attack; None for the default ones that ``access`` allows.
        learned: signals learned on the shadow; None for the default ones.
        attacks: beside the threshold on every signal; None for all that can be served.
        difficulties: how hard a record is for any model; None for the usual ones of generators.
        samples: answers to draw a record, of a generator that samples.
        discriminator: what the generator was trained against: (inputs, outputs) -> logits.
        title: what the report is called.
        seed: every random choice follows from it.
        device: where a module is run.
        out: run folder, where an interrupted audit resumes; None keeps nothing unless the
            result is saved.
        progress: show progress bars.

    Returns:
        The result; ``print`` it, or ``save`` it with its report.

    Raises:
        InputError: records or model cannot be used as given.
        UnmetNeedError: a signal was named that needs more access.

    Example:
        >>> import pixleak, torch
        >>> records = pixleak.phantom(40, size=32, seed=0)
        >>> model = torch.nn.Conv2d(1, 2, 3, padding=1)
        >>> held = records.ids[20:]
        >>> result = pixleak.audit(model, records.select(records.ids[:20]), records.select(held))
        >>> result.verdict.answer
        'cannot-tell'
    """
    from pixleak.audit.run import run
    from pixleak.pipeline.plan.assemble import defended, pool, usual_difficulties, usual_signals
    from pixleak.pipeline.plan.plan import Plan
    from pixleak.records.combine import gather
    from pixleak.request.audit import DEFAULT_LEARNED, AttackConfig, DifficultyConfig, LearnedConfig
    from pixleak.training.defence import check_defences

    if (shadow is None) != (shadow_records is None):
        raise InputError("shadow and shadow_records go together: a recipe, and records for it")
    if learned and shadow is None:
        raise InputError(
            "learned signals are learned on a shadow model: give shadow and shadow_records too"
        )
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise InputError(f"seed must be a whole number of at least 0, got {seed!r}")
    if any(isinstance(given, str) for given in (signals, learned, attacks, difficulties)):
        raise InputError(
            "signals, learned, attacks and difficulties are lists of names, as in "
            "signals=['margin']"
        )
    recipe = reference_recipe or shadow
    if references and recipe is None:
        raise InputError(
            "reference models must be trained as the model was: say how, with "
            "reference_recipe=Recipe(...)"
        )
    if reference_recipe is not None and not references:
        raise InputError("reference_recipe is given: say how many, as in references=16")
    sets = {
        "target-members": _records(members, classes, "members"),
        "target-nonmembers": _records(nonmembers, classes, "nonmembers"),
    }
    if shadow_records is not None:
        sets["shadow"] = _records(shadow_records, classes, "shadow_records")
    if population is not None:
        sets["population"] = _records(population, classes, "population")
    if reserve is not None:
        sets["shadow-reserve"] = _records(reserve, classes, "reserve")
    records, split = gather(sets, seed=seed)
    drawn = None
    if references and recipe is not None:
        drawn = pool(recipe, records, split, models=references, seed=seed)
    names = tuple(DEFAULT_LEARNED if learned is None else learned) if shadow else ()
    if isinstance(records.truth, ImageTruth):
        if learned:
            raise InputError("signals are learned on predicted label maps: leave learned out")
        names = ()
    granted = access_for(records.truth, None if access is None else _access(access))
    put = _defences(defences)
    check_defences(put, recipe, records.truth, reserve=reserve is not None)
    target = defended(_given(model, records, granted, seed, device, discriminator), put)
    plan = Plan(
        title=title,
        seed=seed,
        records=records,
        split=split,
        target=target,
        shadow=shadow,
        defences=put,
        attacker=attacker,
        signals=usual_signals(target, samples) if signals is None else tuple(signals),
        difficulties=usual_difficulties(records.truth)
        if difficulties is None
        else tuple(DifficultyConfig(name=name) for name in difficulties),
        samples=samples,
        learned=tuple(LearnedConfig(name=name) for name in names),
        references=drawn,
        attacks=None if attacks is None else tuple(AttackConfig(name=name) for name in attacks),
        signals_chosen=signals is not None,
        arguments={"title": title, "seed": seed, "access": str(granted), "called": "pixleak.audit"},
    )
    with ExitStack() as stack:
        reporter: Progress = stack.enter_context(shown()) if progress else Silent()
        folder = Path(mkdtemp(prefix="pixleak-")) if out is None else Path(out)
        try:
            result = run(plan, folder, reporter)
        except BaseException:
            if out is None:
                rmtree(folder, ignore_errors=True)
            raise
    report = AuditReport.of(result, folder=folder, temporary=out is None)
    if out is not None:
        report.save(out)
    return report


def audit_config(config: AuditConfig, out: Path, progress: Progress | None = None) -> AuditReport:
    """Run a configuration into ``out`` and write its report.

    Raises:
        InputError: as :func:`audit`.
    """
    from pixleak.audit.run import run
    from pixleak.pipeline.plan.assemble import assemble

    report = AuditReport.of(run(assemble(config), out, progress), folder=out)
    report.save(out)
    return report


def _access(access: Access | str) -> Access:
    try:
        return Access(access)
    except ValueError:
        known = ", ".join(repr(str(a)) for a in Access)
        raise InputError(f"access is {access!r}; expected one of {known}") from None


def _defences(given: Sequence[str | Defence]) -> tuple[Defence, ...]:
    from pixleak.pipeline.plan.assemble import made_defences
    from pixleak.request.audit import DefenceConfig
    from pixleak.training.defence import Defence

    if isinstance(given, str):
        raise InputError(f"defences is a list of names, as in defences=[{given!r}]")
    found: list[Defence] = []
    for one in given:
        if isinstance(one, str):
            found += made_defences([DefenceConfig(name=one)])
        elif isinstance(one, Defence):
            found.append(one)
        else:
            raise InputError(
                f"defences holds {one!r}; give names, or defences with parameters as in "
                "pixleak.defences.DEFENCES['noise'](sigma=2)"
            )
    return tuple(found)


def _records(
    given: Records | Dataset[Any], classes: int | LabelTruth | ImageTruth | None, argument: str
) -> Records:
    from pixleak.records.base import Records
    from pixleak.records.readers.dataset import read_dataset

    if isinstance(given, Records):
        return given
    if classes is None:
        raise InputError(
            f"{argument} is a {type(given).__name__}: say how many classes its label maps have, "
            "as in audit(..., classes=2), or for a generator classes=ImageTruth(channels=3)"
        )
    if not isinstance(classes, int | LabelTruth | ImageTruth):
        raise InputError(
            f"classes must be a number, a LabelTruth or an ImageTruth, got {classes!r}"
        )
    truth = LabelTruth(classes) if isinstance(classes, int) else classes
    return read_dataset(given, truth, name=argument)


def _given(
    model: Any,
    records: Records,
    access: Access,
    seed: int,
    device: str,
    discriminator: nn.Module | None,
) -> GivenTarget:
    from torch import nn

    from pixleak.pipeline.plan.assemble import given_function, given_module
    from pixleak.pipeline.plan.plan import GivenTarget
    from pixleak.targets.base import Target

    if isinstance(model, Target):
        note = "a target without known weights has nothing to take away"
        return GivenTarget(model, None, note)
    if isinstance(model, nn.Module):
        return given_module(
            model, records.truth, access, seed=seed, device=device, discriminator=discriminator
        )
    if callable(model):
        return given_function(model, records.truth, access)
    raise InputError(
        f"model is a {type(model).__name__}; expected a torch module, a target or a function"
    )


def query(
    model: nn.Module | Target | Callable[..., object],
    record: Records,
    nonmembers: Records | None = None,
    *,
    access: Access | str | None = None,
    difficulties: Sequence[str] | None = None,
    alpha: float = 1.0,
    level: float = 0.05,
    seed: int = 0,
    device: str = "cpu",
) -> QueryReport:
    """One record: its error, its difficulty, and where it lies among reference non-members.

    Args:
        model: a torch module, a pixleak target, or a function from images to predictions.
        record: a set of one record; :func:`pixleak.read_pairs` and the other readers make them.
        nonmembers: comparable records that the model was not trained on. Without them nothing can
            be concluded, and the answer says so.
        access: as of :func:`audit`.
        difficulties: names; None for the usual ones of generators.
        alpha: weight of the difficulty in the plain membership error.
        level: of the p-value that the answer goes by.
        seed: of what is drawn.
        device: where a module is run.

    Raises:
        InputError: more than one record, or records that cannot be compared or asked about.

    Example:
        >>> import torch, pixleak
        >>> from pixleak.records.readers.turned import labels_to_photo
        >>> records = labels_to_photo(pixleak.phantom(24, size=16, seed=0))
        >>> model = torch.nn.Conv2d(2, 1, 3, padding=1)
        >>> mine, others = records.select(records.ids[:1]), records.select(records.ids[1:])
        >>> plain = ["difficulty-total-variation"]
        >>> pixleak.query(model, mine, others, difficulties=plain).answer in (
        ...     "not-unusual", "unusual", "cannot-tell")
        True
        >>> pixleak.query(model, mine, difficulties=plain).answer
        'cannot-tell'
    """
    from pixleak.audit.questions.query import query_records

    granted = access_for(record.truth, None if access is None else _access(access))
    target = _given(model, record, granted, seed, device, None)
    return query_records(
        target.target,
        record,
        nonmembers,
        difficulties=difficulties,
        alpha=alpha,
        level=level,
        seed=seed,
    )


def set_test(
    model: nn.Module | Target | Callable[..., object],
    owned: Records,
    comparable: Records,
    *,
    access: Access | str | None = None,
    difficulties: Sequence[str] | None = None,
    level: float = 0.05,
    permutations: int = 10_000,
    seed: int = 0,
    device: str = "cpu",
) -> SetTestReport:
    """Was this set used? An owner's records against comparable ones that cannot have been.

    Each record's error is taken less what its difficulty predicts, by a regression on all records
    together; the difference between the two sets is tested by permuting whole subjects. The answer
    is refused where a classifier that never asks the model can tell the sets apart.

    Args:
        model: a torch module, a pixleak target, or a function from images to predictions.
        owned: the records in question.
        comparable: records like them that the model cannot have been trained on.
        access: as of :func:`audit`.
        difficulties: names; None for the usual ones of generators.
        level: of the test.
        permutations: at random.
        seed: of them.
        device: where a module is run.

    Raises:
        InputError: too few subjects, or records that cannot be compared or asked about.
    """
    from pixleak.audit.questions.set_test import compare_sets

    granted = access_for(owned.truth, None if access is None else _access(access))
    target = _given(model, owned, granted, seed, device, None)
    return compare_sets(
        target.target,
        owned,
        comparable,
        difficulties=difficulties,
        level=level,
        permutations=permutations,
        seed=seed,
    )


def evaluate(
    scores: Sequence[float],
    member: Sequence[bool],
    *,
    ids: Sequence[str] | None = None,
    subject: Sequence[str] | None = None,
    seed: int = 0,
    title: str = "Evaluation of given scores",
) -> AuditReport:
    """What scores that exist already say about membership.

    Args:
        scores: (n,) one number a record, higher = more likely a member.
        member: (n,) whether the record was trained on.
        ids: (n,) record ids; positions by default.
        subject: (n,) who each record was taken from; intervals are then by subject.
        seed: of the bootstrap.
        title: what the report is called.

    Raises:
        InputError: lengths differ, a score is NaN, or there are too few records.

    Example:
        >>> import numpy as np, pixleak
        >>> member = np.arange(200) < 100
        >>> scores = np.random.default_rng(0).normal(size=200) + 2 * member
        >>> pixleak.evaluate(scores, member).verdict.answer
        'leak'
    """
    import numpy as np
    import pyarrow as pa

    from pixleak.evaluation.evaluate import evaluate as evaluate_scores_alone
    from pixleak.pipeline.storage.save import SCORE_COLUMNS

    result = evaluate_scores_alone(scores, member, ids=ids, subject=subject, seed=seed, title=title)
    n = len(scores)
    names = [str(i) for i in range(n)] if ids is None else [str(i) for i in ids]
    attack = result.attacks[0]
    table = pa.table(
        [
            pa.array(names),
            pa.array([None] * n if subject is None else [str(s) for s in subject], pa.string()),
            pa.nulls(n, pa.string()),
            pa.array(np.asarray(member, dtype=bool)),
            pa.array(["attack"] * n),
            pa.array([attack.name] * n),
            pa.array([attack.signal] * n),
            pa.array(np.asarray(scores, dtype=np.float64)),
        ],
        schema=SCORE_COLUMNS,
    )
    return AuditReport.of(result, scores=table)


def evaluate_file(path: Path, *, seed: int = 0) -> AuditReport:
    """:func:`evaluate` of a CSV or Parquet file with ``score``, ``member``, ``id``, ``subject``.

    Raises:
        InputError: the file is missing, a column is missing, or a value cannot be read.
    """
    from pixleak.evaluation.evaluate import read_scores

    given = read_scores(path)
    return evaluate(
        given.scores.tolist(),
        given.member.tolist(),
        ids=given.ids,
        subject=given.subject,
        seed=seed,
        title=f"Evaluation of {path.name}",
    )

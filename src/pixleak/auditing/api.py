"""The questions of the library, as functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pixleak.auditing.arguments import records_of, sides_of, target_model
from pixleak.auditing.report import AuditReport
from pixleak.core.access import Access
from pixleak.core.disk.private_folder import PrivateFolder
from pixleak.core.errors import InputError
from pixleak.core.part import part_of_arguments
from pixleak.core.paths import named_folder
from pixleak.core.progress import Progress, Silent, shown
from pixleak.core.truth import ImageTruth, LabelTruth
from pixleak.request.doors import python, speaking

if TYPE_CHECKING:
    from torch import nn
    from torch.utils.data import Dataset

    from pixleak.auditing.arguments import MemberList
    from pixleak.auditing.questions.answers import QueryReport, SetTestReport
    from pixleak.records.base import Records
    from pixleak.request.attacker import Attacker
    from pixleak.request.audit import AuditRequest
    from pixleak.request.parts import Evaluation, References, Run
    from pixleak.request.target import TargetModel
    from pixleak.targets.base import Target
    from pixleak.targets.kind import TargetKind


def audit(
    model: nn.Module | Target | TargetKind | Callable[..., object] | TargetModel,
    members: Records | Dataset[Any] | MemberList,
    nonmembers: Records | Dataset[Any] | None = None,
    *,
    classes: int | LabelTruth | ImageTruth | None = None,
    access: Access | str | None = None,
    attacker: Attacker | Literal["adaptive", "naive"] | None = None,
    references: References | int | None = None,
    evaluation: Evaluation | None = None,
    seed: int = 0,
    out: str | Path | Run | None = None,
) -> AuditReport:
    """Can an outsider tell which records a model was trained on?

    Args:
        model: a torch module, a pixleak target, or a function from images (b, c, h, w) to
            predictions (b, K, h, w). Two classes may come as one channel, that of class 1; a
            dict with ``"out"`` or ``"logits"`` is understood. A :class:`pixleak.TargetModel`
            also says on which device it runs, how it is defended, how many answers to draw. A
            kind of target names files: ``pixleak.targets.Predictions("preds/")``.
        members: records the model was trained on: :class:`pixleak.Records`, or a torch
            Dataset of (image, label map). A :class:`pixleak.MemberList` stands for both sides.
        nonmembers: comparable records that it was not trained on. Each side needs at least 10
            records, of at least 5 subjects.
        classes: number of classes, a LabelTruth, or for a generator an ImageTruth; needed for
            Datasets only.
        access: what the model's answers are: ``"logit"`` (the default), ``"probability"`` or
            ``"label"``; of a generator ``"image"`` (the default), or ``"discriminator"`` where
            that is known too.
        attacker: what the attacker knows, holds and tries; ``"naive"``: does not know the
            target's defences. None: an adaptive attacker without records of its own, who tries
            the usual attacks.
        references: how many reference models to train, each on half of the audited records (an
            even number), or a :class:`pixleak.References`. The attacks are then calibrated
            and much stronger.
        evaluation: levels of intervals, false positive rates, bootstrap replicates.
        seed: every random choice follows from it.
        out: run folder, where an interrupted audit resumes, or a :class:`pixleak.Run`; None
            keeps nothing unless the report is saved.

    Returns:
        The report; ``print`` it, or ``save`` it as a folder with a page.

    Raises:
        InputError: records or model cannot be used as given.
        UnmetNeedError: a signal was named that needs more access.

    Example:
        >>> import pixleak, torch
        >>> records = pixleak.phantom(40, size=32, seed=0)
        >>> model = torch.nn.Conv2d(1, 2, 3, padding=1)
        >>> held = records.ids[20:]
        >>> report = pixleak.audit(model, records.select(records.ids[:20]), records.select(held))
        >>> report.verdict.answer
        'cannot-tell'
    """
    from pixleak.request.audit import AuditRequest
    from pixleak.request.parts import Run

    with speaking(python):
        target = target_model(model, access=access)
        if not (out is None or isinstance(out, Run)):
            out = Run(folder=named_folder(out, "out"))
        if isinstance(attacker, str) and attacker not in ("adaptive", "naive"):
            raise InputError(
                "attacker must be 'adaptive' or 'naive', or pixleak.Attacker(...), got "
                f"{attacker!r}"
            )
        given: dict[str, Any] = {
            **sides_of(members, nonmembers, classes),
            "target": target,
            "references": None if references == 0 else references,
            "seed": seed,
        }
        optional = {"attacker": attacker, "evaluation": evaluation, "run": out}
        given |= {name: value for name, value in optional.items() if value is not None}
        return run(part_of_arguments(AuditRequest, given))


def run(request: AuditRequest, out: str | Path | None = None) -> AuditReport:
    """Run a request.

    Args:
        request: what to audit, and how.
        out: run folder; None for that of ``request.run``, or for none.

    Raises:
        InputError: as :func:`audit`.
    """
    from pixleak.request.audit import AuditRequest

    with speaking(python), ExitStack() as stack:
        if not isinstance(request, AuditRequest):
            raise InputError(
                f"request is a {type(request).__name__}; expected pixleak.AuditRequest(...); a "
                "YAML file is run by `pixleak audit FILE`"
            )
        folder = request.run.folder if out is None else named_folder(out, "out")
        progress = stack.enter_context(shown()) if request.run.progress else Silent()
        return run_into(request, folder, progress)


def run_into(request: AuditRequest, folder: Path | None, progress: Progress) -> AuditReport:
    """Run a request into a folder and write its report there; None: into a temporary folder."""
    from pixleak.auditing.run import run_plan
    from pixleak.auditing.writing import UnsavedError
    from pixleak.pipeline.asking.rehearsal import check_kept
    from pixleak.pipeline.plan.build import build
    from pixleak.pipeline.queries import meter_of

    plan = build(request)
    meter = meter_of(plan)
    if folder is None and meter is not None:
        check_kept(meter.folder)  # a temporary folder would lose them
    temporary = PrivateFolder() if folder is None else None
    place = temporary.path if temporary is not None else folder
    assert place is not None
    try:
        result = run_plan(plan, place, progress)
    except BaseException as error:
        if temporary is not None:
            temporary.remove()
        if isinstance(error, UnsavedError):
            error.result = AuditReport.of(error.result)  # to print
        raise
    report = AuditReport.of(result, folder=folder, temporary=temporary)
    if folder is not None:
        try:
            report.save(folder)
        except (InputError, OSError) as error:
            raise UnsavedError.of(error, report) from error
    return report


def query(
    model: nn.Module | Target | Callable[..., object] | TargetModel,
    record: Records | Dataset[Any],
    nonmembers: Records | Dataset[Any] | None = None,
    *,
    classes: int | LabelTruth | ImageTruth | None = None,
    access: Access | str | None = None,
    difficulties: Sequence[Any] | None = None,
    alpha: float = 1.0,
    level: float = 0.05,
    seed: int = 0,
    device: str | None = None,
) -> QueryReport:
    """One record: its error, its difficulty, and where it lies among reference non-members.

    Args:
        model: a torch module, a pixleak target, or a function from images to predictions.
        record: a set of one record; :func:`pixleak.read_pairs` and the other readers make them. Or
            a torch Dataset of one (image, truth).
        nonmembers: comparable records that the model was not trained on. Without them nothing can
            be concluded, and the answer says so.
        classes: as of :func:`audit`; needed for Datasets only.
        access: as of :func:`audit`.
        difficulties: names or objects; None for the usual ones of generators.
        alpha: weight of the difficulty in the plain membership error.
        level: of the p-value that the answer goes by.
        seed: of random choices.
        device: where a module is run; None: ``"cpu"``.

    Raises:
        InputError: more than one record, or records that cannot be compared or asked about.

    Example:
        >>> import torch, pixleak
        >>> records = pixleak.labels_to_photo(pixleak.phantom(24, size=16, seed=0))
        >>> model = torch.nn.Sequential(torch.nn.Conv2d(2, 1, 3, padding=1), torch.nn.Sigmoid())
        >>> mine, others = records.select(records.ids[:1]), records.select(records.ids[1:])
        >>> plain = ["difficulty-total-variation"]
        >>> pixleak.query(model, mine, others, difficulties=plain).answer in (
        ...     "not-unusual", "unusual", "cannot-tell")
        True
        >>> pixleak.query(model, mine, difficulties=plain).answer
        'cannot-tell'
    """
    from pixleak.auditing.questions.query import answer_query
    from pixleak.request.questions import QueryRequest

    with speaking(python):
        given: dict[str, Any] = {
            "target": target_model(model, access=access, device=device),
            "nonmembers": None
            if nonmembers is None
            else records_of(nonmembers, classes, "nonmembers"),
            "difficulties": difficulties,
            "alpha": alpha,
            "level": level,
            "seed": seed,
        }
        one = records_of(record, classes, "record")
        return answer_query(part_of_arguments(QueryRequest, given), one)


def set_test(
    model: nn.Module | Target | Callable[..., object] | TargetModel,
    owned: Records | Dataset[Any],
    comparable: Records | Dataset[Any],
    *,
    classes: int | LabelTruth | ImageTruth | None = None,
    access: Access | str | None = None,
    difficulties: Sequence[Any] | None = None,
    level: float = 0.05,
    permutations: int = 10_000,
    near_copies: str = "one unit",
    seed: int = 0,
    device: str | None = None,
) -> SetTestReport:
    """Was this set used? An owner's records against comparable ones that cannot have been.

    The error that its difficulty predicts is subtracted from each record's error, by a regression
    on all records together; the difference between the two sets is tested by permuting whole
    subjects. Near-identical records of a set without subjects count as one. The answer is refused
    if a classifier without the model distinguishes the two sets.

    Args:
        model: a torch module, a pixleak target, or a function from images to predictions.
        owned: the records in question, or a torch Dataset of (image, truth).
        comparable: records like them that the model cannot have been trained on.
        classes: as of :func:`audit`; needed for Datasets only.
        access: as of :func:`audit`.
        difficulties: names or objects; None for the usual ones of generators.
        level: of the test.
        permutations: number of random permutations.
        near_copies: ``"one unit"``, or ``"separate"`` to count near-identical records one by one.
        seed: of the permutations.
        device: where a module is run; None: ``"cpu"``.

    Raises:
        InputError: too few subjects, or records that cannot be compared or asked about.
    """
    from pixleak.auditing.questions.set_test import answer_set_test
    from pixleak.request.questions import SetTestRequest

    with speaking(python):
        given: dict[str, Any] = {
            "target": target_model(model, access=access, device=device),
            "owned": records_of(owned, classes, "owned"),
            "comparable": records_of(comparable, classes, "comparable"),
            "difficulties": difficulties,
            "level": level,
            "permutations": permutations,
            "near_copies": near_copies,
            "seed": seed,
        }
        return answer_set_test(part_of_arguments(SetTestRequest, given))


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
        scores: (n,) one number per record, higher = more likely a member.
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
    from pixleak.core.plain_arrays import booleans, real_numbers
    from pixleak.evaluation.evaluate import judge_scores
    from pixleak.pipeline.storage.save import given_scores_table

    numbers, held = real_numbers(scores, "scores"), booleans(member, "member")
    result = judge_scores(numbers, held, ids=ids, subject=subject, seed=seed, title=title)
    table = given_scores_table(result.attacks[0], numbers, held, ids, subject)
    return AuditReport.of(result, scores=table)


def evaluate_file(path: Path, *, seed: int = 0) -> AuditReport:
    """:func:`evaluate` of a CSV or Parquet file with ``score``, ``member``, ``id``, ``subject``.

    Raises:
        InputError: the file is missing, a column is missing, or a value cannot be read.
    """
    from pixleak.evaluation.scorefile import read_scores

    given = read_scores(path)
    return evaluate(
        given.scores.tolist(),
        given.member.tolist(),
        ids=given.ids,
        subject=given.subject,
        seed=seed,
        title=f"Evaluation of {path.name}",
    )

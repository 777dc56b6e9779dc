"""Attacks on subjects: one score each, from all of a subject's records.

A patient's slices are trained on together or not at all, so what an outsider wants to know is
whether the *patient* was. Each signal is averaged over a subject's records, for the target and for
every reference model alike; the attacks then run on subjects as they do on records, and what
they calibrate against (means, variances, classifiers) is that of subjects.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pixleak.attacks.evidence import Population
from pixleak.core.errors import UnmetNeedError
from pixleak.core.tables import Bools, Floats, ReferenceTable, SignalTable
from pixleak.pipeline.attacking import Observed, Scored, attack
from pixleak.pipeline.measuring import Measured
from pixleak.pipeline.plan.choosing import Chosen


def by_subject(table: SignalTable, subject_of: Mapping[str, str]) -> SignalTable:
    """Each signal's mean over the records of a subject on which it was measured.

    Example:
        >>> from pixleak.core.tables import SignalInfo
        >>> loss = SignalInfo(name="loss", unit="1", members_are="lower")
        >>> values, measured = np.array([[1.0], [3.0], [5.0]]), np.array([[True], [True], [False]])
        >>> table = SignalTable(("a1", "a2", "b1"), values, (loss,), measured)
        >>> of = by_subject(table, {"a1": "a", "a2": "a", "b1": "b"})
        >>> of.ids, float(of.values[0, 0]), of.measured[:, 0].tolist()
        (('a', 'b'), 2.0, [True, False])
    """
    ids, of = _coded(table.ids, subject_of)
    values, measured = _means(table.values, table.measured, of, len(ids))
    return SignalTable(ids, values, table.infos, measured)


def references_by_subject(table: ReferenceTable, subject_of: Mapping[str, str]) -> ReferenceTable:
    """The same of every reference model; a subject is in a model with all of its records."""
    ids, of = _coded(table.ids, subject_of)
    parts = [_means(v, m, of, len(ids)) for v, m in zip(table.values, table.measured, strict=True)]
    member: Bools = np.zeros((len(table.models), len(ids)), dtype=bool)
    member[:, of] = table.member
    return ReferenceTable(
        ids,
        table.models,
        np.stack([values for values, _ in parts]),
        table.infos,
        np.stack([measured for _, measured in parts]),
        member,
    )


def attack_subjects(
    chosen: Chosen, measured: Measured, subject_of: Mapping[str, str]
) -> list[Scored]:
    """Every attack on subjects; one that subjects are too few for is left out."""

    def population(observed: SignalTable | None) -> Population | None:
        if observed is None:
            return None
        outer = measured.outer_reference
        return Population(
            by_subject(observed, subject_of),
            None if outer is None else references_by_subject(outer, subject_of),
        )

    reference = None
    if measured.reference is not None:
        reference = references_by_subject(measured.reference, subject_of)
    seen = Observed(by_subject(measured.target, subject_of), reference, population(measured.outer))
    control = None
    if measured.untrained is not None:
        table = by_subject(measured.untrained, subject_of)
        control = Observed(table, reference, population(measured.outer_untrained))
    found = []
    for planned in chosen.attacks:
        try:
            scores = attack(planned, seen)
            other = None if control is None else attack(planned, control)
        except UnmetNeedError:
            continue
        found.append(Scored(planned, scores, other))
    return found


def _coded(
    ids: tuple[str, ...], subject_of: Mapping[str, str]
) -> tuple[tuple[str, ...], np.ndarray]:
    """The subjects in order of appearance, and the position of each record's."""
    subjects = tuple(dict.fromkeys(subject_of[key] for key in ids))
    position = {subject: i for i, subject in enumerate(subjects)}
    return subjects, np.array([position[subject_of[key]] for key in ids], dtype=np.int64)


def _means(values: Floats, measured: Bools, of: np.ndarray, count: int) -> tuple[Floats, Bools]:
    sums, seen = np.zeros((2, count, values.shape[1]))
    np.add.at(sums, of, np.where(measured, values, 0.0))
    np.add.at(seen, of, measured)
    return sums / np.maximum(seen, 1), seen > 0

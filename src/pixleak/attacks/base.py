"""What every attack shares: one checked way from signals to one score per record.

An attack is a frozen dataclass of its parameters, so that ``repr``, equality and the settings
saved with a result come from the fields. :meth:`Attack.score` takes signal tables,
:meth:`Attack.score_arrays` plain arrays. Both are final and do what every attack needs: records
and signals are joined by id and name, never by order; every value is multiplied by its signal's
sign, so that the arithmetic only ever sees "higher = member"; records without a measurement are
left out; the scores are checked for shape and NaN. A subclass writes :meth:`Attack._score`, plain
arithmetic on :class:`~pixleak.attacks.evidence.Evidence`.

An attack never learns who the target's members are. It may look at membership in the
*reference* models, which are the attacker's own, but no feature of a score may depend on how
many of them hold a record: where each record is in exactly half of all models, those counts
reveal whether the target holds it.

How the known attacks fit (``e`` is the evidence, axes ``(model, record)``):

===========================  ======================================================================
threshold                    ``e.values``
difficulty calibration       ``e.values - mean(e.reference, where=e.outside)``; ``min_outside = 1``
LiRA offline                 ``norm.logcdf`` of the value under ``e.reference[e.outside]``
LiRA online                  the log density under ``e.inside`` minus that under ``e.outside``
RMIA                         the value's ratio to its OUT mean, against the same ratio of the
                             records ``z`` in ``e.population``; ``needs_population = True``
quantile regression          ``signals = "many"``: the first signal regressed on the others,
                             fitted on ``e.population``, known non-members; no references
stratified LiRA              ``signals = "many"``, one signal per stratum, ``partial = True``: a
                             class that a record lacks is not measured, the others still count
learned on residuals         ``signals = "many"``; row ``i`` of ``e.reference`` plays the target and
                             the other rows its references, ``e.member[i]`` are the labels
===========================  ======================================================================
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import ClassVar, Literal, final

import numpy as np
from numpy.typing import ArrayLike

from pixleak.attacks.arrays import End, arrays_to_tables
from pixleak.attacks.evidence import Evidence, Population, evidence_of, first_signal, only
from pixleak.core.errors import InputError, UnmetNeedError
from pixleak.core.tables import Bools, Floats, ReferenceTable, Scores, SignalTable
from pixleak.core.truth import Kind

SignalLists = tuple[tuple[str, ...], ...]
"""Lists of names of signals or families; an attack is used once on each list."""


@dataclass(frozen=True, kw_only=True)
class Attack(ABC):
    """Turns what was observed of a target into one score per record.

    The class attributes say what it needs, and where an audit uses it unless the request names
    attacks: it is used on :meth:`usual_signals`, in the order of ``rank``.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    source: ClassVar[str]
    signals: ClassVar[Literal["one", "many"]] = "one"
    min_references: ClassVar[int] = 0
    """Fewest reference models."""
    min_inside: ClassVar[int] = 0
    """Fewest reference models trained on a record, for every record."""
    min_outside: ClassVar[int] = 0
    """Fewest reference models not trained on a record, for every record."""
    needs_population: ClassVar[bool] = False
    partial: ClassVar[bool] = False
    """Whether a record that lacks some of the signals is scored from the others."""
    recordwise: ClassVar[bool] = False
    """Whether a record's score depends on that record's values alone."""
    named_by_signals: ClassVar[bool] = False
    """Whether an audit may run it on several lists of signals, whose names tell it apart then."""
    natural_threshold: ClassVar[float | None] = None
    """The cut that the method itself suggests, before anything is scored: 0 for a log-likelihood
    ratio or a classifier's logit; None where it suggests none."""
    rank: ClassVar[int | None] = None
    """Order among the usual attacks; the used attack of lowest rank speaks for the audit, whichever
    turns out to be the strongest. None: after all others, and it never speaks for the audit."""
    usual_without_pool: ClassVar[bool] = False
    """Whether it is usual also in audits that have neither reference models nor a population."""

    @classmethod
    def usual_signals(cls, kind: Kind, difficulties: Sequence[str] = ()) -> SignalLists:
        """Signals that it is used on if a request names no attacks; none unless overridden.

        A list that holds a signal that an audit does not measure is left out.

        Args:
            kind: of the records' truth.
            difficulties: names of the difficulties that the audit measures.
        """
        return ()

    @final
    def score(
        self,
        observed: SignalTable,
        reference: ReferenceTable | None = None,
        population: Population | None = None,
    ) -> Scores:
        """One score per record of ``observed``, in its order; higher = more likely a member.

        Args:
            observed: the target's signals, n records.
            reference: the same signals of reference models on the same records, any order.
            population: records known to be outside the target's training set.

        Raises:
            InputError: the tables do not hold the same records or signals, or the arithmetic
                ends in NaN.
            UnmetNeedError: the attack needs more references, or a population.
        """
        if self.signals == "one" and len(observed.infos) != 1:
            raise InputError(
                f"attack {self.name!r} takes one signal, got {len(observed.infos)}: "
                f"{', '.join(observed.names) or 'none'}; select one"
            )
        if not observed.infos:
            raise InputError(f"attack {self.name!r} needs at least one signal, got none")
        if self.needs_population and population is None:
            raise UnmetNeedError(
                f"attack {self.name!r} needs a population: records that the target was not "
                "trained on"
            )
        evidence = evidence_of(observed, reference, None)
        scored = self._scorable(evidence)
        if population is not None:
            outer = evidence_of(
                population.observed.select(signals=observed.names), population.reference, reference
            )
            evidence = replace(evidence, population=only(outer, self._scorable(outer)))
        evidence = only(evidence, scored)
        ids = tuple(key for key, kept in zip(observed.ids, scored, strict=True) if kept)
        self._check_references(evidence, ids)
        if self.signals == "one":
            evidence = first_signal(evidence)
        values = np.zeros(len(observed.ids))
        if scored.any():
            values[scored] = self._checked(self._score(evidence), ids)
        return Scores(
            ids=observed.ids,
            values=values,
            measured=scored,
            attack=self.name,
            signal="+".join(observed.names),
            settings={f.name: getattr(self, f.name) for f in fields(self)},
        )

    @final
    def score_arrays(
        self,
        target: ArrayLike,
        reference: ArrayLike | None = None,
        member: ArrayLike | None = None,
        *,
        members_are: End | Sequence[End],
        population: ArrayLike | None = None,
        population_reference: ArrayLike | None = None,
        population_member: ArrayLike | None = None,
        ids: Sequence[str] | None = None,
    ) -> Floats:
        """One score per record from plain arrays; higher = more likely a member.

        NaN stands for "not measured". An attack that is ``partial`` scores a record from the
        signals that are left; otherwise a record with a NaN is refused, since any score in its
        place would read as an answer. References and population records with NaN are left out.

        Args:
            target: (n,) or (n, s), the target's signals on n records.
            reference: (m, n) or (m, n, s), those of m reference models; the order of records is
                the same in all arrays.
            member: (m, n) bool, whether reference model i was trained on record j.
            members_are: ``"lower"`` or ``"higher"``: where members lie, of each signal or of all.
            population: (p,) or (p, s), the target's signals on known non-members.
            population_reference: (m, p) or (m, p, s).
            population_member: (m, p) bool; None: no reference model was trained on any.
            ids: n names for error messages; positions by default.

        Returns:
            (n,) float64, never NaN; may be infinite.

        Raises:
            InputError: shapes do not fit, or a record has no score.
            UnmetNeedError: the attack needs more references, or a population.

        Example:
            The losses 1 and 3 of the models that hold a record have mean 2 and variance 2, those
            of the models that lack it, 5 and 7, mean 6 and variance 2. A target's loss of 2 lies
            in the middle of the first, hence ``0 + 4^2 / (2 * 2) = 4``; one of 4 lies half-way.

            >>> import pixleak
            >>> losses = [[1.0, 1.0], [3.0, 3.0], [5.0, 5.0], [7.0, 7.0]]  # of four models
            >>> held = [[True, True], [True, True], [False, False], [False, False]]
            >>> attack = pixleak.attacks.LiraOnline(variance="own")
            >>> attack.score_arrays([2.0, 4.0], losses, held, members_are="lower").round(9)
            array([4., 0.])
        """
        observed, references, outer = arrays_to_tables(
            target,
            reference,
            member,
            population,
            population_reference,
            population_member,
            members_are=members_are,
            ids=ids,
        )
        scores = self.score(observed, references, outer)
        if not scores.measured.all():
            raise InputError(
                f"attack {self.name!r} cannot score record "
                f"{scores.ids[int(scores.measured.argmin())]!r}: its signal is NaN, which stands "
                "for not measured; leave the record out"
            )
        return scores.values

    @abstractmethod
    def _score(self, evidence: Evidence) -> Floats:
        """(n,) scores of the n records in ``evidence``, all measured; ±inf is allowed."""

    def _scorable(self, evidence: Evidence) -> Bools:
        measured = evidence.measured
        scorable: Bools = (np.any if self.partial else np.all)(measured, axis=1)
        return scorable

    def _check_references(self, evidence: Evidence, ids: Sequence[str]) -> None:
        models = len(evidence.reference)
        if models < self.min_references:
            raise UnmetNeedError(
                f"attack {self.name!r} needs at least {self.min_references} reference models, "
                f"got {models}"
            )
        for needed, holds, words in (
            (self.min_inside, True, "trained on it"),
            (self.min_outside, False, "not trained on it"),
        ):
            if not needed:
                continue
            if evidence.reference_measured.all():  # one count for all signals
                count = (evidence.member == holds).sum(axis=0)
            else:
                mask = evidence.inside if holds else evidence.outside
                # A signal that a record lacks is no reason to refuse where the attack is partial.
                count = np.where(evidence.measured, mask.sum(axis=0), needed).min(axis=1)
            if len(count) and count.min() < needed:
                j = int(count.argmin())
                raise UnmetNeedError(
                    f"attack {self.name!r} needs at least {needed} reference models {words} for "
                    f"each record, but {ids[j]!r} has {count[j]}"
                )

    def _checked(self, values: Floats, ids: Sequence[str]) -> Floats:
        values = np.asarray(values, dtype=np.float64)
        if values.shape != (len(ids),):
            raise InputError(
                f"attack {self.name!r} returned shape {values.shape} for {len(ids)} records"
            )
        if np.isnan(values).any():
            raise InputError(
                f"attack {self.name!r} scored record {ids[int(np.isnan(values).argmax())]!r} as "
                "NaN: its signal, or a reference's, is infinite or was not measured"
            )
        return values

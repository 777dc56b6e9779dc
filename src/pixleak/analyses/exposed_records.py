"""The most and the least exposed members, as pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from pixleak.analyses.base import Analysis, Context
from pixleak.analyses.exhibits import FILE, Exposure, pictures_of, read_exhibits
from pixleak.core.roles import Role
from pixleak.results.sections import Section

if TYPE_CHECKING:
    from pixleak.results.audit import Result


class Exposures(Section):
    """The members that the strongest attack is most and least certain of."""

    name = "exposed-records"

    attack: str
    signal: str
    file: str = FILE
    records: list[Exposure] = Field(min_length=1)


class ExposedRecordsAnalysis(Analysis[Exposures]):
    """Members ranked by the score of the strongest attack, with pictures from both ends."""

    name = "exposed-records"
    title = "Most and least exposed records"
    summary = "the members that the strongest attack is most and least certain of, with pictures"
    place = 10
    section = Exposures
    leaves = (FILE,)
    template = "sections/exposed-records.html.j2"

    def compute(self, context: Context) -> Exposures | None:
        plan, judged = context.plan, context.judged
        best = max(range(len(judged.attacks)), key=lambda i: judged.attacks[i].auc.value)
        scores = judged.scored[best].scores
        members = set(plan.ids(Role.TARGET_MEMBERS))
        ranked = sorted(
            (i for i, key in enumerate(scores.ids) if key in members and scores.measured[i]),
            key=lambda i: (-scores.values[i], scores.ids[i]),
        )
        count = min(plan.exhibits, len(ranked) // 2)
        if not count:
            return None
        sides: tuple[tuple[Literal["most", "least"], list[int]], ...] = (
            ("most", ranked[:count]),
            ("least", ranked[::-1][:count]),
        )
        chosen = [(side, at + 1, i) for side, rows in sides for at, i in enumerate(rows)]
        keys = context.evaluated.select([scores.ids[i] for _, _, i in chosen]).keys
        attack = judged.attacks[best]
        return Exposures(
            attack=attack.name,
            signal=attack.signal,
            records=[
                Exposure(
                    id=key.id,
                    subject=key.subject,
                    member=True,
                    side=side,
                    rank=rank,
                    score=float(scores.values[i]),
                    exhibit=number,
                )
                for number, (key, (side, rank, i)) in enumerate(zip(keys, chosen, strict=True))
            ],
        )

    def files(self, section: Exposures, context: Context) -> Mapping[str, bytes]:
        target = context.models.target.target
        return {FILE: pictures_of(section.records, context.evaluated, target)}

    def view(self, section: Exposures, result: Result, folder: Path) -> dict[str, Any]:
        from pixleak.analyses.drawing.pictures import gallery

        exhibits = read_exhibits(folder / Path(section.file).name, section.records)
        truth = {} if result.records is None else result.records.truth
        titles = {(one.name, one.signal): one.title for one in result.attacks}
        found = (section.attack, section.signal)
        return {
            "gallery": gallery(section.records, exhibits, truth),
            "exposed_by": titles.get(found, f"{section.attack} over {section.signal}"),
        }

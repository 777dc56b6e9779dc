"""The target's defences, and what the attacker knew of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from pixleak.analyses.base import Analysis, Context
from pixleak.results.base import Number, SavedModel
from pixleak.results.sections import Section

if TYPE_CHECKING:
    from pixleak.pipeline.models import Models
    from pixleak.pipeline.plan.plan import Plan


class DefenceInfo(SavedModel):
    """One defence of the target."""

    name: str = Field(description="a name of pixleak list")
    title: str
    description: str = Field(description="name and parameters")
    side: Literal["training", "output"]
    source: str


class DefencesInfo(Section):
    """The target's defences, in the order they are stacked."""

    name = "defences"

    defences: list[DefenceInfo]
    attacker: Literal["adaptive", "naive"] = Field(
        description="adaptive: the attacker's models are trained and asked with the defences"
    )
    facts: dict[str, Number | str] = Field(description="of the target's training: epsilon, ...")
    explanation: str


class DefencesAnalysis(Analysis[DefencesInfo]):
    """What defends the target, in words."""

    name = "defences"
    title = "Defences"
    summary = "the target's defences, and whether the attacker knew them"
    place = 20
    section = DefencesInfo

    def compute(self, context: Context) -> DefencesInfo | None:
        plan, models = context.plan, context.models
        if not plan.defences:
            return None
        return DefencesInfo(
            defences=[
                DefenceInfo(
                    name=one.name,
                    title=one.title,
                    description=one.description,
                    side=one.side,
                    source=one.source,
                )
                for one in plan.defences
            ],
            attacker=plan.attacker,
            facts=dict(models.target.info.facts),
            explanation=_explanation(plan, models),
        )

    def sentence(self, section: DefencesInfo) -> str:
        return section.explanation


def _explanation(plan: Plan, models: Models) -> str:
    from pixleak.pipeline.plan.plan import TrainedTarget

    names = ", then ".join(one.title for one in plan.defences)
    of = "The target" if isinstance(plan.target, TrainedTarget) else "The target, as given,"
    sentences = [f"{of} is defended by {names}."]
    if models.shadow is None and not models.references:
        sentences.append("The attacker trains no models of its own.")
    elif plan.attacker == "adaptive":
        sentences.append(
            "The attacker knows this, and trains and asks its own models in the same way."
        )
    else:
        sentences.append(
            "The attacker does not know this, and its own models are undefended: one that knows "
            "may find more."
        )
    facts = [f"{name} {_written(value)}" for name, value in models.target.info.facts.items()]
    if facts:
        sentences.append(f"Facts of the target's training: {', '.join(facts)}.")
    return " ".join(sentences)


def _written(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"

"""What a result says about the target's defences, and about what the attacker knew of them."""

from __future__ import annotations

from pixleak.pipeline.models import Models
from pixleak.pipeline.plan.plan import Plan, TrainedTarget
from pixleak.results.sections import DefenceInfo, DefencesInfo


def defences_info(plan: Plan, models: Models) -> DefencesInfo | None:
    """The defences, or None where there are none."""
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


def _explanation(plan: Plan, models: Models) -> str:
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
    facts = [f"{name} {_told(value)}" for name, value in models.target.info.facts.items()]
    if facts:
        sentences.append(f"Of the target's training: {', '.join(facts)}.")
    return " ".join(sentences)


def _told(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"

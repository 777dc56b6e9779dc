"""The attacker of a request: what the attacker knows, holds, and tries."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from pixleak.core.part import Part
from pixleak.request.given import Attacks, Difficulties, LearnedSignals, RecordsGiven, Signals
from pixleak.request.parts import TrainingChoice


class Shadow(TrainingChoice):
    """The attacker's own model, which learned signals learn on."""


class Attacker(Part):
    """What the attacker knows of the target, holds beside it, and tries."""

    kind: Literal["adaptive", "naive"] = Field(
        "adaptive",
        description="adaptive: knows the target's defences, and trains and asks its own models "
        "with them; naive: with none",
    )
    records: RecordsGiven | None = Field(
        None,
        description="the attacker's own records, half of which the shadow model is trained on; "
        "goes with members and nonmembers",
    )
    population: RecordsGiven | None = Field(
        None,
        description="more records that no model is trained on; goes with members and nonmembers",
    )
    shadow: Shadow | None = Field(Shadow(), description="null: no shadow model")
    signals: Signals | None = Field(None, description="attacked by threshold; null: the usual ones")
    learned: LearnedSignals | None = Field(
        None, description="learned on the shadow's outputs; null: the usual ones"
    )
    difficulties: Difficulties | None = Field(
        None, description="how hard a record is for any model; null: the usual ones"
    )
    attacks: Attacks | None = Field(
        None, description="beside the threshold on every signal; null: all that can be served"
    )

    @model_validator(mode="before")
    @classmethod
    def _by_kind(cls, given: Any) -> Any:
        return {"kind": given} if isinstance(given, str) else given

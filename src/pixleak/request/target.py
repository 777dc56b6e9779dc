"""The target of a request: a model to train, or one that exists already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field, ValidationInfo, model_serializer, model_validator
from pydantic import SerializerFunctionWrapHandler as Handler

from pixleak.core.access import Access
from pixleak.core.errors import InputError
from pixleak.core.registry import alternatives
from pixleak.request.given import Defences, RecordsGiven
from pixleak.request.parts import Trained
from pixleak.targets import TARGETS
from pixleak.targets.kinds.base import TargetKind
from pixleak.training import METHODS


class TargetModel(Trained):
    """What is attacked: a model to train, a kind of target, or (in Python) an object.

    A configuration names a training method (``recipe: {...}``) or a kind of target with its
    options (``module: model.py:make``, ``checkpoint: last.ckpt``).
    """

    positional: ClassVar[str] = "model"

    model: Any = Field(
        None, exclude=True, description="a torch module, a function, or a pixleak target"
    )
    kind: TargetKind | None = Field(None, exclude=True, description="how to open a model")
    access: Access | None = Field(
        None,
        description="what the target gives away: label, probability or logit; of generators image "
        "or discriminator; null: logit or image",
    )
    samples: int = Field(
        1, ge=1, le=1000, description="answers drawn per record, of a generator that samples"
    )
    discriminator: Any = Field(
        None,
        exclude=True,
        description="the module that a given generator was trained against: (inputs, outputs) -> "
        "logits",
    )
    device: str = Field("cpu", description="where the target is trained and asked")
    defences: Defences = Field((), description="in the order in which they are stacked")
    reserve: RecordsGiven | None = Field(
        None, description="the defender's other records; goes with members and nonmembers"
    )

    @model_validator(mode="before")
    @classmethod
    def _kind_by_its_key(cls, given: Any, info: ValidationInfo) -> Any:
        if not isinstance(given, Mapping):
            return given
        content = dict(given)
        if content.get("model") is not None or content.get("kind") is not None:
            return content
        known = [name for name in cls.model_fields if name not in ("model", "kind", "training")]
        methods = [key for key in content if key not in cls.model_fields and key in METHODS]
        named = [key for key in content if key in TARGETS]
        chosen = [key for key in (*methods, *named) if content[key] is not None]
        if content.get("training") is not None:
            chosen.append("training")
        if len(chosen) != 1:
            every = ", ".join([*METHODS, *TARGETS])
            got = " and ".join(chosen) or "none"
            extra = [key for key in content if key not in (*known, *METHODS, *TARGETS)]
            if not chosen and extra:
                raise InputError(
                    f"unknown key {extra[0]!r}{alternatives(extra[0], [*known, *METHODS, *TARGETS])}"
                )
            raise InputError(f"target needs exactly one of {every}; got {got}")
        if not named:
            return content
        # What is no setting of every target belongs to the kind, which refuses what it does not know.
        shared = {key: content[key] for key in content if key in known and key != "discriminator"}
        own = {key: value for key, value in content.items() if key not in shared}
        return shared | {"kind": TARGETS[named[0]].from_settings(own, info.context)}

    @model_validator(mode="after")
    def _discriminator_goes_with_a_model(self) -> TargetModel:
        if self.discriminator is not None and self.model is None:
            raise ValueError("discriminator goes with a generator that is given as a module")
        return self

    @model_serializer(mode="wrap")
    def _with_its_kind(self, write: Handler) -> dict[str, Any]:
        content: dict[str, Any] = write(self)
        content.pop("training", None)
        if self.training is not None:
            content = {self.training.name: self.training.settings} | content
        elif self.kind is not None:
            content = self.kind.model_dump(mode="json", exclude_none=True) | content
        else:
            content = {"given": type(self.model).__name__} | content
        return content

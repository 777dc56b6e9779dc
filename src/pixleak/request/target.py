"""The target of a request: a model to train, or one that exists already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field, ValidationInfo, model_serializer, model_validator
from pydantic import SerializerFunctionWrapHandler as Handler

from pixleak.core.access import Access
from pixleak.core.errors import InputError
from pixleak.core.registry import alternatives
from pixleak.request.given import Defences, RecordsGiven, method_written
from pixleak.request.parts import TrainingChoice
from pixleak.targets.adapter import Adapter, InputAdapter, OutputAdapter
from pixleak.targets.kind import TargetKind
from pixleak.training import is_training_key, training_keys
from pixleak.training.target_kinds import TARGETS, target_kind_from


class TargetModel(TrainingChoice):
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
        description="what the target answers with: label, probability or logit; of generators "
        "image or discriminator; null: logit or image",
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
    input: InputAdapter | None = Field(
        None, description="what the model takes for plain images: mean, std, range, scale, channels"
    )
    output: OutputAdapter | None = Field(
        None,
        description="what its answers are: key, index, channels, activation, range, resize",
    )
    device: str = Field("cpu", description="where the target is trained and asked")
    defences: Defences = Field((), description="in the order in which they are stacked")
    reserve: RecordsGiven | None = Field(
        None, description="the defender's other records; goes with members and nonmembers"
    )

    @classmethod
    def known(cls) -> tuple[str, ...]:
        options = (name for kind in TARGETS.values() for name in kind.model_fields)
        return tuple(dict.fromkeys((*super().known(), *TARGETS, *options)))

    @model_validator(mode="before")
    @classmethod
    def _kind_by_its_key(cls, given: Any, info: ValidationInfo) -> Any:
        if not isinstance(given, Mapping):
            return given
        content = dict(given)
        if isinstance(named := content.get("kind"), str):
            example = named if named in TARGETS else "http"
            value = TARGETS[example].positional or "..."
            raise InputError(
                f"a kind of target is given by a key of its own, as in {{{example}: "
                f"{'URL' if example in ('http', 'kserve') else value.upper()}}}, not as kind: "
                f"{named}"
            )
        if isinstance(content.get("model"), TargetKind) and content.get("kind") is None:
            content["kind"] = content.pop("model")
        objects = [name for name in ("model", "kind") if content.get(name) is not None]
        if objects:
            others = [
                key
                for key in ("training", *training_keys(), *TARGETS)
                if content.get(key) is not None
            ]
            if len(objects) + len(others) > 1:
                got = " and ".join((*objects, *others))
                raise InputError(f"is one model, but got {got}: give one of them")
            return content
        known = [name for name in cls.model_fields if name not in ("model", "kind", "training")]
        own = {key: value for key, value in content.items() if key not in cls.model_fields}
        named = [key for key in own if is_training_key(key) or key in TARGETS]
        chosen = [key for key in named if content[key] is not None or is_training_key(key)]
        chosen += ["training"] * (content.get("training") is not None)
        if len(chosen) != 1:
            every = [*training_keys(), *TARGETS]
            if not chosen and own and not named:
                key = next(iter(own))
                raise InputError(f"unknown key {key!r}{alternatives(key, [*known, *every])}")
            got = " and ".join(chosen) or "none"
            if info.context is None and not chosen:
                raise InputError(
                    "needs a model: TargetModel(model), TargetModel(training=Recipe(...)), or a "
                    "kind of target, as in TargetModel(pixleak.targets.Predictions(...))"
                )
            raise InputError(f"needs exactly one of {', '.join(every)}; got {got}")
        if chosen[0] not in TARGETS:
            return content
        # A kind of target refuses the keys beside it that it does not know.
        if "discriminator" in content:
            own["discriminator"] = content.pop("discriminator")
        shared = {key: value for key, value in content.items() if key in cls.model_fields}
        return shared | {"kind": target_kind_from(own, info.context, beside=known)}

    @model_validator(mode="after")
    def _discriminator_goes_with_a_model(self) -> TargetModel:
        if self.discriminator is not None and self.model is None:
            raise ValueError("discriminator goes with a generator that is given as a module")
        if self.discriminator is not None and not callable(self.discriminator):
            raise ValueError(
                f"discriminator must be a torch module, got {type(self.discriminator).__name__}"
            )
        return self

    @model_validator(mode="after")
    def _adapters_go_with_a_model(self) -> TargetModel:
        if self.training is not None and (self.input is not None or self.output is not None):
            given = "input" if self.input is not None else "output"
            raise ValueError(
                f"{given} adapts a model that exists already; one that is trained here is trained "
                "on the images as they are read"
            )
        return self

    @property
    def adapter(self) -> Adapter:
        """What is done to images and answers around every query of a given model."""
        return Adapter(input=self.input or InputAdapter(), output=self.output or OutputAdapter())

    @model_serializer(mode="wrap")
    def _with_its_kind(self, write: Handler) -> dict[str, Any]:
        content: dict[str, Any] = write(self)
        content.pop("training", None)
        if self.training is not None:
            content = method_written(self.training) | content
        elif self.kind is not None:
            content = self.kind.model_dump(mode="json", exclude_none=True) | content
        else:
            content = {"given": type(self.model).__name__} | content
        return content

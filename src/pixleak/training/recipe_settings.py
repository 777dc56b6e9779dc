"""The settings of a recipe, apart from what is done with them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)

from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth, Truth
from pixleak.training.adversary import Adversary
from pixleak.training.networks import NETWORKS, Network
from pixleak.training.own.own_code import OwnLoss, OwnNetworkCode, OwnOptimizer
from pixleak.training.own.own_network import OwnNetwork

Optimizer = Literal["adam", "adamw", "nadam", "sgd"]
Schedule = Literal["cosine", "linear", "constant"]
LossName = Literal["dice", "ce", "dice+ce", "l1", "l2"]
PIXEL_LOSSES = ("l1", "l2")
"""Losses for records whose truth is an image."""


class NetworkChoice(BaseModel):
    """A network of the table with its options (those left out are filled in), or an object.

    Example:
        >>> from pixleak.training.networks import Tiny
        >>> NetworkChoice.of(Tiny(width=4)).options
        {'width': 4, 'layers': 2}
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(default="unet", description="a network of `pixleak list`")
    options: dict[str, Any] = Field(default_factory=dict, validate_default=True)
    group_norm: bool = Field(
        default=False, description="group normalisation in place of batch normalisation"
    )

    _object: Network | None = PrivateAttr(default=None)
    """A network whose class is not in the table."""

    @classmethod
    def of(cls, network: Network) -> NetworkChoice:
        """The choice of a network that is given as an object.

        Raises:
            InputError: its class is not in the table, and another class there has its name.
        """
        options = network.model_dump(mode="json")
        if network.name not in NETWORKS:
            choice = cls.model_construct(name=network.name, options=options, group_norm=False)
            choice._object = network
            return choice
        if NETWORKS[network.name] is not type(network):
            raise InputError(
                f"there is another network called {network.name!r}: give "
                f"{type(network).__name__} a name of its own"
            )
        return cls(name=network.name, options=options)

    @classmethod
    def of_code(
        cls, given: OwnNetworkCode, options: dict[str, Any], *, group_norm: bool = False
    ) -> NetworkChoice:
        """The choice of a network that code of the user's makes."""
        choice = cls.model_construct(name=str(given), options=options, group_norm=group_norm)
        choice._object = OwnNetwork(made_by=given, arguments=options)
        return choice

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        return NETWORKS[name].name

    @field_validator("options")
    @classmethod
    def _completed(cls, options: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        # Without a name in info.data the name was wrong, which is the error to report.
        if "name" not in info.data:
            return options
        return NETWORKS[info.data["name"]].configured(options).model_dump(mode="json")

    @model_serializer(mode="wrap")
    def _as_is(self, written: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # The default is left out, so that such a recipe keeps its content address.
        content: dict[str, Any] = written(self)
        if self.code is not None:
            content["code"] = self.code.code
        elif self._object is not None:
            kind = type(self._object)
            content["class"] = f"{kind.__module__}:{kind.__qualname__}"
        return {k: v for k, v in content.items() if k != "group_norm" or v}

    @property
    def code(self) -> OwnNetworkCode | None:
        """The code that makes it, if that is the user's."""
        return self._object.made_by if isinstance(self._object, OwnNetwork) else None

    @property
    def outside_the_table(self) -> Network | None:
        """The network, if it was given as an object of a class that is not in the table."""
        return self._object

    def configured(self) -> Network:
        """The network itself, with its options."""
        return self._object or NETWORKS[self.name].configured(self.options)


_OF_A_CHOICE = ("options", "group_norm")
"""What a network may be given beside its name."""


class RecipeSettings(BaseModel):
    """What a :class:`~pixleak.training.recipe.Recipe` consists of."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    network: NetworkChoice = Field(default_factory=NetworkChoice)
    loss: LossName | OwnLoss = Field(
        default="dice+ce",
        description="per image: soft Dice, cross-entropy, or their sum; for generators l1 or l2; "
        "or file.py:name of your own",
    )
    adversary: Adversary | None = Field(
        default=None, description="a discriminator: pix2pix, pix2pixhd or spade, or its settings"
    )
    epochs: Annotated[int, Field(ge=1, le=1_000_000)] = 50
    batch_size: Annotated[int, Field(ge=1, le=1_000_000)] = 8
    lr: Annotated[float, Field(gt=0, allow_inf_nan=False)] = Field(
        default=1e-3, description="learning rate at the start"
    )
    optimizer: Optimizer | OwnOptimizer = "adam"
    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    schedule: Schedule = Field(
        default="cosine",
        description="how the learning rate falls to zero, step by step; a constant one lets "
        "Adam's loss spike late",
    )
    augment: Literal["none", "hflip", "flips", "flips+intensity"] = "none"

    @model_validator(mode="before")
    @classmethod
    def _of_a_generator(cls, given: object) -> object:
        """A generator that names no loss is trained with l1."""
        if not isinstance(given, dict) or "loss" in given:
            return given
        network = given.get("network")
        if isinstance(network, NetworkChoice):
            network = network.configured()
        name = network.get("name") if isinstance(network, dict) else network
        if isinstance(name, str) and name in NETWORKS:
            network = NETWORKS[name]
        made = getattr(network, "kind", "any") == "images"
        return given | {"loss": "l1"} if made or given.get("adversary") else given

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.loss in PIXEL_LOSSES:
            return self
        if isinstance(self.loss, OwnLoss) and self.adversary is None:
            return self
        if self.adversary is not None:
            raise ValueError(f"an adversary goes with the loss l1 or l2, not {self.loss}")
        if self.network.configured().kind == "images":
            raise ValueError(
                f"network {self.network.name!r} is a generator: its loss is l1 or l2, not "
                f"{self.loss}"
            )
        return self

    @field_validator("adversary", mode="before")
    @classmethod
    def _adversary_by_name(cls, adversary: object) -> object:
        return {"name": adversary} if isinstance(adversary, str) else adversary

    @field_validator("network", mode="before")
    @classmethod
    def _by_name(cls, network: Any, info: ValidationInfo) -> object:
        if isinstance(network, Network):
            return NetworkChoice.of(network)
        if isinstance(network, type) and issubclass(network, Network):
            raise ValueError(f"{network.__name__} is a class: give an object, {network.__name__}()")
        if isinstance(network, NetworkChoice):
            return network
        content = OwnNetworkCode.from_given(network)
        if not isinstance(content, dict):
            return {"name": content} if isinstance(content, str) else content
        if isinstance(OwnNetworkCode.from_given(content.get("name")), str | None):
            return content
        if unknown := [key for key in content if key not in ("name", "code", *_OF_A_CHOICE)]:
            raise ValueError(f"unknown key {unknown[0]!r}; a network has a name and options")
        given = {key: content[key] for key in ("name", "code") if key in content}
        return NetworkChoice.of_code(
            OwnNetworkCode.model_validate(given, context=info.context),
            dict(content.get("options") or {}),
            group_norm=bool(content.get("group_norm", False)),
        )

    @field_validator("loss", mode="before")
    @classmethod
    def _loss_of_a_user(cls, loss: Any, info: ValidationInfo) -> object:
        content = OwnLoss.from_given(loss)
        if not isinstance(content, dict):
            return content
        return OwnLoss.model_validate(content, context=info.context)

    @field_validator("optimizer", mode="before")
    @classmethod
    def _optimizer_of_a_user(cls, optimizer: Any, info: ValidationInfo) -> object:
        content = OwnOptimizer.from_given(optimizer)
        if not isinstance(content, dict):
            return content
        return OwnOptimizer.model_validate(content, context=info.context)

    def check_loss(self, truth: Truth) -> None:
        """Refuse records whose truth the loss cannot be computed from.

        Raises:
            InputError: the loss needs label maps where there are images, or the other way round.
        """
        if isinstance(self.loss, OwnLoss):
            return
        if isinstance(truth, LabelTruth):
            if self.loss in PIXEL_LOSSES:
                raise InputError(
                    f"the loss {self.loss} compares images, but the truth of these records is a "
                    "label map; use dice, ce or dice+ce"
                )
            return
        if self.loss not in PIXEL_LOSSES:
            raise InputError(
                f"the loss {self.loss} needs label maps, but the truth of these records is an "
                "image; use loss: l1 or l2"
            )
        if (truth.low, truth.high) != (0.0, 1.0):
            raise InputError(
                "generators are trained on true images in 0..1, but those of these records are "
                f"declared to lie in {truth.low:g}..{truth.high:g}; rescale them"
            )

    @property
    def description(self) -> str:
        """One line for tables and reports."""
        options = [f"{key}={_brief(value)}" for key, value in self.network.options.items()]
        parts = [
            f"{self.network.name} ({', '.join(options)})" if options else self.network.name,
            *(["group norm"] if self.network.group_norm else []),
            str(self.loss) + (f" + {self.adversary.description}" if self.adversary else ""),
            f"{self.epochs} epochs",
            f"batch {self.batch_size}",
            f"{self.optimizer} {self.lr:g} {self.schedule}",
        ]
        if self.weight_decay > 0:
            parts.append(f"weight decay {self.weight_decay:g}")
        if self.augment != "none":
            parts.append(self.augment)
        return ", ".join(parts)


def _brief(value: object) -> str:
    return "-".join(map(str, value)) if isinstance(value, list) else str(value)

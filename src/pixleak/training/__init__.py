"""Training methods, and everything that training by a recipe consists of.

``METHODS`` maps the name of a method to its class. Importing it needs no torch.
"""

from pixleak.core.registry import Registry
from pixleak.training.method import TrainingMethod
from pixleak.training.own.command import TrainingCommand
from pixleak.training.own.function import TrainingFunction
from pixleak.training.recipe import Recipe

__all__ = [
    "METHODS",
    "OWN",
    "Recipe",
    "TrainingCommand",
    "TrainingFunction",
    "TrainingMethod",
    "is_training_key",
    "training_keys",
]

OWN: tuple[type[TrainingMethod], ...] = (TrainingFunction, TrainingCommand)
"""Methods that stand under the key of a recipe, each known there by the setting of its name."""

METHODS: Registry[type[TrainingMethod]] = Registry(
    "training-methods",
    {Recipe.name: Recipe} | {one.name: one for one in OWN},
    noun="training method",
    base=TrainingMethod,
)


def training_keys() -> tuple[str, ...]:
    """The keys under which a configuration gives a training method."""
    return tuple(name for name in METHODS if is_training_key(name))


def is_training_key(name: str) -> bool:
    """Whether a configuration gives a training method under this key."""
    return name in METHODS and not METHODS[name].key

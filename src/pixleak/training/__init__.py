"""Training methods, and everything that training by a recipe consists of.

``METHODS`` maps the key of a method in a configuration to its class. Importing it needs no torch.
"""

from pixleak.core.registry import Registry
from pixleak.training.method import TrainingMethod
from pixleak.training.recipe import Recipe

__all__ = ["METHODS", "Recipe", "TrainingMethod"]

METHODS: Registry[type[TrainingMethod]] = Registry(
    "training-methods", {Recipe.name: Recipe}, noun="training method", base=TrainingMethod
)

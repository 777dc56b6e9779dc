"""What a defence is: something that changes how a model is trained, or what it answers.

Implementations are one file each in :mod:`pixleak.defences`. A defence that changes the training
modifies the recipe or names a subclass of ``Trainer`` that replaces some of its steps; several
are stacked in the order given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar, cast

from pixleak.core.access import Access
from pixleak.core.errors import InputError, setting
from pixleak.core.registry import Configured
from pixleak.core.truth import ImageTruth, Truth
from pixleak.training.method import TrainingMethod
from pixleak.training.recipe import Recipe

if TYPE_CHECKING:
    from pixleak.targets.base import Target
    from pixleak.training.loop.trainer import Trainer

DefenceSide = Literal["training", "output"]

M = TypeVar("M", bound=TrainingMethod)


@dataclass(frozen=True, kw_only=True)
class Defence(Configured):
    """A frozen dataclass of parameters; what determines it is its name and its fields.

    A subclass overrides what it changes: :meth:`modify_recipe` for the recipe, :meth:`trainer` for
    steps of the training, :meth:`wrap_target` for the answers. All default to no change.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    """One line for ``pixleak list``."""
    source: ClassVar[str]
    side: ClassVar[DefenceSide]
    """``"output"`` where it leaves the weights alone, so that any model can be given it."""
    on: ClassVar[Literal["labels", "image", "any"]] = "labels"
    """Which kind of truth it is for."""
    needs_reserve: ClassVar[bool] = False
    """Whether the defender must hold records beside those it trains on."""
    trains_on_reserve: ClassVar[bool] = False
    """Whether the model that answers is trained on those, so that they are attacked as well."""
    excludes: ClassVar[tuple[str, ...]] = ()
    """Names of defences that it cannot be combined with."""

    def check(self, recipe: Recipe | None, truth: Truth) -> None:
        """Refuse what cannot be defended this way.

        Args:
            recipe: of the training, as modified by the defences before; None where nothing is
                trained, or by another method.
            truth: what the model answers with.

        Raises:
            InputError: naming what does not fit, and what would.
        """

    def modify_recipe(self, recipe: Recipe) -> Recipe:
        """The recipe to train by."""
        return recipe

    def trainer(self) -> type[Trainer] | None:
        """A subclass of Trainer that replaces some of its steps, calling ``super()``'s.

        It finds the parameters through ``self.defence(ItsDefence)``.
        """
        return None

    def access_after(self, given: Access) -> Access:
        """What the defended model's answers reveal, if the bare one's reveal ``given``."""
        return given

    def wrap_target(self, target: Target) -> Target:
        """The model as it is asked: usually a target that holds ``target`` and calls it."""
        return target


def modified_recipe(method: M, defences: Sequence[Defence]) -> M:
    """The recipe as modified by every defence in turn; other methods stay as they are."""
    recipe = recipe_of(method)
    if recipe is None:
        return method
    for defence in defences:
        recipe = defence.modify_recipe(recipe)
    return cast(M, recipe)


def recipe_of(method: TrainingMethod | None) -> Recipe | None:
    """The method if it is a recipe, which is what defences know how to change."""
    return method if isinstance(method, Recipe) else None


def check_defences(
    defences: Sequence[Defence], method: TrainingMethod | None, truth: Truth, *, reserve: bool
) -> None:
    """Check that defences have what they need and go with one another.

    Args:
        defences: in the order in which they are stacked.
        method: how models are trained, before any defence modified it; None where nothing is
            trained. Where the target exists already, how the attacker's models are trained.
        truth: of the records.
        reserve: whether the defender holds records beside those trained on.

    Raises:
        InputError: one is named twice, does not go with another, with the records or the method,
            or needs records that are missing.
    """
    recipe = recipe_of(method)
    names = [defence.name for defence in defences]
    if twice := [name for name in names if names.count(name) > 1]:
        raise InputError(f"defence {twice[0]!r} is named twice; once is enough")
    kind = "image" if isinstance(truth, ImageTruth) else "labels"
    for defence in defences:
        if defence.on not in (kind, "any"):
            what = "segmenters" if kind == "image" else "generators"
            raise InputError(f"defence {defence.name!r} is for {what} only; leave it out")
        if excluded := [name for name in names if name in defence.excludes]:
            raise InputError(
                f"defence {defence.name!r} cannot be combined with {excluded[0]!r}; leave one out"
            )
        wraps = type(defence).wrap_target is not Defence.wrap_target
        if method is None and defence.side == "training" and not wraps:
            raise InputError(
                f"defence {defence.name!r} changes how a model is trained, but nothing is trained "
                "here: the target exists already and no training of the attacker's is given"
            )
        if method is not None and recipe is None and defence.side == "training":
            raise InputError(
                f"defence {defence.name!r} changes recipes only, but the models here are trained "
                f"by the method {method.name!r}: leave the defence out, or train by a recipe"
            )
        if defence.needs_reserve and not reserve:
            raise InputError(
                f"defence {defence.name!r} needs records that the defender holds beside the "
                f"training records: set {setting('split.reserve')} (as many as the target has "
                "members is usual)"
            )
        defence.check(recipe, truth)
        if recipe is not None:
            recipe = defence.modify_recipe(recipe)


def described(method: TrainingMethod, defences: Sequence[Defence]) -> dict[str, Any]:
    """What determines a training beside records and seed, in plain JSON values."""
    identity = dict(method.identity)
    return identity | {"defences": [d.settings for d in defences]} if defences else identity

"""What a defence is: something that changes how a model is trained, or what it answers.

Implementations are one file each in :mod:`pixleak.defences`. Training only knows this interface,
and leaves the rest to ``Trainer``'s replaceable steps: a defence that
changes the training names a subclass of it, and several of them are stacked in the order given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pixleak.core.access import Access
from pixleak.core.errors import InputError
from pixleak.core.registry import Configured
from pixleak.core.truth import Truth
from pixleak.training.recipe import Recipe

if TYPE_CHECKING:
    from pixleak.targets.base import Target
    from pixleak.training.loop.fit import Trainer

DefenceSide = Literal["training", "output"]


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
    """``"output"`` where weights stay what they are, so that any model can be given it."""
    on: ClassVar[Literal["labels", "image", "any"]] = "labels"
    """Which kind of truth it is for."""
    needs_reserve: ClassVar[bool] = False
    """Whether the defender must hold records beside those it trains on."""
    trains_on_reserve: ClassVar[bool] = False
    """Whether what answers is trained on those, so that they are worth an attack of their own."""
    excludes: ClassVar[tuple[str, ...]] = ()
    """Names of defences that it cannot be combined with."""

    def check(self, recipe: Recipe | None, truth: Truth) -> None:
        """Refuse what cannot be defended this way.

        Args:
            recipe: of the training, as altered by the defences before; None where nothing is
                trained.
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
        """What the defended model gives away, where the bare one gives ``given``."""
        return given

    def wrap_target(self, target: Target) -> Target:
        """The model as it is asked: usually a target that holds ``target`` and calls it."""
        return target


def modified_recipe(recipe: Recipe, defences: Sequence[Defence]) -> Recipe:
    """The recipe after every defence in turn."""
    for defence in defences:
        recipe = defence.modify_recipe(recipe)
    return recipe


def check_defences(
    defences: Sequence[Defence], recipe: Recipe | None, truth: Truth, *, reserve: bool
) -> None:
    """Hold defences against what they need, and against one another.

    Args:
        defences: in the order in which they are stacked.
        recipe: as it was written; None where nothing is trained. Of a target that exists
            already, how the attacker's models are trained.
        truth: of the records.
        reserve: whether the defender holds records beside those it trains on.

    Raises:
        InputError: one is named twice, does not go with another, with the records or the recipe,
            or needs records that are not there.
    """
    from pixleak.core.truth import ImageTruth

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
        if recipe is None and defence.side == "training" and not wraps:
            raise InputError(
                f"defence {defence.name!r} changes how a model is trained, but nothing is trained "
                "here: the target exists already and the attacker has no recipe of its own"
            )
        if defence.needs_reserve and not reserve:
            raise InputError(
                f"defence {defence.name!r} needs records of the defender's own beside the training "
                "records: set split.reserve (as many as the target's members is usual)"
            )
        defence.check(recipe, truth)
        if recipe is not None:
            recipe = defence.modify_recipe(recipe)


def described(recipe: Recipe, defences: Sequence[Defence]) -> Mapping[str, Any]:
    """What a training is determined by beside records and seed; a bare recipe stays itself."""
    written: dict[str, Any] = recipe.model_dump(mode="json")
    return written | {"defences": [d.settings for d in defences]} if defences else written

"""What a kind of target is: how a configuration names a model that exists already.

A kind is one key under ``target:``, whose value says which model is meant, with the options that
stand beside it::

    target:
      module: model.py:make
      checkpoint: weights.pt

The kinds of pixleak are in the table :data:`pixleak.training.target_kinds.TARGETS`; another package
adds its own as a subclass of :class:`TargetKind` through an entry point of the group
``pixleak.targets``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from pixleak.core.access import Access
from pixleak.core.part import Part
from pixleak.core.truth import Truth

if TYPE_CHECKING:
    from pixleak.targets.base import Target


class TargetKind(Part, ABC):
    """The configuration of one model that exists already.

    A subclass declares a field of the same name as its key, which says which model is meant, and
    further fields for its options. Files are fields of type :data:`~pixleak.core.paths.Located`,
    ``file.py:name`` references of type :data:`~pixleak.core.paths.Code`: both are then relative to
    the configuration file.
    """

    name: ClassVar[str]
    """Its key under ``target:``."""
    summary: ClassVar[str]
    """One line for ``pixleak list``."""

    @abstractmethod
    def open(self, truth: Truth, access: Access, *, device: str = "cpu") -> Target:
        """The target.

        Args:
            truth: what its output should look like.
            access: what its answers reveal.
            device: where to query it, if that is a choice.

        Raises:
            InputError: it cannot be loaded.
        """

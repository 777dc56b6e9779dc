"""What can be attacked: anything that turns a batch of images into predictions.

A target declares how much it gives away (:class:`~pixleak.core.access.Access`); every answer is
checked against that declaration once, here, so that nothing downstream meets a NaN, a wrong
shape, or logits where probabilities were promised. It also knows what identifies its answers, so
that they can be reused, and its untrained twin, for the control.

A target that alters another one's answers (rounding, argmax, noise) is a subclass of
:class:`~pixleak.targets.altered.AlteredTarget`; its own answers are checked again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import torch
from torch import Tensor

from pixleak.core.access import Access
from pixleak.core.errors import InputError, PixleakError, told
from pixleak.core.truth import Truth
from pixleak.targets.adapter import Adapter
from pixleak.targets.check import checked

if TYPE_CHECKING:
    from pixleak.targets.endpoint.meter import Meter


@dataclass(frozen=True, eq=False)
class Prediction:
    """A target's validated answer on b images.

    Args:
        access: what ``values`` are.
        values: LOGIT or PROBABILITY: (b, K, h, w) float32, or (b, 1, h, w) for a binary target
            that answers with one channel (the logit or probability of class 1).
            LABEL: (b, h, w) int64. Generators: (b, c, h, w) float32.
    """

    access: Access
    values: Tensor


@dataclass(frozen=True)
class Untwinned:
    """Why a target has no untrained twin.

    Args:
        reason: in one phrase.
    """

    reason: str


class Target(ABC):
    """Something that answers queries.

    Args:
        truth: what its output should look like.
        access: what it gives away.
        name: its name in errors and reports.
    """

    device: str | torch.device = "cpu"
    """Where it is queried."""

    adapter: Adapter = Adapter.plain
    """What is done to images and answers around every query."""

    meter: Meter | None = None
    """Asks, keeps and counts, where every query has its price; None where queries are free."""

    once: str = ""
    """Why it can be asked one time about each record and about no other image; empty: it can."""

    def __init__(self, truth: Truth, access: Access, name: str) -> None:
        self.truth = truth
        self.access = access
        self.name = name

    @property
    def judge(self) -> Callable[[Tensor, Tensor], Tensor] | None:
        """Asks the discriminator about (inputs, true images) -> (b,); None where there is none."""
        return None

    def anew(self, purpose: str, *, each: bool = False) -> AbstractContextManager[None]:
        """Inside, a target that keeps its answers is really asked, once for each purpose.

        Args:
            purpose: of asking again.
            each: whether equal images of one query are questions of their own.
        """
        return nullcontext() if self.meter is None else self.meter.anew(purpose, each=each)

    def identity(self, answers: Sequence[Tensor]) -> Mapping[str, Any] | None:
        """What identifies its answers beyond this run, in plain JSON values.

        What is measured on two targets of the same identity is taken to be the same.

        Args:
            answers: what it answered on a few records.

        Returns:
            None where it cannot be recognised; what is measured on it is then never reused.
        """
        return None

    def untrained(self, seed: int) -> Target | Untwinned:
        """The same target with random weights, or the reason why there is none.

        Args:
            seed: of the initialisation; torch's global generators stay as they are.
        """
        return Untwinned("a target without known weights has nothing to take away")

    @final
    def predict(self, images: Tensor, ids: Sequence[str] | None = None) -> Prediction:
        """Query on (b, c, h, w) images; the answer is a validated, detached copy on the CPU.

        Args:
            images: (b, c, h, w) float32.
            ids: (b,) record ids, to name the culprit in errors.

        Raises:
            InputError: the query failed, or the answer is not finite, of a wrong shape, or not
                what was declared.
        """
        try:
            answer = self._ask(self.adapter.input.applied(images), ids)
        except PixleakError:
            raise
        except Exception as error:
            first = f" (first record {ids[0]!r})" if ids else ""
            raise InputError(
                f"target {self.name!r} failed on images of shape {tuple(images.shape)}{first} "
                f"with {told(error)}"
            ) from error
        size = (images.shape[-2], images.shape[-1])
        answer = self.adapter.output.applied(answer, self.truth, size, self.name)
        values = checked(answer, images, self.truth, self.access, self.name, ids)
        return Prediction(self.access, values)

    def expect(self, used: Sequence[str], known: Sequence[str]) -> None:  # noqa: B027 - most can
        """Check, before anything is computed, that it can be asked about these records.

        Args:
            used: ids of the records that it will be asked about.
            known: ids of all records there are.

        Raises:
            InputError: it cannot.
        """

    def _ask(self, images: Tensor, ids: Sequence[str] | None) -> object:
        """The raw answer of a target that looks at the ids as well; others write ``_query``."""
        return self._query(images)

    @abstractmethod
    def _query(self, images: Tensor) -> object:
        """The raw answer; whatever was changed to obtain it must be restored, also on error."""

"""Training by a function of the user's own, from records and a seed to a torch module."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, field_validator

from pixleak.core.disk.private_folder import private_folder
from pixleak.core.disk.whole_files import writing
from pixleak.core.errors import InputError, told
from pixleak.training.own.base import OwnTraining
from pixleak.training.own.given_code import (
    CodeGiven,
    beside_code,
    check_arguments,
    files_of_code,
    loaded_code,
    name_of_code,
    written_code,
)
from pixleak.training.own.source import digest_of_function

if TYPE_CHECKING:
    from pixleak.records.base import Records
    from pixleak.training.loop.trainer import TrainingDefence
    from pixleak.training.trained import OnEpoch, Trained

OFFERED = {
    "progress": "a function to call with (epoch from 1, loss)",
    "folder": "a folder whose files are still there when an interrupted training starts again",
    "device": "where to train, such as cpu or cuda",
}
"""Arguments that a training function is given if it names them."""


class TrainingFunction(OwnTraining):
    """A function ``train(records, seed) -> torch module``.

    ``records`` is a :class:`~pixleak.training.own.training_set.TrainingSet`: a map-style dataset of
    (image, truth). ``seed`` is below 2^32, and the global generators of Python, numpy and torch
    are seeded with it. A function that names ``progress``, ``folder`` or ``device`` among its
    arguments is given them too.

    Example:
        >>> def train(records, seed, epochs=3): ...
        >>> TrainingFunction(train, options={"epochs": 5}).description
        'function train (epochs=5)'
    """

    name: ClassVar[str] = "function"
    summary: ClassVar[str] = "a function of your own, train(records, seed) -> torch module"
    positional: ClassVar[str] = "function"

    function: CodeGiven = Field(description="file.py:function, (records, seed) -> torch module")
    options: dict[str, Any] = Field(
        default_factory=dict, description="further arguments of the function"
    )

    @field_validator("options")
    @classmethod
    def _plain(cls, options: dict[str, Any]) -> dict[str, Any]:
        for key, value in options.items():
            try:
                json.dumps(value, allow_nan=False)
            except (TypeError, ValueError):
                raise ValueError(
                    f"{key} is a {type(value).__name__}; options are numbers, texts, lists and "
                    "mappings of these: bind other objects with functools.partial"
                ) from None
        return options

    @property
    def description(self) -> str:
        told = ", ".join(f"{key}={value}" for key, value in self.options.items())
        return f"function {name_of_code(self.function)}" + (f" ({told})" if told else "")

    @property
    def label(self) -> str:
        return name_of_code(self.function)

    @property
    def who(self) -> str:
        return name_of_code(self.function)

    def _prepare(self) -> None:
        super()._prepare()
        self._asked()

    def _asked(self) -> tuple[str, ...]:
        """The arguments beside records and seed that the function asks for."""
        return check_arguments(
            loaded_code(self.function), self.who, ("records", "seed"), OFFERED, self.options
        )

    def _digest(self) -> str:
        made = [] if self.make is None else [loaded_code(self.make)]
        more = files_of_code(self.function, self.make)
        return digest_of_function((loaded_code(self.function), *made), self.who, *more, *self.files)

    def _settings(self) -> dict[str, Any]:
        content: dict[str, Any] = {"function": written_code(self.function)}
        return content | ({"options": self.options} if self.options else {})

    def _named(self) -> tuple[Any, ...]:
        return (self.function, self.make)

    def train(
        self,
        records: Records,
        *,
        seed: int,
        device: str = "cpu",
        on_epoch: OnEpoch | None = None,
        partial: Path | None = None,
        pictures: bool = False,
        defences: Sequence[TrainingDefence] = (),
        reserve: Records | None = None,
    ) -> Trained:
        from pixleak.training.own.returned import finished_training
        from pixleak.training.own.training_set import TrainingSet
        from pixleak.training.seeded import all_seeded

        self.check_unchanged()
        started, losses = time.perf_counter(), list[float]()
        asked = self._asked()
        seed = seed % 2**32
        with private_folder() as scratch, _kept(partial, scratch) as folder:
            given = TrainingSet(records, scratch / "read")
            offered: Mapping[str, Any] = {
                "progress": _progress(self.who, losses, on_epoch),
                "folder": folder,
                "device": device,
            }
            with beside_code(self.function), all_seeded(seed, device):
                try:
                    returned = loaded_code(self.function)(
                        given, seed, **{key: offered[key] for key in asked}, **self.options
                    )
                except InputError:
                    raise
                except (Exception, SystemExit) as error:
                    raise InputError(f"{self.who} fails with {told(error)}") from error
            trained = finished_training(
                returned,
                records,
                self.answers_with,
                device=device,
                who=self.who,
                losses=losses,
                seconds=time.perf_counter() - started,
                pictures=pictures,
            )
            if not given.was_read:
                raise InputError(
                    f"{self.who} read none of the {len(records)} records that it was given, so "
                    "its module cannot have been trained on them: train on its first argument"
                )
        return trained


def _progress(
    who: str, losses: list[float], on_epoch: OnEpoch | None
) -> Callable[[int, float], None]:
    """What the function may report its epochs to."""

    def progress(epoch: int, loss: float) -> None:
        try:
            number, value = int(epoch), float(loss)
        except (TypeError, ValueError) as error:
            raise InputError(
                f"{who} must call progress(epoch, loss) with two numbers, got {epoch!r:.40} and "
                f"{loss!r:.40}"
            ) from error
        if not math.isfinite(value):
            raise InputError(
                f"{who} diverged in epoch {number}: its loss became {value}; a lower learning rate "
                "helps"
            )
        losses.append(value)
        if on_epoch is not None:
            on_epoch(number, value)

    return progress


@contextmanager
def _kept(partial: Path | None, scratch: Path) -> Iterator[Path]:
    """A folder that outlives an interruption, where there is a place for it."""
    folder = scratch / "folder" if partial is None else partial.with_name(f"{partial.name}-folder")
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    yield folder

"""Training by code of the user's own: what a function and a command have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from pixleak.core.access import Access
from pixleak.core.errors import InputError
from pixleak.core.paths import Located
from pixleak.training.method import TrainingMethod
from pixleak.training.own.given_code import (
    CodeGiven,
    beside_code,
    loaded_code,
    name_of_code,
    written_code,
)

if TYPE_CHECKING:
    from torch import nn

    from pixleak.core.truth import Truth
    from pixleak.records.base import Records
    from pixleak.training.trained import Trained


class OwnTraining(TrainingMethod):
    """Trains with the user's code, and keeps the module that comes of it.

    It stands where a recipe does, under the key ``recipe``.
    """

    key: ClassVar[str] = "recipe"

    make: CodeGiven | None = Field(
        None,
        description="file.py:function or class that makes the untrained module; null: the trained "
        "module is saved whole, and its untrained twin is a copy with new weights",
    )
    answers: Literal["logit", "probability"] = Field(
        "logit", description="what a trained segmenter answers with"
    )
    files: tuple[Located, ...] = Field(
        (), description="more files or folders that determine the training, such as its settings"
    )
    code: str = Field(
        "", description="digest of the code that was run; another code is refused; null: any"
    )

    @property
    @abstractmethod
    def who(self) -> str:
        """What to call the user's code in errors."""

    @abstractmethod
    def _digest(self) -> str:
        """Of the user's code, as it is now."""

    @abstractmethod
    def _settings(self) -> dict[str, Any]:
        """What it is written as in a configuration, and what determines it, but for its code."""

    @model_validator(mode="after")
    def _recognised(self) -> Self:
        self._prepare()
        digest = self._digest()
        if self.code and self.code != digest:
            raise InputError(
                f"code: {self.who} is no longer the code that was run then; leave code out to "
                "train with it as it is now"
            )
        self.__dict__["code"] = digest  # the one field that nobody need give
        return self

    def _prepare(self) -> None:
        """Load the user's code and check that it can be called.

        Raises:
            InputError: it cannot.
        """
        for path in self.files:
            if not path.exists():
                raise InputError(f"files: there is no file or folder {path}")
        if self.make is not None:
            loaded_code(self.make)

    @property
    def answers_with(self) -> Access:
        return Access(self.answers)

    @property
    def written(self) -> Mapping[str, Any]:
        content: dict[str, Any] = dict(self._settings())
        if self.make is not None:
            content["make"] = written_code(self.make)
        if self.answers != "logit":
            content["answers"] = self.answers
        if self.files:
            content["files"] = [str(path) for path in self.files]
        return content | {"code": self.code}

    @property
    def identity(self) -> Mapping[str, Any]:
        content = {**self.written, "files": [path.name for path in self.files]}
        for name in ("function", "make", "load"):
            if content.get(name) is not None:
                content[name] = name_of_code(content[name])
        return content

    def __eq__(self, other: object) -> bool:
        # A functools.partial is equal to itself alone, and not to what it is in another process.
        return type(other) is type(self) and self.written == other.written

    def __hash__(self) -> int:
        return hash(self.code)

    def check_unchanged(self) -> None:
        """Refuse to train with code that was changed since the training was planned.

        Raises:
            InputError: it was changed.
        """
        # The values that it is bound to travel with it.
        if self._digest().partition("-")[0] != self.code.partition("-")[0]:
            raise InputError(
                f"the code of {self.who} was changed while models were trained with it, so that "
                "they would not all be of one kind: start again, which trains them with it as it "
                "is now"
            )

    def made(self, seed: int = 0) -> nn.Module:
        """The untrained module, as the user's ``make`` makes it.

        Raises:
            InputError: it fails, or returns something else.
        """
        from pixleak.core.errors import told
        from pixleak.training.own.returned import module_from
        from pixleak.training.seeded import all_seeded

        who = name_of_code(self.make)
        with beside_code(self.make), all_seeded(seed):
            try:
                made = loaded_code(self.make)()
            except InputError:
                raise
            except Exception as error:
                raise InputError(f"make: calling {who} fails with {told(error)}") from error
        return module_from(made, f"make: {who}")

    def untrained(self, channels: int, truth: Truth, size: tuple[int, int], seed: int) -> nn.Module:
        if self.make is None:
            raise InputError(
                f"{self.who} does not say how its module is made untrained: name a function or "
                "class with make"
            )
        return self.made(seed)

    def untrained_twin(
        self,
        trained: Callable[[], nn.Module],
        channels: int,
        truth: Truth,
        size: tuple[int, int],
        seed: int,
    ) -> nn.Module | str:
        from pixleak.targets.reinitialised import reinitialised

        if self.make is not None:
            return self.untrained(channels, truth, size, seed)
        twin = reinitialised(trained(), seed)
        if twin is not None:
            return twin
        return (
            f"the module that {self.who} returns has parameters that no reset_parameters() sets, "
            "so an untrained twin cannot be made; name a function or class that makes it untrained "
            "with make"
        )

    def outputs(self, path: Path) -> tuple[Path, ...]:
        from pixleak.training.own.module_file import structure_path

        return (path,) if self.make is not None else (path, structure_path(path))

    def save(self, trained: Trained, records: Records, path: Path) -> None:
        from pixleak.training.own.module_file import save_module, weights_of

        if self.make is not None:
            made, found = weights_of(self.made()), weights_of(trained.module)
            wrong = [
                key
                for key in (*found, *made)
                if key not in found or key not in made or found[key].shape != made[key].shape
            ]
            if wrong:
                raise InputError(
                    f"make: the module that {name_of_code(self.make)} makes has other weights than "
                    f"the one that {self.who} returned, first {wrong[0]!r}; make the module that "
                    "is trained, or leave make out"
                )
        save_module(trained.module, path, structure=self.make is None, who=self.who)

    def load(self, path: Path) -> nn.Module:
        import torch

        from pixleak.training.own.module_file import read_module, read_weights, weights_of

        given = [one for one in self._named() if one is not None]
        for one in given:
            loaded_code(one)
        with beside_code(*given):
            if self.make is None:
                return read_module(path, self.who).eval()
            module, state = self.made(), read_weights(path)
            with torch.no_grad():
                for key, value in weights_of(module).items():
                    value.copy_(state[key])
            return module.eval()

    def _named(self) -> tuple[Any, ...]:
        """Code whose modules must be imported before an object of their classes is read."""
        return (self.make,)

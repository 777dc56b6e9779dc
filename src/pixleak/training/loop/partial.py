"""The state of an unfinished training on disk, to resume from as if it had not been interrupted.

It is one file beside the future weights, replaced from time to time and removed when the training
is finished. It records recipe, defences, seed and the version of torch, and is ignored where they
differ.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch

from pixleak.core.whole_files import replaced


class Stateful(Protocol):
    """Anything with a state: a module, an optimizer, a schedule."""

    def state_dict(self) -> dict[str, Any]:
        """Its state."""

    def load_state_dict(self, state: dict[str, Any], /) -> object:
        """Restore a state."""


class Partial:
    """The state of a training between two epochs.

    Args:
        path: of the file; None saves nothing.
        described: what determines the training, in plain JSON values.
    """

    def __init__(self, path: Path | None, described: Mapping[str, Any]) -> None:
        self.path = path
        self._described = {**described, "torch": str(torch.__version__)}

    def save(self, parts: Mapping[str, Stateful], course: Mapping[str, Any]) -> None:
        """Write the state of every part, of torch's generators, and the course so far."""
        if self.path is None:
            return
        content = {
            "described": self._described,
            "parts": {name: part.state_dict() for name, part in parts.items()},
            "rng": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
            "course": dict(course),
        }
        with replaced(self.path) as temporary:
            torch.save(content, temporary)

    def load(self, parts: Mapping[str, Stateful]) -> dict[str, Any] | None:
        """Restore the state of every part; the course so far, or None without a usable file."""
        if self.path is None or not self.path.is_file():
            return None
        try:
            content = torch.load(self.path, map_location="cpu", weights_only=True)
            usable = content["described"] == self._described and set(content["parts"]) == set(parts)
        except (OSError, RuntimeError, EOFError, KeyError, TypeError, pickle.UnpicklingError):
            return None  # damaged, or of something else: start again
        if not usable:
            return None
        for name, part in parts.items():
            part.load_state_dict(content["parts"][name])
        torch.set_rng_state(content["rng"])
        if content["cuda"] and torch.cuda.is_available():
            torch.cuda.set_rng_state_all(content["cuda"])
        course: dict[str, Any] = content["course"]
        return course

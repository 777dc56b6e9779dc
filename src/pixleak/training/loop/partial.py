"""The state of an unfinished training on disk, to resume from as if it had not been interrupted.

It is one file beside the future weights, replaced from time to time and removed when the training
is finished. It is sealed with recipe, defences, seed, the version of torch and the place where it
lies, which for an artefact is the digest of the records: what is damaged, or was saved by another
training, is not used, and a line says so.
"""

from __future__ import annotations

import copy
import io
import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch

from pixleak.core.disk.whole_files import damaged, read_sealed, write_sealed


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
        place = "" if path is None else f"{path.parent.name}/{path.name}"
        self._belongs_to = json.dumps(
            {**described, "torch": str(torch.__version__), "place": place}, sort_keys=True
        )

    def save(self, parts: Mapping[str, Stateful], course: Mapping[str, Any]) -> None:
        """Write the state of every part, of torch's generators, and the course so far.

        Raises:
            InputError: no permission or no space.
        """
        if self.path is None:
            return
        content = {
            "parts": {name: part.state_dict() for name, part in parts.items()},
            "rng": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
            "course": dict(course),
        }
        buffer = io.BytesIO()
        torch.save(content, buffer)
        write_sealed(self.path, buffer.getvalue(), self._belongs_to)

    def load(self, parts: Mapping[str, Stateful]) -> dict[str, Any] | None:
        """Restore the state of every part; the course so far, or None without a usable file.

        The parts are then as they were before.
        """
        if self.path is None or not self.path.is_file():
            return None
        before = {name: copy.deepcopy(part.state_dict()) for name, part in parts.items()}
        try:
            sealed = read_sealed(self.path, self._belongs_to)
            if sealed is not None:
                content = torch.load(io.BytesIO(sealed), map_location="cpu", weights_only=True)
                course: dict[str, Any] = content["course"]
                for name, part in parts.items():
                    part.load_state_dict(content["parts"][name])
                torch.set_rng_state(content["rng"])
                if content["cuda"] and torch.cuda.is_available():
                    torch.cuda.set_rng_state_all(content["cuda"])
                return course
        except (OSError, RuntimeError, ValueError, KeyError, TypeError, pickle.UnpicklingError):
            # Of another release of a defence: what it saved then is not what it takes now.
            for name, part in parts.items():
                part.load_state_dict(before[name])
        damaged(self.path)
        return None

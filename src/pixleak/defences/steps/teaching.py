"""A teacher of the private records, and a student that answers: what distillations share."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pixleak.core.errors import InputError
from pixleak.records.base import Records
from pixleak.training.checkpoint import load_weights, read_metadata, save_weights
from pixleak.training.loop.feed import feed
from pixleak.training.loop.fit import fit
from pixleak.training.loop.trainer import Trainer
from pixleak.training.trained import OnEpoch
from pixleak.training.untrained import untrained

_STREAM = 3
"""Of the streams that a training draws from."""


class TaughtTrainer(Trainer, ABC):
    """Trains a teacher before anything else, plainly, and then on what :meth:`lessons` makes of it.

    A teacher that is done is kept beside the partial state of the student, so that it need not be
    trained again after an interruption.
    """

    teacher: nn.Module

    def before(self, on_epoch: OnEpoch | None, partial: Path | None) -> None:
        if self.reserve is None or not len(self.reserve):
            raise InputError("distillation needs records of the defender's own: set split.reserve")
        self.teacher = self._taught(on_epoch, partial).eval().requires_grad_(False)
        self._kept = None if partial is None else _beside(partial)
        self.records = self.lessons(self.reserve)
        super().before(on_epoch, partial)

    @abstractmethod
    def lessons(self, reserve: Records) -> Records:
        """What the student is trained on."""

    def final(self, module: nn.Module) -> nn.Module:
        if self._kept is not None:
            self._kept.unlink(missing_ok=True)
        return super().final(module)

    def facts(self) -> dict[str, float | str]:
        # What is trained on now are the lessons.
        return {**super().facts(), "records distilled on": float(len(self.records))}

    def answers(self, reserve: Records) -> Tensor:
        """(n, K, h, w) what the teacher says of every record, on the CPU."""
        load = feed(reserve)
        found = []
        for positions in torch.split(torch.arange(len(reserve)), self.recipe.batch_size):
            with torch.no_grad():
                found.append(self.teacher(load(positions)[0].to(self.device)).cpu())
        return torch.cat(found)

    def _taught(self, on_epoch: OnEpoch | None, partial: Path | None) -> nn.Module:
        seed = int(np.random.SeedSequence(self.seed).generate_state(_STREAM + 1)[_STREAM])
        described = {
            "recipe": self.recipe.model_dump(mode="json"),
            "seed": seed,
            "torch": str(torch.__version__),
        }
        path = None if partial is None else _beside(partial)
        if path is not None and _is_of(path, described):
            channels, height, width = self.records[0].image.shape
            module = untrained(self.recipe, channels, self.truth, (height, width), seed)
            module = module.to(self.device)
            load_weights(module, path)
            return module
        between = None if partial is None else partial.with_name(f"{partial.name}.teacher.partial")
        trained = fit(
            self.recipe,
            self.records,
            seed=seed,
            device=str(self.device),
            on_epoch=None if on_epoch is None else lambda epoch, loss: on_epoch(0, loss),
            partial=between,
        )
        if path is not None:
            save_weights(trained.module, path, {"teacher": json.dumps(described)})
        if between is not None:
            between.unlink(missing_ok=True)
        return trained.module


def _beside(partial: Path) -> Path:
    return partial.with_name(f"{partial.name}.teacher")


def _is_of(path: Path, described: Mapping[str, Any]) -> bool:
    """Whether the teacher of this training lies there, whole."""
    try:
        told = read_metadata(path).get("teacher")
    except InputError:
        return False
    return told is not None and json.loads(told) == json.loads(json.dumps(described))

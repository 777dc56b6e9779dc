"""Distillation: a teacher is trained on the private records, and a student answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

import torch
from torch import Tensor, nn

from pixleak.defences.steps.shared_checks import required_reserve
from pixleak.defences.steps.streams import stream_seed
from pixleak.records.base import Records
from pixleak.training.loop.feed import feed
from pixleak.training.loop.fit import fit
from pixleak.training.loop.partial import Partial
from pixleak.training.loop.trainer import Trainer
from pixleak.training.trained import OnEpoch
from pixleak.training.untrained import untrained


class TaughtTrainer(Trainer, ABC):
    """First trains an undefended teacher, then the student on :meth:`student_records`.

    A finished teacher is saved beside the partial state of the student, so that it is not trained
    again after an interruption.
    """

    teacher: nn.Module

    def before(self, on_epoch: OnEpoch | None, partial: Path | None) -> None:
        reserve = required_reserve("distillation", self.reserve)
        self.teacher = self._trained_teacher(on_epoch, partial).eval().requires_grad_(False)
        self._teacher_file = None if partial is None else _teacher_file(partial)
        self.records = self.student_records(reserve)
        super().before(on_epoch, partial)

    @abstractmethod
    def student_records(self, reserve: Records) -> Records:
        """The records that the student is trained on."""

    def final(self, module: nn.Module) -> nn.Module:
        if self._teacher_file is not None:
            self._teacher_file.unlink(missing_ok=True)
        return super().final(module)

    def facts(self) -> dict[str, float | str]:
        # By now the records are those that the student was trained on.
        return {**super().facts(), "records distilled on": float(len(self.records))}

    def teacher_outputs(self, reserve: Records) -> Tensor:
        """(n, K, h, w) the teacher's output on every record, on the CPU."""
        load = feed(reserve)
        found = []
        for positions in torch.split(torch.arange(len(reserve)), self.recipe.batch_size):
            with torch.no_grad():
                found.append(self.teacher(load(positions)[0].to(self.device)).cpu())
        return torch.cat(found)

    def _trained_teacher(self, on_epoch: OnEpoch | None, partial: Path | None) -> nn.Module:
        seed = stream_seed(self.seed, "teacher")
        described = {"recipe": self.recipe.model_dump(mode="json"), "seed": seed}
        kept = Partial(None if partial is None else _teacher_file(partial), described)
        if kept.path is not None and kept.path.is_file():
            channels, height, width = self.records[0].image.shape
            module = untrained(self.recipe, channels, self.truth, (height, width), seed)
            if kept.load({"teacher": module}) is not None:
                return module.to(self.device)
        between = None if partial is None else partial.with_name(f"{partial.name}.teacher.partial")
        trained = fit(
            self.recipe,
            self.records,
            seed=seed,
            device=str(self.device),
            on_epoch=None if on_epoch is None else lambda epoch, loss: on_epoch(0, loss),
            partial=between,
        )
        kept.save({"teacher": trained.module}, {})
        if between is not None:
            between.unlink(missing_ok=True)
        return trained.module


def _teacher_file(partial: Path) -> Path:
    return partial.with_name(f"{partial.name}.teacher")

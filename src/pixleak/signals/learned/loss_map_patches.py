"""Structured loss-map attack: a small network over patches of the per-pixel loss.

Idea: where a prediction is wrong, and how sharply, says more than how wrong it is on average.
A convolutional network learns on a shadow's loss maps, patch by patch, whether the record was a
member; the record's value is the mean logit over patches. Patches are drawn at random in
training and lie on a fixed grid when measuring, half a patch apart, so that a value repeats.

Source:
    He, Rahimian, Schiele, Fritz, "Segmentations-Leak: Membership Inference Attacks and Defenses in
    Semantic Image Segmentation", ECCV 2020, arXiv:1912.09685.

Differs from the source:
    Theirs takes 90 x 90 patches of maps at an eighth of the resolution, which cover from a
    third to two thirds of a side; here a patch is half the shorter side unless given. The map
    enters as the logarithm of the loss, standardised on the shadow's records, and the network is
    four convolutions rather than a ResNet-50. Ignored pixels hold the shadow's mean.

Where the target answers with labels only, the map is 1 where the label is wrong and 0 elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from pixleak.core.errors import InputError
from pixleak.core.tables import SignalInfo
from pixleak.records.base import Records
from pixleak.signals.base import Columns
from pixleak.signals.learned.base import Answers, OnEpoch, SoftOrLabels
from pixleak.signals.learned.map_store import MapStore
from pixleak.signals.learned.module_training import (
    FittedModule,
    Rows,
    Schedule,
    channel_moments,
    module_arrays,
    train,
)
from pixleak.signals.pixels.labels import Pixels
from pixleak.training.seeded import seeded

_BATCH = 64


def patch_network(width: int) -> nn.Module:
    """Four 3x3 convolutions with stride 2, averaged into one logit."""
    layers: list[nn.Module] = []
    before = 1
    for after in (width, 2 * width, 4 * width, 4 * width):
        layers += [
            nn.Conv2d(before, after, 3, stride=2, padding=1),
            nn.BatchNorm2d(after),
            nn.ReLU(),
        ]
        before = after
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, 1))


def _losses(pixels: Pixels, answers: Answers) -> Tensor:
    """(b, h, w) log losses; of labels, whether they are wrong."""
    return pixels.cross_entropy.log() if answers == "soft" else 1.0 - pixels.right


def _valid_losses(pixels: Pixels, answers: Answers) -> Tensor:
    """(1, 1, m), as one record of one channel."""
    losses = _losses(pixels, answers)
    return (losses.flatten() if pixels.valid is None else losses[pixels.valid])[None, None]


def _standardised(pixels: Pixels, answers: Answers, mean: float, scale: float) -> Tensor:
    """(b, 1, h, w) losses, 0 where ignored."""
    losses = (_losses(pixels, answers) - mean) / scale
    if pixels.valid is not None:
        losses = losses * pixels.valid
    return losses.unsqueeze(1)


def grid(size: int, patch: int) -> list[int]:
    """Starts of evenly spaced patches that cover a side, at most half a patch apart."""
    free = size - patch
    steps = int(np.ceil(free / max(1, patch // 2)))
    return sorted({round(free * i / steps) for i in range(steps + 1)}) if steps > 0 else [0]


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedPatches(FittedModule):
    """The trained network and its patch size."""

    kind: ClassVar[str] = "loss-map-patches"

    def _built(self) -> nn.Module:
        return patch_network(int(self.settings["width"]))

    def measure(self, pixels: Pixels) -> Columns:
        mean, scale = (float(self.arrays[name][0]) for name in ("mean", "scale"))
        maps = _standardised(pixels, self.settings["answers"], mean, scale)
        height, width = maps.shape[2:]
        rows, columns = (min(int(self.settings["patch"]), side) for side in (height, width))
        logits = [
            self.module(maps[:, :, top : top + rows, left : left + columns]).squeeze(1)
            for top in grid(height, rows)
            for left in grid(width, columns)
        ]
        return Columns.single(torch.stack(logits).mean(dim=0).to(torch.float64).numpy())


@dataclass(frozen=True, kw_only=True)
class LossMapPatches(SoftOrLabels):
    """The parameters of the attack.

    Args:
        patch: side of a patch in pixels, limited to the image; None: half its shorter side.
        width: channels of the first convolution.
        epochs: passes over the shadow's records.
        patches: random patches of each record and epoch.
        batch_size: records per step.
        lr: NAdam's learning rate, falling along a half cosine.
    """

    fitted: ClassVar = FittedPatches
    usual: ClassVar = True
    card: ClassVar[SignalInfo] = SignalInfo(
        name="loss-map-patches",
        title="loss-map patches",
        unit="logit",
        members_are="higher",
        learned=True,
        summary="small network over patches of the loss map, learned on a shadow",
        source="He 2020, arXiv:1912.09685",
    )

    patch: int | None = None
    width: int = 16
    epochs: int = 30
    patches: int = 4
    batch_size: int = 16
    lr: float = 2e-3

    def __post_init__(self) -> None:
        self._check_answers()
        if self.patch is not None and self.patch < 1:
            raise InputError(f"{self.name}: patch must be at least 1 pixel, got {self.patch}")
        if self.width < 1 or self.patches < 1:
            raise InputError(
                f"{self.name}: width and patches must be at least 1, got width={self.width}, "
                f"patches={self.patches}"
            )
        self._schedule.check(self.name)

    @property
    def _schedule(self) -> Schedule:
        return Schedule(self.epochs, self.batch_size * self.patches, self.lr, True, 0.01)

    def fit(
        self,
        maps: MapStore,
        records: Records,
        member: Mapping[str, bool],
        *,
        seed: int,
        on_epoch: OnEpoch | None = None,
    ) -> FittedPatches:
        labels = torch.from_numpy(self._membership(maps, records, member)).float()
        ids = records.ids
        moments = channel_moments(
            _valid_losses(part, self.answers) for part in maps.batches(ids, _BATCH)
        )
        mean, scale = (float(moment) for moment in moments)
        size = maps.pixels(ids[:1]).truths.shape[1:]
        patch = min(self.patch if self.patch is not None else max(8, min(size) // 2), *size)

        def batch(rows: Rows, draws: np.random.Generator) -> Tensor:
            # Row r of the epoch is a patch of record r // patches.
            keys = [ids[row // self.patches] for row in rows]
            whole = _standardised(maps.pixels(keys), self.answers, mean, scale)
            tops = draws.integers(0, size[0] - patch + 1, len(keys))
            lefts = draws.integers(0, size[1] - patch + 1, len(keys))
            return torch.stack(
                [
                    one[:, top : top + patch, left : left + patch]
                    for one, top, left in zip(whole, tops, lefts, strict=True)
                ]
            )

        with seeded(seed):
            module = patch_network(self.width)
            history = train(
                module,
                batch,
                labels.repeat_interleave(self.patches),
                self._schedule,
                np.random.default_rng(seed),
                on_epoch=on_epoch,
            )
        return FittedPatches(
            card=self.info,
            settings={"patch": patch, "width": self.width, "answers": self.answers},
            arrays=module_arrays(module, mean=moments[0], scale=moments[1]),
            history=history,
        )

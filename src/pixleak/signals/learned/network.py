"""Type-I and Type-II attacks as a network over the predicted map.

Idea: a ResNet-34 learns on a shadow's answers what the map of a member looks like. A Type-I attack
sees the predicted map (K channels); a Type-II attack also sees the truth (K one-hot channels, all
zero at ignored pixels). A 1x1 convolution adapts the channels to the network's three. The record's
value is the network's logit.

Source:
    Chobola, Usynin, Kaissis, "Membership Inference Attacks Against Semantic Segmentation
    Models", arXiv:2212.01082. Their setting: ``width=64, epochs=30, batch_size=4, lr=1e-4,
    decay=False, inputs="probabilities", weight_decay=0`` (10 epochs for Cityscapes).

Differs from the source:
    No ImageNet weights. The defaults are a network of a quarter of the width, larger batches and
    a decaying rate, which trains on a CPU in a minute and ends without fluctuations from epoch to
    epoch. Maps enter as log-odds, clipped to +-15 and standardised on the shadow's records:
    probabilities round what distinguishes members, the digits next to 0 and 1, into one value.
    The last epoch is used, whatever the target.

Where the target answers with labels only, the predicted map is the one-hot predicted labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pixleak.core.errors import InputError
from pixleak.core.tables import SignalInfo
from pixleak.records.base import Records
from pixleak.signals.base import Columns
from pixleak.signals.learned.base import MIN_SIDE, OnEpoch, SoftOrLabels
from pixleak.signals.learned.map_store import MapStore
from pixleak.signals.learned.module_training import (
    FittedModule,
    Inputs,
    Rows,
    Schedule,
    channel_moments,
    map_inputs,
    module_arrays,
    train,
)
from pixleak.signals.pixels.labels import Pixels
from pixleak.training.seeded import seeded

LAYERS = (3, 4, 6, 3)
"""Basic blocks per stage: ResNet-34."""

NARROW = 8
"""Planes of the first stage below which a network is asked with its channels first in memory."""

_BATCH = 64


def attack_network(channels: int, width: int) -> nn.Module:
    """A 1x1 adapter to three channels and a ResNet-34 with one output.

    Args:
        channels: of the input.
        width: planes of the first stage; 64 is ResNet-34.
    """
    from monai.networks.nets.resnet import ResNet

    body = ResNet(
        block="basic",
        layers=list(LAYERS),
        block_inplanes=[width, 2 * width, 4 * width, 8 * width],
        spatial_dims=2,
        n_input_channels=3,
        conv1_t_stride=2,
        num_classes=1,
    )
    return _Adapted(nn.Conv2d(channels, 3, kernel_size=1), body, narrow=width < NARROW)


class _Adapted(nn.Sequential):
    """The adapter and the network behind it.

    One-hot maps come with their channels last in memory, which torch passes on from layer to layer.
    In that layout oneDNN (3.12, on processors with AVX2 and without AVX-512) writes beyond the end
    of its buffer in the backward pass of a strided 1x1 convolution over fewer than eight channels.
    Narrow networks are therefore given their channels first.
    """

    def __init__(self, *parts: nn.Module, narrow: bool) -> None:
        super().__init__(*parts)
        self._narrow = narrow

    def forward(self, maps: Tensor) -> Tensor:
        """(b, 1) logits of (b, c, h, w) maps."""
        logits: Tensor = super().forward(maps.contiguous() if self._narrow else maps)  # type: ignore[no-untyped-call]
        return logits


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedNetwork(FittedModule):
    """The trained network."""

    kind: ClassVar[str] = "network"

    def _built(self) -> nn.Module:
        return attack_network(int(self.settings["channels"]), int(self.settings["width"]))

    def measure(self, pixels: Pixels) -> Columns:
        maps = map_inputs(pixels, self.settings["inputs"], bool(self.settings["with_truth"]))
        mean, scale = (
            torch.from_numpy(self.arrays[name])[:, None, None] for name in ("mean", "scale")
        )
        with torch.no_grad():
            logits = self.module((maps - mean) / scale)
        return Columns.single(logits.squeeze(1).to(torch.float64).numpy())


@dataclass(frozen=True, kw_only=True)
class _Network(SoftOrLabels):
    """The parameters of both types.

    Args:
        width: planes of the first stage; the source's ResNet-34 has 64.
        epochs: passes over the shadow's records.
        batch_size: records per step.
        lr: NAdam's learning rate.
        decay: whether the rate falls along a half cosine.
        weight_decay: decoupled.
        flips: whether maps are mirrored at random, left-right and up-down.
        inputs: how soft predictions enter, ``"log-odds"`` or ``"probabilities"``.
        holdout: share of the shadow's subjects that is not trained on; the accuracy on them is
            kept in the history. It chooses nothing.
    """

    fitted: ClassVar = FittedNetwork
    usual: ClassVar = True
    with_truth: ClassVar[bool]

    width: int = 16
    epochs: int = 30
    batch_size: int = 16
    lr: float = 1e-3
    decay: bool = True
    weight_decay: float = 0.01
    flips: bool = False
    inputs: Inputs = "log-odds"
    holdout: float = 0.0

    def __post_init__(self) -> None:
        self._check_answers()
        if self.width < 1:
            raise InputError(f"{self.name}: width must be at least 1, got {self.width}")
        if self.inputs not in ("log-odds", "probabilities"):
            raise InputError(
                f"{self.name}: inputs must be 'log-odds' or 'probabilities', got {self.inputs!r}"
            )
        if not 0.0 <= self.holdout < 1.0:
            raise InputError(f"{self.name}: holdout must be in [0, 1), got {self.holdout}")
        self._schedule.check(self.name)

    @property
    def _schedule(self) -> Schedule:
        return Schedule(self.epochs, self.batch_size, self.lr, self.decay, self.weight_decay)

    def fit(
        self,
        maps: MapStore,
        records: Records,
        member: Mapping[str, bool],
        *,
        seed: int,
        on_epoch: OnEpoch | None = None,
    ) -> FittedNetwork:
        answers = self._membership(maps, records, member)
        labels = torch.from_numpy(answers).float()
        ids = np.array(records.ids)
        generator = np.random.default_rng(seed)
        kept, held = _held_out(np.array(records.units), self.holdout, generator)
        if min(answers[kept].sum(), (~answers[kept]).sum()) < MIN_SIDE:
            raise InputError(f"{self.name}: holdout={self.holdout} leaves too few records")

        kind = self.inputs if self.answers == "soft" else "labels"

        def inputs(rows: Rows) -> Tensor:
            return map_inputs(maps.pixels(ids[rows].tolist()), kind, self.with_truth)

        parts = [kept[i : i + _BATCH] for i in range(0, len(kept), _BATCH)]
        mean, scale = channel_moments(inputs(part) for part in parts)
        wide_mean, wide_scale = mean[:, None, None], scale[:, None, None]

        def batch(rows: Rows, draws: np.random.Generator) -> Tensor:
            chosen = (inputs(kept[rows]) - wide_mean) / wide_scale
            return flipped(chosen, draws) if self.flips else chosen

        def accuracy(module: nn.Module) -> float:
            with torch.no_grad():
                logits = module((inputs(held) - wide_mean) / wide_scale).squeeze(1)
            return float(((logits > 0) == (labels[held] > 0.5)).float().mean())

        with seeded(seed):
            module = attack_network(len(mean), self.width)
            history = train(
                module,
                batch,
                labels[kept],
                self._schedule,
                generator,
                held_out=accuracy if len(held) else None,
                on_epoch=on_epoch,
            )
        return FittedNetwork(
            card=self.info,
            settings={
                "with_truth": self.with_truth,
                "inputs": kind,
                "channels": len(mean),
                "width": self.width,
            },
            arrays=module_arrays(module, mean=mean, scale=scale),
            history=history,
        )


def _held_out(
    units: NDArray[np.str_], share: float, generator: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows to train on and rows held out; the records of a subject stay together."""
    known = np.unique(units)
    chosen = generator.permutation(known)[: round(share * len(known))]
    held = np.isin(units, chosen)
    return np.flatnonzero(~held), np.flatnonzero(held)


def flipped(maps: Tensor, generator: np.random.Generator) -> Tensor:
    """Each of b maps mirrored left-right and up-down, each with probability one half."""
    for axis in (1, 2):
        chosen = torch.from_numpy(generator.random(len(maps)) < 0.5)
        maps = torch.where(chosen[:, None, None, None], maps.flip(axis + 1), maps)
    return maps


@dataclass(frozen=True, kw_only=True)
class TypeINetwork(_Network):
    """Sees the prediction only."""

    with_truth: ClassVar[bool] = False
    card: ClassVar[SignalInfo] = SignalInfo(
        name="type-i-network",
        title="Type-I (network)",
        unit="logit",
        members_are="higher",
        needs_truth=False,
        learned=True,
        summary="ResNet over the predicted map, learned on a shadow",
        source="Chobola 2022, arXiv:2212.01082",
    )


@dataclass(frozen=True, kw_only=True)
class TypeIINetwork(_Network):
    """Sees the prediction and the truth."""

    with_truth: ClassVar[bool] = True
    card: ClassVar[SignalInfo] = SignalInfo(
        name="type-ii-network",
        title="Type-II (network)",
        unit="logit",
        members_are="higher",
        learned=True,
        summary="ResNet over the predicted map and the truth, learned on a shadow",
        source="Chobola 2022, arXiv:2212.01082",
    )

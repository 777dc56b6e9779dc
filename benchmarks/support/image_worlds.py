"""Audits of real images by targets that were trained on neither side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from .score_worlds import reason_of

NETWORK = {"network": "tiny", "loss": "dice+ce", "lr": 0.01}


class Labels(torch.nn.Module):
    """A network that answers with the most likely label of each pixel, and nothing else."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.network(images).argmax(dim=1)


def in_memory(records: Any) -> Any:
    """The same records, each read once."""
    import pixleak

    held = [(one.image, one.truth) for one in records]
    return pixleak.Records(records.keys, held.__getitem__, records.truth)


def targets_and_others(
    records: Any, epochs: tuple[int, ...], trained_on: int, folder: Path
) -> list[tuple[Any, list[str]]]:
    """Networks trained on random records, by their epochs; with each the ids of all others."""
    from pixleak.training.checkpoint import load_network
    from pixleak.training.jobs import TrainingJob, train_all
    from pixleak.training.recipe import Recipe

    orders = [
        np.random.default_rng(seed).permutation(np.array(records.ids)).tolist()
        for seed in range(len(epochs))
    ]
    jobs = [
        TrainingJob(
            f"target-{seed}",
            Recipe(**NETWORK, epochs=epochs[seed]),
            records.select(order[:trained_on]),
            seed,
            folder / f"target-{seed}.safetensors",
        )
        for seed, order in enumerate(orders)
    ]
    train_all(jobs, workers=1)
    return [
        (load_network(job.path), order[trained_on:])
        for job, order in zip(jobs, orders, strict=True)
    ]


def audited(
    records: Any, model: Any, others: list[str], side: int, access: str, seed: int
) -> dict[str, Any]:
    """The verdict of one audit of two random sets of records that the target never saw."""
    import pixleak
    from pixleak.request.parts import Run

    ids = np.random.default_rng([seed, side]).permutation(np.array(others))[: 2 * side].tolist()
    report = pixleak.audit(
        Labels(model) if access == "label" else model,
        records.select(ids[:side]),
        records.select(ids[side:]),
        access=access,
        seed=seed,
        out=Run(exhibits=0),
    )
    reason = reason_of(report.verdict)
    if reason == "a control of the split failed":
        failed = [one.title for one in report.controls if one.passed is False]
        reason = f"control failed: {failed[0]}"
    return {"answer": report.verdict.answer, "reason": reason}

"""Pictures of a generator's answers during its training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor, nn

from pixleak.core.disk.whole_files import replaced
from pixleak.records.base import Records

SHOWN = 4
"""How many records are shown."""

_GAP, _HEAD, _LEAST = 4, 16, 64


def shown_epochs(epochs: int) -> tuple[int, ...]:
    """The epochs after which answers are kept: the first, each quarter of them, and the last.

    Example:
        >>> shown_epochs(40), shown_epochs(2)
        ((1, 10, 20, 30, 40), (1, 2))
    """
    return tuple(sorted({1, *(max(1, round(epochs * q / 4)) for q in (1, 2, 3, 4))}))


def answers_now(module: nn.Module, records: Records, device: torch.device) -> Tensor:
    """(n, c, h, w) answers on the first records; mode and random generators stay as they are."""
    images = records.batch(range(min(SHOWN, len(records)))).images
    training = module.training
    others = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=others), torch.no_grad():
        answers: Tensor = module.eval()(images.to(device)).detach().cpu()
    module.train(training)
    return answers


def save_sheet(path: Path, records: Records, answers: Mapping[int, Tensor]) -> None:
    """A contact sheet, one row per record: its input, the truth, and the answer after some epochs.

    Args:
        path: a PNG.
        records: that were trained on.
        answers: epoch -> (n, c, h, w).
    """
    batch = records.batch(range(min(SHOWN, len(records))))
    columns = [("input", batch.images), ("truth", batch.truths)]
    columns += [(f"epoch {epoch}", answers[epoch]) for epoch in sorted(answers)]
    height, width = batch.images.shape[-2:]
    factor = max(1, -(-_LEAST // min(height, width)))
    height, width = height * factor, width * factor
    sheet = Image.new(
        "RGB",
        (len(columns) * (width + _GAP) + _GAP, len(batch.ids) * (height + _GAP) + _HEAD + _GAP),
        "white",
    )
    draw = ImageDraw.Draw(sheet)
    for column, (title, images) in enumerate(columns):
        left = _GAP + column * (width + _GAP)
        draw.text((left, 2), title, fill="black")
        for row, image in enumerate(images):
            picture = Image.fromarray(as_picture(image)).convert("RGB")
            picture = picture.resize((width, height), Image.Resampling.NEAREST)
            sheet.paste(picture, (left, _HEAD + row * (height + _GAP)))
    with replaced(path) as temporary:
        sheet.save(temporary, "PNG", optimize=True)


def as_picture(image: Tensor) -> NDArray[np.uint8]:
    """An image as bytes to view, (h, w) or (h, w, 3); one-hot label maps become grey levels.

    Args:
        image: (c, h, w).
    """
    shown: NDArray[np.float64] = image.detach().cpu().double().numpy()
    if len(shown) == 0:  # a record of which only the prediction was saved
        return np.zeros(shown.shape[1:], dtype=np.uint8)
    if len(shown) not in (1, 3):
        shown = shown.argmax(axis=0)[None] / max(len(shown) - 1, 1)
    low, high = float(shown.min()), float(shown.max())
    if low < 0 or high > 1:  # the reader's own intensity window: stretch it
        shown = (shown - low) / max(high - low, 1e-6)
    levels = np.round(255 * shown.clip(0, 1)).astype(np.uint8)
    return levels[0] if len(levels) == 1 else np.ascontiguousarray(np.moveaxis(levels, 0, -1))

"""The training functions that the how-to page shows train models, in the frameworks they name."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import torch

from doc_blocks import blocks_of
from pixleak.testing.worlds.records import bright_squares
from pixleak.training import TrainingFunction

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "train-my-own.md"
FILES = {block.file: block.code for block in blocks_of(PAGE) if block.file is not None}
PACKAGES = {"train.py": "torch", "with_lightning.py": "lightning", "with_monai.py": "monai"}
"""File of the page -> the package that it needs."""


def test_the_page_shows_these_files() -> None:
    assert set(FILES) == set(PACKAGES)


@pytest.mark.parametrize("name", PACKAGES)
@pytest.mark.filterwarnings("ignore::Warning")  # of packages of others, which vary by version
def test_a_training_function_of_the_page_learns(name: str, tmp_path: Path) -> None:
    package = PACKAGES[name]
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    (tmp_path / name).write_text(FILES[name], encoding="utf-8")
    records = bright_squares(8, (16, 16))
    method = TrainingFunction(function=f"{tmp_path / name}:train", options={"epochs": 12})
    trained = method.train(records, seed=1)
    method.save(trained, records, tmp_path / "w.safetensors")
    module = method.load(tmp_path / "w.safetensors")
    twin = method.untrained_twin(lambda: module, 1, records.truth, (16, 16), 2)
    assert isinstance(twin, torch.nn.Module)
    batch = records.batch(range(8))
    with torch.no_grad():
        right, before = (
            (one.eval()(batch.images).argmax(dim=1) == batch.truths).float().mean()
            for one in (module, twin)
        )
    assert right > 0.85
    assert right > before

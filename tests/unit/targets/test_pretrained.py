"""Folders of transformers are audited with their own processor, semantic and universal ones."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.nn import functional

import pixleak
from pixleak.core.access import Access
from pixleak.core.errors import InputError, MissingExtraError
from pixleak.core.truth import LabelTruth
from pixleak.targets.base import Target
from tiny_transformers import tiny_mask2former, tiny_segformer

transformers = pytest.importorskip("transformers")
IMAGES = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def test_logits_of_another_size_are_resized_and_the_processor_is_asked(tmp_path: Path) -> None:
    folder = tiny_segformer(transformers, tmp_path / "m")
    processor = transformers.SegformerImageProcessor(size={"height": 16, "width": 16})
    processor.save_pretrained(folder)
    target = pixleak.targets.HuggingFace(folder).open(LabelTruth(2), Access.LOGIT)
    model = transformers.SegformerForSemanticSegmentation.from_pretrained(folder).eval()
    made = processor(images=list(IMAGES), do_rescale=False, return_tensors="pt")["pixel_values"]
    assert made.shape == (2, 3, 16, 16)
    with torch.no_grad():
        expected = functional.interpolate(model(made).logits, (32, 32), mode="bilinear")
    torch.testing.assert_close(target.predict(IMAGES).values, expected)
    assert isinstance(target.untrained(3), Target)


def test_universal_models_are_reduced_as_transformers_does(tmp_path: Path) -> None:
    folder = tiny_mask2former(transformers, tmp_path / "m")
    target = pixleak.targets.HuggingFace(folder).open(LabelTruth(2), Access.PROBABILITY)
    model = transformers.Mask2FormerForUniversalSegmentation.from_pretrained(folder).eval()
    with torch.no_grad():
        answer = model(pixel_values=IMAGES)
    scores = torch.zeros(2, 2, *answer.masks_queries_logits.shape[-2:])
    for q in range(5):  # the slow twin
        chances = answer.class_queries_logits[:, q].softmax(dim=1)
        mask = answer.masks_queries_logits[:, q].sigmoid()
        for c in range(2):
            scores[:, c] += chances[:, c, None, None] * mask
    logits = functional.interpolate(scores.log(), (32, 32), mode="bilinear")
    torch.testing.assert_close(
        target.predict(IMAGES).values, logits.softmax(dim=1), rtol=1e-4, atol=1e-5
    )


def test_mistakes_are_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"holds no config\.json"):
        pixleak.targets.HuggingFace(tmp_path).open(LabelTruth(2), Access.LOGIT)
    folder = tiny_segformer(transformers, tmp_path / "m")
    with pytest.raises(InputError, match="has 2 labels, the records 3 classes"):
        pixleak.targets.HuggingFace(folder).open(LabelTruth(3), Access.LOGIT)
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(MissingExtraError, match="huggingface"):
        pixleak.targets.HuggingFace(folder).open(LabelTruth(2), Access.LOGIT)

"""Models that ``save_pretrained`` of transformers wrote, with their own image processor.

Semantic models answer with logits, at a size of their own. Universal ones, such as Mask2Former,
answer with queries q, each a class (or "no object") and a mask; they are reduced
by the documented rule of semantic segmentation::

    s_c(j) = sum_q softmax(class logits_q)_c  sigmoid(mask logits_q(j))      without "no object"

whose logarithm is taken for a logit: probabilities are then ``s_c / sum_c s_c``. Both are resized
bilinearly to the image.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from pixleak.core.access import Access
from pixleak.core.errors import InputError, require, told
from pixleak.core.truth import ImageTruth, Truth
from pixleak.targets.base import Target, Untwinned
from pixleak.targets.module import TWIN, ModuleTarget
from pixleak.targets.restricted import restricted

_SMALLEST = 1e-12  # of a class score, so that its logarithm is finite


class WithProcessor(nn.Module):
    """Processor, model and reduction to logits of the classes.

    Args:
        model: of transformers.
        processor: turns (c, h, w) images of 0 to 1 into the model's inputs; None: they are these.
    """

    def __init__(self, model: nn.Module, processor: Any | None) -> None:
        super().__init__()
        self.model, self.processor = model, processor

    def forward(self, images: Tensor) -> Tensor:
        inputs = images
        if self.processor is not None:
            given = [one.cpu() for one in images]
            # Records are in 0..1 already, whatever the processor does to bytes.
            made = self.processor(images=given, do_rescale=False, return_tensors="pt")
            inputs = made["pixel_values"].to(images.device)
        logits = class_logits(self.model(pixel_values=inputs))
        size = images.shape[-2:]
        if logits.shape[-2:] == size:
            return logits
        return functional.interpolate(logits, size=size, mode="bilinear", align_corners=False)


def class_logits(answer: Any) -> Tensor:
    """(b, K, h, w) logits of an answer of a semantic or a universal model.

    Raises:
        InputError: it is none.

    Example:
        One query that is surely class 1 of two, with a mask of one half:

        >>> from types import SimpleNamespace
        >>> answer = SimpleNamespace(
        ...     class_queries_logits=torch.tensor([[[0.0, 99.0, 0.0]]]),
        ...     masks_queries_logits=torch.zeros(1, 1, 1, 1),
        ... )
        >>> [round(score, 3) for score in class_logits(answer).exp()[0, :, 0, 0].tolist()]
        [0.0, 0.5]
    """
    classes = getattr(answer, "class_queries_logits", None)
    masks = getattr(answer, "masks_queries_logits", None)
    if isinstance(classes, Tensor) and isinstance(masks, Tensor):
        chances = classes.softmax(dim=-1)[..., :-1]
        scores = torch.einsum("bqc,bqhw->bchw", chances, masks.sigmoid())
        return scores.clamp_min(_SMALLEST).log()
    logits = getattr(answer, "logits", None)
    if isinstance(logits, Tensor) and logits.ndim == 4:
        return logits
    raise InputError(
        f"the model answers with a {type(answer).__name__}, which holds neither logits (images, "
        "classes, height, width) nor queries of classes and masks: it is no model of segmentation"
    )


class PretrainedTarget(ModuleTarget):
    """A model of transformers, recognised by its weights, its processor and its answers."""

    def _digests(self) -> dict[str, str]:
        assert isinstance(self.module, WithProcessor)
        processor = self.module.processor
        told_of = "none" if processor is None else json.dumps(processor.to_dict(), default=repr)
        return super()._digests() | {"processor": told_of}

    def untrained(self, seed: int) -> Target | Untwinned:
        given = self.module
        assert isinstance(given, WithProcessor)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            try:
                fresh = type(given.model)(given.model.config)
            except Exception as error:  # whatever the model's class raises
                return Untwinned(f"the model cannot be made from its configuration: {told(error)}")
        twin = WithProcessor(fresh.eval(), given.processor)
        return PretrainedTarget(twin, self.truth, self.access, name=TWIN, device=self.device)


def huggingface_target(folder: Path, truth: Truth, access: Access, device: str) -> Target:
    """The model of a folder; nothing is downloaded.

    Raises:
        InputError: there is no such folder, or it holds no model of segmentation of these classes.
        MissingExtraError: transformers is not installed.
    """
    transformers = require("transformers", extra="huggingface", why="models of transformers")
    if not (folder / "config.json").is_file():
        raise InputError(
            f"{folder} holds no config.json; give a folder that save_pretrained wrote (nothing is "
            "downloaded)"
        )
    if isinstance(truth, ImageTruth):
        raise InputError(f"{folder}: models of transformers are audited as segmenters here")
    try:
        config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
        names = config.architectures or []
        universal = any("Universal" in one or "InstanceSeg" in one for one in names)
        kind = "Universal" if universal else "Semantic"
        auto = getattr(transformers, f"AutoModelFor{kind}Segmentation")
        model = auto.from_pretrained(folder, local_files_only=True)
        processor = None
        if (folder / "preprocessor_config.json").is_file():
            processor = transformers.AutoImageProcessor.from_pretrained(
                folder, local_files_only=True
            )
    except Exception as error:  # of many classes
        raise InputError(f"{folder} cannot be loaded by transformers: {told(error)}") from error
    if model.config.num_labels != truth.classes:
        raise InputError(
            f"{folder} has {model.config.num_labels} labels, the records {truth.classes} classes; "
            "both must be equal"
        )
    module = WithProcessor(model.eval(), processor)
    target = PretrainedTarget(module, truth, Access.LOGIT, name=folder.name, device=device)
    return restricted(target, access)

"""Adapters: images as the model takes them, answers as pixleak reads them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import pixleak
from pixleak.core.access import Access
from pixleak.core.errors import InputError
from pixleak.core.truth import ImageTruth, LabelTruth
from pixleak.pipeline.plan.build import open_existing
from pixleak.request.target import TargetModel
from pixleak.targets.adapter import InputAdapter, OutputAdapter

COLOUR = torch.tensor([0.2, 0.5, 0.9])[None, :, None, None].expand(2, 3, 4, 4)


def test_images_are_scaled_then_normalised_by_channel() -> None:
    adapter = InputAdapter(range=(0, 255), mean=(51, 127.5, 0), std=(1, 2, 255), channels=(0, 1, 2))
    seen = adapter.applied(COLOUR)
    assert seen[0, :, 0, 0].tolist() == pytest.approx([0.0, 0.0, 0.9], abs=1e-5)
    assert InputAdapter(channels=(2, 1, 0)).applied(COLOUR)[0, :, 0, 0].tolist() == pytest.approx(
        [0.9, 0.5, 0.2]
    )
    assert torch.equal(InputAdapter().applied(COLOUR), COLOUR)


def test_answers_are_taken_out_activated_and_resized() -> None:
    small = torch.tensor([[[[0.0]], [[np.log(3.0)]]]])
    adapter = OutputAdapter(key="logits", index=1, activation="softmax", resize="nearest")
    values = adapter.applied({"logits": [None, small]}, LabelTruth(2), (2, 3), "net")
    assert isinstance(values, torch.Tensor)
    assert values.shape == (1, 2, 2, 3)
    assert values[0, :, 0, 0].tolist() == pytest.approx([0.25, 0.75])
    labels = OutputAdapter(activation="argmax").applied(small, LabelTruth(2), (1, 1), "net")
    assert isinstance(labels, torch.Tensor)
    assert labels.tolist() == [[[1.0]]]
    tanh = OutputAdapter(range=(-1, 1)).applied(-torch.ones(1, 1, 2, 2), ImageTruth(1), (2, 2), "g")
    assert isinstance(tanh, torch.Tensor)
    assert not tanh.any()
    assert OutputAdapter(range=(-1, 1)).undone(torch.ones(1), ImageTruth(1)).tolist() == [1.0]


@pytest.mark.parametrize(
    ("side", "given", "told"),
    [
        ("input", {"range": [1, 0]}, "range must ascend"),
        ("input", {"range": [0, 1], "scale": 2}, "not both"),
        ("input", {"scale": 0}, "makes all images alike"),
        ("input", {"std": 0}, "std must be above 0"),
        ("input", {"mean": float("nan")}, "mean"),
        ("input", {"meen": 0.5}, "did you mean 'mean'"),
        ("output", {"range": [1, 1]}, "range must ascend"),
        ("output", {"activation": "relu"}, "activation"),
        ("output", {"channels": []}, "channels"),
        ("output", {"channels": [-1]}, "channels"),
    ],
)
def test_adapters_that_cannot_be_meant_are_refused(side: str, given: Any, told: str) -> None:
    with pytest.raises(InputError, match=told):
        TargetModel(model=nn.Identity(), **{side: given})


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"input": {"mean": [1, 2]}}, "has 2 numbers, but the images have 3 channels"),
        ({"input": {"channels": [3]}}, "names channel 3"),
        ({"output": {"channels": [5]}}, "names channel 5"),
        ({"output": {"key": "mask"}}, "'mask' was asked for"),
        ({"output": {"index": 0}}, "goes with a list or tuple"),
    ],
)
def test_adapters_that_do_not_fit_say_so(given: Any, told: str) -> None:
    target = open_existing(TargetModel(model=nn.Identity(), **given), LabelTruth(3), 0).target
    with pytest.raises(InputError, match=told):
        target.predict(COLOUR)


def test_the_untrained_twin_is_asked_in_the_same_way() -> None:
    adapted = TargetModel(model=nn.Conv2d(3, 2, 1), input={"scale": 2.0})
    given = open_existing(adapted, LabelTruth(2), 0)
    assert given.untrained is not None
    assert given.untrained.adapter == given.target.adapter
    module = adapted.model
    assert torch.allclose(given.target.predict(COLOUR).values, module(2 * COLOUR).detach())
    assert given.target.access is Access.LOGIT


def test_a_model_that_is_trained_here_takes_no_adapter() -> None:
    with pytest.raises(InputError, match="adapts a model that exists already"):
        TargetModel(training=pixleak.Recipe(network="tiny"), input={"scale": 2})

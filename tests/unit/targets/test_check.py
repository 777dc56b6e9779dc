"""Every answer that is not what was declared gets its sentence; every good one passes."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch import Tensor

from pixleak.core.access import Access
from pixleak.core.errors import InputError
from pixleak.core.truth import ImageTruth, LabelTruth
from pixleak.targets.check import checked

B, H, W = 3, 4, 5
IMAGES = torch.zeros(B, 1, H, W)
IDS = ("a", "b", "c")
BINARY, MULTI = LabelTruth(2), LabelTruth(4)
LOGIT, PROBABILITY, LABEL = Access.LOGIT, Access.PROBABILITY, Access.LABEL


def logits(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0)) * 3


def probabilities(*shape: int) -> Tensor:
    return logits(*shape).softmax(dim=1)


def check(answer: object, access: Access, truth: LabelTruth | ImageTruth = MULTI) -> Tensor:
    return checked(answer, IMAGES, truth, access, "net", IDS)


def refused(answer: object, access: Access, truth: LabelTruth | ImageTruth, sentence: str) -> None:
    with pytest.raises(InputError, match=re.escape(sentence)):
        check(answer, access, truth)


@pytest.mark.parametrize(
    ("answer", "access", "truth", "shape"),
    [
        (logits(B, 4, H, W), LOGIT, MULTI, (B, 4, H, W)),
        (logits(B, 2, H, W), LOGIT, BINARY, (B, 2, H, W)),
        (logits(B, 1, H, W), LOGIT, BINARY, (B, 1, H, W)),
        (logits(B, H, W), LOGIT, BINARY, (B, 1, H, W)),
        (probabilities(B, 4, H, W), PROBABILITY, MULTI, (B, 4, H, W)),
        (probabilities(B, 4, H, W).half(), PROBABILITY, MULTI, (B, 4, H, W)),
        (logits(B, H, W).sigmoid(), PROBABILITY, BINARY, (B, 1, H, W)),
        (logits(B, 4, H, W).argmax(1), LABEL, MULTI, (B, H, W)),
        (logits(B, 4, H, W).argmax(1, keepdim=True), LABEL, MULTI, (B, H, W)),
        (logits(B, 4, H, W).argmax(1).float(), LABEL, MULTI, (B, H, W)),
        (logits(B, H, W) > 0, LABEL, BINARY, (B, H, W)),
        (logits(B, 3, H, W), LABEL, ImageTruth(3), (B, 3, H, W)),
    ],
)
def test_passes_what_was_declared(
    answer: Tensor, access: Access, truth: LabelTruth | ImageTruth, shape: tuple[int, ...]
) -> None:
    values = check(answer, access, truth)
    assert values.shape == shape
    labels = access is LABEL and isinstance(truth, LabelTruth)
    assert values.dtype == (torch.int64 if labels else torch.float32)
    assert torch.equal(values.double(), answer.float().double().reshape(shape))
    assert torch.equal(values, check(answer.float().numpy(), access, truth))


@pytest.mark.parametrize("key", ["out", "logits"])
def test_takes_the_prediction_out_of_a_mapping(key: str) -> None:
    answer = logits(B, 4, H, W)
    assert torch.equal(check({"aux": None, key: answer}, LOGIT), answer)


def test_answer_is_a_copy_that_can_be_trained_on() -> None:
    with torch.inference_mode():
        answer = logits(B, 4, H, W)
    values = check(answer, LOGIT)
    weight = torch.ones(1, requires_grad=True)
    (values * weight).sum().backward()
    buffer = np.asarray(answer).copy()
    values = check(buffer, LOGIT)
    buffer[:] = 0
    assert torch.equal(values, answer)


def with_value(answer: Tensor, value: float) -> Tensor:
    answer = answer.clone()
    answer[1, ..., 2, 3] = value
    return answer


def test_refuses_nan_and_infinity_by_record() -> None:
    for access, good in ((LOGIT, logits(B, 4, H, W)), (PROBABILITY, probabilities(B, 4, H, W))):
        refused(with_value(good, np.nan), access, MULTI, "'net' answered with NaN on record 'b'")
        for infinite in (np.inf, -np.inf):
            refused(
                with_value(good, infinite), access, MULTI, "with an infinite value on record 'b'"
            )
    labels = logits(B, 4, H, W).argmax(1).float()
    refused(with_value(labels, np.nan), LABEL, MULTI, "NaN on record 'b'")
    refused(with_value(logits(B, 3, H, W), np.nan), LOGIT, ImageTruth(3), "NaN on record 'b'")
    # Too large for single precision is infinite too.
    refused(with_value(logits(B, 4, H, W).double(), 1e300), LOGIT, MULTI, "infinite value")


def test_names_the_position_where_there_are_no_ids() -> None:
    with pytest.raises(InputError, match="NaN on image 1 of the batch"):
        checked(with_value(logits(B, 4, H, W), np.nan), IMAGES, MULTI, LOGIT, "net", None)


@pytest.mark.parametrize(
    ("shape", "access", "truth", "sentence"),
    [
        (
            (B, 3, H, W),
            LOGIT,
            MULTI,
            "shape (3, 3, 4, 5) for 'a' and those after it, expected (3, 4, 4, 5)",
        ),
        (
            (B, 3, H, W),
            LOGIT,
            BINARY,
            "expected (3, 2, 4, 5) or (3, 1, 4, 5); the number of channels",
        ),
        ((B, 1, H, W), LOGIT, MULTI, "the number of channels must match"),
        ((B, H, W), LOGIT, MULTI, "expected (3, 4, 4, 5)"),
        ((2, 4, H, W), LOGIT, MULTI, "one answer for each of the 3 images"),
        ((), LOGIT, MULTI, "shape ()"),
        ((B, 4, 2, 2), LOGIT, MULTI, "the image's height and width, 4 x 5: resize it"),
        ((B, 4, W, H), LOGIT, MULTI, "channels must come before height and width"),
        (
            (B, 4, H, W),
            LABEL,
            MULTI,
            "shape (3, 4, 4, 5) for 'a' and those after it, expected (3, 4, 5)",
        ),
        ((B, 1, H, W), LABEL, ImageTruth(3), "expected (3, 3, 4, 5)"),
    ],
)
def test_refuses_wrong_shapes(
    shape: tuple[int, ...], access: Access, truth: LabelTruth | ImageTruth, sentence: str
) -> None:
    refused(torch.zeros(shape), access, truth, sentence)


def test_refuses_logits_declared_as_probabilities() -> None:
    answer = probabilities(B, 4, H, W)
    answer[1] = logits(4, H, W)
    refused(answer, PROBABILITY, MULTI, "on record 'b' its values lie in")
    refused(answer, PROBABILITY, MULTI, "these look like logits: set target.access to logit")
    refused(logits(B, H, W), PROBABILITY, BINARY, "these look like logits")


def test_refuses_probabilities_that_do_not_sum_to_one() -> None:
    answer = probabilities(B, 4, H, W)
    answer[2, :, 0, 0] *= 0.9
    refused(answer, PROBABILITY, MULTI, "on record 'c' they do not sum to one over the 4 classes")
    refused(answer, PROBABILITY, MULTI, "(sum 0.9)")
    refused(logits(B, 4, H, W).sigmoid(), PROBABILITY, MULTI, "not a sigmoid")


def test_rounding_of_half_precision_is_no_mistake() -> None:
    answer = torch.tensor([1.00005, -0.00005])[None, :, None, None].expand(B, 2, H, W)
    values = check(answer, PROBABILITY, BINARY)
    assert values.min() == 0
    assert values.max() == 1


def test_refuses_probabilities_declared_as_logits() -> None:
    sentence = "look like probabilities (all in 0..1 and summing to one over the classes)"
    refused(probabilities(B, 4, H, W), LOGIT, MULTI, sentence)
    one_channel = torch.linspace(0.01, 0.99, B * H * W).reshape(B, H, W)
    refused(one_channel, LOGIT, BINARY, "look like probabilities")


def test_small_positive_logits_are_logits() -> None:
    check(torch.full((B, 4, H, W), 0.3), LOGIT, MULTI)
    check(torch.full((B, 1, H, W), 0.3), LOGIT, BINARY)


def test_refuses_labels_outside_the_classes() -> None:
    labels = logits(B, 4, H, W).argmax(1)
    sentence = "answered with label 255 on record 'b', which is none of the 4 classes (0..3)"
    refused(with_value(labels, 255), LABEL, MULTI, sentence)
    refused(with_value(labels, -1), LABEL, MULTI, "label -1 on record 'b'")
    refused(with_value(labels.float(), 0.5), LABEL, MULTI, "on record 'b' are not whole numbers")


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (None, "NoneType"),
        ((logits(B, 4, H, W),), "tuple"),
        ([[1.0]], "list"),
        (np.array(["x"]), "ndarray of <U1"),
        (torch.zeros(B, 4, H, W, dtype=torch.complex64), "Tensor of torch.complex64"),
        ({"aux": 1}, "a mapping of 'aux'; the prediction must be under 'out' or 'logits'"),
        ({}, "a mapping of nothing"),
    ],
)
def test_refuses_what_is_no_tensor(answer: object, what: str) -> None:
    refused(answer, LOGIT, MULTI, what)

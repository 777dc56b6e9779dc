"""Arrays that callers give."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pixleak.core.errors import InputError
from pixleak.core.plain_arrays import booleans, real_numbers


def test_a_tensor_that_remembers_its_gradient_is_taken() -> None:
    given = torch.tensor([1.0, 2.0], requires_grad=True)
    assert real_numbers(given, "scores").tolist() == [1.0, 2.0]


def test_the_callers_array_is_copied() -> None:
    given = np.array([1.0, 2.0])
    real_numbers(given, "scores")[0] = 9
    assert given.tolist() == [1.0, 2.0]


def test_none_is_not_measured() -> None:
    assert np.isnan(real_numbers([None, 1], "target")[0])


@pytest.mark.parametrize(
    "given", [[1j], ["1"], np.array(["2020-01-01"], dtype="datetime64[D]"), {1: 2}, [[1], [1, 2]]]
)
def test_what_is_no_real_number_is_refused(given: object) -> None:
    with pytest.raises(InputError, match=r"^scores must be"):
        real_numbers(given, "scores")


@pytest.mark.parametrize("given", [[2, 0], ["true"], [0.5, 1.0], [None, True], [float("nan")]])
def test_what_is_not_true_or_false_is_refused(given: object) -> None:
    with pytest.raises(InputError, match="member must hold booleans"):
        booleans(given, "member")

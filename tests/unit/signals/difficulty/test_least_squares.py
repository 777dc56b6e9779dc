"""The exact shortcut against scipy and scikit-learn on the full design."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.linalg import lstsq
from sklearn.linear_model import Ridge
from torch import Tensor

from pixleak.core.errors import InputError
from pixleak.signals.difficulty import least_squares
from pixleak.signals.difficulty.least_squares import (
    RCOND,
    Design,
    drawn_folds,
    drawn_share,
    least_norm,
    mirrored_weights,
    penalty_of,
    ridge_error,
    split_error,
)


def maps(seed: int, *shapes: tuple[int, int, int]) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator).relu() for shape in shapes]


def by_scipy(columns: Tensor, targets: Tensor, fitted: Tensor) -> float:
    inside, outside = fitted.numpy(), ~fitted.numpy()
    given, wanted = columns[inside].numpy(), targets[inside].numpy()
    centre, level = given.mean(axis=0), wanted.mean(axis=0)
    weights = lstsq(given - centre, wanted - level, cond=RCOND)[0]
    predicted = (columns[outside].numpy() - centre) @ weights + level
    return float(np.abs(predicted - targets[outside].numpy()).mean())


SHAPES = {
    "more positions than features": [(6, 8, 8), (5, 4, 4)],
    "fewer": [(96, 8, 8), (40, 4, 4)],
    "odd sizes": [(7, 9, 11), (30, 5, 3), (12, 3, 2)],
    "one channel": [(1, 12, 12)],
    "wide and coarse": [(4, 8, 8), (64, 4, 4), (128, 2, 2)],
    "one pixel": [(3, 8, 8), (9, 1, 1)],
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("channels", [1, 3])
def test_equal_to_least_squares_on_the_full_columns(name: str, channels: int) -> None:
    design = Design(maps(1, *SHAPES[name]), (12, 10))
    targets = torch.rand(120, channels, generator=torch.Generator().manual_seed(2)).double()
    fitted = drawn_share(120, 0.7, 0)
    expected = by_scipy(design.full(), targets, fitted)
    reduced = design.reduced()
    assert reduced.shape[1] <= sum(min(c, h * w) for c, h, w in SHAPES[name])
    assert split_error(reduced, targets, fitted) == pytest.approx(expected, rel=1e-6)
    assert split_error(design.full(), targets, fitted) == pytest.approx(expected, rel=1e-6)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 10_000),
    st.lists(
        st.tuples(st.integers(1, 20), st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=3
    ),
)
def test_equal_to_least_squares_whatever_the_shapes(
    seed: int, shapes: list[tuple[int, int, int]]
) -> None:
    design = Design(maps(seed, *shapes), (6, 7))
    targets = torch.rand(42, 2, generator=torch.Generator().manual_seed(seed)).double()
    fitted = drawn_share(42, 0.6, seed)
    # Of features that are all constant, what is fitted is rounding noise.
    assume(float(design.full()[fitted].std(dim=0).max()) > 1e-6)
    expected = by_scipy(design.full(), targets, fitted)
    assert split_error(design.reduced(), targets, fitted) == pytest.approx(expected, rel=1e-6)


def test_no_clear_gap_falls_back_to_singular_values(monkeypatch: pytest.MonkeyPatch) -> None:
    # Singular values all the way down to and across the cut-off.
    generator = torch.Generator().manual_seed(0)
    left, _ = torch.linalg.qr(torch.randn(40, 12, generator=generator).double())
    right, _ = torch.linalg.qr(torch.randn(12, 12, generator=generator).double())
    columns = left @ torch.diag(torch.logspace(0, -14, 12).double()) @ right
    targets = torch.rand(40, 1, generator=generator).double()
    asked = []
    real = least_squares._by_singular_values
    monkeypatch.setattr(
        least_squares, "_by_singular_values", lambda *a: asked.append(1) or real(*a)
    )
    weights = least_norm(columns, targets, RCOND)
    assert asked
    expected = torch.from_numpy(np.linalg.lstsq(columns.numpy(), targets.numpy(), rcond=RCOND)[0])
    assert torch.allclose(columns @ weights, columns @ expected, rtol=1e-5)


def test_of_least_norm() -> None:
    # x1 + x2 = 2 has the solution of least norm (1, 1), and a zero column gets no weight.
    columns = torch.tensor([[1.0, 1.0, 0.0], [2.0, 2.0, 0.0]]).double()
    weights = least_norm(columns, torch.tensor([[2.0], [4.0]]).double(), RCOND)
    assert torch.allclose(weights, torch.tensor([[1.0], [1.0], [0.0]]).double())
    assert least_norm(torch.zeros(3, 2).double(), torch.ones(3, 1).double(), RCOND).norm() == 0


def test_by_hand() -> None:
    # y = 2 x + 1 at x = 0, 1, 2; at x = 3 it is 8 instead of 7, at x = 4 it is 9: errors 1 and 0.
    columns = torch.tensor([[0.0], [1], [2], [3], [4]]).double()
    targets = torch.tensor([[1.0], [3], [5], [8], [9]]).double()
    fitted = torch.tensor([True, True, True, False, False])
    assert split_error(columns, targets, fitted) == pytest.approx(0.5)
    with pytest.raises(InputError, match="a share must be left"):
        split_error(columns, targets, torch.ones(5, dtype=torch.bool))


@pytest.mark.parametrize("name", SHAPES)
def test_ridge_equals_a_plain_loop_over_the_folds(name: str) -> None:
    design = Design(maps(3, *SHAPES[name]), (12, 10))
    targets = torch.rand(120, 3, generator=torch.Generator().manual_seed(4)).double()
    folds = drawn_folds(120, 5, 0)
    full, reduced = design.full(), design.reduced()
    penalty = penalty_of(design, reduced, 1e-2)
    assert penalty == pytest.approx(penalty_of(design, full, 1e-2), rel=1e-9)
    errors = []
    for fold in range(5):
        out = (folds == fold).numpy()
        model = Ridge(alpha=penalty).fit(full[~out].numpy(), targets[~out].numpy())
        errors.append(np.abs(model.predict(full[out].numpy()) - targets[out].numpy()))
    expected = float(np.concatenate(errors).mean())
    for columns in (reduced, full):
        assert ridge_error(columns, targets, folds, penalty=penalty) == pytest.approx(
            expected, rel=1e-6
        )


def test_constant_features_predict_the_mean() -> None:
    design = Design([torch.full((2, 1, 1), 0.37)], (6, 7))
    targets = torch.rand(42, 1, generator=torch.Generator().manual_seed(0)).double()
    fitted = drawn_share(42, 0.6, 0)
    expected = float((targets[~fitted] - targets[fitted].mean()).abs().mean())
    assert split_error(design.reduced(), targets, fitted) == pytest.approx(expected, rel=1e-12)


def test_flat_images_have_no_error() -> None:
    design = Design([torch.zeros(4, 3, 3)], (6, 6))
    targets = torch.full((36, 1), 0.3).double()
    fitted, folds = drawn_share(36, 0.7, 0), drawn_folds(36, 5, 0)
    columns = design.reduced()
    assert split_error(columns, targets, fitted) == pytest.approx(0, abs=1e-12)
    penalty = penalty_of(design, columns, 1e-3)
    assert ridge_error(columns, targets, folds, penalty=penalty) == pytest.approx(0, abs=1e-9)
    with pytest.raises(InputError, match="penalty > 0 and 2 folds"):
        ridge_error(columns, targets, folds, penalty=0.0)


def test_splits_are_seeded_and_even() -> None:
    assert torch.equal(drawn_folds(103, 5, 1), drawn_folds(103, 5, 1))
    assert not torch.equal(drawn_folds(103, 5, 1), drawn_folds(103, 5, 2))
    assert drawn_folds(103, 5, 1).bincount().tolist() == [21, 21, 21, 20, 20]
    assert int(drawn_share(3136, 0.7, 0).sum()) == 2195


def test_mirrored_interpolation_by_hand() -> None:
    # Two values on four cells: at -1/4, 1/4, 3/4 and 5/4; beyond the ends stands the other value.
    expected = [[0.75, 0.25], [0.75, 0.25], [0.25, 0.75], [0.25, 0.75]]
    assert mirrored_weights(2, 4).tolist() == expected
    assert mirrored_weights(1, 3).tolist() == [[1.0]] * 3
    assert torch.equal(mirrored_weights(5, 5), torch.eye(5, dtype=torch.float64))


@pytest.mark.parametrize(("size", "to"), [(28, 56), (7, 56), (14, 20), (3, 8)])
def test_mirrored_interpolation_is_that_of_scipy(size: int, to: int) -> None:
    stage = torch.rand(2, size, size, dtype=torch.float64)
    design = Design([stage], (to, to), mirrored=True)
    zoomed = [
        ndimage.zoom(one.numpy(), to / size, order=1, mode="mirror", grid_mode=True)
        for one in stage
    ]
    np.testing.assert_allclose(design.full().T.reshape(2, to, to), np.stack(zoomed), atol=1e-12)


def test_mirrored_columns_are_rotated_alike() -> None:
    stages = [torch.rand(20, 4, 4, dtype=torch.float64)]
    design = Design(stages, (8, 8), mirrored=True)
    full, reduced = design.full(), design.reduced()
    assert reduced.shape[1] == 16
    torch.testing.assert_close(full @ full.T, reduced @ reduced.T)

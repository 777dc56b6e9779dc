from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixleak.core.errors import InputError
from pixleak.records.splitting.membership import draw_membership


def _drawn(units: int, records_each: int, models: int, seed: int = 0):  # type: ignore[no-untyped-def]
    unit_of = {f"u{u}-{r}": f"u{u}" for u in range(units) for r in range(records_each)}
    return draw_membership(tuple(unit_of), unit_of, models, seed=seed)


@given(
    units=st.integers(2, 30),
    records_each=st.integers(1, 3),
    pairs=st.integers(1, 8),
    seed=st.integers(0, 1000),
)
def test_each_unit_is_in_exactly_half_of_the_models(
    units: int, records_each: int, pairs: int, seed: int
) -> None:
    drawn = _drawn(units, records_each, 2 * pairs, seed)
    assert (drawn.inside.sum(axis=0) == pairs).all()
    of_unit = drawn.inside.reshape(2 * pairs, units, records_each)
    assert (of_unit == of_unit[:, :, :1]).all()  # a unit is in a model as a whole
    sizes = of_unit[:, :, 0].sum(axis=1)
    assert set(sizes.tolist()) <= {units // 2, (units + 1) // 2}
    for model in range(2 * pairs):
        other = drawn.complement(model)
        assert (drawn.inside[model] != drawn.inside[other]).all()
        rest = [i for i in range(2 * pairs) if i not in (model, other)]
        # What is left says nothing about the model: every record is in exactly half of it.
        assert (drawn.inside[rest].sum(axis=0) == len(rest) / 2).all()


def test_more_models_keep_those_that_were_drawn() -> None:
    few, many = _drawn(20, 1, 4), _drawn(20, 1, 16)
    assert (many.inside[:4] == few.inside).all()
    assert many.models[:4] == few.models


def test_the_draw_follows_the_seed() -> None:
    assert (_drawn(20, 1, 4, 1).inside == _drawn(20, 1, 4, 1).inside).all()
    assert (_drawn(20, 1, 4, 1).inside != _drawn(20, 1, 4, 2).inside).any()


def test_ids_of_a_model() -> None:
    drawn = _drawn(4, 2, 2)
    assert set(drawn.of(0)) | set(drawn.of(1)) == set(drawn.ids)
    assert not set(drawn.of(0)) & set(drawn.of(1))


@pytest.mark.parametrize("models", [0, 1, 3, 258])
def test_a_pool_comes_in_pairs(models: int) -> None:
    with pytest.raises(InputError, match=f"even number of models from 2 to 256.*got {models}"):
        _drawn(4, 1, models)


def test_one_unit_cannot_be_halved() -> None:
    with pytest.raises(InputError, match="halves of the units, but there is 1"):
        _drawn(1, 5, 2)


def test_saved_as_a_table(tmp_path: Path) -> None:
    drawn = _drawn(3, 2, 4)
    drawn.save(tmp_path / "membership.csv")
    with (tmp_path / "membership.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == list(drawn.ids)
    assert [row["unit"] for row in rows] == list(drawn.units)
    read = np.array([[row[name] == "1" for row in rows] for name in drawn.models])
    assert (read == drawn.inside).all()

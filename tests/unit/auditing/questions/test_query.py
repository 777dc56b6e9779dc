"""One record against reference non-members whose errors are known."""

from __future__ import annotations

import pytest
import torch

import pixleak
from pixleak.core.errors import InputError
from pixleak.core.truth import ImageTruth
from pixleak.records.base import RecordKey, Records


def _errors(name: str, *errors: float) -> Records:
    """Records of which a model that answers with its input misses the truth by these errors."""
    image = torch.rand(1, 16, 16, generator=torch.Generator().manual_seed(0)) / 2
    return Records(
        [RecordKey(f"{name}-{i}") for i in range(len(errors))],
        lambda i: (image, image + errors[i]),
        ImageTruth(1),
        name,
    )


REFERENCES = _errors("reference", *(0.01 * k for k in range(1, 21)))


@pytest.mark.parametrize(
    ("error", "below", "answer"),
    [(0.005, 0, "unusual"), (0.015, 1, "not-unusual"), (0.105, 10, "not-unusual")],
)
def test_the_p_value_counts_the_references_with_a_lower_error(
    error: float, below: int, answer: str
) -> None:
    asked = pixleak.query(torch.nn.Identity(), _errors("mine", error), REFERENCES, difficulties=[])
    measured = asked.errors[0]
    assert measured.name == "l1-error"
    assert measured.value == pytest.approx(error, rel=1e-5)
    assert measured.above is not None
    assert (measured.above.successes, measured.above.trials) == (below, 20)
    assert measured.p_value == pytest.approx((1 + below) / 21)
    assert asked.answer == answer


def test_without_references_nothing_is_concluded() -> None:
    asked = pixleak.query(torch.nn.Identity(), _errors("mine", 0.001), difficulties=[])
    assert asked.answer == "cannot-tell"
    assert asked.errors[0].p_value is None


def test_too_few_references_for_the_level_are_said_to_be_too_few() -> None:
    few = REFERENCES.select(REFERENCES.ids[:9])
    asked = pixleak.query(torch.nn.Identity(), _errors("mine", 0.001), few, difficulties=[])
    assert asked.answer == "cannot-tell"
    assert "at least 19 are needed for a level of 0.05" in asked.sentence


def test_a_record_among_its_own_references_is_refused_and_a_copy_cautioned_against() -> None:
    mine = REFERENCES.select(REFERENCES.ids[:1])
    with pytest.raises(InputError, match="is itself among the reference non-members"):
        pixleak.query(torch.nn.Identity(), mine, REFERENCES, difficulties=[])
    record = mine[0]
    noise = 0.005 * torch.rand(record.truth.shape, generator=torch.Generator().manual_seed(0))
    copy = Records(mine.keys, lambda _: (record.image, record.truth + noise), mine.truth, "copy")
    asked = pixleak.query(torch.nn.Identity(), copy, REFERENCES, difficulties=[])
    assert any("very like it" in caution for caution in asked.cautions)

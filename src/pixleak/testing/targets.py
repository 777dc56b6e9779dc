"""Checks that a target, and a kind of target, keep their contracts.

For authors of targets, here and elsewhere::

    from pixleak.testing import check_target, check_target_kind

    def test_my_target():
        images = torch.rand(5, 1, 64, 64)
        check_target(MyTarget(...), images)
        check_target_kind(MyKind(address="..."), LabelTruth(2), Access.LOGIT, images)
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pixleak.core.access import Access
from pixleak.core.truth import Truth
from pixleak.targets.base import Target, Untwinned
from pixleak.targets.kind import TargetKind
from pixleak.testing.common import assert_kebab_case

TOLERANCE = 1e-4

SEED = 8_675_309
"""Of untrained twins; unlikely to be the seed that the target itself started from."""


def check_target(
    target: Target,
    images: Tensor,
    *,
    varies: bool = False,
    tolerance: float = TOLERANCE,
    ids: Sequence[str] | None = None,
) -> None:
    """Run every contract check of a target.

    Args:
        target: the target.
        images: (b, c, h, w) that it can answer, at least two.
        varies: whether its answers to one image differ, as a sampling generator's do.
        tolerance: relative and absolute, between the same image in different batches.
        ids: (b,) record ids, for targets that answer by them; such a one is asked with its ids.

    Raises:
        AssertionError: with the check that failed, and how.
        InputError: an answer is not what was declared.
    """
    assert len(images) >= 2, "the check needs at least two images"
    if ids is not None:
        target.expect(ids, ids)
    check_queries(target, images, varies, tolerance, ids)
    check_identity(target, images, varies, ids)
    check_twin(target, images)


def check_queries(
    target: Target,
    images: Tensor,
    varies: bool,
    tolerance: float,
    ids: Sequence[str] | None = None,
) -> None:
    """A query leaves nothing behind, and an answer depends on its own image alone."""
    name, before, state = target.name, images.clone(), torch.get_rng_state()
    values = target.predict(images, ids).values
    assert torch.equal(images, before), f"{name}: a query alters the images"
    assert torch.is_grad_enabled(), f"{name}: a query leaves gradients switched off"
    assert not values.requires_grad, f"{name}: an answer carries gradients"
    if varies:
        return
    assert torch.equal(torch.get_rng_state(), state), f"{name}: a query moves torch's generator"
    again = target.predict(images, ids).values
    assert torch.equal(again, values), f"{name}: asked again, it answers otherwise"
    alone = torch.cat(
        [target.predict(images[i : i + 1], _one(ids, i)).values for i in range(len(images))]
    )
    reverse = None if ids is None else list(ids)[::-1]
    backwards = target.predict(images.flip(0), reverse).values.flip(0)
    for other in (alone, backwards):
        close = torch.allclose(other.double(), values.double(), rtol=tolerance, atol=tolerance)
        assert close, f"{name}: an answer depends on the other images of the batch"


def _one(ids: Sequence[str] | None, i: int) -> Sequence[str] | None:
    return None if ids is None else [ids[i]]


def check_identity(
    target: Target, images: Tensor, varies: bool, ids: Sequence[str] | None = None
) -> None:
    """What identifies it is plain JSON, and the same when asked for again."""

    def identity() -> Any:
        answers = [target.predict(images[i : i + 1], _one(ids, i)).values for i in range(2)]
        found = target.identity(answers)
        return None if found is None else json.loads(json.dumps(dict(found)))

    first = identity()
    if first is not None and not varies:
        assert identity() == first, f"{target.name}: asked again, it has another identity"


def check_twin(target: Target, images: Tensor) -> None:
    """Its untrained twin gives away the same and follows from the seed; or there is a reason."""
    name, state = target.name, torch.get_rng_state()
    twin = target.untrained(SEED)
    assert torch.equal(torch.get_rng_state(), state), f"{name}: its twin moves torch's generator"
    if isinstance(twin, Untwinned):
        assert twin.reason.strip(), f"{name}: it says no reason why it has no twin"
        return
    same = (twin.truth, twin.access) == (target.truth, target.access)
    assert same, f"{name}: its untrained twin has another truth or access"
    again = target.untrained(SEED)
    assert isinstance(again, Target), f"{name}: it has an untrained twin only now and then"
    answers = [one.predict(images).values for one in (twin, again)]
    assert torch.equal(*answers), f"{name}: one seed gives two untrained twins"
    if target.access is not Access.LABEL:
        trained = target.predict(images).values
        assert not torch.equal(answers[0], trained), f"{name}: its twin has its trained weights"


def check_target_kind(
    kind: TargetKind,
    truth: Truth,
    access: Access,
    images: Tensor,
    *,
    varies: bool = False,
    tolerance: float = TOLERANCE,
    ids: Sequence[str] | None = None,
) -> None:
    """Run every contract check of a kind of target, and of the target that it opens.

    Args:
        kind: with the settings to check it at.
        truth: what the target answers with.
        access: what it gives away.
        images: (b, c, h, w) that it can answer, at least two.
        varies: as of :func:`check_target`.
        tolerance: as of :func:`check_target`.
        ids: as of :func:`check_target`.

    Raises:
        AssertionError: with the check that failed, and how.
        InputError: the target cannot be opened, or an answer is not what was declared.
    """
    name = kind.name
    assert_kebab_case(name)
    assert kind.summary.strip(), f"{name}: summary is empty"
    assert name.replace("-", "_") in type(kind).model_fields, (
        f"{name}: it has no field of this name, which says which model is meant"
    )
    again = type(kind).model_validate(json.loads(kind.model_dump_json()))
    assert again == kind, f"{name}: made again from its configuration, it is another"
    target = kind.open(truth, access)
    assert isinstance(target, Target), f"{name}: open() returns no Target"
    assert (target.truth, target.access) == (truth, access), (
        f"{name}: the target has another truth or access than it was opened with"
    )
    check_target(target, images, varies=varies, tolerance=tolerance, ids=ids)

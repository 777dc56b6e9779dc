"""What an audit asks a service about: as announced, no less than the checks need, nothing twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pixleak
from loopback import Service, brightness, serving
from pixleak.auditing.announcement import announce
from pixleak.core.errors import InputError
from pixleak.core.progress import Silent
from pixleak.request.audit import AuditRequest
from pixleak.targets import HttpEndpoint

RECORDS = pixleak.phantom(40, size=16, seed=0)
MEMBERS, OTHERS = RECORDS.select(RECORDS.ids[:20]), RECORDS.select(RECORDS.ids[20:])


def _request(endpoint: HttpEndpoint, access: str, signals: list[str]) -> AuditRequest:
    return AuditRequest(
        members=MEMBERS,
        nonmembers=OTHERS,
        target=pixleak.TargetModel(endpoint, access=access),
        attacker=pixleak.Attacker(signals=signals, attacks=[]),
    )


def test_queries_about_altered_images_are_announced_to_the_last_one(tmp_path: Path) -> None:
    def labels(images: np.ndarray) -> np.ndarray:
        return brightness(images).argmax(axis=1)

    with serving(Service(labels)) as service:
        endpoint = HttpEndpoint(service.url, batch=16)
        request = _request(endpoint, "label", ["label-agreement", "transform-agreement"])
        found = announce(request, tmp_path, Silent())
        assert service.requests == 0
        assert found.queries is not None
        # Each record, 7 transforms of it, 2 again, 6 in one batch, 3 in 3 other conventions.
        assert found.queries.queries == 40 * 8 + 2 + 6 + 9
        pixleak.run(request, tmp_path)
        asked = sum(service.paid.values())
        assert asked == found.queries.queries
        after = announce(request, tmp_path, Silent()).queries
        assert after is not None
        assert (after.queries, after.paid) == (0, asked)
        # Another attack on the same answers costs only what is new.
        pixleak.run(_request(endpoint, "label", ["label-agreement"]), tmp_path)
        assert sum(service.paid.values()) == asked


@pytest.mark.slow
def test_answers_that_vary_are_noticed_although_answers_are_kept(tmp_path: Path) -> None:
    drawn = np.random.default_rng(0)

    def noisy(images: np.ndarray) -> np.ndarray:
        foreground = np.clip(images + 0.2 * drawn.random(images.shape), 0, 1)
        return np.concatenate([1 - foreground, foreground], axis=1).astype(np.float32)

    with serving(Service(noisy)) as service:
        request = _request(HttpEndpoint(service.url), "probability", ["cross-entropy"])
        report = pixleak.run(request, tmp_path)
    control = next(one for one in report.controls if one.name == "repeatable-answers")
    assert control.passed is False


def test_answers_that_depend_on_the_batch_are_refused(tmp_path: Path) -> None:
    def mixed(images: np.ndarray) -> np.ndarray:
        return brightness(0.5 * images + 0.5 * images.mean(axis=0, keepdims=True))

    with serving(Service(mixed)) as service:
        request = _request(HttpEndpoint(service.url, batch=4), "probability", ["cross-entropy"])
        with pytest.raises(InputError, match="answers differently about an image alone and in a"):
            pixleak.run(request, tmp_path)


def _query(endpoint: Any) -> object:
    one = OTHERS.select(OTHERS.ids[:1])
    return pixleak.query(endpoint, one, MEMBERS, access="probability")


def _set_test(endpoint: Any) -> object:
    return pixleak.set_test(endpoint, MEMBERS, OTHERS, access="probability", permutations=100)


@pytest.mark.parametrize("ask", [_query, pytest.param(_set_test, marks=pytest.mark.slow)])
def test_questions_keep_their_answers_and_their_budget(ask: Any, tmp_path: Path) -> None:
    with serving(Service()) as service:
        with pytest.raises(InputError, match=r"say where with TargetModel\(answers=\.\.\.\)"):
            ask(HttpEndpoint(service.url))
        with pytest.raises(InputError, match=r"more than TargetModel\(budget=\.\.\.\) 5; nothing"):
            ask(HttpEndpoint(service.url, answers=tmp_path, budget=5))
        assert service.requests == 0
        ask(HttpEndpoint(service.url, answers=tmp_path))
        before = service.requests
        ask(HttpEndpoint(service.url, answers=tmp_path))
        assert service.requests == before > 20

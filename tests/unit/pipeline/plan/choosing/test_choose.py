"""What is refused, and what is left out with a sentence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pixleak.core.errors import InputError, MissingExtraError, UnmetNeedError
from pixleak.core.truth import ImageTruth
from pixleak.pipeline.plan.build import build
from pixleak.pipeline.plan.choosing import available_difficulties, choose
from pixleak.pipeline.plan.choosing.columns import MeasuredColumns
from pixleak.request.audit import AuditRequest
from pixleak.signals import SIGNALS
from pixleak.signals.difficulty import DIFFICULTIES
from pixleak.signals.difficulty.from_features import FeatureDifficulty
from pixleak.signals.learned import LEARNED

CONTENT = {
    "seed": 1,
    "records": {"reader": "phantom", "count": 120, "size": 16},
    "split": {"target_members": 12, "shadow_members": 12},
    "target": {"recipe": {}},
    "learned": ["type-ii-logistic"],
}
GENERATOR = {
    "records": {"reader": "phantom", "count": 90, "size": 16, "direction": "labels-to-photo"},
    "shadow": None,
    "learned": None,
    "split": {"target_members": 12},
    "target": {
        "recipe": {
            "network": {"name": "pix2pix", "options": {"depth": 4, "width": 8}},
            "adversary": None,
        }
    },
}
LABELS = {"recipe": {}, "access": "label"}
ATTACKER = ("shadow", "signals", "learned", "difficulties", "attacks")


def config(**changes: object) -> AuditRequest:
    content: dict[str, Any] = CONTENT | changes
    attacker = {key: content.pop(key) for key in ATTACKER if key in content}
    return AuditRequest(**content, attacker=attacker)


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        ({"signals": ["margin", "margin"]}, InputError, "signal 'margin' is named twice"),
        ({"signals": ["margn"]}, InputError, "did you mean 'margin'"),
        ({"signals": ["l1-error"]}, UnmetNeedError, "for records whose truth is an image"),
        ({"signals": ["mask-share"]}, InputError, "never asks the model"),
        ({"signals": ["margin"], "target": LABELS}, UnmetNeedError, "needs probability access"),
        ({"signals": [], "learned": []}, InputError, "there is nothing to attack with"),
        (
            {"learned": [{"name": "type-i-logistic", "options": {"streng": 1}}]},
            InputError,
            "learned signal 'type-i-logistic' has no option 'streng', did you mean 'strength'",
        ),
        ({"attacks": ["lira-online"]}, UnmetNeedError, "needs at least 4 reference models"),
        (
            {"references": {"models": 8}, "attacks": [{"name": "rmia", "signals": ["loss"]}]},
            InputError,
            "attack 'rmia': signal 'loss' is not measured here",
        ),
        (
            {"references": {"models": 8}, "attacks": ["membership-error"]},
            InputError,
            "say which signals",
        ),
        (
            {"attacks": [{"name": "threshold", "signals": ["margin", "entropy"]}]},
            InputError,
            "takes one signal, got 2",
        ),
        ({"difficulties": ["difficulty-features"]}, UnmetNeedError, "whose truth is an image"),
        (
            GENERATOR | {"difficulties": ["difficulty-neighbours"] * 2},
            InputError,
            "difficulty 'difficulty-neighbours' is named twice",
        ),
        (GENERATOR | {"signals": ["best-of-n"]}, UnmetNeedError, "needs several answers"),
        (
            GENERATOR | {"target": GENERATOR["target"] | {"samples": 3}},  # type: ignore[operator]
            InputError,
            "gives the same answer however often it is asked",
        ),
    ],
)
def test_refused_in_one_sentence(
    changes: dict[str, object], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        choose(build(config(**changes)))


def test_what_is_left_out_is_said() -> None:
    plan = build(config(shadow=None, learned=None, references={"models": 2}))
    chosen = choose(replace(plan, learned=(LEARNED.make("type-ii-logistic"),)))
    assert chosen.learned == ()
    first, *others = chosen.left_out
    assert first == "learned signals were left out: there is no shadow model to learn from"
    assert others[0] == (
        "Learned on calibrated residuals was left out: it needs at least 6 reference models, "
        "but there are 2 (see references.models)"
    )


def test_a_usual_difficulty_without_its_package_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(self: FeatureDifficulty) -> None:
        raise MissingExtraError("pip install 'pixleak[difficulty]'")

    monkeypatch.setattr(FeatureDifficulty, "prepare", missing)
    found, left_out = available_difficulties(None, ImageTruth(3))
    assert "difficulty-features" not in [one.name for one in found]
    assert left_out == ["difficulty-features was left out: pip install 'pixleak[difficulty]'"]
    with pytest.raises(MissingExtraError):
        available_difficulties([FeatureDifficulty()], ImageTruth(3))


def test_columns_of_families_and_their_queries() -> None:
    plan = build(config())
    fixed = [SIGNALS.make(n) for n in ("cross-entropy-by-class", "mask-share", "noise-robustness")]
    learned = [LEARNED.make("type-ii-logistic")]
    columns = MeasuredColumns(plan.truth, fixed, [DIFFICULTIES.make("difficulty-labels")], learned)
    each = ("cross-entropy-class-0", "cross-entropy-class-1")
    assert columns.of("cross-entropy-by-class") == each
    assert columns.of("all") == (*each, "noise-dice", "noise-breaking-level")
    assert columns.of("cross-entropy-class-1") == ("cross-entropy-class-1",)
    assert columns.of("margin") == ()
    assert columns.queries(["cross-entropy-class-0"]) == 1
    assert columns.queries(["noise-dice", "noise-breaking-level"]) == 16
    assert columns.difficulties == ("difficulty-labels",)
    assert columns.ranks == {"type-ii-logistic": 10}

"""What an audit measures and attacks with where the request names nothing, written out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest

from pixleak.attacks import ATTACKS, Attack, Evidence
from pixleak.attacks.base import SignalLists
from pixleak.attacks.table import usual_attacks
from pixleak.core.access import Access
from pixleak.core.tables import Floats, SignalInfo
from pixleak.core.truth import ImageTruth, Kind, LabelTruth
from pixleak.pipeline.plan.build import build
from pixleak.pipeline.plan.choosing import Chosen, choose
from pixleak.pipeline.plan.plan import Plan
from pixleak.request.audit import AuditRequest
from pixleak.signals import SIGNALS, Signal, usual_signals
from pixleak.signals.base import Columns
from pixleak.signals.difficulty import DIFFICULTIES, usual_difficulties
from pixleak.signals.learned import usual_learned
from pixleak.signals.pixels.labels import Pixels

SOFT = (
    "cross-entropy",
    "dice-loss",
    "margin",
    "worst-cross-entropy",
    "confidence",
    "entropy",
    "modified-entropy",
    "label-agreement",
)
HARD = ("label-agreement", "label-dice", "transform-agreement", "noise-robustness")
IMAGES = (
    "l1-error",
    "l2-error",
    "ssim-error",
    "worst-error",
    "coarse-error",
    "fine-error",
    "likeness",
    "edge-likeness",
)
SAMPLED = ("best-of-n", "monte-carlo-share")
HARDNESS = (
    "difficulty-total-variation",
    "difficulty-neighbours",
    "difficulty-compression",
    "difficulty-features",
)


@pytest.mark.parametrize(
    ("access", "samples", "expected"),
    [
        (Access.LABEL, 1, HARD),
        (Access.PROBABILITY, 1, SOFT),
        (Access.LOGIT, 1, SOFT),
        (Access.IMAGE, 1, IMAGES),
        (Access.IMAGE, 4, (*IMAGES, *SAMPLED)),
        (Access.DISCRIMINATOR, 1, (*IMAGES, "discriminator")),
        (Access.DISCRIMINATOR, 4, (*IMAGES, "discriminator", *SAMPLED)),
    ],
)
def test_signals_attacked_by_threshold(
    access: Access, samples: int, expected: tuple[str, ...]
) -> None:
    truth = ImageTruth(3) if access.of_images else LabelTruth(2)
    assert tuple(one.name for one in usual_signals(truth, access, samples)) == expected


def test_difficulties_and_learned_signals() -> None:
    assert tuple(one.name for one in usual_difficulties(ImageTruth(3))) == HARDNESS
    assert usual_difficulties(LabelTruth(2)) == ()
    assert [one.name for one in usual_learned()] == [
        "type-i-logistic",
        "type-ii-logistic",
        "type-i-network",
        "type-ii-network",
        "loss-map-patches",
    ]


def _lists(kind: Kind, difficulties: tuple[str, ...] = ()) -> dict[str, SignalLists]:
    found = {one.name: one.usual_signals(kind, difficulties) for one in usual_attacks()}
    return {name: lists for name, lists in found.items() if lists}


def test_attacks_on_segmenters_in_the_order_in_which_they_speak_for_the_audit() -> None:
    loss = "log-cross-entropy"
    expected = {
        "learned-residuals": (("all",),),
        "stratified-lira": (("margin-by-stratum",),),
        "lira-online": ((loss,), ("type-ii-logistic",), ("mirror-dice",), ("noise-dice",)),
        "lira-offline": ((loss,),),
        "difficulty-calibration": ((loss,), ("type-ii-logistic",)),
        "rmia": (("cross-entropy",),),
        "quantile-regression": ((loss, "mask-share"),),
    }
    assert _lists("labels") == expected
    assert list(_lists("labels")) == list(expected)


def test_attacks_on_generators_in_the_order_in_which_they_speak_for_the_audit() -> None:
    error, (first, second) = "log-l1-error", (HARDNESS[0], HARDNESS[3])
    expected = {
        "learned-residuals": (("all",),),
        "stratified-lira": (("error-by-detail",),),
        "lira-online": ((error,), ("likeness",)),
        "lira-offline": ((error,),),
        "difficulty-calibration": ((error,), ("likeness",)),
        "rmia": ((error,),),
        "fitted-membership-error": (
            (error, first, second),
            ("coarse-error", first, second),
            (error, first),
            (error, second),
        ),
        "membership-error": (("l1-error", second),),
    }
    found = _lists("image", (first, second))
    assert found == expected
    assert list(found) == list(expected)
    assert _lists("image", (first,))["fitted-membership-error"] == ((error, first),)
    assert "fitted-membership-error" not in _lists("image")
    alone = [one.name for one in usual_attacks() if one.usual_without_pool]
    assert alone == ["fitted-membership-error", "membership-error"]


RECORDS = {"reader": "phantom", "count": 120, "size": 16}
SPLIT = {
    "target_members": 12,
    "target_nonmembers": 12,
    "shadow_members": 12,
    "shadow_nonmembers": 12,
}
PIX2PIX = {"network": {"name": "pix2pix", "options": {"depth": 4, "width": 8}}, "adversary": None}
GENERATOR = {
    "records": {**RECORDS, "direction": "labels-to-photo"},
    "shadow": None,
    "split": {"target_members": 12},
    "target": {"recipe": PIX2PIX},
    "difficulties": ["difficulty-compression"],
}


ATTACKER = ("shadow", "signals", "difficulties", "attacks")


def plan(**changes: object) -> Plan:
    content: dict[str, Any] = {"seed": 1, "records": RECORDS, "split": SPLIT} | changes
    content.setdefault("target", {"recipe": {}})
    attacker = {key: content.pop(key) for key in ATTACKER if key in content}
    return build(AuditRequest(**content, attacker=attacker))


def speaks(chosen: Chosen) -> tuple[str, str]:
    one = chosen.attacks[chosen.default]
    return one.attack.name, one.info.name


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ("threshold", "type-ii-logistic")),
        ({"shadow": None}, ("threshold", "cross-entropy")),
        (
            {"shadow": None, "signals": ["margin", "label-agreement"]},
            ("threshold", "label-agreement"),
        ),
        ({"shadow": None, "signals": ["margin", "entropy"]}, ("threshold", "margin")),
        ({"shadow": None, "references": {"models": 8}}, ("learned-residuals", "22 signals")),
        (
            {"shadow": None, "references": {"models": 2}},
            ("difficulty-calibration", "log-cross-entropy"),
        ),
        (GENERATOR, ("threshold", "l1-error")),
        (
            GENERATOR | {"split": {"target_members": 12, "population": 12}},
            ("fitted-membership-error", "log-l1-error+compression"),
        ),
    ],
)
def test_the_attack_that_speaks_for_the_audit(
    changes: dict[str, object], expected: tuple[str, str]
) -> None:
    assert speaks(choose(plan(**changes))) == expected


# ---- what others install, or hand in -------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Brightness(Signal):
    """An installed signal that takes part by default."""

    info: ClassVar[SignalInfo] = SignalInfo("brightness", "1", "higher", summary="x", source="test")
    usual_at: ClassVar = (Access.PROBABILITY, Access.LOGIT)
    place: ClassVar = 5

    scale: float = 1.0

    def measure(self, pixels: Pixels) -> Columns:
        return Columns.single(self.scale * pixels.mean("confidence"))


@dataclass(frozen=True, kw_only=True)
class Doubled(Attack):
    """An installed attack that speaks for the audit, without reference models."""

    name: ClassVar[str] = "doubled"
    title: ClassVar[str] = "Doubled"
    summary: ClassVar[str] = "x"
    source: ClassVar[str] = "test"
    rank: ClassVar = 5
    usual_without_pool: ClassVar = True

    @classmethod
    def usual_signals(cls, kind: Kind, difficulties: object = ()) -> SignalLists:
        return (("brightness",), ("not-measured",))

    def _score(self, evidence: Evidence) -> Floats:
        return 2 * evidence.values


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SIGNALS._entries, "brightness", Brightness)
    monkeypatch.setitem(ATTACKS._entries, "doubled", Doubled)


@pytest.mark.usefixtures("installed")
def test_what_is_installed_takes_part_by_default() -> None:
    chosen = choose(plan(shadow=None))
    assert [one.name for one in chosen.fixed[:9]] == [*SOFT, "brightness"]
    assert speaks(chosen) == ("doubled", "brightness")
    assert [one.attack.name for one in chosen.attacks].count("doubled") == 1


@pytest.mark.usefixtures("installed")
def test_options_are_given_by_name_or_in_an_object() -> None:
    named = plan(signals=["margin", {"name": "brightness", "options": {"scale": 2.0}}])
    assert named.signals is not None
    assert named.signals[1] == Brightness(scale=2.0)
    assert choose(named).fixed[1] == Brightness(scale=2.0)


def test_objects_that_are_in_no_table_can_be_chosen() -> None:
    from pixleak.attacks import AttackChoice

    given = replace(
        plan(shadow=None),
        signals=(Brightness(scale=3.0),),
        attacks=(AttackChoice(Doubled(), ("brightness",)),),
        difficulties=(),
    )
    chosen = choose(given)
    assert chosen.fixed[0] == Brightness(scale=3.0)
    assert [one.attack for one in chosen.attacks][1] == Doubled()
    assert chosen.difficulties == ()
    assert "brightness" not in SIGNALS
    assert "difficulty-compression" in DIFFICULTIES

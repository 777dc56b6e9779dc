"""Poison in an audit: which roles records get, and which models are trained on the poison."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pixleak.core.errors import InputError
from pixleak.core.truth import ImageTruth
from pixleak.pipeline.plan.build import build
from pixleak.records.base import RecordKey, Records
from pixleak.records.prepared.prepare import prepare
from poison_plans import LINE, SERUM, SIDE, config, plan
from toy_records import bright_squares

OWN: dict[str, Any] = {"signals": ["cross-entropy"], "attacks": []}
"""An attacker who trains a shadow."""


def test_a_poisoned_training_record_is_no_member_and_not_asked_about() -> None:
    clean, bad = plan(poison=None), plan()
    gone = set(clean.ids("target-members")) - set(bad.ids("target-members"))
    assert bad.poisoning is not None
    assert gone == set(bad.poisoning.origins)
    assert 4 < len(gone) < 20
    copies = bad.ids("poisoned")
    assert {key.split("/")[1] for key in copies} == gone
    assert gone.isdisjoint(bad.ids(*bad.split.roles))
    assert bad.ids("target-nonmembers") == clean.ids("target-nonmembers")
    assert bad.ids("bystander-members") == ()
    # As many records as before.
    assert len(bad.trained_on("target")) == len(clean.trained_on("target")) == 40
    chosen = bad.records.select(copies[:1])[0]
    assert (chosen.image[:, -3:] == 1).all()
    assert chosen.truth.sum() == 1


def test_targeted_records_are_attacked_and_the_others_stand_by() -> None:
    clean, bad = plan(poison=None), plan(poison=SERUM)
    assert len(bad.audited) == 40
    for side in ("members", "nonmembers"):
        both = (*bad.ids(f"target-{side}"), *bad.ids(f"bystander-{side}"))
        assert set(both) == set(clean.ids(f"target-{side}"))
        assert 10 <= len(bad.ids(f"target-{side}")) <= 30
    copies = Counter(key.split("/")[1].split("#")[0] for key in bad.ids("poisoned"))
    assert copies == dict.fromkeys(bad.audited, 2)
    # Whoever is a member has no part in the choice: swap the sides, and the same are chosen.
    assert set(bad.trained_on("target")) == {
        *clean.ids("target-members"),
        *bad.ids("poisoned"),
    }


@pytest.mark.parametrize("shadows", ["alike", "clean"])
@pytest.mark.parametrize("poison", [LINE, SERUM], ids=lambda poison: poison["name"])
def test_the_attackers_models_are_trained_on_the_same_poison_or_on_none(
    poison: dict[str, Any], shadows: str
) -> None:
    split = {"target_members": 30, "shadow_members": 30}
    made = plan(poison=poison | {"shadows": shadows}, split=split, attacker=OWN, references={})
    assert made.references is not None
    drawn = made.references.membership
    others = made.ids("bystander-members", "bystander-nonmembers")
    assert drawn.ids == (*made.audited, *others)
    copies = set(made.ids("poisoned"))
    assert copies
    assert copies < set(made.trained_on("target"))
    for model, held in (
        ("shadow", made.ids("shadow-members")),
        ("reference-003", drawn.of(3)),
    ):
        of = made.trained_on(model)
        assert len(set(of)) == len(of)
        assert set(of) == set(held) | (copies if shadows == "alike" else set())


def test_references_of_the_attackers_own_records_get_the_poison_too() -> None:
    split = {"target_members": 30, "shadow_members": 30}
    references = {"models": 2, "records": "own"}
    made = plan(poison=SERUM, split=split, attacker=OWN, references=references)
    own = set(made.ids("shadow-members", "shadow-nonmembers"))
    assert set(made.trained_on("reference-000")) - own == set(made.ids("poisoned"))


@pytest.mark.parametrize("poison", [LINE, SERUM], ids=lambda poison: poison["name"])
def test_blocks_of_neighbouring_frames_stay_whole(poison: dict[str, Any]) -> None:
    squares = bright_squares(240, (SIDE, SIDE))
    keys = [RecordKey(key.id, group=f"video {i // 120}") for i, key in enumerate(squares.keys)]
    film = Records(keys, squares.load, squares.truth)
    split = {"kind": "blocks", "target_members": 60, "block": 5, "gap": 1}
    options = poison["options"] | {"targets": 60} if poison is SERUM else poison["options"]
    poison = poison | {"options": options}
    clean = build(config(split=split, poison=None), lambda source: film)
    bad = build(config(split=split, poison=poison), lambda source: film)
    before, after = clean.split.units(clean.records), bad.split.units(bad.records)
    audited = bad.audited
    # Two records share a unit if and only if they did before.
    assert len(set(audited)) > 30
    assert len({before[k] for k in audited}) == len({after[k] for k in audited})
    assert len({(before[k], after[k]) for k in audited}) == len({after[k] for k in audited})
    kept = set(audited) | set(bad.ids("bystander-members", "bystander-nonmembers"))
    assert {before[k] for k in kept}.isdisjoint({before[k] for k in clean.audited if k not in kept})


def test_subjects_are_poisoned_as_a_whole() -> None:
    squares = bright_squares(120, (SIDE, SIDE))
    keys = [RecordKey(key.id, subject=f"p{i // 3}") for i, key in enumerate(squares.keys)]
    patients = Records(keys, squares.load, squares.truth)
    bad = build(config(split={"target_members": 60}), lambda source: patients)
    subject = {key.id: key.subject for key in bad.records.keys}
    poisoned = {subject[key] for key in bad.ids("poisoned")}
    assert poisoned
    assert poisoned.isdisjoint({subject[key] for key in bad.audited})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"poison": {"name": "lime"}}, "did you mean 'line'?"),
        ({"poison": {"name": "line", "options": {"sice": 3}}}, "did you mean 'size'?"),
        ({"poison": {"name": "line", "shadow": "clean"}}, "unknown key 'shadow'"),
        ({"poison": {"name": "line", "options": {"share": 1e-6}}}, "takes none of the 40 records"),
        (
            {"target": {"function": "a.py:f"}, "split": {"kind": "file", "path": "s.csv"}},
            "needs a target that is trained here",
        ),
    ],
)
def test_what_cannot_be_poisoned_is_refused_in_one_sentence(
    changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError) as caught:
        plan(**changes)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_generators_are_refused() -> None:
    squares = bright_squares(120, (SIDE, SIDE))
    images = Records(squares.keys, lambda i: (squares[i].image,) * 2, ImageTruth(1))
    with pytest.raises(InputError, match="poison 'line' changes label maps"):
        build(
            config(
                target={"recipe": {"network": "pix2pix"}},
                attacker={"shadow": None, "signals": ["l1-error"]},
            ),
            lambda source: images,
        )


def test_the_same_configuration_is_the_same_poison(tmp_path: Path) -> None:
    first, second = plan(poison=SERUM), plan(poison=SERUM)
    assert first.split == second.split
    digests = [
        prepare(made.records.select(made.ids("poisoned")), tmp_path / str(i)).digest
        for i, made in enumerate((first, second))
    ]
    assert digests[0] == digests[1]
    assert plan(poison=SERUM, seed=2).ids("poisoned") != first.ids("poisoned")

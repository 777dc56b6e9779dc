"""Attacks on plain arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pixleak
from pixleak.attacks import (
    ATTACKS,
    AttackChoice,
    DifficultyCalibration,
    LearnedResiduals,
    Threshold,
)
from pixleak.core.errors import InputError, UnmetNeedError
from pixleak.testing.worlds.signal_tables import gaussian_world


def test_three_lines_and_one_more() -> None:
    world = gaussian_world(3.0, references=15, seed=1)
    target, losses = -world.observed.values[:, 0], -world.reference.values[:, :, 0]
    scores = pixleak.attacks.LiraOnline().score_arrays(
        target, losses, world.reference.member, members_are="lower"
    )
    assert scores.shape == (400,)
    assert np.array_equal(
        scores, ATTACKS.make("lira-online").score(world.observed, world.reference).values
    )
    assert pixleak.evaluate(scores, world.member).verdict.answer == "leak"
    target[0] = losses[0, 0] = 7.0  # still the caller's


def test_orientation_of_each_signal() -> None:
    values = [[1.0, 2.0], [3.0, 5.0]]
    one = Threshold().score_arrays([1.0, 3.0], members_are="lower")
    assert one.tolist() == [-1, -3]
    total = pixleak.attacks.MembershipError().score_arrays(values, members_are=["lower", "higher"])
    assert total.tolist() == [1, 2]


def test_a_population_with_gaps() -> None:
    population = [0.0, 1.0, 2.0, np.nan, 3.0]
    found = pixleak.attacks.Rmia(a=0.0).score_arrays(
        [2.5], [[1.0]], [[False]], members_are="higher", population=population,
        population_reference=[[1.0] * 5],
    )  # fmt: skip
    assert found.tolist() == [3 / 4]


def test_a_partial_attack_scores_from_what_is_left() -> None:
    world = gaussian_world(2.0, references=15, signals=3, seed=2)
    values, member = world.observed.values.copy(), world.reference.member
    values[0, 1] = np.nan
    ends = [info.members_are for info in world.observed.infos]
    scores = LearnedResiduals().score_arrays(
        values, world.reference.values, member, members_are=ends
    )
    assert np.isfinite(scores).all()
    values[0] = np.nan
    with pytest.raises(InputError, match="cannot score record '0': its signal is NaN"):
        LearnedResiduals().score_arrays(values, world.reference.values, member, members_are=ends)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"target": [1.0, np.nan]}, "cannot score record '1'"),
        ({"target": [1.0, np.nan], "ids": ["a", "b"]}, "cannot score record 'b'"),
        ({"ids": ["a"]}, "2 records, but there are 1 ids"),
        ({"ids": ["a", "a"]}, "same record id twice"),
        ({"target": 1.0}, r"target must have the shape \(n,\) or \(n, s\)"),
        ({"reference": [1.0]}, r"reference must have the shape \(m, n\)"),
        ({"member": None}, "reference and member go together"),
        ({"reference": None}, "reference and member go together"),
        ({"member": [[True]]}, "m models by 2 records, got the shapes"),
        ({"reference": [[1.0]], "member": [[True]]}, "m models by 2 records"),
        ({"members_are": "below"}, "'lower' or 'higher'"),
        ({"members_are": ["lower", "lower"]}, "each of the 1 signals"),
        ({"population_reference": [[1.0]]}, "go with population"),
        ({"population": [[1.0, 2.0]]}, "population holds 2 signals, but target holds 1"),
    ],
)
def test_wrong_arrays_are_one_sentence(arguments: dict[str, Any], sentence: str) -> None:
    given: dict[str, Any] = {
        "target": [1.0, 2.0],
        "reference": [[1.0, 2.0]],
        "member": [[False, False]],
        "members_are": "lower",
    }
    with pytest.raises(InputError, match=sentence):
        DifficultyCalibration().score_arrays(**(given | arguments))


def test_references_that_are_needed_are_asked_for() -> None:
    with pytest.raises(UnmetNeedError, match="needs at least 1 reference models, got 0"):
        DifficultyCalibration().score_arrays([1.0], members_are="lower")


def test_every_attack_is_found_by_its_name() -> None:
    for kind in ATTACKS.values():
        assert getattr(pixleak.attacks, kind.__name__) is kind


def test_a_choice_is_taken_from_whatever_names_it() -> None:
    lira = pixleak.attacks.LiraOffline(variance="pooled")
    written = {"name": "lira-offline", "options": {"variance": "pooled"}, "signals": ["margin"]}
    assert AttackChoice.taken(written) == AttackChoice(lira, ("margin",))
    assert AttackChoice.taken({"name": lira, "signals": ["margin"]}) == AttackChoice(
        lira, ("margin",)
    )
    assert AttackChoice.taken(lira) == AttackChoice(lira)
    assert AttackChoice.taken("rmia").attack.name == "rmia"
    assert AttackChoice.taken(AttackChoice(lira)) == AttackChoice(lira)
    for wrong, sentence in (
        ({"name": "rmia", "signals": "margin"}, "signals must be a list of names"),
        ({"name": "rmia", "option": {}}, "unknown key 'option'"),
        (3, "3 is no attack"),
        (Threshold, r"give an object, Threshold\(\)"),
    ):
        with pytest.raises(InputError, match=sentence):
            AttackChoice.taken(wrong)

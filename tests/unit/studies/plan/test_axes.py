"""Levels as they are written, and what they become."""

from __future__ import annotations

from typing import Any

import pytest

from pixleak.core.errors import InputError
from pixleak.studies.plan.axes import Level, parse_axis


@pytest.mark.parametrize(
    ("axis", "written", "level"),
    [
        ("defence", ["none"], Level("none", [])),
        ("defence", ["argmax"], Level("argmax", [{"name": "argmax"}])),
        (
            "defence",
            [{"name": "crop-training", "options": {"size": [8, 16], "x": 0.50}}],
            Level(
                "crop-training-8x16-0.5",
                [{"name": "crop-training", "options": {"size": [8, 16], "x": 0.50}}],
            ),
        ),
        (
            "defence",
            [{"stack": ["ema", "argmax"]}],
            Level("ema+argmax", [{"name": "ema"}, {"name": "argmax"}]),
        ),
        ("defence", {"mine": {"name": "ema"}}, Level("mine", [{"name": "ema"}])),
        ("poison", [None], Level("none", None)),
        ("poison", [{"label": "thin", "name": "line"}], Level("thin", {"name": "line"})),
        ("victim", ["tiny"], Level("tiny", {"network": "tiny"})),
        (
            "victim",
            {"long": {"epochs": 9, "overrides": {"seed": 1}}},
            Level("long", {"epochs": 9}, {"seed": 1}),
        ),
        ("shadow", ["none"], Level("none", None)),
        ("shadow", {"no": None}, Level("no", None)),
        ("shadow", {"same": {}}, Level("same", {})),
        ("seed", [3], Level("3", 3)),
        ("attacker", ["naive"], Level("naive", "naive")),
        ("own", {"a": {"seed": 1}}, Level("a", {"seed": 1})),
        (
            "records",
            {"a": {"reader": "phantom", "overrides": {"seed": 1}}},
            Level("a", {"reader": "phantom"}, {"seed": 1}),
        ),
    ],
)
def test_a_level_as_written(axis: str, written: Any, level: Level) -> None:
    assert parse_axis(axis, written).levels == (level,)


@pytest.mark.parametrize(
    ("axis", "written", "words"),
    [
        ("shadow", [None], "a level is the name of a network"),
        ("poison", [["line"]], "a level is a name, or a name with options"),
        ("victim", {"a": {"overrides": 3}}, "overrides of 'a' must be settings of an audit"),
        ("seed", [True], "expected whole numbers, got True"),
    ],
)
def test_mistakes_are_one_sentence(axis: str, written: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        parse_axis(axis, written)

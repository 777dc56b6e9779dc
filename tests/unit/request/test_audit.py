"""The request of an audit: one description for Python and for files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import pixleak
from pixleak.attacks import ATTACKS
from pixleak.core.errors import InputError
from pixleak.request.audit import MOVED, AuditRequest
from pixleak.request.file import parse_request

PHANTOM = {"reader": "phantom", "count": 40}
MINIMAL: dict[str, Any] = {"records": PHANTOM, "target": {"recipe": {}}}


def test_names_options_and_objects_make_the_same_request() -> None:
    kind = ATTACKS["rmia"]
    named = parse_request(
        MINIMAL
        | {
            "attacker": {
                "signals": ["margin", {"name": "worst-cross-entropy", "options": {}}],
                "attacks": [{"name": "rmia", "options": {"a": 0.5}, "signals": ["cross-entropy"]}],
            },
            "references": 4,
        }
    )
    objects = AuditRequest(
        records=PHANTOM,
        target=pixleak.TargetModel(training=pixleak.Recipe()),
        attacker=pixleak.Attacker(
            signals=["margin", "worst-cross-entropy"],
            attacks=[pixleak.attacks.AttackChoice(kind(a=0.5), ("cross-entropy",))],
        ),
        references=pixleak.References(4),
    )
    assert named == objects
    assert named.model_dump(mode="json") == objects.model_dump(mode="json")


def test_what_is_written_is_read_as_the_same_request() -> None:
    request = parse_request(
        MINIMAL
        | {
            "attacker": {"kind": "naive", "learned": ["type-i-logistic"]},
            "target": {
                "recipe": {"network": "tiny", "epochs": 3},
                "defences": [{"name": "noise", "options": {"sigma": 2.0}}, "argmax"],
            },
            "poison": {"name": "line", "shadows": "clean"},
            "references": {"models": 6, "recipe": {"network": "tiny"}},
        }
    )
    written = request.model_dump(mode="json", exclude_none=True)
    assert parse_request(written) == request
    assert written["target"]["defences"][1] == "argmax"
    assert written["references"]["recipe"]["network"]["name"] == "tiny"


@pytest.mark.parametrize(("key", "place"), MOVED.items())
def test_keys_of_the_earlier_layout_are_told_where_they_are_now(key: str, place: str) -> None:
    with pytest.raises(InputError, match=f"{key} is now {place}"):
        parse_request(MINIMAL | {key: None})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"attacker": "cunning"}, "attacker.kind"),
        ({"attacker": {"signals": "margin"}}, r"a list of signals, as in \[NAME, NAME\]"),
        ({"attacker": {"signals": ["margn"]}}, "did you mean 'margin'"),
        ({"attacker": {"attacks": [{"name": "rmia", "options": {"b": 1}}]}}, "no option 'b'"),
        ({"references": 5}, "complementary pairs: give 6"),
        ({"references": {"models": 4, "recip": {}}}, "did you mean 'recipe'"),
        ({"seed": "3"}, "seed"),
        ({"target": {"recipe": {}, "training": {"recipe": {}}}}, "got recipe and training"),
        ({"references": {"recipe": {}, "training": {"recipe": {}}}}, "one training method"),
        ({"members": PHANTOM}, "members and nonmembers go together"),
        ({"attacker": {"records": PHANTOM}}, "goes with members and nonmembers"),
    ],
)
def test_wrong_settings_are_one_sentence(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        parse_request(MINIMAL | change)


def test_python_is_told_of_arguments_in_one_sentence() -> None:
    with pytest.raises(InputError, match="Attacker: unknown argument 'signls', did you mean"):
        pixleak.Attacker(signls=["margin"])
    with pytest.raises(InputError, match=r"Evaluation: level .*0\.2"):
        pixleak.Evaluation(level=0.2)
    with pytest.raises(InputError, match="takes its arguments by name"):
        pixleak.Evaluation(0.9)


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    content = {
        "members": {"reader": "folders", "root": "train"},
        "nonmembers": {"reader": "folders", "root": "/elsewhere"},
        "target": {"module": "model.py:make", "checkpoint": "last.ckpt"},
    }
    request = parse_request(content, base=tmp_path)
    assert request.members.root == tmp_path / "train"
    assert str(request.nonmembers.root) == "/elsewhere"
    written = request.model_dump(mode="json")["target"]
    assert written["module"] == f"{tmp_path}/model.py:make"
    assert written["checkpoint"] == f"{tmp_path}/last.ckpt"

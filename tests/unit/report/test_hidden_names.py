"""Names are hidden where they are names, and words stay words."""

from __future__ import annotations

import getpass
import json
import platform
from pathlib import Path
from typing import Any

import pytest

from pixleak.report.hidden_names import HiddenNames


def _cleaned(content: Any, *ids: str) -> Any:
    names = {name: f"record-{i}" for i, name in enumerate(ids, start=1)}
    return HiddenNames(names, content).cleaned(content)


@pytest.mark.parametrize("user", ["root", "mean", "a", "members"])
def test_a_user_named_like_a_word_is_hidden_in_paths_alone(
    monkeypatch: pytest.MonkeyPatch, user: str
) -> None:
    home = "/root" if user == "root" else f"/home/{user}"
    monkeypatch.setattr(getpass, "getuser", lambda: user)
    monkeypatch.setenv("HOME", home)
    words = {"mean": 0.5, "members": 3, "root": "images", "a": "the root mean of a few members"}
    content = {
        "arguments": words,
        "told": f"{home}/secret/x.png is missing; see {home}",
        "bare": home,
        "windows": rf"C:\Users\{user}\secret\x.png",
        "user": user,
    }
    assert _cleaned(content) == {
        "arguments": words,
        "told": "x.png is missing; see user",
        "bare": "user",
        "windows": "x.png",
        "user": "user",
    }


def test_ids_are_hidden_in_sentences_whole_and_longest_first() -> None:
    content = {
        "warnings": ["record \"case_017\" repeats record 'case_01'; case_0171 is another, 17 too"],
        "pairs": [{"member": "case_01", "nonmember": "17"}],
    }
    assert _cleaned(content, "case_01", "case_017", "17") == {
        "warnings": ["record \"record-2\" repeats record 'record-1'; case_0171 is another, 17 too"],
        "pairs": [{"member": "record-1", "nonmember": "record-3"}],
    }


def test_an_id_that_is_a_word_of_the_result_changes_no_word_of_it() -> None:
    content = {
        "verdict": {"answer": "leak", "sentence": "A leak: record 'leak' and record 'mean' stand."},
        "attacks": [{"name": "l1-error", "mean": 1}],
        "sections": {"exposed": {"records": [{"id": "leak", "subject": "l1-error"}]}},
    }
    assert _cleaned(content, "leak", "mean", "l1-error", "answer") == {
        "verdict": {
            "answer": "leak",
            "sentence": "A leak: record 'record-1' and record 'record-2' stand.",
        },
        "attacks": [{"name": "l1-error", "mean": 1}],
        "sections": {"exposed": {"records": [{"id": "record-1", "subject": "record-3"}]}},
    }


def test_a_path_with_spaces_is_cut_as_a_whole() -> None:
    assert _cleaned({"root": "/data/anna maria/scans of may"}) == {"root": "scans of may"}
    assert str(Path("/data")) not in json.dumps(_cleaned({"root": "/data/anna maria/x"}))


def test_a_machine_is_hidden_in_paths_and_in_texts_where_its_name_is_no_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = {"told": "ran on gpu-01, into /scratch/pixleak-gpu-01-7", "gpu": "the gpu"}
    monkeypatch.setattr(platform, "node", lambda: "gpu-01")
    assert _cleaned(content) == {"told": "ran on machine, into pixleak-machine-7", "gpu": "the gpu"}
    monkeypatch.setattr(platform, "node", lambda: "gpu")
    assert _cleaned(content) == {
        "told": "ran on gpu-01, into pixleak-machine-01-7",
        "gpu": "the gpu",
    }

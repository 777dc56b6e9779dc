import errno
from pathlib import Path

import pytest

from pixleak.core.errors import InputError
from pixleak.pipeline.storage.store import Store, check_writable, digest


def test_the_same_facts_give_the_same_place_and_others_another(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first = store.artefact("model", {"seed": 1, "records": ["a", "b"]})
    assert first == store.artefact("model", {"records": ["a", "b"], "seed": 1})
    assert first != store.artefact("model", {"seed": 1, "records": ["b", "a"]})
    assert first != store.artefact("signals", {"seed": 1, "records": ["a", "b"]})


def test_an_artefact_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    place = Store(tmp_path).artefact("model", {"seed": 1})

    def write_and_fail() -> None:
        with place.writing() as folder:
            (folder / "half").write_text("x")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        write_and_fail()
    assert not place.exists
    assert not list(place.folder.parent.iterdir())
    with place.writing() as folder:
        (folder / "whole").write_text("x")
    assert place.exists
    assert (place.folder / "whole").read_text() == "x"


def test_two_writers_of_one_artefact_do_not_disturb_each_other(tmp_path: Path) -> None:
    place = Store(tmp_path).artefact("model", {"seed": 1})
    with place.writing() as first:
        (first / "x").write_text("same")
        with place.writing() as second:
            (second / "x").write_text("same")
    assert (place.folder / "x").read_text() == "same"
    assert [p.name for p in place.folder.parent.iterdir()] == [place.key]


def test_digest_refuses_what_json_cannot_hold() -> None:
    with pytest.raises(ValueError, match="JSON"):
        digest({"value": float("nan")})


def test_an_unwritable_folder_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write to the output folder"):
        check_writable(tmp_path / "file" / "below")

    def full(self: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InputError, match="No space left on device"):
        check_writable(tmp_path / "other")

import errno
import os
import platform
import shutil
import time
from pathlib import Path

import pytest

from pixleak.core.disk.whole_files import replaced
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


@pytest.mark.parametrize(
    "damage", ["flipped", "truncated", "emptied", "removed", "added", "swapped"]
)
def test_an_artefact_that_is_not_what_was_written_is_computed_again(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(tmp_path)
    place, other = (store.artefact("signals", {"i": i}) for i in range(2))
    for one in (place, other):
        with one.writing() as folder:
            (folder / "table.npz").write_bytes(one.key.encode() * 10)
    assert place.exists
    file = place.folder / "table.npz"
    content = file.read_bytes()
    if damage == "swapped":  # another artefact, whole, in this one's place
        shutil.rmtree(place.folder)
        shutil.copytree(other.folder, place.folder)
    elif damage == "removed":
        file.unlink()
    elif damage == "added":
        (place.folder / "more.json").write_text("{}")
    else:
        file.write_bytes(
            {"flipped": b"x" + content[1:], "truncated": content[:-3], "emptied": b""}[damage]
        )
    assert not place.exists
    assert not place.folder.exists()
    assert "it is computed again" in caplog.text
    assert other.exists


def test_what_a_killed_process_left_while_writing_is_swept(tmp_path: Path) -> None:
    place = Store(tmp_path).artefact("signals", {})
    kind, own = place.folder.parent, f"{platform.node()}-{os.getpid()}"
    left = kind / f".{own}-0123abcd.part"  # of this number, but nobody holds it
    elsewhere = kind / ".another-machine-1-0123abcd.part"
    foreign = kind / ".kept.part"
    for one in (left, elsewhere, foreign):
        one.mkdir(parents=True)
        (one / "half").write_text("x")
    with place.writing() as running:
        Store(tmp_path)
        assert {one.name for one in kind.iterdir()} == {
            running.name,
            elsewhere.name,
            foreign.name,
        }
    long_ago = time.time() - 2 * 86_400
    os.utime(elsewhere, (long_ago, long_ago))
    Store(tmp_path)
    assert sorted(kind.iterdir()) == sorted([foreign, place.folder])


def test_a_store_sweeps_temporary_files_that_nobody_writes_any_more(tmp_path: Path) -> None:
    place = Store(tmp_path / "run" / "artefacts").artefact("model", {}).folder
    place.mkdir(parents=True)
    name = f".weights.partial.{platform.node()}-{os.getpid()}-0123abcd.tmp"
    left = [place / name, tmp_path / "run" / name.replace("weights.partial", "result.json")]
    for path in left:
        path.write_bytes(b"half")
    with replaced(place / "weights.partial") as written:
        Store(tmp_path / "run" / "artefacts")
        check_writable(tmp_path / "run")
        assert list(place.iterdir()) == [written]
        written.write_bytes(b"whole")
    assert not any(path.exists() for path in left)

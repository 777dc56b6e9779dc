from __future__ import annotations

from pathlib import Path

import pytest

from pixleak.core.errors import InputError
from pixleak.results.run_files import check_as_written, is_as_written, seal_run


def _run(folder: Path) -> Path:
    folder.mkdir()
    (folder / "scores.parquet").write_bytes(b"scores")
    seal_run(folder, "{}", ["scores.parquet", "split.csv"])
    (folder / "result.json").write_text("{}")
    return folder


@pytest.mark.parametrize("name", ["scores.parquet", "result.json", "digests.json"])
@pytest.mark.parametrize("content", [b"", b"{", b"other"])
def test_a_changed_file_is_noticed_and_refused_by_name(
    tmp_path: Path, name: str, content: bytes
) -> None:
    folder = _run(tmp_path / "run")
    assert is_as_written(folder)
    check_as_written(folder)
    (folder / name).write_bytes(content)
    assert not is_as_written(folder)
    with pytest.raises(InputError, match=rf"{name} is damaged.*run the audit again"):
        check_as_written(folder)


def test_what_was_taken_away_can_be_read_but_is_no_finished_run(tmp_path: Path) -> None:
    folder = _run(tmp_path / "run")
    (folder / "scores.parquet").unlink()
    check_as_written(folder)
    assert not is_as_written(folder)
    (folder / "digests.json").unlink()
    check_as_written(folder)
    assert not is_as_written(folder)


def test_a_renamed_run_can_be_read_but_is_not_what_a_run_wrote_there(tmp_path: Path) -> None:
    folder = _run(tmp_path / "run").rename(tmp_path / "other")
    check_as_written(folder)
    assert not is_as_written(folder)

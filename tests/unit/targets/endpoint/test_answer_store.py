"""What was paid for is counted, even where a file that tells of it is damaged."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from pixleak.targets.endpoint.answer_store import AnswerStore


def _counted(folder: Path, answers: int) -> AnswerStore:
    store = AnswerStore(folder)
    store.put("ab" * 32, np.ones(2))
    store.count_unusable(answers)
    return store


def test_answers_that_could_not_be_used_are_counted_by_all_runs(tmp_path: Path) -> None:
    _counted(tmp_path / "a", 3).count_unusable(2)
    store = AnswerStore(tmp_path / "a")
    assert store.paid() == 6
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(store.count_unusable, [1] * 20))
    assert AnswerStore(tmp_path / "a").paid() == 26


def test_a_count_of_another_endpoint_or_a_changed_one_is_noticed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one = _counted(tmp_path / "a", 5)
    (file,) = (tmp_path / "a").glob("unusable.txt")
    whole = file.read_bytes()
    assert one.paid() == 6
    assert not caplog.records
    file.write_bytes(whole[:-2])
    assert one.paid() == 4
    (told,) = (record.getMessage() for record in caplog.records)
    assert "unusable.txt is damaged" in told
    assert "3 answers were paid for" in told
    assert one.paid() == 4  # it is said once, and what is left is vouched for
    assert len(caplog.records) == 1
    other = _counted(tmp_path / "b", 1)
    (tmp_path / "b" / "unusable.txt").write_bytes(whole)
    assert other.paid() == 6
    assert len(caplog.records) == 2


def test_a_damaged_answer_is_counted_and_asked_for_again(tmp_path: Path) -> None:
    store = _counted(tmp_path / "a", 0)
    (file,) = (tmp_path / "a").glob("??/*.answer")
    file.write_bytes(file.read_bytes()[:-1])
    assert store.get("ab" * 32) is None
    assert store.paid() == 1

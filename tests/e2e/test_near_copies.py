"""Audits of records that repeat one another within a side."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import pixleak
from pixleak.core.errors import InputError
from pixleak.records.base import RecordKey, Records
from pixleak.report.share import write_shared_copy
from pixleak.report.terminal import result_text

PHANTOMS = pixleak.phantom(60, size=16, seed=0)


def repeated(side: int, *, times: int = 3, count: int = 8, subjects: str = "") -> Records:
    """``count`` phantoms, each ``times`` times with other brightness, and four more phantoms."""
    sources = [side * 30 + i // times for i in range(count * times)]
    sources += [side * 30 + 20 + i for i in range(4)]
    keys = []
    for i, source in enumerate(sources):
        subject = {"": None, "right": f"p{source}", "wrong": f"p{side}-{i}"}[subjects]
        keys.append(RecordKey(f"side{side}-{i:02d}", subject))

    def load(i: int) -> tuple[torch.Tensor, torch.Tensor]:
        image, truth = PHANTOMS.load(sources[i])
        return image * (1 - 0.05 * (i % times)), truth

    return Records(keys, load, PHANTOMS.truth)


def audited(out: Path, subjects: str = "", near_copies: str = "one unit") -> pixleak.AuditReport:
    torch.manual_seed(0)
    return pixleak.audit(
        torch.nn.Conv2d(1, 2, 3, padding=1),
        repeated(0, subjects=subjects),
        repeated(1, subjects=subjects),
        attacker=pixleak.Attacker(signals=["cross-entropy"]),
        evaluation=pixleak.Evaluation(replicates=100, near_copies=near_copies),
        out=out,
    )


@pytest.fixture(scope="module")
def clustered(tmp_path_factory: pytest.TempPathFactory) -> tuple[pixleak.AuditReport, Path]:
    out = tmp_path_factory.mktemp("clustered") / "run"
    return audited(out), out


def test_copies_count_as_one_unit_in_intervals_and_verdict(
    clustered: tuple[pixleak.AuditReport, Path],
) -> None:
    result = clustered[0]
    found = result.near_copies
    assert found is not None
    assert (found.member_clusters, found.nonmember_clusters, found.records) == (8, 8, 48)
    assert found.members[0] == ["side0-00", "side0-01", "side0-02"]
    assert found.units
    assert result.attacks[0].members == 28
    assert "by subject" in result.attacks[0].auc.method
    assert "12 + 12 independent subjects, blocks or clusters" in " ".join(result.verdict.reasons)


def test_result_terminal_and_page_say_so_in_one_sentence(
    clustered: tuple[pixleak.AuditReport, Path],
) -> None:
    report, out = clustered
    told = (
        "8 clusters of near-identical records (24 records, such as 'side0-00' and 'side0-01') "
        "were found among the members; 8 clusters of near-identical records (24 records, such as "
        "'side1-00' and 'side1-01') were found among the non-members; they count as one unit each."
    )
    assert told in report.warnings
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "they count as one unit each." in page

    assert told in result_text(report, width=400)


def test_a_shared_copy_names_no_record_of_a_cluster(
    clustered: tuple[pixleak.AuditReport, Path], tmp_path: Path
) -> None:
    page = write_shared_copy(clustered[1], tmp_path / "shared")
    for file in (page, page.with_name("result.json")):
        assert "side0-" not in file.read_text(encoding="utf-8")


def test_subjects_that_are_given_come_first(tmp_path: Path) -> None:
    result = audited(tmp_path / "run", subjects="right")
    assert result.near_copies is not None
    assert result.near_copies.member_clusters == 0
    assert result.near_copies.across_subjects == []
    assert not any("near-identical" in one.lower() for one in result.warnings)
    assert "correlated-records" not in {control.name for control in result.controls}


def test_near_identical_records_of_different_subjects_are_a_warning(tmp_path: Path) -> None:
    result = audited(tmp_path / "run", subjects="wrong")
    assert any("lie in different subjects of one side" in one for one in result.warnings)


def test_separate_counts_every_record_and_says_that_intervals_are_too_narrow(
    tmp_path: Path,
) -> None:
    result = audited(tmp_path / "run", near_copies="separate")
    assert result.near_copies is not None
    assert not result.near_copies.units
    assert any("too narrow" in one and "near_copies" in one for one in result.warnings)
    assert "by record" in result.attacks[0].auc.method


def test_too_few_different_pictures_are_refused_before_the_model_is_asked() -> None:
    with pytest.raises(InputError, match="of 4 clusters of near-identical records"):
        pixleak.audit(torch.nn.Conv2d(1, 2, 3, padding=1), _few(0), repeated(1), evaluation=None)


def _few(side: int) -> Records:
    full = repeated(side, times=4, count=4)
    return full.select(full.ids[:16])


def test_a_cluster_that_dominates_its_side_is_a_warning(tmp_path: Path) -> None:
    members = repeated(0, times=9, count=1)
    torch.manual_seed(0)
    others = [RecordKey(f"extra-{i}") for i in range(6)]
    more = Records(others, lambda i: PHANTOMS.load(10 + i), PHANTOMS.truth)

    def load(i: int) -> tuple[torch.Tensor, torch.Tensor]:
        return members.load(i) if i < len(members) else more.load(i - len(members))

    together = Records([*members.keys, *others], load, PHANTOMS.truth)
    result = pixleak.audit(
        torch.nn.Conv2d(1, 2, 3, padding=1),
        together,
        PHANTOMS.select(PHANTOMS.ids[30:50]),
        attacker=pixleak.Attacker(signals=["cross-entropy"]),
        evaluation=pixleak.Evaluation(replicates=100),
        out=tmp_path / "run",
    )
    assert any("cluster holds 9 of the 19 target members" in one for one in result.warnings)

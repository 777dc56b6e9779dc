"""Every analysis of the table keeps the contract, and the contract can be broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from pixleak.analyses import ANALYSES
from pixleak.analyses.defences import DefencesAnalysis
from pixleak.analyses.subgroups import SubgroupsAnalysis
from pixleak.auditing.api import run
from pixleak.request.audit import AuditRequest
from pixleak.results.audit import Result
from pixleak.results.sections import Section, Subgroups
from pixleak.testing import check_analysis

TINY = {"network": "tiny", "epochs": 2, "lr": 0.01}
SHARED = {
    "attacker": {"shadow": None, "signals": ["cross-entropy"]},
    "evaluation": {"replicates": 100},
    "run": {"exhibits": 2},
}
PHANTOM = {"reader": "phantom", "size": 16, "seed": 3}
REQUESTS = {
    "pool": {
        "records": PHANTOM | {"count": 120, "slices_per_subject": 2},
        "split": {"target_members": 40, "reserve": 20},
        "target": {"recipe": TINY, "defences": ["distillation"]},
        "references": {"models": 4},
    },
    "poisoned": {
        "records": PHANTOM | {"count": 90},
        "split": {"target_members": 20},
        "target": {"recipe": TINY},
        "canaries": {"count": 20},
        "poison": {"name": "square", "options": {"share": 0.3, "size": 4}},
    },
}
"""Two audits, to one of which each analysis applies."""

POISONED = ("canaries", "poison")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    found = {}
    for name, content in REQUESTS.items():
        found[name] = tmp_path_factory.mktemp(name) / "run"
        run(AuditRequest.model_validate(SHARED | content), found[name])
    return found


@pytest.mark.parametrize("name", ANALYSES)
def test_analyses_keep_the_contract(name: str, folders: dict[str, Path]) -> None:
    check_analysis(ANALYSES[name](), folders["poisoned" if name in POISONED else "pool"])


def test_the_audit_must_be_one_to_which_the_analysis_applies(folders: dict[str, Path]) -> None:
    with pytest.raises(AssertionError, match="has no such section"):
        check_analysis(DefencesAnalysis(), folders["poisoned"])


class TwoLines(SubgroupsAnalysis):
    """Breaks the contract: its sentence is more than one line."""

    def sentence(self, section: Section) -> str:  # type: ignore[override]
        return "One.\nTwo."


class Silent(SubgroupsAnalysis):
    """Breaks the contract: warns of what the result does not warn of."""

    def warnings(self, section: Section) -> list[str]:  # type: ignore[override]
        return ["Nobody was told."]


class Lists(SubgroupsAnalysis):
    """Breaks the contract: a column of lists."""

    def columns(self, section: Section) -> dict[str, object]:  # type: ignore[override]
        return {"subgroups": []}


class Elsewhere(SubgroupsAnalysis):
    """Breaks the contract: leaves a file outside the run folder."""

    leaves = ("../elsewhere.txt",)


@pytest.mark.parametrize(
    ("analysis", "complaint"),
    [
        (TwoLines(), "is more than one line"),
        (Silent(), "the result lacks the warning"),
        (Lists(), "column 'subgroups' holds"),
        (Elsewhere(), "not a file"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_contract_catches(
    analysis: SubgroupsAnalysis, complaint: str, folders: dict[str, Path]
) -> None:
    assert Result.read(folders["pool"]).section(Subgroups) is not None
    with pytest.raises(AssertionError, match=complaint):
        check_analysis(analysis, folders["pool"])

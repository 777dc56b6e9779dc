"""Analyses: what an audit finds out beside the figures of its attacks, one file each."""

from __future__ import annotations

from typing import Any

from pixleak.analyses.base import Analysis
from pixleak.analyses.canaries import CanariesAnalysis
from pixleak.analyses.defences import DefencesAnalysis
from pixleak.analyses.exposed_records import ExposedRecordsAnalysis
from pixleak.analyses.leave_one_out import LeaveOneOutAnalysis
from pixleak.analyses.poison import PoisonAnalysis
from pixleak.analyses.references import ReferencesAnalysis
from pixleak.analyses.reserve import ReserveAnalysis
from pixleak.analyses.subgroups import SubgroupsAnalysis
from pixleak.analyses.subjects import SubjectsAnalysis
from pixleak.core.registry import Registry

ANALYSES: Registry[type[Analysis[Any]]] = Registry(
    "analyses",
    {
        one.name: one
        for one in (
            ExposedRecordsAnalysis,
            DefencesAnalysis,
            ReferencesAnalysis,
            LeaveOneOutAnalysis,
            SubgroupsAnalysis,
            SubjectsAnalysis,
            ReserveAnalysis,
            CanariesAnalysis,
            PoisonAnalysis,
        )
    },
    noun="analysis",
    base=Analysis,
)

"""Membership inference audits of models whose output is an image.

    import pixleak

    report = pixleak.audit(model, train_set, held_out_set, access="logit", classes=2)
    print(report)                     # verdict, controls, attacks with intervals
    report.save("runs/mine")          # result.json, scores.parquet, report.html

    pixleak.evaluate(scores, member)             # scores from elsewhere
    pixleak.query(model, record, nonmembers)     # one record
    pixleak.set_test(model, owned, comparable)   # a whole set

The pipeline: records -> one query per record -> signals -> attacks -> evaluation -> verdict.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from pixleak.version import __version__

if TYPE_CHECKING:
    from pixleak import attacks as attacks
    from pixleak import targets as targets
    from pixleak import testing as testing
    from pixleak.auditing.api import audit as audit
    from pixleak.auditing.api import evaluate as evaluate
    from pixleak.auditing.api import query as query
    from pixleak.auditing.api import run as run
    from pixleak.auditing.api import set_test as set_test
    from pixleak.auditing.arguments import MemberList as MemberList
    from pixleak.auditing.report import AuditReport as AuditReport
    from pixleak.core.access import Access as Access
    from pixleak.core.errors import InputError as InputError
    from pixleak.core.errors import MissingExtraError as MissingExtraError
    from pixleak.core.errors import PixleakError as PixleakError
    from pixleak.core.errors import UnmetNeedError as UnmetNeedError
    from pixleak.core.truth import ImageTruth as ImageTruth
    from pixleak.core.truth import LabelTruth as LabelTruth
    from pixleak.records.base import Record as Record
    from pixleak.records.base import RecordKey as RecordKey
    from pixleak.records.base import Records as Records
    from pixleak.records.readers.dataset import read_dataset as read_dataset
    from pixleak.records.readers.folders import read_folders as read_folders
    from pixleak.records.readers.labels_to_photo import labels_to_photo as labels_to_photo
    from pixleak.records.readers.pairs import read_pairs as read_pairs
    from pixleak.records.readers.phantom import phantom as phantom
    from pixleak.records.readers.side_by_side import read_side_by_side as read_side_by_side
    from pixleak.records.splitting.blocks import block_split as block_split
    from pixleak.records.splitting.random import random_split as random_split
    from pixleak.records.survey.opening import read_records as read_records
    from pixleak.request.attacker import Attacker as Attacker
    from pixleak.request.audit import AuditRequest as AuditRequest
    from pixleak.request.parts import Canaries as Canaries
    from pixleak.request.parts import Evaluation as Evaluation
    from pixleak.request.parts import PoisonChoice as PoisonChoice
    from pixleak.request.parts import References as References
    from pixleak.request.parts import Run as Run
    from pixleak.request.parts import SplitChoice as SplitChoice
    from pixleak.request.target import TargetModel as TargetModel
    from pixleak.targets.adapter import InputAdapter as InputAdapter
    from pixleak.targets.adapter import OutputAdapter as OutputAdapter
    from pixleak.training.own.command import TrainingCommand as TrainingCommand
    from pixleak.training.own.function import TrainingFunction as TrainingFunction
    from pixleak.training.recipe import Recipe as Recipe

# Imported at first use, so that `import pixleak` and `pixleak --help` need no torch.
_HOMES = {
    "audit": "pixleak.auditing.api",
    "evaluate": "pixleak.auditing.api",
    "query": "pixleak.auditing.api",
    "run": "pixleak.auditing.api",
    "set_test": "pixleak.auditing.api",
    "MemberList": "pixleak.auditing.arguments",
    "AuditReport": "pixleak.auditing.report",
    "Access": "pixleak.core.access",
    "InputError": "pixleak.core.errors",
    "MissingExtraError": "pixleak.core.errors",
    "PixleakError": "pixleak.core.errors",
    "UnmetNeedError": "pixleak.core.errors",
    "ImageTruth": "pixleak.core.truth",
    "LabelTruth": "pixleak.core.truth",
    "Record": "pixleak.records.base",
    "RecordKey": "pixleak.records.base",
    "Records": "pixleak.records.base",
    "read_dataset": "pixleak.records.readers.dataset",
    "read_folders": "pixleak.records.readers.folders",
    "labels_to_photo": "pixleak.records.readers.labels_to_photo",
    "read_pairs": "pixleak.records.readers.pairs",
    "phantom": "pixleak.records.readers.phantom",
    "read_records": "pixleak.records.survey.opening",
    "read_side_by_side": "pixleak.records.readers.side_by_side",
    "block_split": "pixleak.records.splitting.blocks",
    "random_split": "pixleak.records.splitting.random",
    "Attacker": "pixleak.request.attacker",
    "AuditRequest": "pixleak.request.audit",
    "Canaries": "pixleak.request.parts",
    "Evaluation": "pixleak.request.parts",
    "PoisonChoice": "pixleak.request.parts",
    "References": "pixleak.request.parts",
    "Run": "pixleak.request.parts",
    "SplitChoice": "pixleak.request.parts",
    "TargetModel": "pixleak.request.target",
    "InputAdapter": "pixleak.targets.adapter",
    "OutputAdapter": "pixleak.targets.adapter",
    "TrainingCommand": "pixleak.training.own.command",
    "TrainingFunction": "pixleak.training.own.function",
    "Recipe": "pixleak.training.recipe",
}
_ROOMS = ("attacks", "targets", "testing")

__all__ = ["__version__", *sorted(_HOMES), *_ROOMS]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f"pixleak.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'pixleak' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__

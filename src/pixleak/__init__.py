"""Membership inference audits of models whose output is an image.

    import pixleak

    result = pixleak.audit(model, train_set, held_out_set, access="logit", classes=2)
    print(result)                     # verdict, controls, attacks with intervals
    result.save("runs/mine")          # result.json, scores.parquet, report.html

    pixleak.evaluate(scores, member)  # scores from elsewhere
    pixleak.query(model, record, nonmembers)     # one record
    pixleak.set_test(model, owned, comparable)   # a whole set

The pipeline: records -> one query a record -> signals -> attacks -> evaluation -> verdict.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from pixleak.version import __version__

if TYPE_CHECKING:
    from pixleak.auditing.api import audit as audit
    from pixleak.auditing.api import evaluate as evaluate
    from pixleak.auditing.api import query as query
    from pixleak.auditing.api import set_test as set_test
    from pixleak.records.base import Record as Record
    from pixleak.records.base import RecordKey as RecordKey
    from pixleak.records.base import Records as Records
    from pixleak.records.dataset import read_dataset as read_dataset
    from pixleak.records.folders import read_folders as read_folders
    from pixleak.records.pairs import read_pairs as read_pairs
    from pixleak.records.pairs import read_side_by_side as read_side_by_side
    from pixleak.records.phantom import phantom as phantom
    from pixleak.records.splits import block_split as block_split
    from pixleak.records.splits import random_split as random_split
    from pixleak.records.turned import labels_to_photo as labels_to_photo
    from pixleak.results import Result as Result
    from pixleak.training.recipe import Recipe as Recipe
    from pixleak.types import Access as Access
    from pixleak.types import ImageTruth as ImageTruth
    from pixleak.types import LabelTruth as LabelTruth

# Imported at first use, so that `import pixleak` and `pixleak --help` need no torch.
_HOMES = {
    "audit": "pixleak.auditing.api",
    "evaluate": "pixleak.auditing.api",
    "query": "pixleak.auditing.api",
    "set_test": "pixleak.auditing.api",
    "Record": "pixleak.records.base",
    "RecordKey": "pixleak.records.base",
    "Records": "pixleak.records.base",
    "read_dataset": "pixleak.records.dataset",
    "read_folders": "pixleak.records.folders",
    "read_pairs": "pixleak.records.pairs",
    "read_side_by_side": "pixleak.records.pairs",
    "labels_to_photo": "pixleak.records.turned",
    "phantom": "pixleak.records.phantom",
    "block_split": "pixleak.records.splits",
    "random_split": "pixleak.records.splits",
    "Result": "pixleak.results",
    "Recipe": "pixleak.training.recipe",
    "Access": "pixleak.types",
    "ImageTruth": "pixleak.types",
    "LabelTruth": "pixleak.types",
}

__all__ = ["__version__", *sorted(_HOMES)]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'pixleak' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__

"""The blind baseline: can members be told from non-members without asking the model?

A regularised logistic regression learns membership from plain properties of image and truth
and from their thumbnails, out of fold: every record is scored by a classifier that was fitted
on other subjects. It is a control, not an attack. Where it succeeds, the two sets differ in
themselves, and an attack on the model may be reading that difference.

Scores of different folds come from different classifiers, so each fold's scores are replaced by
their ranks within the fold, in (0, 1).

Source:
    Das, Zhang, Tramer, "Blind Baselines Beat Membership Inference Attacks for Foundation
    Models", 2024, arXiv:2406.16201; Duan et al., 2024, arXiv:2402.07841.

Differs from the source:
    There the baselines read text; the features here are of images and label maps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional

from pixleak.errors import InputError
from pixleak.records.base import Records
from pixleak.records.features import plain_features
from pixleak.types import Bools, Floats, LabelTruth

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

THUMBNAIL = 8
"""Side of the thumbnails in pixels."""

COMPONENTS = 10
"""Principal components of the thumbnails that the classifier sees."""


def blind_scores(
    records: Records,
    member: Bools,
    *,
    seed: int,
    units: Sequence[str] | None = None,
    folds: int = 5,
) -> Floats:
    """Out-of-fold membership scores from the records alone.

    Args:
        records: n records.
        member: (n,) whether each was trained on.
        seed: of the folds.
        units: (n,) what each record was dealt with (subject, block of frames); the subject or
            the record itself where left out. Records of one unit share a fold.
        folds: number of folds.

    Returns:
        (n,) ranks within the fold, in (0, 1); higher = more likely a member.

    Raises:
        InputError: fewer than four units on a side.
    """
    from scipy.stats import rankdata
    from sklearn.model_selection import StratifiedGroupKFold

    groups = np.array(records.units if units is None else units)
    fewest = min(len(set(groups[member])), len(set(groups[~member])))
    folds = min(folds, fewest // 2)
    if folds < 2:
        raise InputError(
            f"the blind baseline needs at least 4 subjects or blocks on each side, got {fewest}"
        )
    _, plain = plain_features(records)
    features = np.concatenate([plain, _thumbnails(records)], axis=1)
    plan = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    scores = np.zeros(len(member))
    for fitted, held in plan.split(features, member, groups):
        model = _classifier(plain.shape[1])
        model.fit(features[fitted], member[fitted])
        scores[held] = (rankdata(model.decision_function(features[held])) - 0.5) / len(held)
    return scores


def _classifier(plain: int) -> Pipeline:
    """Standardised plain features and the main components of the thumbnails, then a regression."""
    from sklearn.compose import ColumnTransformer
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    components: Any = PCA(COMPONENTS, svd_solver="full")
    columns = ColumnTransformer(
        [
            ("plain", StandardScaler(), slice(0, plain)),
            ("thumbnails", make_pipeline(components, StandardScaler()), slice(plain, None)),
        ]
    )
    return make_pipeline(columns, LogisticRegression(C=0.05, max_iter=1000))


def _thumbnails(records: Records) -> Floats:
    """(n, d) image and truth, each shrunk to a few pixels a side."""
    rows = []
    for batch in records.batches(32):
        parts = [functional.adaptive_avg_pool2d(batch.images, THUMBNAIL)]
        if isinstance(records.truth, LabelTruth):
            classes = torch.arange(records.truth.classes)[None, :, None, None]
            one_hot = (batch.truths[:, None] == classes).float()
            parts.append(functional.adaptive_avg_pool2d(one_hot, THUMBNAIL))
        else:
            parts.append(functional.adaptive_avg_pool2d(batch.truths, THUMBNAIL))
        rows.append(torch.cat([part.flatten(1) for part in parts], dim=1).double().numpy())
    values: Floats = np.concatenate(rows)
    return values

"""The blind baseline: can members be told from non-members without asking the model?

A ridge regression learns membership from simple properties of image and truth, from how their edges
meet, and from their thumbnails, out of fold: every record is scored by a regression that was fitted
on other subjects. It is a control, not an attack. If it succeeds, the two sets themselves differ,
and an attack on the model may only detect that difference::

    w = (X'X + lambda n I)^-1 X' (y - mean y),     score = x . w

Scores of different folds come from different fits, so each fold's scores are replaced by their
ranks within the fold, in (0, 1).

An interval for independent scores does not cover the AUC that such scores reach by chance: they
share fits, and leaving records out biases the rest the other way. So membership is permuted many
times over the subjects (or blocks), and the whole procedure repeated. The fit is linear in y, which
makes that cheap: features, folds and (X'X + lambda n I)^-1 X' do not change.

Source:
    Das, Zhang, Tramer, "Blind Baselines Beat Membership Inference Attacks for Foundation
    Models", 2024, arXiv:2406.16201. Permutation of a classifier's labels: Ojala, Garriga,
    "Permutation Tests for Studying Classifier Performance", JMLR 11, 2010.

Differs from the source:
    There the baselines read text; the features here are of images and label maps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from pixleak.core.errors import InputError
from pixleak.core.tables import Bools, Floats
from pixleak.core.truth import LabelTruth
from pixleak.records.base import Records
from pixleak.records.checks.alignment import alignment_features
from pixleak.records.checks.features import plain_features

THUMBNAIL = 8
"""Side of the thumbnails in pixels."""

COMPONENTS = 10
"""Principal components of the thumbnails that the regression sees."""

SHRINKAGE = 0.25
"""The ridge's weight, as a share of the number of records fitted on."""

MOST_RANKED = 4_000_000
"""Scores ranked in all permutations together; fewer permutations of very many records."""


@dataclass(frozen=True, eq=False)
class BlindBaseline:
    """What the records alone reveal about membership.

    Args:
        scores: (n,) out-of-fold ranks in (0, 1); higher = more likely a member.
        null_aucs: (p,) AUC of the same procedure with membership permuted at random.
    """

    scores: Floats
    null_aucs: Floats


def blind_baseline(
    records: Records,
    member: Bools,
    *,
    seed: int,
    units: Sequence[str] | None = None,
    folds: int = 5,
    permutations: int = 2000,
) -> BlindBaseline:
    """Out-of-fold membership scores from the records alone, and what chance would give.

    Args:
        records: n records.
        member: (n,) whether each was trained on; the same for all records of a unit.
        seed: of folds and permutations.
        units: (n,) what each was drawn with (subject, block of frames); None: the subject or the
            record itself. Records of one unit share a fold and, in permutations, a side.
        folds: number of folds.
        permutations: how often membership is permuted.

    Raises:
        InputError: fewer than four units on a side.
    """
    _, where, group = np.unique(
        np.array(records.units if units is None else units), return_index=True, return_inverse=True
    )
    sides = member[where]
    fewest = int(min(sides.sum(), (~sides).sum()))
    if fewest < 4:
        raise InputError(
            f"the blind baseline needs at least 4 subjects or blocks on each side, got {fewest}"
        )
    generator = np.random.default_rng(seed)
    fold = generator.permutation(np.arange(len(sides)) % min(folds, fewest))[group]
    plain = np.concatenate([plain_features(records)[1], alignment_features(records)[1]], axis=1)
    count = max(100, min(permutations, MOST_RANKED // len(member)))
    permuted = np.stack([sides, *(generator.permutation(sides) for _ in range(count))], axis=1)
    truth = permuted[group]  # (n, 1 + p)
    scores = _out_of_fold(plain, _thumbnails(records), fold, truth)
    aucs = _aucs(scores, truth)
    return BlindBaseline(scores[:, 0], aucs[1:])


def _out_of_fold(
    plain: Floats, thumbnails: Floats, fold: NDArray[np.int64], truth: Bools
) -> Floats:
    """(n, p) ranks within the fold, a column of truth at a time."""
    from scipy.stats import rankdata

    scores = np.zeros(truth.shape)
    for held in (fold == k for k in np.unique(fold)):
        fitted = ~held
        rotation = _components(thumbnails[fitted])
        inputs = np.concatenate([plain, thumbnails @ rotation], axis=1)
        spread = inputs[fitted].std(axis=0)
        inputs = (inputs - inputs[fitted].mean(axis=0)) / np.where(spread > 1e-12, spread, 1)
        known = inputs[fitted]
        ridge = known.T @ known + SHRINKAGE * len(known) * np.eye(known.shape[1])
        labels = truth[fitted] - truth[fitted].mean(axis=0)
        weights = np.linalg.solve(ridge, known.T @ labels)
        ranks = rankdata(inputs[held] @ weights, axis=0)
        scores[held] = (ranks - 0.5) / held.sum()
    return scores


def _components(thumbnails: Floats) -> Floats:
    """(d, c) directions in which thumbnails vary most."""
    centred = thumbnails - thumbnails.mean(axis=0)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    found: Floats = directions[:COMPONENTS].T
    return found


def _aucs(scores: Floats, truth: Bools) -> Floats:
    """(p,) Mann-Whitney with half ties, column by column."""
    from scipy.stats import rankdata

    members = truth.sum(axis=0)
    ranks = (rankdata(scores, axis=0) * truth).sum(axis=0)
    aucs: Floats = (ranks - members * (members + 1) / 2) / (members * (len(truth) - members))
    return aucs


def _thumbnails(records: Records) -> Floats:
    """(n, d) image and truth, each shrunk to a few pixels per side."""
    rows = []
    for batch in records.batches(32):
        parts = []
        if batch.images.shape[1] > 0:  # records of saved predictions may have no images
            parts.append(functional.adaptive_avg_pool2d(batch.images, THUMBNAIL))
        if isinstance(records.truth, LabelTruth):
            classes = torch.arange(records.truth.classes)[None, :, None, None]
            one_hot = (batch.truths[:, None] == classes).float()
            parts.append(functional.adaptive_avg_pool2d(one_hot, THUMBNAIL))
        else:
            parts.append(functional.adaptive_avg_pool2d(batch.truths, THUMBNAIL))
        rows.append(torch.cat([part.flatten(1) for part in parts], dim=1).double().numpy())
    values: Floats = np.concatenate(rows)
    return values

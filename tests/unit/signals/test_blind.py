import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score

from pixleak.core.errors import InputError
from pixleak.records.base import Records
from pixleak.records.readers.phantom import phantom
from pixleak.signals import blind
from pixleak.signals.blind import blind_baseline


def held(records: Records) -> Records:
    """The same records, drawn once and kept in memory."""
    items = [(record.image, record.truth) for record in records]
    return Records(records.keys, items.__getitem__, records.truth, records.name)


def share_below(records: Records, member: np.ndarray, seed: int) -> float:
    """Where the AUC lies among those of chance: uniform if membership is random."""
    found = blind_baseline(records, member, seed=seed, permutations=200)
    return float((found.null_aucs < roc_auc_score(member, found.scores)).mean())


def test_it_finds_nothing_where_membership_is_random() -> None:
    records = held(phantom(60, size=24, seed=5))
    places = [
        share_below(records, np.random.default_rng(seed).permutation(np.arange(60) < 30), seed)
        for seed in range(40)
    ]
    # Uniform on (0, 1): the mean of 40 has a standard error of .046; 2 of 40 expected above .95.
    assert abs(np.mean(places) - 0.5) < 0.15
    assert sum(place > 0.95 for place in places) <= 6


def test_it_finds_a_planted_shift() -> None:
    records = held(phantom(120, size=24, seed=5, shift=0.5))
    member = np.array([key.group == "scanner-a" for key in records.keys])
    found = blind_baseline(records, member, seed=0)
    assert roc_auc_score(member, found.scores) > 0.95 > found.null_aucs.max()


def test_slices_of_one_subject_do_not_teach_each_other_and_chance_is_by_subject() -> None:
    # Ten slices of each of twelve subjects: chance goes much further than with 120 subjects.
    records = held(phantom(120, size=24, seed=5, slices_per_subject=10))
    subjects = sorted({str(key.subject) for key in records.keys})
    inside = set(np.random.default_rng(1).permutation(subjects)[:6])
    member = np.array([key.subject in inside for key in records.keys])
    found = blind_baseline(records, member, seed=0)
    alone = blind_baseline(records, member, seed=0, units=records.ids)
    assert found.null_aucs.std() > 1.5 * alone.null_aucs.std()


def test_it_is_ridge_regression_out_of_fold() -> None:
    # The slow twin: scikit-learn's ridge on every fold, on features that are given.
    rng = np.random.default_rng(0)
    plain, thumbnails = rng.normal(size=(30, 4)), rng.normal(size=(30, 20))
    fold, member = np.arange(30) % 3, rng.random(30) < 0.5
    expected = np.zeros(30)
    for k in range(3):
        fitted = fold != k
        centred = thumbnails[fitted] - thumbnails[fitted].mean(axis=0)
        rotation = np.linalg.svd(centred, full_matrices=False)[2][: blind.COMPONENTS].T
        inputs = np.concatenate([plain, thumbnails @ rotation], axis=1)
        inputs = (inputs - inputs[fitted].mean(axis=0)) / inputs[fitted].std(axis=0)
        model = Ridge(alpha=blind.SHRINKAGE * fitted.sum()).fit(inputs[fitted], member[fitted])
        order = np.argsort(np.argsort(model.predict(inputs[~fitted])))
        expected[~fitted] = (order + 0.5) / 10
    found = blind._out_of_fold(plain, thumbnails, fold, member[:, None])
    assert np.allclose(found[:, 0], expected)


def test_aucs_are_those_of_every_column() -> None:
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 5, size=(20, 7)).astype(np.float64)
    truth = rng.random((20, 7)) < 0.5
    expected = [roc_auc_score(truth[:, j], scores[:, j]) for j in range(7)]
    assert np.allclose(blind._aucs(scores, truth), expected)


def test_scores_repeat() -> None:
    records = held(phantom(40, size=24, seed=1))
    member = np.arange(40) < 20
    first = blind_baseline(records, member, seed=3)
    again = blind_baseline(records, member, seed=3)
    assert np.array_equal(first.scores, again.scores)
    assert np.array_equal(first.null_aucs, again.null_aucs)
    assert ((first.scores > 0) & (first.scores < 1)).all()


def test_too_few_subjects_are_refused() -> None:
    records = phantom(8, size=24, seed=1)
    with pytest.raises(InputError, match="at least 4 subjects or blocks on each side, got 3"):
        blind_baseline(records, np.arange(8) < 3, seed=0)


def test_it_sees_masks_that_are_off_by_one_pixel() -> None:
    drawn = phantom(400, size=32, seed=20_000)
    items = [(record.image, record.truth) for record in drawn]
    for i in range(200, 260):  # 60 of 200 non-members: their masks are a pixel further right
        image, labels = items[i]
        items[i] = (image, torch.cat([labels[:, :1], labels[:, :-1]], dim=1))
    records = Records(drawn.keys, items.__getitem__, drawn.truth, drawn.name)
    member = np.arange(400) < 200
    found = blind_baseline(records, member, seed=0, permutations=400)
    assert roc_auc_score(member, found.scores) > np.quantile(found.null_aucs, 0.975)

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from pixleak.errors import InputError
from pixleak.records.base import Records
from pixleak.records.phantom import phantom
from pixleak.signals.blind import blind_scores


def held(records: Records) -> Records:
    """The same records, drawn once and kept in memory."""
    items = [(record.image, record.truth) for record in records]
    return Records(records.keys, items.__getitem__, records.truth, records.name)


def test_it_finds_nothing_where_membership_is_random() -> None:
    records = held(phantom(120, size=24, seed=5))
    found = []
    for seed in range(12):
        member = np.random.default_rng(seed).permutation(np.arange(120) < 60)
        found.append(roc_auc_score(member, blind_scores(records, member, seed=seed)))
    # One AUC of 60 + 60 has a standard error of .053 under the null, their mean .015.
    assert abs(np.mean(found) - 0.5) < 0.06
    assert np.std(found) < 0.11


def test_it_finds_a_planted_shift() -> None:
    records = phantom(120, size=24, seed=5, shift=0.5)
    member = np.array([key.group == "scanner-a" for key in records.keys])
    assert roc_auc_score(member, blind_scores(records, member, seed=0)) > 0.95


def test_slices_of_one_subject_do_not_teach_each_other() -> None:
    # Ten slices of each of twelve subjects; membership by subject, at random. A classifier that
    # had seen other slices of the subject it scores would know the answer.
    records = held(phantom(120, size=24, seed=5, slices_per_subject=10))
    subjects = sorted({key.subject for key in records.keys})
    found = []
    for seed in range(8):
        inside = set(np.random.default_rng(seed).permutation(subjects)[:6])
        member = np.array([key.subject in inside for key in records.keys])
        found.append(roc_auc_score(member, blind_scores(records, member, seed=seed)))
    assert np.mean(found) < 0.65


def test_scores_repeat_and_do_not_depend_on_each_other_s_fold() -> None:
    records = phantom(40, size=24, seed=1)
    member = np.arange(40) < 20
    first = blind_scores(records, member, seed=3)
    assert np.array_equal(first, blind_scores(records, member, seed=3))
    assert ((first > 0) & (first < 1)).all()


def test_too_few_subjects_are_refused() -> None:
    records = phantom(8, size=24, seed=1)
    with pytest.raises(InputError, match="at least 4 subjects or blocks on each side, got 3"):
        blind_scores(records, np.arange(8) < 3, seed=0)

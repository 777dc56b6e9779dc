"""Predictions on disk are audited without a model; what cannot be measured on them is said."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import pixleak
from pixleak.core.access import Access
from pixleak.core.errors import InputError, UnmetNeedError
from pixleak.core.truth import LabelTruth
from pixleak.request.file import read_request
from pixleak.targets.formats.saved import SavedPredictions, prediction_files

CONFIGURATION = """
records: {reader: masks, root: labels}
members: members.csv
target: {predictions: preds, access: probability}
evaluation: {replicates: 100}
run: {exhibits: 2}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """40 records of 24 x 20 pixels; predictions of members are surer and right."""
    draws = np.random.default_rng(0)
    for name in ("labels", "preds"):
        (tmp_path / name).mkdir()
    with (tmp_path / "members.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("id", "member"))
        for i in range(40):
            mask = np.zeros((24, 20), dtype=np.uint8)
            top, left = draws.integers(2, 10, size=2)
            mask[top : top + 10, left : left + 8] = 1
            Image.fromarray(255 * mask).save(tmp_path / "labels" / f"r{i:02d}.png")
            sure = (4.0 if i % 2 else 1.5) * (2.0 * mask - 1) + draws.normal(0, 1, mask.shape)
            one = 1 / (1 + np.exp(-sure))
            np.save(tmp_path / "preds" / f"r{i:02d}.npy", np.stack([1 - one, one]))
            rows.writerow((f"r{i:02d}", ("yes", "true", "1")[i % 3] if i % 2 else "no"))
    (tmp_path / "audit.yaml").write_text(CONFIGURATION)
    return tmp_path


def test_a_leak_is_found_from_python_and_what_is_left_out_is_said(folder: Path) -> None:
    report = pixleak.audit(
        pixleak.targets.Predictions(folder / "preds"),
        pixleak.MemberList(folder / "members.csv", folder / "labels"),
        access="probability",
        evaluation=pixleak.Evaluation(replicates=100),
        out=folder / "run",
    )
    result = report
    assert result.verdict.answer == "leak"
    assert "repeats its answers was not measured" in " ".join(result.warnings)
    assert "near-duplicates were not looked for" in " ".join(result.warnings)
    controls = {one.name: one for one in result.controls}
    assert controls["untrained-model"].passed is None
    assert "saved predictions have no weights" in controls["untrained-model"].explanation
    assert controls["blind-baseline"].passed is None
    assert "have no images" in controls["blind-baseline"].explanation
    assert controls["working-target"].passed is True
    assert "repeatable-answers" not in controls
    assert result.duplicates is None
    assert (folder / "run" / "report.html").is_file()


def test_yaml_and_python_find_the_same(folder: Path) -> None:
    request = read_request(folder / "audit.yaml", pixleak.AuditRequest)
    found = pixleak.run(request)
    direct = pixleak.audit(
        pixleak.targets.Predictions(folder / "preds"),
        pixleak.MemberList(folder / "members.csv", folder / "labels"),
        access="probability",
        evaluation=pixleak.Evaluation(replicates=100),
    )
    assert [a.auc.value for a in found.attacks] == [a.auc.value for a in direct.attacks]
    assert found.split.counts["target-members"] == 20


def test_signals_that_ask_about_altered_images_are_left_out_with_the_reason(folder: Path) -> None:
    for path in (folder / "preds").iterdir():
        np.save(path, np.load(path).argmax(axis=0))
    request = read_request(
        folder / "audit.yaml", pixleak.AuditRequest, ["target.access=label", "run.exhibits=0"]
    )
    told = " ".join(pixleak.run(request).warnings)
    assert "noise-robustness was left out: it asks about altered images" in told
    request = read_request(
        folder / "audit.yaml", pixleak.AuditRequest, ["attacker.signals=[transform-agreement]"]
    )
    with pytest.raises(UnmetNeedError, match="saved once for each record"):
        pixleak.run(request)


def test_a_pass_is_kept_and_changed_files_are_measured_anew(folder: Path) -> None:
    files = prediction_files(folder / "preds")
    target = SavedPredictions(folder / "preds", files, LabelTruth(2), Access.PROBABILITY)
    first = target.identity([])
    assert target.identity([]) == first
    path = folder / "preds" / "r00.npy"
    np.save(path, np.load(path)[::-1])
    assert target.identity([]) != first


def _answer(folder: Path, access: Access, truth: LabelTruth = LabelTruth(2)) -> torch.Tensor:  # noqa: B008
    target = SavedPredictions(folder, prediction_files(folder), truth, access)
    return target.predict(torch.zeros(1, 0, 2, 3), ["a"]).values[0]


CLASS_1 = np.array([[0.0, 0.2, 0.4], [0.6, 0.8, 1.0]])


def _as_npy(folder: Path) -> None:
    np.save(folder / "a.npy", np.stack([1 - CLASS_1, CLASS_1]))


def _channels_last(folder: Path) -> None:
    np.save(folder / "a.npy", np.stack([1 - CLASS_1, CLASS_1], axis=-1))


def _as_nnunet(folder: Path) -> None:
    values = np.stack([1 - CLASS_1, CLASS_1])[:, None]
    np.savez(folder / "a.npz", probabilities=values, other=np.zeros(3))
    Image.fromarray(np.zeros((2, 3), dtype=np.uint8)).save(folder / "a.png")


def _as_softmax(folder: Path) -> None:
    np.savez(folder / "a.npz", softmax=np.stack([1 - CLASS_1, CLASS_1]), x=np.zeros(1))


@pytest.mark.parametrize("write", [_as_npy, _channels_last, _as_nnunet, _as_softmax])
def test_layouts_of_arrays_are_understood(write: Callable[[Path], None], tmp_path: Path) -> None:
    write(tmp_path)
    found = _answer(tmp_path, Access.PROBABILITY)
    torch.testing.assert_close(found[1], torch.tensor(CLASS_1, dtype=torch.float32))


def test_bytes_of_an_image_are_probabilities_of_class_1(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 51, 102], [153, 204, 255]], dtype=np.uint8)).save(
        tmp_path / "a.png"
    )
    found = _answer(tmp_path, Access.PROBABILITY)
    torch.testing.assert_close(found[0], torch.tensor(CLASS_1, dtype=torch.float32))


def test_a_nifti_slice_has_its_axes_turned(tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel")
    labels = np.array([[0, 1, 2], [2, 1, 0]], dtype=np.uint8)
    nibabel.save(nibabel.Nifti1Image(labels.T[:, :, None], np.eye(4)), tmp_path / "a.nii.gz")
    assert _answer(tmp_path, Access.LABEL, LabelTruth(3)).tolist() == labels.tolist()


def _missing(folder: Path) -> None:
    (folder / "preds" / "r03.npy").unlink()


def _stray(folder: Path) -> None:
    np.save(folder / "preds" / "zzz.npy", np.zeros((2, 24, 20)))


def _double(folder: Path) -> None:
    Image.fromarray(np.zeros((24, 20), dtype=np.uint8)).save(folder / "preds" / "r03.png")


def _small(folder: Path) -> None:
    np.save(folder / "preds" / "r03.npy", np.full((2, 12, 10), 0.5))


def _logits(folder: Path) -> None:
    for path in (folder / "preds").iterdir():
        np.save(path, 9 * np.load(path) - 4)


def _unknown(folder: Path) -> None:
    with (folder / "members.csv").open("a") as file:
        file.write("nobody,true\n")


def _maybe(folder: Path) -> None:
    (folder / "members.csv").write_text("id,member\nr00,maybe\n")


def _no_column(folder: Path) -> None:
    (folder / "members.csv").write_text("id,inside\nr00,1\n")


def _twice(folder: Path) -> None:
    with (folder / "members.csv").open("a") as file:
        file.write("r00,true\n")


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (_missing, "1 of 40 records have no prediction (first 'r03')"),
        (_stray, "1 of 41 predictions belong to no record (first zzz.npy)"),
        (_double, "r03.npy and r03.png are both predictions of record 'r03'"),
        (_small, "is 12 x 10, the truth of record 'r03' is 24 x 20"),
        (_logits, "these look like logits: set access to logit"),
        (_unknown, "record 'nobody'"),
        (_maybe, "member is 'maybe' for record 'r00'; expected true or false"),
        (_no_column, "a split needs the columns id and role, or id and member"),
        (_twice, "record 'r00' is in target-members and target-nonmembers"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_mistakes_are_one_sentence(
    spoil: Callable[[Path], None], sentence: str, folder: Path
) -> None:
    spoil(folder)
    request = read_request(folder / "audit.yaml", pixleak.AuditRequest)
    with pytest.raises(InputError) as caught:
        pixleak.run(request)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ("references={recipe: {network: tiny}, models: 4}", "no images to train"),
        ("target.samples=3", "is 3, but the predictions were saved once"),
        ("target.defences=[rounding]", "alter answers when they are given"),
    ],
)
def test_what_saved_predictions_cannot_serve_is_refused(
    settings: str, sentence: str, folder: Path
) -> None:
    request = read_request(folder / "audit.yaml", pixleak.AuditRequest, [settings])
    with pytest.raises(InputError) as caught:
        pixleak.run(request)
    assert sentence in str(caught.value)


def test_a_model_cannot_be_asked_about_records_without_images(folder: Path) -> None:
    members = pixleak.MemberList(folder / "members.csv", folder / "labels")
    with pytest.raises(InputError, match="these records have no images"):
        pixleak.audit(torch.nn.Conv2d(1, 2, 1), members)

"""Generators from configuration to report, and the questions about one record and a set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner

import pixleak
from pixleak.analyses.references import ReferencesInfo
from pixleak.cli.app import app
from pixleak.core.errors import InputError
from pixleak.request.file import read_request
from pixleak.request.questions import QueryRequest, SetTestRequest
from pixleak.results.audit import Result
from pixleak.results.query import Query
from pixleak.results.sections import LeaveOneOut
from pixleak.results.set_test import SetResult

PHANTOM = {
    "reader": "phantom",
    "count": 112,
    "size": 32,
    "seed": 5,
    "direction": "labels-to-photo",
}
DIFFICULTIES = ["difficulty-total-variation", "difficulty-compression"]
PIX2PIX = {
    "network": {"name": "pix2pix", "options": {"width": 8, "depth": 4}},
    "adversary": {"name": "pix2pix", "width": 4, "layers": 2},
    "epochs": 25,
    "lr": 0.003,
}
AUDIT: dict[str, Any] = {
    "title": "A <small> generator",
    "records": PHANTOM,
    "target": {"recipe": {"network": "unet", "loss": "l1", "epochs": 60, "lr": 0.005}},
    "attacker": {"difficulties": DIFFICULTIES},
    "evaluation": {"replicates": 200},
    "run": {"exhibits": 2},
}


def run(*args: str | Path, code: int = 0) -> str:
    outcome = CliRunner().invoke(app, [str(a) for a in args], env={"COLUMNS": "160"})
    assert outcome.exit_code == code, outcome.output
    return outcome.output


def write(path: Path, content: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generator")
    told = run("audit", write(folder / "a.yaml", AUDIT), "--out", folder / "run")
    assert "Difficulty alone: total variation" in told
    return folder / "run"


@pytest.fixture(scope="module")
def images(audited: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Label maps and photos of the audited members and non-members, as files."""
    folder = tmp_path_factory.mktemp("files")
    records = pixleak.phantom(112, size=32, seed=5)
    rows = (audited / "split.csv").read_text().splitlines()[1:]
    for row in rows:
        key, role = row.split(",")[:2]
        record = records.select([key])[0]
        for kind in ("labels", "photos"):
            (folder / role / kind).mkdir(parents=True, exist_ok=True)
        labels = record.truth.numpy().astype(np.uint8)
        Image.fromarray(labels).save(folder / role / "labels" / f"{key}.png")
        photo = (record.image[0].numpy() * 255).round().astype(np.uint8)
        Image.fromarray(photo).save(folder / role / "photos" / f"{key}.png")
    return folder


def source(folder: Path) -> dict[str, Any]:
    return {
        "reader": "folders",
        "root": str(folder),
        "images": "photos",
        "masks": "labels",
        "channels": 1,
        "classes": 2,
        "direction": "labels-to-photo",
    }


def weights(audited: Path) -> str:
    models = {model.name: model for model in Result.read(audited).models}
    assert models["target"].weights is not None
    return str(audited / models["target"].weights)


def test_an_audit_of_a_generator(audited: Path) -> None:
    result = Result.read(audited)
    by = {(attack.name, attack.signal): attack for attack in result.attacks}
    assert by["threshold", "l1-error"].access == "image"
    fitted = by["fitted-membership-error", "log-l1-error+total-variation"]
    assert fitted.auc.value > 0.6
    assert ("fitted-membership-error", "log-l1-error+total-variation+compression") in by
    assert not any(attack.signal == "discriminator" for attack in result.attacks)
    names = [control.name for control in result.controls]
    asked = ["image-dependence"]
    fair = ["blind-baseline", "untrained-model", "trained-elsewhere", "trained-elsewhere"]
    last = ["working-target", "correlated-records", "member-placebo"]
    assert names == [*asked, *fair, *DIFFICULTIES, *last]
    target = result.models[0]
    assert target.members_error < target.nonmembers_error  # type: ignore[operator]
    assert target.members_dice is None
    assert target.members_ssim > target.nonmembers_ssim  # type: ignore[operator]
    assert (audited / "training.png").is_file()
    columns = pq.read_table(audited / "signals.parquet").column_names
    assert {"l1-error", "likeness", *DIFFICULTIES} <= set(columns)
    with np.load(audited / "exhibits.npz") as shown:
        assert shown["truth/0"].dtype == np.uint8
        assert shown["loss/0"].shape == (32, 32)
    page = (audited / "report.html").read_text()
    for words in ("Error and difficulty", "L1 error, held out", "an input and its true output"):
        assert words in page
    assert "A <small>" not in page


def test_a_report_is_the_same_when_rendered_again(audited: Path) -> None:
    before = (audited / "report.html").read_text()
    run("report", audited)
    assert (audited / "report.html").read_text() == before


def test_one_record(audited: Path, images: Path, tmp_path: Path) -> None:
    inside, outside = images / "target-members", images / "target-nonmembers"
    content = {
        "target": {"weights": weights(audited)},
        "record": {"kind": "labels-to-photo", "target_channels": 1, "classes": 2},
        "nonmembers": source(outside),
        "difficulties": DIFFICULTIES,
    }
    config = write(tmp_path / "q.yaml", content)
    name = sorted(p.name for p in (inside / "labels").iterdir())[3]
    files = inside / "labels" / name, inside / "photos" / name
    told = run("query", config, *files, "--out", tmp_path / "q.json")
    answer = Query.model_validate_json((tmp_path / "q.json").read_text())
    assert answer.sentence.split(".")[0] in " ".join(told.split())
    assert answer.references == 28
    assert [m.name for m in answer.errors] == ["l1-error", "l2-error", "ssim-error"]
    assert answer.membership_errors[-1].name == answer.decided_by
    decided = answer.membership_errors[-1]
    assert decided.above is not None
    assert decided.p_value == pytest.approx((1 + decided.above.successes) / 29)
    assert all(m.p_value is None for m in answer.difficulties)

    # The same without references: numbers, and nothing concluded.
    alone = run("query", config, *files, "--set", "nonmembers=null")
    assert "CANNOT TELL" in alone
    assert "Without reference non-members nothing can be concluded" in " ".join(alone.split())
    # A record among its own references.
    name = sorted(p.name for p in (outside / "labels").iterdir())[0]
    own = outside / "labels" / name, outside / "photos" / name
    known = run("query", config, *own, code=2)
    assert "is itself among the reference non-members" in " ".join(known.split())
    assert "itself among" not in " ".join(told.split())
    # Read in another way than the references.
    colour = run("query", config, *files, "--set", "record.target_channels=3", code=2)
    assert "are images of 1 channel in [0, 1], those of the records in question images of 3" in (
        " ".join(colour.split())
    )
    # Too few references for the level.
    some = "--set", "level=0.01"
    assert "at least 99 are needed" in " ".join(run("query", config, *files, *some).split())


def test_a_set(audited: Path, images: Path, tmp_path: Path) -> None:
    content = {
        "target": {"weights": weights(audited)},
        "owned": source(images / "target-members"),
        "comparable": source(images / "target-nonmembers"),
        "difficulties": DIFFICULTIES,
        "permutations": 2000,
    }
    config = write(tmp_path / "s.yaml", content)
    assert "USED" in run("set-test", config, "--out", tmp_path / "s.json")
    answer = SetResult.model_validate_json((tmp_path / "s.json").read_text())
    assert answer.answer == "used"
    assert answer.p_value < 0.05
    assert (answer.owned, answer.comparable) == (28, 28)
    # Records of the shadow were not used either: comparable with comparable.
    fair = "--set", f"owned.root={images / 'shadow-members'}"
    assert "NOT SHOWN" in run("set-test", config, *fair)
    # Too few to say anything.
    few = tmp_path / "few"
    for kind in ("labels", "photos"):
        (few / kind).mkdir(parents=True)
        for path in sorted((images / "shadow-members" / kind).iterdir())[:6]:
            (few / kind / path.name).write_bytes(path.read_bytes())
    told = run("set-test", config, "--set", f"owned.root={few}", code=2)
    assert "at least 10 records in each set, got 6 in owned" in " ".join(told.split())
    # Sets that differ in themselves.
    for path in sorted((images / "shadow-nonmembers" / "photos").iterdir()):
        pale = np.asarray(Image.open(path)) // 3
        Image.fromarray(pale.astype(np.uint8)).save(path)
    pale_set = "--set", f"comparable.root={images / 'shadow-nonmembers'}"
    told = " ".join(run("set-test", config, *pale_set).split())
    assert "CANNOT TELL" in told
    assert "can be told apart without asking the model" in told


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"target": {"recipe": {}}}, "a question is about one that exists"),
        ({"target": {"weight": "w"}}, "target: unknown key 'weight', did you mean 'weights'?"),
        ({"target": {"weights": "none.safetensors"}}, "there is no checkpoint"),
        (
            {"target": {"weights": "w"}, "record": {"kind": "up"}},
            "record.kind must be 'image-to-image'",
        ),
    ],
)
def test_mistakes_in_questions(
    images: Path, tmp_path: Path, content: dict[str, Any], words: str
) -> None:
    photo = next((images / "target-members" / "photos").iterdir())
    told = run("query", write(tmp_path / "q.yaml", content), photo, photo, code=2)
    assert words in " ".join(told.split())


def trying(difficulties: list[Any]) -> dict[str, Any]:
    """A change of the difficulties."""
    return {"attacker": {"difficulties": difficulties}}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"target": {"recipe": PIX2PIX, "access": "logit"}}, "give image or discriminator"),
        (
            {"target": {"recipe": {"network": "tiny", "loss": "l1"}, "access": "discriminator"}},
            "the training has no adversary",
        ),
        ({"target": {"recipe": {"network": "unet"}}}, "use loss: l1 or l2"),
        ({"attacker": {"learned": ["type-i-logistic"]}}, "leave attacker.learned out"),
        (
            {"attacker": {"signals": ["cross-entropy"]}},
            "'cross-entropy' is for records whose truth is a label map",
        ),
        (
            {"attacker": {"signals": ["best-of-n"]}},
            "needs several answers to one input: raise target.samples",
        ),
        (
            trying([{"name": "difficulty-features", "options": {"folding": 3}}]),
            "difficulty 'difficulty-features' has no option 'folding', did you mean 'folds'?",
        ),
        (
            trying([{"name": "difficulty-features", "options": {"folds": 1}}]),
            "difficulty-features needs grid >= 4, folds >= 2",
        ),
        (
            {"target": {"recipe": PIX2PIX, "samples": 4}},
            "gives the same answer however often it is asked: set sampling: true",
        ),
        (
            {"target": {"recipe": {"network": "unet", "loss": "l1"}, "samples": 4}},
            "network 'unet' gives the same answer however often it is asked: leave it at 1",
        ),
        (trying(["difficulty-labels"]), "difficulty for records whose truth is a label map"),
        ({"records": PHANTOM | {"direction": "photo-to-labels"}}, "'pix2pix' is a generator"),
    ],
)
def test_mistakes_in_audits(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    content = AUDIT | change
    if change.get("records"):
        content = {key: value for key, value in content.items() if key != "attacker"}
        content["target"] = {"recipe": {"network": "pix2pix", "loss": "l1"}}
    told = run("audit", write(tmp_path / "a.yaml", content), "--out", tmp_path / "run", code=2)
    if change.get("records"):
        assert "truth of these records is a label map" in " ".join(told.split())
    else:
        assert words in " ".join(told.split())


@pytest.mark.parametrize("kind", ["query", "set-test"])
def test_templates_are_valid(kind: str, tmp_path: Path) -> None:
    told = run("init", tmp_path / "c.yaml", "--kind", kind)
    assert f"pixleak {kind}" in told
    chosen = QueryRequest if kind == "query" else SetTestRequest
    assert read_request(tmp_path / "c.yaml", chosen).target.kind is not None  # type: ignore[type-var]


@pytest.mark.slow
def test_discriminator_samples_and_a_pool(tmp_path: Path) -> None:
    sampling = {"name": "pix2pix", "options": {"width": 8, "depth": 4, "sampling": True}}
    content = AUDIT | {
        "records": PHANTOM | {"count": 72, "size": 32},
        "target": {
            "recipe": PIX2PIX | {"network": sampling, "epochs": 6},
            "access": "discriminator",
            "samples": 3,
        },
        "attacker": {"shadow": None, "difficulties": []},
        "references": {"models": 6},
        "run": {"exhibits": 0},
    }
    out = tmp_path / "run"
    run("audit", write(tmp_path / "a.yaml", content), "--out", out)
    result = Result.read(out)
    by = {(attack.name, attack.signal): attack for attack in result.attacks}
    assert by["threshold", "discriminator"].access == "discriminator"
    assert ("threshold", "best-of-n") in by
    assert ("threshold", "monte-carlo-share-0-1") in by
    default = next(a for a in result.attacks if a.name == "learned-residuals")
    assert default.access == "image"  # not everything: few attackers have the discriminator
    assert ("lira-online", "log-l1-error") in by
    references = result.section(ReferencesInfo)
    assert references is not None
    assert references.fidelity is not None
    assert references.fidelity.loss == "l1-error"
    assert result.section(LeaveOneOut) is not None
    assert not (out / "training.png").exists()


def test_from_python() -> None:
    from torch import nn

    records = pixleak.labels_to_photo(pixleak.phantom(40, size=16, seed=2))
    model = nn.Sequential(nn.Conv2d(2, 1, 3, padding=1), nn.Sigmoid())
    mine, others = records.select(records.ids[:20]), records.select(records.ids[20:])
    attacker = pixleak.Attacker(difficulties=DIFFICULTIES)
    result = pixleak.audit(model, mine, others, attacker=attacker)
    assert result.verdict.answer == "cannot-tell"
    assert result.attacks[0].access == "image"
    with pytest.raises(InputError, match="a query is about one record, got 20"):
        pixleak.query(model, mine, others)
    answer = pixleak.query(model, records.select([records.ids[0]]), others, difficulties=[])
    assert answer.membership_errors[-1].title.endswith("no difficulty")
    assert str(answer).startswith("Query")
    tested = pixleak.set_test(model, mine, others, difficulties=[], permutations=200)
    assert tested.answer in ("not-shown", "cannot-tell")
    assert json.loads(tested.model_dump_json())["owned"] == 20

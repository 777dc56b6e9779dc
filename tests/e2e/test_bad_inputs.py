"""Bad input of every kind, through both doors: one clear sentence, exit code 2, nothing lost.

One row is one mistake. A message must name what was wrong in the words of the door, and no
exception of a library may come through.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, IterableDataset
from typer.testing import CliRunner

import pixleak
from pixleak.cli.app import app
from pixleak.core.errors import PixleakError


class Pairs(Dataset[Any]):
    """Random images, empty masks."""

    def __len__(self) -> int:
        return 24

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        generator = torch.Generator().manual_seed(index)
        return torch.rand(1, 16, 16, generator=generator), torch.zeros(16, 16, dtype=torch.int64)


class Endless(IterableDataset[Any]):
    """Has no length."""

    def __iter__(self) -> Any:
        return iter(())


class NotEven(Pairs):
    """Raises at some item."""

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        if index == 3:
            raise KeyError("a column that is missing")
        return super().__getitem__(index)


RECORDS = pixleak.phantom(48, size=16, seed=0)
M, N = RECORDS.select(RECORDS.ids[:24]), RECORDS.select(RECORDS.ids[24:])
ONE = RECORDS.select(RECORDS.ids[:1])
NET = nn.Conv2d(1, 2, 3, padding=1)
nn.init.constant_(NET.bias, -2.0)  # type: ignore[arg-type]
DATA: Any = Pairs()
SIX = [[0.1, 0.2]] * 6
HELD = [[True, False]] * 3 + [[False, True]] * 3


def loaded(load: Callable[[int], Any], truth: Any = None) -> pixleak.Records:
    keys = [pixleak.RecordKey(str(i)) for i in range(24)]
    return pixleak.Records(keys, load, truth or RECORDS.truth, "made")


def lira(**changes: Any) -> Any:
    given = {"target": [1.0, 2.0], "reference": SIX, "member": HELD, "members_are": "lower"}
    given |= changes
    return pixleak.attacks.LiraOnline().score_arrays(given.pop("target"), **given)


def audit(*args: Any, **kwargs: Any) -> Any:
    return pixleak.audit(*args, **kwargs)


Any_ = Callable[[], Any]
PYTHON: dict[str, tuple[Any_, str]] = {
    "no model": (lambda: audit(None, M, N), "model is None"),
    "model by path": (lambda: audit("model.pt", M, N), "model is a str"),
    "number as model": (lambda: audit(3, M, N), "model is a int"),
    "attacker unknown": (lambda: audit(NET, M, N, attacker="foo"), "'adaptive' or 'naive'"),
    "attacker number": (lambda: audit(NET, M, N, attacker=3), "attacker"),
    "members list": (lambda: audit(NET, [1, 2], N), "members is a list"),
    "members path": (lambda: audit(NET, "train", N), "members is a str"),
    "members listed twice": (
        lambda: audit(NET, pixleak.MemberList("members.csv", M), N),
        "leave nonmembers out",
    ),
    "members None": (lambda: audit(NET, None, N), "members is a NoneType"),
    "members loader": (lambda: audit(NET, DataLoader(DATA), N, classes=2), "loader.dataset"),
    "members endless": (lambda: audit(NET, Endless(), N, classes=2), "members"),
    "same sets": (lambda: audit(NET, M, M), "must not overlap"),
    "too few": (lambda: audit(NET, M.select(M.ids[:5]), N), "at least 10"),
    "classes missing": (lambda: audit(NET, DATA, DATA), "how many classes"),
    "classes text": (lambda: audit(NET, DATA, DATA, classes="2"), "classes must be"),
    "classes bool": (lambda: audit(NET, DATA, DATA, classes=True), "classes must be"),
    "classes one": (lambda: audit(NET, DATA, DATA, classes=1), "at least 2 classes"),
    "classes endless": (lambda: audit(NET, DATA, DATA, classes=10**9), "at most 4096"),
    "classes contradict": (lambda: audit(NET, M, N, classes=3), "contradicts members"),
    "access number": (lambda: audit(NET, M, N, access=3), "access is 3"),
    "access unknown": (lambda: audit(NET, M, N, access="logits"), "access is 'logits'"),
    "access of a generator": (lambda: audit(NET, M, N, access="image"), "give label"),
    "seed negative": (lambda: audit(NET, M, N, seed=-1), "seed must be at least 0"),
    "seed text": (lambda: audit(NET, M, N, seed="a"), "seed must be"),
    "seed fraction": (lambda: audit(NET, M, N, seed=1.5), "seed must be"),
    "out below a file": (lambda: audit(NET, M, N, out="/etc/passwd/x"), "choose another with out"),
    "out number": (lambda: audit(NET, M, N, out=3), "folder"),
    "evaluation number": (lambda: audit(NET, M, N, evaluation=3), "Evaluation"),
    "evaluation level": (lambda: audit(NET, M, N, evaluation={"level": 2}), "less than 1"),
    "references list": (lambda: audit(NET, M, N, references=[1, 2]), "References"),
    "references text": (lambda: audit(NET, M, N, references="16"), "References"),
    "references negative": (lambda: audit(NET, M, N, references=-2), "at least 2"),
    "references odd": (lambda: audit(NET, M, N, references=7), "complementary pairs"),
    "references untaught": (lambda: audit(NET, M, N, references=4), "need a recipe"),
    "unknown device": (
        lambda: audit(pixleak.TargetModel(model=NET, device="gpu"), M, N),
        "cannot be used here",
    ),
    "function fails": (lambda: audit(lambda x: 1 / 0, M, N), "ZeroDivisionError"),
    "function returns None": (lambda: audit(lambda x: None, M, N), "NoneType"),
    "function returns text": (lambda: audit(lambda x: "no", M, N), "answered with str"),
    "other shape": (lambda: audit(nn.Conv2d(1, 2, 3), M, N), "resize it"),
    "other classes": (lambda: audit(nn.Conv2d(1, 5, 1), M, N), "number of channels"),
    "one answer less": (lambda: audit(lambda x: NET(x)[1:], M, N), "one answer for each"),
    "NaN answers": (lambda: audit(lambda x: NET(x) * np.nan, M, N), "NaN"),
    "infinite answers": (lambda: audit(lambda x: NET(x) / 0, M, N), "must be finite"),
    "fractional labels": (lambda: audit(NET, M, N, access="label"), "expected"),
    "probabilities above one": (
        lambda: audit(lambda x: NET(x) + 9, M, N, access="probability"),
        "look like logits",
    ),
    "dict without a key": (lambda: audit(lambda x: {"y": NET(x)}, M, N), "'out' or 'logits'"),
    "module of other input": (lambda: audit(nn.Linear(3, 3), M, N), "RuntimeError"),
    "NaN images": (
        lambda: audit(NET, loaded(lambda i: (torch.full((1, 16, 16), np.nan), M[0].truth)), N),
        "NaN",
    ),
    "empty load": (lambda: audit(NET, loaded(lambda i: None), N), "cannot be loaded"),
    "an item fails": (lambda: audit(NET, NotEven(), N, classes=pixleak.LabelTruth(2)), "truth"),
    "record instead of a set": (lambda: pixleak.query(NET, RECORDS[0], N), "one Record"),  # type: ignore[arg-type]
    "a set in a query": (lambda: pixleak.query(NET, M, N), "got 24"),
    "query of None": (lambda: pixleak.query(NET, None, N), "record is None"),  # type: ignore[arg-type]
    "record among references": (lambda: pixleak.query(NET, ONE, RECORDS), "take it out"),
    "alpha NaN": (lambda: pixleak.query(NET, ONE, N, alpha=float("nan")), "alpha"),
    "alpha text": (lambda: pixleak.query(NET, ONE, N, alpha="a"), "alpha"),  # type: ignore[arg-type]
    "level two": (lambda: pixleak.query(NET, ONE, N, level=2), "level"),
    "level zero": (lambda: pixleak.query(NET, ONE, N, level=0), "level"),
    "difficulty unknown": (lambda: pixleak.query(NET, ONE, N, difficulties=["hard"]), "hard"),
    "difficulties text": (lambda: pixleak.query(NET, ONE, N, difficulties="hard"), "a list"),
    "query device": (lambda: pixleak.query(NET, ONE, N, device="tpu9"), "cannot be used here"),
    "query trains": (
        lambda: pixleak.query(pixleak.TargetModel(training=pixleak.Recipe()), ONE, N),
        "one that exists",
    ),
    "permutations zero": (lambda: pixleak.set_test(NET, M, N, permutations=0), "at least 100"),
    "permutations endless": (lambda: pixleak.set_test(NET, M, N, permutations=10**12), "at most"),
    "set of a data set": (lambda: pixleak.set_test(NET, DATA, N), "read_dataset"),
    "comparable of None": (lambda: pixleak.set_test(NET, M, None), "comparable"),  # type: ignore[arg-type]
    "set level NaN": (lambda: pixleak.set_test(NET, M, N, level=float("nan")), "level"),
    "set too small": (lambda: pixleak.set_test(NET, ONE, N), "at least 10"),
    "set of itself": (lambda: pixleak.set_test(NET, M, M), "must not overlap"),
    "scores of other length": (lambda: pixleak.evaluate([1, 2], [True]), "one number per record"),
    "scores NaN": (lambda: pixleak.evaluate([np.nan] * 40, [True, False] * 20), "NaN"),
    "scores text": (lambda: pixleak.evaluate(["a"] * 40, [True, False] * 20), "numbers"),  # type: ignore[list-item]
    "scores of columns": (
        lambda: pixleak.evaluate(np.ones((40, 2)), [True, False] * 20),  # type: ignore[arg-type]
        "one number per record",
    ),
    "scores None": (lambda: pixleak.evaluate(None, None), "member must hold"),  # type: ignore[arg-type]
    "member 2": (lambda: pixleak.evaluate([1.0] * 40, [2, 0] * 20), "booleans"),  # type: ignore[list-item]
    "nobody is a member": (lambda: pixleak.evaluate([1.0] * 40, [False] * 40), "members"),
    "ids twice": (
        lambda: pixleak.evaluate([1.0] * 40, [True, False] * 20, ids=["a"] * 40),
        "twice",
    ),
    "subject on both sides": (
        lambda: pixleak.evaluate([1.0] * 40, [True, False] * 20, subject=list("abcdefg" * 6)[:40]),
        "on both sides",
    ),
    "recipe epochs": (lambda: pixleak.Recipe(epochs=0), "epochs must be at least 1"),
    "recipe network": (lambda: pixleak.Recipe(network="unett"), "did you mean 'unet'"),  # type: ignore[arg-type]
    "recipe key": (lambda: pixleak.Recipe(epoch=3), "did you mean 'epochs'"),  # type: ignore[call-arg]
    "samples zero": (lambda: pixleak.TargetModel(model=NET, samples=0), "samples"),
    "samples negative": (lambda: pixleak.TargetModel(model=NET, samples=-1), "samples"),
    "two models": (
        lambda: pixleak.TargetModel(model=NET, training=pixleak.Recipe()),
        "give one of them",
    ),
    "positional": (lambda: pixleak.TargetModel(NET, 3), "by name"),  # type: ignore[call-arg,misc]
    "signal object": (lambda: pixleak.Attacker(signals=NET), "expected a list of signals"),
    "signal unknown": (lambda: pixleak.Attacker(signals=["margn"]), "did you mean 'margin'"),
    "attack unknown": (lambda: pixleak.Attacker(attacks=["lira"]), "lira-online"),
    "shadow by name": (lambda: pixleak.Attacker(shadow="unet"), "Shadow"),
    "defence unknown": (
        lambda: pixleak.TargetModel(model=NET, defences=["argmx"]),
        "did you mean 'argmax'",
    ),
    "canaries few": (lambda: pixleak.Canaries(count=1), "at least 10"),
    "workers zero": (lambda: pixleak.Run(workers=0), "workers must be at least 1"),
    "split kind": (lambda: pixleak.SplitChoice(kind="x"), "kind must be"),  # type: ignore[arg-type]
    "replicates endless": (lambda: pixleak.Evaluation(replicates=10**12), "at most 1000000"),
    "rates above one": (lambda: pixleak.Evaluation(fprs=[2]), "less than 1"),  # type: ignore[arg-type]
    "no rates": (lambda: pixleak.Evaluation(fprs=[]), "fprs"),  # type: ignore[arg-type]
    "request by path": (lambda: pixleak.run("x.yaml"), "AuditRequest"),  # type: ignore[arg-type]
    "phantom none": (lambda: pixleak.phantom(0, seed=0), "count"),
    "phantom endless": (lambda: pixleak.phantom(10**12, seed=0), "count"),
    "phantom text": (lambda: pixleak.phantom("a", seed=0), "count"),  # type: ignore[arg-type]
    "folder missing": (lambda: pixleak.read_folders("/nope", "/nope"), "no folder"),  # type: ignore[arg-type]
    "folder option": (
        lambda: pixleak.read_folders(Path("/"), Path("/"), chanels=3),
        "did you mean 'channels'",
    ),
    "id missing": (lambda: RECORDS.select(["x"]), "no record 'x'"),
    "slice": (lambda: RECORDS[0:2], "select"),  # type: ignore[misc]
    "no records": (lambda: pixleak.Records([], lambda i: None, RECORDS.truth), "no records"),  # type: ignore[arg-type,return-value]
    "ignored class": (lambda: pixleak.LabelTruth(2, ignore=1), "also a class"),
    "classes of text": (lambda: pixleak.LabelTruth("a"), "whole number"),  # type: ignore[arg-type]
    "no channels": (lambda: pixleak.ImageTruth(0), "channels"),
    "range descends": (lambda: pixleak.ImageTruth(1, 1, 0), "ascend"),
    "arrays: side": (lambda: lira(members_are="low"), "members_are must be"),
    "arrays: shape": (lambda: lira(target=[[[1.0]]]), "shape"),
    "arrays: models": (lambda: lira(reference=SIX[:1], member=HELD[:1]), "at least 4"),
    "arrays: member": (lambda: lira(member=HELD[:4]), "member"),
    "arrays: NaN": (lambda: lira(target=[np.nan, 1.0]), "score"),
    "arrays: none held": (lambda: lira(member=[[False, False]] * 6), "reference"),
}


@pytest.mark.parametrize("mistake", PYTHON)
def test_python_tells_a_caller_of_arguments(mistake: str) -> None:
    call, told = PYTHON[mistake]
    with pytest.raises(PixleakError) as caught:
        call()
    message = str(caught.value)
    assert told in message
    assert "\n" not in message
    assert "validation error" not in message


MODEL = """
import torch
from torch import nn

def net():
    model = nn.Conv2d(1, 2, 3, padding=1)
    nn.init.constant_(model.bias, -2.0)
    return model

def fails(images):
    raise ValueError("wrong\\nin two lines")

def text():
    return "no module"

VALUE = 3
"""

AUDIT: dict[str, Any] = {
    "members": {"reader": "phantom", "count": 24, "size": 16, "seed": 1},
    "nonmembers": {"reader": "phantom", "count": 24, "size": 16, "seed": 2},
    "target": {"module": "model.py:net"},
    "attacker": {"signals": ["cross-entropy"], "attacks": []},
    "evaluation": {"replicates": 100},
}

BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [" + ",".join([f"*{chr(97 + i)}"] * 9) + "]\n" for i in range(9)
)

SETTINGS: dict[str, tuple[str, str]] = {
    "unknown key": ("sead=1", "did you mean 'seed'"),
    "unknown key inside": ("evaluation.leval=1", "did you mean 'level'"),
    "no value": ("seed", "expected key=value"),
    "no YAML": ("seed=[", "is not YAML"),
    "key twice": ("target={a: 1, a: 2}", "stands twice"),
    "seed": ("seed=-1", "seed must be at least 0"),
    "seed text": ("seed=abc", "seed must be"),
    "level": ("evaluation.level=1", "less than 1"),
    "level NaN": ("evaluation.level=.nan", "evaluation.level"),
    "replicates": ("evaluation.replicates=1000000000000", "at most"),
    "rates": ("evaluation.fprs=[0]", "greater than 0"),
    "rates text": ("evaluation.fprs=x", "evaluation.fprs"),
    "signal": ("attacker.signals=[los]", "did you mean"),
    "signals text": ("attacker.signals=cross-entropy", "a list of signals"),
    "attack": ("attacker.attacks=[lira]", "lira-online"),
    "attack option": ("attacker.attacks=[{name: rmia, options: {b: 1}}]", "has no option 'b'"),
    "attack value": ("attacker.attacks=[{name: rmia, options: {a: 9}}]", "rmia"),
    "attacker": ("attacker=foo", "'adaptive' or 'naive'"),
    "attacker kind": ("attacker.kind=foo", "'adaptive' or 'naive'"),
    "learned without shadow": ("attacker.learned=[type-ii-logistic]", "attacker.learned"),
    "shadow without records": ("attacker.shadow={recipe: {epochs: 1}}", "attacker.records"),
    "difficulty": ("attacker.difficulties=[hard]", "hard"),
    "reader": ("members.reader=phantoms", "did you mean 'phantom'"),
    "reader key": ("members.cont=3", "did you mean 'count'"),
    "reader value": ("members.count=0", "count"),
    "reader endless": ("members.count=1000000000000", "count"),
    "size": ("members.size=0", "size"),
    "classes": ("members.classes=1000000000", "classes"),
    "members text": ("members=train", "give records"),
    "members null": ("members=null", "go together"),
    "records too": ("records={reader: phantom, count: 40}", "either records"),
    "device": ("target.device=gpu", "cannot be used here"),
    "access": ("target.access=logits", "target.access"),
    "access of a generator": ("target.access=image", "give label"),
    "samples": ("target.samples=0", "target.samples"),
    "module missing": ("target.module=nowhere.py:net", "no file"),
    "module unnamed": ("target.module=model.py", "write file.py:name"),
    "module unknown": ("target.module=model.py:nett", "did you mean 'net'"),
    "module no module": ("target.module=model.py:text", "must return a torch.nn.Module"),
    "module a number": ("target.module=model.py:VALUE", "not something to call"),
    "checkpoint missing": ("target.checkpoint=w.pt", "no checkpoint"),
    "checkpoint a folder": ("target.checkpoint=.", "no checkpoint"),
    "checkpoint of text": ("target.checkpoint=model.py", "not a torch checkpoint"),
    "two targets": ("target.function=model.py:fails", "exactly one of"),
    "target key": ("target.modul=x", "did you mean"),
    "input key": ("target.input.meen=1", "did you mean 'mean'"),
    "input range": ("target.input.range=[1, 0]", "must ascend"),
    "input mean": ("target.input.mean=x", "target.input.mean must be"),
    "output activation": ("target.output.activation=relu", "target.output.activation"),
    "output channels": ("target.output.channels=[7]", "target.output.channels"),
    "defence": ("target.defences=[argmx]", "did you mean 'argmax'"),
    "defence option": ("target.defences=[{name: rounding, options: {digits: 1}}]", "digits"),
    "references": ("references=7", "complementary pairs"),
    "references many": ("references=100000", "references"),
    "references text": ("references=many", "references"),
    "references untaught": ("references=4", "need a recipe"),
    "canaries": ("canaries.count=1", "canaries.count"),
    "poison": ("poison=linee", "did you mean 'line'"),
    "analyses": ("analyses=[subgroup]", "subgroups"),
    "runner": ("run.runner=slurm", "there is no runner 'slurm'"),
    "workers": ("run.workers=0", "run.workers must be at least 1"),
    "batch size": ("run.batch_size=0", "run.batch_size must be at least 1"),
    "exhibits": ("run.exhibits=1000", "run.exhibits"),
    "earlier layout": ("signals=[margin]", "is now attacker.signals"),
    "split beside members": ("split.kind=file", "split.path"),
}

FILES: dict[str, tuple[bytes | str, str]] = {
    "empty file": ("", "expected keys such as"),
    "a list": ("- 1\n", "expected keys such as"),
    "a number": ("3\n", "expected keys such as"),
    "no YAML": ("a: [\n", "not valid YAML"),
    "a tab": ("a:\n\tb: 1\n", "not valid YAML"),
    "not UTF-8": (b"a: \xff\n", "not valid YAML"),
    "binary": (b"\x00\x01", "not valid YAML"),
    "key twice": ("seed: 1\nseed: 2\n", "'seed' stands twice, in lines 1 and 2"),
    "block twice": ("target:\n  a: 1\ntarget:\n  b: 1\n", "lines 1 and 3"),
    "bomb": (BOMB, "more than 100000 values"),
    "endless": ("a: &a [*a]\n", "refers to itself"),
    "deep": ("a: " + "[" * 500 + "]" * 500, "nested too deeply"),
    "large": ("a: " + "x" * 2_000_000, "at most 1000000"),
    "tagged": ("a: !!python/object/apply:os.system ['true']\n", "not valid YAML"),
    "no target": ("members: {reader: phantom}\nnonmembers: {reader: phantom}\n", "target"),
}

COMMANDS: dict[str, tuple[list[str], str]] = {
    "audit nowhere": (["audit", "nowhere.yaml", "-o", "out"], "no configuration file"),
    "audit a folder": (["audit", ".", "-o", "out"], "is a folder"),
    "audit into a file": (["audit", "audit.yaml", "-o", "model.py"], "output folder"),
    "report nowhere": (["report", "nowhere"], "nowhere"),
    "report of no run": (["report", "."], "result.json"),
    "evaluate nowhere": (["evaluate", "nowhere.csv"], "nowhere.csv"),
    "evaluate no scores": (["evaluate", "model.py"], "model.py"),
    "study nowhere": (["study", "nowhere.yaml", "-o", "out"], "no configuration file"),
    "query nowhere": (
        ["query", "audit.yaml", "--input", "a.png", "--target", "b.png"],
        "",
    ),
    "data unknown": (["data", "fetch", "imagenet", "x"], "imagenet"),
}


def invoke(folder: Path, *arguments: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(folder)
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model.py").write_text(MODEL)
    (tmp_path / "audit.yaml").write_text(yaml.safe_dump(AUDIT))
    return tmp_path


def check(done: Any, told: str) -> None:
    words = " ".join(done.stderr.split())
    assert done.exit_code == 2, words or repr(done.exception)
    assert told in words
    assert "Traceback" not in words


@pytest.mark.parametrize("mistake", SETTINGS)
def test_the_command_line_tells_of_keys(
    mistake: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting, told = SETTINGS[mistake]
    done = invoke(
        folder, "audit", "audit.yaml", "-o", "out", "--set", setting, monkeypatch=monkeypatch
    )
    check(done, told)
    assert not (folder / "out" / "result.json").exists()


@pytest.mark.parametrize("mistake", FILES)
def test_files_that_are_no_configuration(
    mistake: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, told = FILES[mistake]
    (folder / "bad.yaml").write_bytes(content.encode() if isinstance(content, str) else content)
    check(invoke(folder, "audit", "bad.yaml", "-o", "out", monkeypatch=monkeypatch), told)


@pytest.mark.parametrize("mistake", COMMANDS)
def test_commands_that_cannot_be_run(
    mistake: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments, told = COMMANDS[mistake]
    check(invoke(folder, *arguments, monkeypatch=monkeypatch), told)


def test_where_the_users_code_fails_its_file_and_line_are_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = AUDIT | {"target": {"function": "model.py:fails"}}
    (folder / "audit.yaml").write_text(yaml.safe_dump(content))
    done = invoke(folder, "audit", "audit.yaml", "-o", "out", monkeypatch=monkeypatch)
    check(done, "ValueError: wrong in two lines")
    line = MODEL.splitlines().index('    raise ValueError("wrong\\nin two lines")') + 1
    assert f"model.py, line {line}" in " ".join(done.stderr.split())
    shown = invoke(folder, "--debug", "audit", "audit.yaml", "-o", "out", monkeypatch=monkeypatch)
    assert shown.exit_code == 2
    assert "Traceback" in shown.stderr


def test_there_are_enough_of_them() -> None:
    assert len(PYTHON) + len(SETTINGS) + len(FILES) + len(COMMANDS) >= 150

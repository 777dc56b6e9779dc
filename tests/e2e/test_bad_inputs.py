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


def found() -> pixleak.AuditReport:
    return pixleak.evaluate(np.arange(40), np.arange(40) < 20)  # type: ignore[arg-type]


def audit(*args: Any, **kwargs: Any) -> Any:
    return pixleak.audit(*args, **kwargs)


def taught(records: Any, seed: int, epochs: int = 3) -> nn.Module:
    list(records)
    return nn.Conv2d(1, 2, 3 // (epochs or int(1 / epochs)))


def audit_of_training(train: Any, **options: Any) -> Any:
    method = pixleak.TrainingFunction(function=train, options=options)
    request = pixleak.AuditRequest(
        records=RECORDS, target=pixleak.TargetModel(training=method), run=pixleak.Run(workers=0)
    )
    return pixleak.run(request)


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
    "members None": (lambda: audit(NET, None, N), "members is None"),
    "members loader": (lambda: audit(NET, DataLoader(DATA), N, classes=2), "loader.dataset"),
    "members endless": (lambda: audit(NET, Endless(), N, classes=2), "members"),
    "same sets": (lambda: audit(NET, M, M), "in both members and nonmembers"),
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
    "an item fails": (
        lambda: audit(NET, NotEven(), N, classes=pixleak.LabelTruth(2)),
        "true outputs",
    ),
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
    "set of a data set": (lambda: pixleak.set_test(NET, DATA, N), "how many classes"),
    "comparable of None": (lambda: pixleak.set_test(NET, M, None), "comparable is None"),  # type: ignore[arg-type]
    "access beside a part": (
        lambda: audit(pixleak.TargetModel(model=NET, access="label"), M, N, access="logit"),
        "access='logit' is given beside a TargetModel",
    ),
    "query: access beside a part": (
        lambda: pixleak.query(pixleak.TargetModel(model=NET), ONE, N, access="label"),
        "access='label' is given beside a TargetModel",
    ),
    "set: device beside a part": (
        lambda: pixleak.set_test(pixleak.TargetModel(model=NET), M, N, device="cuda"),
        "device='cuda' is given beside a TargetModel",
    ),
    "model a class": (lambda: audit(nn.Conv2d, M, N), "model is the class Conv2d"),
    "out empty": (lambda: audit(NET, M, N, out=""), "out must be the name of a folder"),
    "out with a null": (lambda: audit(NET, M, N, out="a\0b"), "out must be the name of a folder"),
    "list of nothing": (lambda: audit(NET, pixleak.MemberList(None, M)), "MemberList of None"),  # type: ignore[arg-type]
    "list the wrong way": (
        lambda: audit(NET, pixleak.MemberList(M, "members.csv")),  # type: ignore[arg-type]
        "expected MemberList(file, records)",
    ),
    "run into a number": (
        lambda: pixleak.run(
            pixleak.AuditRequest(members=M, nonmembers=N, target=pixleak.TargetModel(NET)),
            3,  # type: ignore[arg-type]
        ),
        "out must be the name of a folder, got 3",
    ),
    "set level NaN": (lambda: pixleak.set_test(NET, M, N, level=float("nan")), "level"),
    "set too small": (lambda: pixleak.set_test(NET, ONE, N), "got 1 in owned"),
    "set of itself": (lambda: pixleak.set_test(NET, M, M), "in both owned and comparable"),
    "scores of other length": (lambda: pixleak.evaluate([1, 2], [True]), "one number per record"),
    "scores NaN": (lambda: pixleak.evaluate([np.nan] * 40, [True, False] * 20), "NaN"),
    "scores text": (lambda: pixleak.evaluate(["a"] * 40, [True, False] * 20), "numbers"),  # type: ignore[list-item]
    "scores of columns": (
        lambda: pixleak.evaluate(np.ones((40, 2)), [True, False] * 20),  # type: ignore[arg-type]
        "one number per record",
    ),
    "scores None": (lambda: pixleak.evaluate(None, None), "member must hold"),  # type: ignore[arg-type]
    "member 2": (lambda: pixleak.evaluate([1.0] * 40, [2, 0] * 20), "booleans"),  # type: ignore[list-item]
    "scores complex": (lambda: pixleak.evaluate([1j] * 40, [True, False] * 20), "real numbers"),  # type: ignore[list-item]
    "scores of dates": (
        lambda: pixleak.evaluate(np.arange(40).astype("datetime64[s]"), [True, False] * 20),  # type: ignore[arg-type]
        "real numbers",
    ),
    "evaluate: seed negative": (
        lambda: pixleak.evaluate([1.0] * 40, [True, False] * 20, seed=-1),
        "seed must be a whole number of at least 0, got -1",
    ),
    "evaluate: seed text": (
        lambda: pixleak.evaluate([1.0] * 40, [True, False] * 20, seed="x"),  # type: ignore[arg-type]
        "seed must be a whole number",
    ),
    "evaluate: title": (
        lambda: pixleak.evaluate([1.0] * 40, [True, False] * 20, title=3),  # type: ignore[arg-type]
        "title must be a text",
    ),
    "evaluate: one subject": (
        lambda: pixleak.evaluate([1.0] * 40, [True, False] * 20, subject=["a", "b"] * 20),
        "the 20 members come from 1 subject; at least 5",
    ),
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
    "training a number": (
        lambda: pixleak.References(4, training=3),  # type: ignore[call-arg,misc]
        "3 is no training method",
    ),
    "training a class": (
        lambda: pixleak.References(4, training=nn.Conv2d),  # type: ignore[call-arg,misc]
        "is no training method",
    ),
    "training without a seed": (
        lambda: pixleak.References(4, training=lambda records: NET),  # type: ignore[call-arg,misc]
        "takes records, but is called with records and seed",
    ),
    "training by text": (
        lambda: pixleak.TrainingFunction(function="train"),
        "'train' names no function; write file.py:name",
    ),
    "training option": (
        lambda: pixleak.TrainingFunction(function=taught, options={"epoch": 3}),
        "options: epoch is no argument of it, did you mean 'epochs'",
    ),
    "training with a defence": (
        lambda: pixleak.run(
            pixleak.AuditRequest(
                records=RECORDS,
                target=pixleak.TargetModel(training=taught, defences=["mix-up"]),
            ),
        ),
        "defence 'mix-up' changes recipes only",
    ),
    "training that returns nothing": (
        lambda: audit_of_training(lambda records, seed: None),
        "it returned nothing: end it with `return model`",
    ),
    "training that fails": (lambda: audit_of_training(taught, epochs=0), "division"),
    "training that answers with probabilities": (
        lambda: pixleak.run(
            pixleak.AuditRequest(
                records=RECORDS,
                target=pixleak.TargetModel(
                    training=pixleak.TrainingFunction(function=taught, answers="probability"),
                    access="logit",  # type: ignore[arg-type]
                ),
            )
        ),
        "access is logit, but the module that function taught trains answers with probability",
    ),
    "canaries for ids alone": (
        lambda: pixleak.run(
            pixleak.AuditRequest(
                records=pixleak.phantom(80, size=16, seed=0),
                split=pixleak.SplitChoice(target_members=10),
                target=pixleak.TargetModel(
                    training=pixleak.TrainingCommand(
                        command="train {ids} {out}", load=lambda path: NET
                    )
                ),
                canaries=pixleak.Canaries(count=10),
            )
        ),
        "alters records, but",
    ),
    "recipe of a finished network": (
        lambda: pixleak.Recipe(network=NET),  # type: ignore[arg-type]
        "give its class, or a function that makes it",
    ),
    "recipe loss": (
        lambda: pixleak.Recipe(loss="losses:mine"),  # type: ignore[arg-type]
        "there is no file losses to take 'mine' from",
    ),
    "recipe optimizer": (
        lambda: pixleak.Recipe(optimizer=3),  # type: ignore[arg-type]
        "optimizer must be",
    ),
    "samples zero": (lambda: pixleak.TargetModel(model=NET, samples=0), "samples"),
    "samples negative": (lambda: pixleak.TargetModel(model=NET, samples=-1), "samples"),
    "two models": (
        lambda: pixleak.TargetModel(model=NET, training=pixleak.Recipe()),
        "give one of them",
    ),
    "positional": (lambda: pixleak.TargetModel(NET, 3), "by name"),  # type: ignore[call-arg,misc]
    "no target": (lambda: pixleak.TargetModel(), "TargetModel(training=Recipe(...))"),
    "target of None": (lambda: pixleak.TargetModel(None), "needs a model"),
    "poison": (
        lambda: pixleak.AuditRequest(
            records=RECORDS,
            target=pixleak.TargetModel(training=pixleak.Recipe()),
            poison="linee",  # type: ignore[arg-type]
        ),
        "AuditRequest: poison: unknown name 'linee'",
    ),
    "attack object with options": (
        lambda: pixleak.Attacker(
            attacks=[{"name": pixleak.attacks.LiraOnline(), "options": {"variance": "own"}}]
        ),
        "an object has its options already",
    ),
    "attack signals text": (
        lambda: pixleak.Attacker(attacks=[{"name": "rmia", "signals": "margin"}]),
        "signals must be a list of names",
    ),
    "attack signals number": (
        lambda: pixleak.Attacker(attacks=[{"name": "rmia", "signals": 3}]),
        "signals must be a list of names",
    ),
    "save of None": (lambda: found().save(None), "folder must be the name of a folder, got None"),  # type: ignore[arg-type]
    "save into a file": (lambda: found().save("/etc/passwd/x"), "choose another with folder"),
    "save with a null": (lambda: found().save("a\0b"), "must be the name of a folder"),
    "save with a long name": (lambda: found().save("a" * 5000), "aaa...: "),
    "share of None": (lambda: found().share(None), "must be the name of a folder"),  # type: ignore[arg-type]
    "keys of text": (lambda: pixleak.Records(["a"], RECORDS.load, RECORDS.truth), "RecordKey"),  # type: ignore[list-item]
    "truth a number": (lambda: pixleak.Records(RECORDS.keys, RECORDS.load, 2), "a LabelTruth"),  # type: ignore[arg-type]
    "load a number": (
        lambda: pixleak.Records(RECORDS.keys, 3, RECORDS.truth),  # type: ignore[arg-type]
        "load must be a function",
    ),
    "select nothing": (lambda: RECORDS.select(None), "select takes a list of ids"),  # type: ignore[arg-type]
    "select text": (lambda: RECORDS.select("phantom-00000"), "select takes a list of ids"),
    "photo of nothing": (lambda: pixleak.labels_to_photo(None), "must be pixleak.Records"),  # type: ignore[arg-type]
    "ignore text": (lambda: pixleak.LabelTruth(2, ignore="x"), "ignore must be a whole number"),  # type: ignore[arg-type]
    "split of text": (
        lambda: pixleak.random_split(RECORDS, {"target-members": "x"}, seed=0),  # type: ignore[dict-item]
        "target-members must be a whole number, got 'x'",
    ),
    "pairs of nothing": (lambda: pixleak.read_pairs(None, None), "must be a path, got None"),  # type: ignore[arg-type]
    "discriminator a number": (
        lambda: pixleak.TargetModel(NET, discriminator=3),
        "discriminator must be a torch module, got int",
    ),
    "channel twice": (
        lambda: pixleak.TargetModel(NET, output={"channels": [0, 0]}),  # type: ignore[arg-type]
        "must name each channel once",
    ),
    "seed beyond all measure": (lambda: audit(NET, M, N, seed=10**30), "seed must be at most"),
    "signal object": (lambda: pixleak.Attacker(signals=NET), "expected a list of signals"),
    "signal unknown": (lambda: pixleak.Attacker(signals=["margn"]), "did you mean 'margin'"),
    "attack unknown": (lambda: pixleak.Attacker(attacks=["lira"]), "lira-online"),
    "shadow by name": (lambda: pixleak.Attacker(shadow="unet"), "Shadow"),
    "defence unknown": (
        lambda: pixleak.TargetModel(model=NET, defences=["argmx"]),
        "did you mean 'argmax'",
    ),
    "canaries few": (lambda: pixleak.Canaries(count=1), "at least 10"),
    "workers below zero": (lambda: pixleak.Run(workers=-1), "workers must be at least 0"),
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
    "arrays: side of None": (lambda: lira(members_are=None), "members_are must be"),
    "arrays: side a number": (lambda: lira(members_are=3), "members_are must be"),
    "arrays: shape": (lambda: lira(target=[[[1.0]]]), "shape"),
    "arrays: models": (lambda: lira(reference=SIX[:1], member=HELD[:1]), "at least 4"),
    "arrays: member": (lambda: lira(member=HELD[:4]), "member"),
    "arrays: not true or false": (lambda: lira(member=[[2, 0]] * 6), "booleans, or 0 and 1"),
    "arrays: empty": (lambda: lira(target=[], reference=[[]] * 6, member=[[]] * 6), "no values"),
    "arrays: complex": (lambda: lira(target=[1j, 2]), "target must be real numbers"),
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
    assert mistake == "poison" or "Request: " not in message  # others have built none


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
    "members text": ("members=train", "or a folder that looks like one kind of records, got"),
    "members listed": ("members=members.csv", "give records"),
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
    "training missing": ("references={recipe: {function: no.py:train}}", "there is no file"),
    "training unknown": ("references={recipe: {function: model.py:nett}}", "did you mean 'net'"),
    "training unnamed": (
        "references={recipe: {function: train}}",
        "train' names no function; write file.py:name",
    ),
    "training takes nothing": (
        "references={recipe: {function: model.py:net}}",
        "net takes nothing, but is called with records and seed",
    ),
    "training by text": (
        "references={recipe: 'model.py:net'}",
        "own code is given as {function: file.py:name}",
    ),
    "training with epochs": (
        "references={recipe: {function: model.py:net, epochs: 3}}",
        "epochs is a setting of a recipe of pixleak's, which does not go with function",
    ),
    "training twice": (
        "references={recipe: {function: model.py:net, command: x}}",
        "references.recipe: give function or command, not both",
    ),
    "training misspelt": (
        "references={recipe: {functon: model.py:net}}",
        "references.recipe: unknown key 'functon', did you mean 'function'",
    ),
    "recipe network missing": (
        "references={recipe: {network: 'nets.py:Net'}}",
        "there is no file",
    ),
    "recipe network unknown": (
        "references={recipe: {network: 'model.py:nett'}}",
        "did you mean 'net'",
    ),
    "recipe loss": ("references={recipe: {loss: dise}}", "references.recipe: loss must be 'dice'"),
    "command key": (
        "references={recipe: {command: 'x {ids} {out}', load: 'model.py:fails', limt: 1}}",
        "references.recipe: unknown key 'limt', did you mean 'limit'",
    ),
    "command without load": ("references={recipe: {command: 'x {ids} {out}'}}", "load is missing"),
    "command place": (
        "references={recipe: {command: 'x {od} {out}', load: 'model.py:fails'}}",
        "references.recipe: command: there is no place {od}; there are {ids}",
    ),
    "target a number": ("target=3", "target must be a mapping of its settings, got 3"),
    "target by kind": ("target={kind: http, url: x}", "as in {http: URL}, not as kind: http"),
    "members a number": ("members=3", "or a folder that looks like one kind of records, got 3"),
    "size a number": ("members.size=[1, 2, 3]", "size"),
    "http": ("target={http: 'ftp://x'}", "must be an address such as https://host/path"),
    "http password": ("target={http: 'http://u:p@h/x'}", "holds a user or password"),
    "http batch": ("target={http: 'http://h', batch: 0}", "target: batch must be at least 1"),
    "http batch of PNG": (
        "target={http: 'http://h', encode: png, batch: 4}",
        "leave target.batch out, or set target.encode to npy",
    ),
    "http encode": ("target={http: 'http://h', encode: jpg}", "'png', 'npy' or 'json'"),
    "http budget": ("target={http: 'http://h', budget: x}", "budget must be a whole number, got"),
    "http rate": ("target={http: 'http://h', per_second: 0}", "greater than 0"),
    "http key": ("target={http: 'http://h', tokn: x}", "target: unknown key 'tokn', did you mean"),
    "http unheard of": (
        "target={http: 'http://127.0.0.1:9/x', attempts: 1}",
        "http://127.0.0.1:9/x",
    ),
    "kserve": ("target={kserve: 'http://h:8000'}", "/v2/models/NAME"),
    "kserve without a scheme": ("target={kserve: 'h:8000'}", "must be an address such as"),
    "kserve key": (
        "target={kserve: 'http://h/v2/models/m', inputname: x}",
        "did you mean 'input_name'",
    ),
    "kserve and a module": ("target.kserve='http://h/v2/models/m'", "exactly one of"),
    "seed beyond all measure": ("seed=99999999999999999999", "seed must be at most"),
    "seed null": ("seed=null", "seed must be a whole number, got null"),
    "part null": ("evaluation=null", "evaluation must be a mapping of its settings, got null"),
    "no rates": ("evaluation.fprs=[]", "evaluation.fprs must have at least 1 item, got []"),
    "folder in a file": ("run.folder=x", "give --out"),
    "progress in a file": ("run.progress=true", "leave it out"),
    "channel twice": ("target.output.channels=[0, 0]", "must name each channel once"),
    "seed fraction": ("seed=1.5", "seed must be a whole number, got 1.5"),
    "references untaught": ("references=4", "need a recipe"),
    "canaries": ("canaries.count=1", "canaries.count"),
    "poison": ("poison=linee", "audit.yaml: poison: unknown name 'linee'"),
    "analyses": ("analyses=[subgroup]", "subgroups"),
    "runner": ("run.runner=slurm", "there is no runner 'slurm'"),
    "workers": ("run.workers=-1", "run.workers must be at least 0"),
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
    "of a study": ("base: audit.yaml\naxes: {seed: [0, 1]}\n", "run `pixleak study bad.yaml`"),
    "of a set test": (
        "target: {module: 'model.py:net'}\nowned: {reader: phantom}\n",
        "run `pixleak set-test bad.yaml`",
    ),
    "of a query": (
        "target: {module: 'model.py:net'}\nrecord: {channels: 1}\n",
        "run `pixleak query bad.yaml INPUT TRUTH`",
    ),
    "tagged": ("a: !!python/object/apply:os.system ['true']\n", "not valid YAML"),
    "no target": ("members: {reader: phantom}\nnonmembers: {reader: phantom}\n", "target"),
}

COMMANDS: dict[str, tuple[list[str], str]] = {
    "audit nowhere": (["audit", "nowhere.yaml", "-o", "out"], "no configuration file"),
    "audit a folder": (["audit", ".", "-o", "out"], "is a folder"),
    "audit into a file": (["audit", "audit.yaml", "-o", "model.py"], "output folder"),
    "report nowhere": (["report", "nowhere"], "nowhere"),
    "report of no run": (["report", "."], "result.json"),
    "study of an audit": (["study", "audit.yaml", "-o", "o"], "run `pixleak audit audit.yaml`"),
    "set test of an audit": (["set-test", "audit.yaml"], "run `pixleak audit audit.yaml`"),
    "query of an audit": (
        ["query", "audit.yaml", "model.py", "model.py"],
        "run `pixleak audit audit.yaml`",
    ),
    "study of a misspelt axis": (["study", "study.yaml", "-o", "o"], "did you mean 'defence'?"),
    "audit among files of others": (
        ["audit", "audit.yaml", "-o", "."],
        "holds a file scores.parquet, which would be overwritten; choose another folder with --out",
    ),
    "evaluate among files of others": (
        ["evaluate", "scores.parquet", "-o", "."],
        "choose another folder with --out",
    ),
    "audit into a device": (["audit", "audit.yaml", "-o", "/dev/null"], "--out"),
    "template onto a device": (["init", "/dev/null", "--force"], "is no file, but a device"),
    "audit into nothing": (["audit", "audit.yaml", "-o", ""], "it is empty"),
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
    (tmp_path / "study.yaml").write_text("base: audit.yaml\naxes: {defense: [none, argmax]}\n")
    (tmp_path / "scores.parquet").write_bytes(b"mine")
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

"""Models in files of other formats answer as the module that they were made of."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import pixleak
from pixleak.core.access import Access
from pixleak.core.errors import InputError, MissingExtraError
from pixleak.core.truth import LabelTruth
from pixleak.targets.adapter import Adapter
from pixleak.targets.base import Untwinned
from pixleak.targets.kind import TargetKind
from pixleak.targets.target_for import opened_object

TRUTH = LabelTruth(2)
IMAGES = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(1))


class TwoHeads(nn.Module):
    """Main and auxiliary logits, with dropout that must be off."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.main, self.drop = nn.Conv2d(1, 2, 3, padding=1), nn.Dropout(0.5)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        logits = self.drop(self.main(images))
        return logits, -logits


def _write(kind: str, folder: Path, batch: int | None) -> TargetKind:
    module, example = TwoHeads().eval(), (IMAGES[: batch or 2],)
    path = folder / f"m.{kind}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if kind == "ts":
            torch.jit.save(torch.jit.script(module), path)
            return pixleak.targets.TorchScript(path)
        if kind == "pt2":
            free = None if batch else ({0: torch.export.Dim("b", min=1, max=64)},)
            torch.export.save(torch.export.export(module, example, dynamic_shapes=free), path)
            return pixleak.targets.Exported(path)
        pytest.importorskip("onnx")
        pytest.importorskip("onnxruntime")
        names = ["main", "auxiliary"]
        axes = {} if batch else {name: {0: "b"} for name in ("x", *names)}
        torch.onnx.export(
            module, example, path, input_names=["x"], output_names=names, dynamic_axes=axes,
            dynamo=False,
        )  # fmt: skip
        return pixleak.targets.Onnx(path)


@pytest.mark.parametrize(
    ("kind", "batch"),
    [("ts", None), ("pt2", None), ("pt2", 1), ("pt2", 3), ("onnx", None), ("onnx", 1), ("onnx", 3)],
)
def test_answers_are_those_of_the_module(kind: str, batch: int | None, tmp_path: Path) -> None:
    target = _write(kind, tmp_path, batch).open(TRUTH, Access.LOGIT)
    with pytest.raises(InputError, match=r"target\.output\.(key|index)|output\.(key|index)"):
        target.predict(IMAGES)
    which = {"key": "auxiliary"} if kind == "onnx" else {"index": 1}
    target.adapter = Adapter(
        output=pixleak.OutputAdapter(**which)  # type: ignore[arg-type]
    )
    expected = TwoHeads().eval()(IMAGES)[1].detach()
    torch.testing.assert_close(target.predict(IMAGES).values, expected)
    known = target.identity([])
    assert known is not None
    assert target.identity([]) == known
    assert isinstance(target.untrained(0), Untwinned)
    path = next(tmp_path.iterdir())
    path.write_bytes(path.read_bytes() + b"\0")
    assert target.identity([]) != known


@pytest.mark.parametrize("name", ["TorchScript", "Exported", "Onnx"])
def test_wrong_files_are_one_sentence(name: str, tmp_path: Path) -> None:
    if name == "Onnx":
        pytest.importorskip("onnxruntime")
    kind = getattr(pixleak.targets, name)
    with pytest.raises(InputError, match=r"there is no .* file .*none\.x$"):
        kind(tmp_path / "none.x").open(TRUTH, Access.LOGIT)
    torch.save({"a": torch.ones(1)}, tmp_path / "weights.pt")
    with pytest.raises(InputError, match=r"weights\.pt is no ") as caught:
        kind(tmp_path / "weights.pt").open(TRUTH, Access.LOGIT)
    assert "\n" not in str(caught.value)


def test_without_onnx_runtime_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'pixleak\[onnx\]'"):
        pixleak.targets.Onnx(tmp_path / "m.onnx").open(TRUTH, Access.LOGIT)


def test_an_exported_module_is_a_module() -> None:
    module = torch.export.export(nn.Conv2d(1, 2, 1), (IMAGES,)).module()
    target = opened_object(module, TRUTH, Access.LOGIT)
    assert target.predict(IMAGES).values.shape == (5, 2, 8, 8)


class Foreign:
    """Another framework's array."""

    def __init__(self, values: Tensor) -> None:
        self._values = values.numpy()

    def __array__(self, dtype: object = None, copy: object = None) -> object:
        return self._values


class Capsule:
    """An array that only DLPack can hand over."""

    def __init__(self, values: Tensor) -> None:
        self._values = values

    def __dlpack__(self, **options: object) -> object:
        return self._values.__dlpack__(**options)

    def __dlpack_device__(self) -> object:
        return self._values.__dlpack_device__()


@pytest.mark.parametrize("kind", [Foreign, Capsule])
@pytest.mark.parametrize("activation", [None, "softmax"])
def test_arrays_of_other_frameworks_are_taken_as_they_come(
    kind: type, activation: str | None
) -> None:
    logits = torch.cat([IMAGES, -IMAGES], dim=1)
    access = Access.LOGIT if activation is None else Access.PROBABILITY
    target = opened_object(lambda images: kind(logits), TRUTH, access)
    target.adapter = Adapter(
        output=pixleak.OutputAdapter(activation=activation)  # type: ignore[arg-type]
    )
    expected = logits if activation is None else logits.softmax(dim=1)
    torch.testing.assert_close(target.predict(IMAGES).values, expected)


def test_a_function_gets_the_ids_that_it_asks_for() -> None:
    seen: list[tuple[str, ...]] = []

    def ask(images: Tensor, ids: tuple[str, ...]) -> Tensor:
        seen.append(ids)
        return torch.cat([images, -images], dim=1)

    target = opened_object(ask, TRUTH, Access.LOGIT)
    target.predict(IMAGES[:2], ["p", "q"])
    assert seen == [("p", "q")]
    with pytest.raises(InputError, match="asks for ids"):
        target.predict(IMAGES)

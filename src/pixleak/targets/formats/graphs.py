"""Models as files of other formats: TorchScript, ``torch.export`` and ONNX."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pixleak.core.access import Access
from pixleak.core.errors import InputError, require, told
from pixleak.core.truth import Truth
from pixleak.targets.base import Target, Untwinned


class GraphTarget(Target):
    """A compiled graph, which is asked in batches of its own size where that is fixed.

    A smaller batch is filled up with copies of its last image, whose answers are dropped. The
    graph is recognised again by its file.

    Args:
        ask: (b, c, h, w) -> its answer: a tensor, a mapping or a sequence of tensors.
        path: of the file.
        truth: what its output should look like.
        access: what it gives away.
        device: where it runs.
        batch: images per query where that is fixed; None: any number.
    """

    def __init__(
        self,
        ask: Callable[[Tensor], object],
        path: Path,
        truth: Truth,
        access: Access,
        *,
        device: str = "cpu",
        batch: int | None = None,
    ) -> None:
        super().__init__(truth, access, path.name)
        self.ask, self.path, self.device, self.batch = ask, path, device, batch

    def identity(self, answers: Sequence[Tensor]) -> Mapping[str, Any]:
        total = hashlib.sha256()
        # Large ONNX models keep their weights in files beside them.
        beside = sorted(self.path.parent.glob(f"{self.path.name}*"))
        for path in dict.fromkeys([self.path, *(one for one in beside if one.is_file())]):
            with path.open("rb") as file:
                total.update(hashlib.file_digest(file, "sha256").digest())
        return {"file": total.hexdigest()}

    def untrained(self, seed: int) -> Untwinned:
        return Untwinned("the layers of a compiled graph cannot be given random weights")

    def _query(self, images: Tensor) -> object:
        if self.batch is None:
            return self.ask(images)
        parts = []
        for start in range(0, len(images), self.batch):
            part = images[start : start + self.batch]
            filling = part[-1:].expand(self.batch - len(part), *part.shape[1:])
            parts.append(_first(self.ask(torch.cat([part, filling])), len(part)))
        return _joined(parts)


def _first(answer: Any, count: int) -> Any:
    if isinstance(answer, Mapping):
        return {key: _first(value, count) for key, value in answer.items()}
    if isinstance(answer, list | tuple):
        return [_first(value, count) for value in answer]
    return torch.as_tensor(answer)[:count]


def _joined(parts: Sequence[Any]) -> Any:
    if isinstance(parts[0], Mapping):
        return {key: _joined([one[key] for one in parts]) for key in parts[0]}
    if isinstance(parts[0], list):
        return [_joined(list(several)) for several in zip(*parts, strict=True)]
    return torch.cat(list(parts))


def _checked_file(path: Path, what: str) -> None:
    if not path.is_file():
        raise InputError(f"there is no {what} file {path}")


def torchscript_target(path: Path, truth: Truth, access: Access, device: str) -> GraphTarget:
    """A module that ``torch.jit.save`` wrote.

    Raises:
        InputError: there is no such file, or it is none.
    """
    _checked_file(path, "TorchScript")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            module = torch.jit.load(path, map_location=device)  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError) as error:
        raise InputError(
            f"{path} is no TorchScript file ({_short(error)}); save one with torch.jit.save, or "
            "give module and checkpoint for a file of weights"
        ) from error
    module.eval()

    def ask(images: Tensor) -> object:
        with torch.no_grad():
            return module(images.to(device))

    return GraphTarget(ask, path, truth, access, device=device)


def exported_target(path: Path, truth: Truth, access: Access, device: str) -> GraphTarget:
    """A program that ``torch.export.save`` wrote (``.pt2``), exported in evaluation mode.

    Raises:
        InputError: there is no such file, it is none, or takes something else than images.
    """
    _checked_file(path, "torch.export")
    try:
        program = torch.export.load(str(path))
    except Exception as error:  # whatever its parser fails with
        raise InputError(
            f"{path} is no program of torch.export ({_short(error)}); save one with "
            "torch.export.save"
        ) from error
    inputs = list(program.graph_signature.user_inputs)
    if len(inputs) != 1:
        raise InputError(f"{path} takes {len(inputs)} inputs; a target takes images alone")
    if torch.device(device).type != "cpu":
        from torch.export.passes import move_to_device_pass

        program = move_to_device_pass(program, device)
    size = next(n for n in program.graph.nodes if n.name == inputs[0]).meta["val"].shape[0]
    module = program.module()

    def ask(images: Tensor) -> object:
        with torch.no_grad():
            return module(images.to(device))

    batch = size if isinstance(size, int) else None
    return GraphTarget(ask, path, truth, access, device=device, batch=batch)


_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}


def onnx_target(path: Path, truth: Truth, access: Access, device: str) -> GraphTarget:
    """An ONNX model, run by ONNX Runtime; several outputs are a mapping by name.

    Raises:
        InputError: there is no such file, it is no model of images, or the device has no provider.
        MissingExtraError: ONNX Runtime is not installed.
    """
    runtime = require("onnxruntime", extra="onnx", why="running ONNX models")
    _checked_file(path, "ONNX")
    kind = torch.device(device).type
    provider = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}.get(kind, "")
    if provider not in runtime.get_available_providers():
        raise InputError(f"ONNX Runtime cannot run on device {device!r} here; use cpu")
    try:
        session = runtime.InferenceSession(str(path), providers=[provider])
    except Exception as error:  # of a class of its own for each code
        raise InputError(f"{path} is no ONNX model ({_short(error)})") from error
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type not in _TYPES:
        found = ", ".join(f"{one.name} ({one.type})" for one in inputs)
        raise InputError(f"{path} takes {found}; a target takes one input, images of floats")
    names = [one.name for one in session.get_outputs()]
    size = inputs[0].shape[0] if inputs[0].shape else None

    def ask(images: Tensor) -> object:
        given = images.numpy().astype(_TYPES[inputs[0].type])
        answers = session.run(None, {inputs[0].name: given})
        return answers[0] if len(answers) == 1 else dict(zip(names, answers, strict=True))

    batch = size if isinstance(size, int) and size > 0 else None
    return GraphTarget(ask, path, truth, access, device=device, batch=batch)


def _short(error: Exception) -> str:
    return told(error).split(" (/", 1)[0][:160]

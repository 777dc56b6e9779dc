"""How images are sent to a service and answers read: what each protocol writes for itself."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from pixleak.core.errors import setting
from pixleak.targets.endpoint.wire import (
    FinalAnswerError,
    UnusableAnswerError,
    array_of,
    channels_placed,
    npy_of,
    one_each,
    png_of,
    read_json,
    read_npy,
    read_png,
    whole_bytes,
)

if TYPE_CHECKING:
    from pixleak.targets.endpoint.transport import Transport

Layout = Literal["channels-first", "channels-last"]


class ServiceProtocol(ABC):
    """One way of asking; it keeps what a service says of itself, and no answers."""

    url: str
    batch: int | None
    """Images of one request; None for one image without an axis of its own."""

    @property
    def as_bytes(self) -> bool:
        """Whether images of 0..1 are sent as bytes, whatever the model makes of them."""
        return False

    @property
    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """What determines the answers, as plain values: address, version, ways of writing."""

    def introduced(self, transport: Transport) -> None:  # noqa: B027 - most need nothing
        """Ask the service about itself, once, before any image is sent.

        Raises:
            InputError: it does not say what is needed, or takes other images.
        """

    @abstractmethod
    def encoded(self, images: NDArray[np.float32]) -> list[NDArray[Any]]:
        """Each of (b, c, h, w) images as the array that is sent; questions go by it.

        Raises:
            InputError: the service cannot be sent such images.
        """

    @abstractmethod
    def body(self, images: Sequence[NDArray[Any]]) -> tuple[bytes, dict[str, str]]:
        """Body and headers of one request about encoded images."""

    @property
    def asked_at(self) -> str:
        """The address that questions are sent to."""
        return self.url

    @abstractmethod
    def read(self, content: bytes, headers: Mapping[str, str], count: int) -> list[NDArray[Any]]:
        """The answer to each image: (k, h, w) or (h, w).

        Raises:
            UnusableAnswerError: it is not what was asked for.
            FinalAnswerError: it never will be.
        """


@dataclass
class PlainProtocol(ServiceProtocol):
    """A POST of one image or of a batch.

    Args:
        url: address.
        version: of the model behind it, as far as the caller knows.
        encode: how images are sent.
        decode: how answers come.
        batch: images of one request; None for one image without an axis of its own.
        layout: of the arrays, both ways.
        dtype: of the arrays that are sent.
        request_key: entry of a JSON request that holds the images.
        answer_key: entry of a JSON answer that holds the prediction.
        colour: whether answers are pictures rather than label maps.
    """

    url: str
    version: str = ""
    encode: Literal["png", "npy", "json"] = "npy"
    decode: Literal["png", "npy", "json"] = "npy"
    batch: int | None = None
    layout: Layout = "channels-first"
    dtype: Literal["float32", "uint8"] = "float32"
    request_key: str = "instances"
    answer_key: str | None = None
    colour: bool = False

    @property
    def as_bytes(self) -> bool:
        return self.encode == "png"

    @property
    def settings(self) -> dict[str, Any]:
        return {"protocol": "http", **vars(self)}

    def encoded(self, images: NDArray[np.float32]) -> list[NDArray[Any]]:
        if self.encode == "png" or self.dtype == "uint8":
            low, high = float(images.min()), float(images.max())
            return [whole_bytes(image, low, high) for image in images]
        return list(images)

    def body(self, images: Sequence[NDArray[Any]]) -> tuple[bytes, dict[str, str]]:
        if self.encode == "png":
            return png_of(images[0]), {"Content-Type": "image/png"}
        array = channels_placed(images, last=self.layout == "channels-last")
        array = array[0] if self.batch is None else array
        if self.encode == "npy":
            return npy_of(array), {"Content-Type": "application/octet-stream"}
        text = json.dumps({self.request_key: array.tolist()}, allow_nan=False)
        return text.encode(), {"Content-Type": "application/json"}

    def read(self, content: bytes, headers: Mapping[str, str], count: int) -> list[NDArray[Any]]:
        if self.decode == "png":
            return one_each(read_png(content, colour=self.colour), None, last=False)
        if self.decode == "npy":
            array = read_npy(content)
        else:
            array = read_json(content, self.answer_key)
        many = None if self.batch is None else count
        return one_each(array, many, last=self.layout == "channels-last")


_TYPES = {
    "FP16": "<f2", "FP32": "<f4", "FP64": "<f8", "BOOL": "|b1", "UINT8": "|u1", "UINT16": "<u2",
    "UINT32": "<u4", "UINT64": "<u8", "INT8": "|i1", "INT16": "<i2", "INT32": "<i4", "INT64": "<i8",
}  # fmt: skip
_LENGTH = "inference-header-content-length"


@dataclass
class KServeProtocol(ServiceProtocol):
    """The open inference protocol of KServe, version 2: Triton, TorchServe, MLServer.

    Args:
        url: ``http://host/v2/models/NAME``, or below it ``/versions/N``.
        batch: images of one request.
        layout: of input and output.
        input_name: of the tensor that takes the images; None for the only one.
        output_name: of the tensor that holds the answer; None for the only one.
        binary: whether tensors are sent as bytes; None where the server says that it can.
    """

    url: str
    batch: int | None = 1
    layout: Layout = "channels-first"
    input_name: str | None = None
    output_name: str | None = None
    binary: bool | None = None
    _known: dict[str, Any] = field(default_factory=dict, repr=False)
    _answered: set[str] = field(default_factory=set, repr=False)

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "protocol": "kserve",
            "url": self.url,
            "layout": self.layout,
            "versions": self._known.get("versions", []),
            "input": [self._known.get("input"), self._known.get("type")],
            "output": self._known.get("output"),
        }

    @property
    def asked_at(self) -> str:
        return f"{self.url}/infer"

    def introduced(self, transport: Transport) -> None:
        if self._known:
            return
        said = transport.request("GET", self.url, _mapping)
        known: dict[str, Any] = {"versions": sorted(map(str, said.get("versions") or ()))}
        for side, wanted, where in (
            ("input", self.input_name, "target.input_name"),
            ("output", self.output_name, "target.output_name"),
        ):
            offered = {
                str(one.get("name")): one
                for one in said.get(f"{side}s") or ()
                if isinstance(one, Mapping)
            }
            name = next(iter(offered)) if wanted is None and len(offered) == 1 else wanted
            if name is None or (offered and name not in offered):
                told = ", ".join(map(repr, offered)) or "none"
                raise FinalAnswerError(
                    f"{self.url} has the {side}s {told}: name one with {setting(where)}"
                )
            known[side] = name
            if side == "input":
                known["type"] = str(offered.get(name, {}).get("datatype", "FP32"))
                known["shape"] = offered.get(name, {}).get("shape")
        if known["type"] not in _TYPES or known["type"] == "BOOL":
            raise FinalAnswerError(
                f"{self.url} takes {known['type']} for {known['input']!r}, which is no image of "
                "real numbers"
            )
        known["binary"] = self.binary
        if self.binary is None:
            root = self.url.partition("/v2/")[0] + "/v2"
            extensions = transport.request("GET", root, _mapping).get("extensions") or ()
            known["binary"] = "binary_tensor_data" in extensions
        self._known = known

    def encoded(self, images: NDArray[np.float32]) -> list[NDArray[Any]]:
        dtype = np.dtype(_TYPES[self._known["type"]])
        self._check_shape(images.shape)
        if dtype.kind == "f":
            return list(images.astype(dtype))
        if float(images.max()) <= 1 and bool((images != np.rint(images)).any()):
            raise FinalAnswerError(
                f"{self.url} takes whole numbers ({self._known['type']}), the images are in 0..1: "
                f"set {setting('target.input.range')} to [0, 255]"
            )
        limits = np.iinfo(dtype)
        return list(
            np.clip(np.rint(images.astype(np.float64)), limits.min, limits.max).astype(dtype)
        )

    def _check_shape(self, shape: tuple[int, ...]) -> None:
        stated = self._known["shape"]
        if not isinstance(stated, list) or len(stated) != 4:
            return
        _, c, h, w = shape
        mine = [self.batch, h, w, c] if self.layout == "channels-last" else [self.batch, c, h, w]
        for axis, (theirs, own) in enumerate(zip(stated, mine, strict=True)):
            if isinstance(theirs, int) and theirs >= 0 and theirs != own:
                cure = f": set {setting('target.batch')} to {theirs}" if axis == 0 else ""
                raise FinalAnswerError(
                    f"{self.url} takes images of shape {stated}, but they would be sent as {mine}"
                    f"{cure}"
                )

    def body(self, images: Sequence[NDArray[Any]]) -> tuple[bytes, dict[str, str]]:
        array = channels_placed(images, last=self.layout == "channels-last")
        given: dict[str, Any] = {
            "name": self._known["input"],
            "shape": list(array.shape),
            "datatype": self._known["type"],
        }
        wanted: dict[str, Any] = {"name": self._known["output"]}
        if not self._known["binary"]:
            given["data"] = array.ravel().tolist()
            text = json.dumps({"inputs": [given], "outputs": [wanted]}, allow_nan=False)
            return text.encode(), {"Content-Type": "application/json"}
        raw = array.tobytes()
        given["parameters"] = {"binary_data_size": len(raw)}
        wanted["parameters"] = {"binary_data": True}
        text = json.dumps({"inputs": [given], "outputs": [wanted]})
        headers = {
            "Content-Type": "application/octet-stream",
            "Inference-Header-Content-Length": str(len(text.encode())),
        }
        return text.encode() + raw, headers

    def read(self, content: bytes, headers: Mapping[str, str], count: int) -> list[NDArray[Any]]:
        length = str(headers.get(_LENGTH, len(content)))
        size = int(length) if length.isdecimal() else len(content)
        said = _mapping(content[:size], headers)
        self._check_version(said)
        rest, found = content[size:], None
        for one in said.get("outputs") or ():
            if not isinstance(one, Mapping):
                continue
            parameters = one.get("parameters")
            inside = parameters.get("binary_data_size") if isinstance(parameters, Mapping) else None
            raw = None
            if isinstance(inside, int) and inside >= 0:
                raw, rest = rest[:inside], rest[inside:]
            if one.get("name") == self._known["output"]:
                found = _tensor(one, raw)
        if found is None:
            raise UnusableAnswerError(f"it holds no output {self._known['output']!r}")
        return one_each(found, count, last=self.layout == "channels-last")

    def _check_version(self, said: Mapping[str, Any]) -> None:
        version = said.get("model_version")
        if version in (None, ""):
            return
        known = self._known["versions"]
        if str(version) in known or not known:
            self._answered.add(str(version))
        if (known and str(version) not in known) or len(self._answered) > 1:
            raise FinalAnswerError(
                f"{self.url} answered as version {version}, but said before that it is "
                f"{' or '.join(known or sorted(self._answered - {str(version)}))}: "
                "the model was changed, or has several versions; give .../versions/N"
            )


def _mapping(content: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UnusableAnswerError("it is no JSON") from error
    if not isinstance(found, dict):
        raise UnusableAnswerError("its JSON is no object")
    return found


def _tensor(one: Mapping[str, Any], raw: bytes | None) -> NDArray[Any]:
    shape = one.get("shape")
    if not isinstance(shape, list) or not all(isinstance(n, int) and n >= 0 for n in shape):
        raise UnusableAnswerError("its output has no shape")
    kind = _TYPES.get(str(one.get("datatype")))
    if kind is None:
        raise UnusableAnswerError(f"its output is of type {one.get('datatype')}")
    if raw is not None:
        flat = np.frombuffer(raw, kind) if len(raw) % np.dtype(kind).itemsize == 0 else raw
    else:
        flat = array_of(one.get("data")).ravel()
    wanted = int(np.prod(shape, dtype=object)) if shape else 1
    if len(flat) != wanted:
        raise UnusableAnswerError(f"its output holds {len(flat)} values, its shape is {shape}")
    return np.asarray(flat).astype(kind, copy=False).reshape(shape)

"""A real server on the loopback interface that answers about images, and fails as it is told."""

from __future__ import annotations

import hashlib
import io
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from PIL import Image

Failure = str
"""The name of one way to fail; see :meth:`Service.fail`."""


def brightness(images: np.ndarray) -> np.ndarray:
    """(b, c, h, w) in 0..1 -> (b, 2, h, w) probabilities of background and foreground."""
    foreground = np.clip(images[:, :1], 0.0, 1.0)
    return np.concatenate([1 - foreground, foreground], axis=1).astype(np.float32)


class Service:
    """What the server does, and what it counts.

    Args:
        answer: (b, c, h, w) -> the answer.
        decode: how requests are read: npy, png, json or kserve.
        encode: how answers are written: npy, json or png (labels).
        fails: the number of a request, from 1, -> how it fails, or None.
    """

    def __init__(
        self,
        answer: Callable[[np.ndarray], np.ndarray] = brightness,
        *,
        decode: str = "npy",
        encode: str = "npy",
        token: str | None = None,
        fails: Callable[[int], Failure | None] = lambda number: None,
    ) -> None:
        self.answer, self.decode, self.encode = answer, decode, encode
        self.token, self.fails = token, fails
        self.requests, self.failures = 0, Counter[str]()
        self.paid: Counter[str] = Counter()
        self.moments: list[float] = []
        self.tokens: list[str | None] = []
        self.sizes: list[int] = []
        self.lock = threading.Lock()
        self.url = ""
        self.metadata: dict[str, Any] = {}
        self.extensions: list[str] = []
        self.version = "1"

    def read(self, body: bytes, headers: Any) -> np.ndarray:
        if self.decode == "png":
            array = np.asarray(Image.open(io.BytesIO(body)), dtype=np.float32) / 255
            return array[None, None] if array.ndim == 2 else array.transpose(2, 0, 1)[None]
        if self.decode == "json":
            array = np.asarray(json.loads(body)["instances"], dtype=np.float32)
        else:
            array = np.load(io.BytesIO(body))
            array = array / 255 if array.dtype == np.uint8 else array
        return array[None] if array.ndim == 3 else array

    def write(self, values: np.ndarray) -> tuple[bytes, str]:
        if self.encode == "json":
            return json.dumps({"predictions": values.tolist()}).encode(), "application/json"
        buffer = io.BytesIO()
        if self.encode == "png":
            Image.fromarray(values[0].astype(np.uint8)).save(buffer, "PNG")
            return buffer.getvalue(), "image/png"
        np.save(buffer, values)
        return buffer.getvalue(), "application/octet-stream"

    def kserve(self, body: bytes, headers: Any) -> tuple[bytes, dict[str, str], np.ndarray]:
        size = int(headers.get("Inference-Header-Content-Length", len(body)))
        asked, raw = json.loads(body[:size]), body[size:]
        given = asked["inputs"][0]
        kinds = {"FP32": "<f4", "UINT8": "|u1"}
        flat = np.frombuffer(raw, kinds[given["datatype"]]) if raw else np.asarray(given["data"])
        images = flat.reshape(given["shape"]).astype(np.float32)
        values = self.answer(images / 255 if given["datatype"] == "UINT8" else images)
        out: dict[str, Any] = {"name": asked["outputs"][0]["name"], "datatype": "FP32",
                               "shape": list(values.shape)}  # fmt: skip
        said = {"model_name": "m", "model_version": self.version, "outputs": [out]}
        if not raw:
            out["data"] = values.ravel().tolist()
            return json.dumps(said).encode(), {"Content-Type": "application/json"}, images
        binary = values.astype("<f4").tobytes()
        out["parameters"] = {"binary_data_size": len(binary)}
        text = json.dumps(said).encode()
        told = {"Content-Type": "application/octet-stream",
                "Inference-Header-Content-Length": str(len(text))}  # fmt: skip
        return text + binary, told, images


def kserve_service(datatype: str = "FP32", *, binary: bool = False) -> Service:
    """A service of KServe's protocol, with one input and one output."""
    service = Service(decode="kserve")
    service.metadata = {
        "name": "m",
        "versions": ["1"],
        "platform": "test",
        "inputs": [{"name": "image", "datatype": datatype, "shape": [-1, 1, -1, -1]}],
        "outputs": [{"name": "mask", "datatype": "FP32", "shape": [-1, 2, -1, -1]}],
    }
    service.extensions = ["binary_tensor_data"] if binary else []
    return service


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    service: Service

    def log_message(self, *args: object) -> None:
        pass

    def send(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        if self.path.endswith("/v2"):
            said: dict[str, Any] = {"name": "s", "extensions": self.service.extensions}
        else:
            said = self.service.metadata
        self.send(200, json.dumps(said).encode(), Content_Type="application/json")

    def do_POST(self) -> None:
        service = self.service
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with service.lock:
            service.requests += 1
            number = service.requests
            service.moments.append(time.monotonic())
            service.tokens.append(self.headers.get("Authorization"))
        how = service.fails(number)
        if how is not None:
            with service.lock:
                service.failures[how] += 1
        if service.token is not None and service.tokens[-1] != f"Bearer {service.token}":
            self.send(401, f"no such token: {service.tokens[-1]}".encode())
            return
        if how in ("401", "403"):
            self.send(int(how), f"refused: {self.headers.get('Authorization')}".encode())
        elif how in ("500", "503", "404"):
            self.send(int(how), b"out of order")
        elif how is not None and how.startswith("429"):
            self.send(429, b"slow down", Retry_After=how.partition(" ")[2] or "0")
        elif how is not None and how.startswith("redirect"):
            self.send(307, b"", Location=how.partition(" ")[2])
        elif how == "late":
            time.sleep(2.5)
            self.close_connection = True
        elif how == "cut":
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            self.wfile.write(b"\x93NUMPY")
            self.wfile.flush()
            self.close_connection = True
        elif how == "html":
            self.send(200, b"<html>sorry</html>", Content_Type="text/html")
        else:
            self.answered(body, how)

    def answered(self, body: bytes, how: str | None) -> None:
        service = self.service
        if service.decode == "kserve":
            content, headers, images = service.kserve(body, self.headers)
        else:
            images = service.read(body, self.headers)
            values = service.answer(images)
            if how == "size":
                values = values[..., :-1]
            if how == "type":
                values = values.astype(np.complex64)
            content, kind = service.write(values)
            headers = {"Content-Type": kind}
        service.sizes.append(len(images))
        self.send(200, content, **{k.replace("-", "_"): v for k, v in headers.items()})
        if how is None:
            with service.lock:
                for image in images:
                    service.paid[hashlib.sha256(image.tobytes()).hexdigest()] += 1


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # clients that hang up are part of the tests


@contextmanager
def serving(service: Service, path: str = "/predict") -> Iterator[Service]:
    """The service at ``service.url``, in threads of this process."""
    handler = type("_Bound", (_Handler,), {"service": service})
    with _Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        service.url = f"http://127.0.0.1:{server.server_port}{path}"
        try:
            yield service
        finally:
            server.shutdown()
            thread.join()

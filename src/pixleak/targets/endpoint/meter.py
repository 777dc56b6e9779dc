"""Asking a service no more often than needed, and never more often than agreed.

One query is one image that is answered. The answer to each is kept under the SHA-256 of the image
as it is sent, so that an image that occurs twice, in this run or in a later one, is asked about
once. Requests without an answer (no connection, a time-out, an error status) cost nothing; whole
answers that cannot be used count.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pixleak.core.errors import InputError, setting
from pixleak.targets.endpoint.answer_store import AnswerStore
from pixleak.targets.endpoint.wire import CancelledRequestError

if TYPE_CHECKING:
    from pixleak.targets.endpoint.protocol import ServiceProtocol
    from pixleak.targets.endpoint.transport import Transport

Usable = Callable[[NDArray[Any], NDArray[np.float32]], object]
"""(answers, images they are about); raises where they are not what was declared."""


class Meter:
    """Asks, keeps and counts.

    Args:
        protocol: how it is asked.
        transport: the connection.
        budget: the most queries, over all runs that share the folder of answers; None: no limit.
        concurrency: requests on their way at a time.
        folder: where answers are kept, in place of a run's folder.
    """

    def __init__(
        self,
        protocol: ServiceProtocol,
        transport: Transport,
        *,
        budget: int | None = None,
        concurrency: int = 1,
        folder: Path | None = None,
    ) -> None:
        self.protocol, self.transport = protocol, transport
        self.budget, self.concurrency = budget, concurrency
        self.folder = folder
        self._store: AnswerStore | None = None
        self._purpose, self._each = "", False
        self._lock = threading.Lock()
        self._paid = self._sent = 0

    @property
    def together(self) -> int:
        """Images that share a request, and might change one another's answers."""
        return self.protocol.batch or 1

    def keep_in(self, folder: Path) -> None:
        """Keep answers in a folder, unless one was given already."""
        if self.folder is None:
            self.folder, self._store = folder, None

    @contextmanager
    def anew(self, purpose: str, *, each: bool = False) -> Iterator[None]:
        """Inside, questions are others than outside, so that they are really asked.

        Args:
            purpose: what for; the same purpose in a resumed run finds its answers again.
            each: whether equal images of one query are questions of their own.
        """
        before = self._purpose, self._each
        self._purpose, self._each = purpose, each
        try:
            yield
        finally:
            self._purpose, self._each = before

    def introduced(self) -> dict[str, Any]:
        """What determines the answers, once the service has said of itself what it can."""
        self.protocol.introduced(self.transport)
        return self.protocol.settings

    def paid(self) -> int:
        """Queries so far, of all runs that share the folder."""
        return self._answers().paid()

    def unanswered(self, images: NDArray[np.float32]) -> set[str]:
        """The questions about (b, c, h, w) images that are not answered yet."""
        store = self._answers()  # first, since what is sent may depend on what the service says
        return {key for key in self._keys(self.protocol.encoded(images)) if not store.has(key)}

    def check(self, queries: int) -> None:
        """Refuse what would exceed the budget.

        Raises:
            InputError: so many further queries are too many.
        """
        paid = self.paid()
        if self.budget is not None and paid + queries > self.budget:
            raise InputError(
                f"this needs up to {queries} queries and {paid} were made before, which is more "
                f"than {setting('target.budget')} {self.budget}; nothing was asked: raise it to "
                f"{paid + queries}, or ask about fewer records"
            )

    def answers(self, images: NDArray[np.float32], usable: Usable) -> NDArray[Any]:
        """The answers to (b, c, h, w) images, stacked; what is known is not asked again.

        Raises:
            InputError: the budget is used up, or the service gives no answer that can be used.
        """
        store = self._answers()
        encoded = self.protocol.encoded(images)
        keys = self._keys(encoded)
        found = {key: values for key in keys if (values := store.get(key)) is not None}
        if len(found) < len(set(keys)):
            with store.alone():
                self._paid = store.paid()
                wanted: dict[str, int] = {}
                for at, key in enumerate(keys):
                    # Another run may have asked while this one was waiting.
                    if key not in found and (values := store.get(key)) is not None:
                        found[key] = values
                    elif key not in found:
                        wanted.setdefault(key, at)
                self._ask(list(wanted.items()), encoded, images, usable, found)
        shapes = {found[key].shape for key in keys}
        if len(shapes) > 1:
            raise InputError(f"{self.protocol.url} answered with several shapes: {sorted(shapes)}")
        return np.stack([found[key] for key in keys])

    def _ask(
        self,
        wanted: Sequence[tuple[str, int]],
        encoded: Sequence[NDArray[Any]],
        images: NDArray[np.float32],
        usable: Usable,
        found: dict[str, NDArray[Any]],
    ) -> None:
        self.transport.ended.clear()
        step = self.together
        parts = [wanted[i : i + step] for i in range(0, len(wanted), step)]

        def asked(part: Sequence[tuple[str, int]]) -> None:
            try:
                answers = self._request([at for _, at in part], encoded, images, usable)
            except BaseException:
                self.transport.ended.set()  # the others end at once, with what they have
                raise
            for (key, _), values in zip(part, answers, strict=True):
                self._answers().put(key, values)
                found[key] = values

        if self.concurrency == 1 or len(parts) == 1:
            for part in parts:
                asked(part)
            return
        with ThreadPoolExecutor(self.concurrency) as pool:
            running = [pool.submit(asked, part) for part in parts]
            try:
                for one in running:
                    one.result()
            except BaseException:
                self.transport.ended.set()
                for one in running:
                    one.cancel()
                failed = [e for one in running if one.done() and not one.cancelled()
                          and (e := one.exception()) is not None]  # fmt: skip
                causes = (e for e in failed if not isinstance(e, CancelledRequestError))
                raise next(causes, failed[0]) from None

    def _request(
        self,
        rows: Sequence[int],
        encoded: Sequence[NDArray[Any]],
        images: NDArray[np.float32],
        usable: Usable,
    ) -> list[NDArray[Any]]:
        count, under_way = len(rows), False

        def before() -> None:
            nonlocal under_way
            with self._lock:
                self._sent -= count if under_way else 0
                under_way = False
                left = None if self.budget is None else self.budget - self._paid - self._sent
                if left is not None and count > left:
                    raise InputError(
                        f"{setting('target.budget')} {self.budget} is used up, since some answers "
                        "could not be used; what was answered is kept: raise it and go on"
                    )
                self._sent += count
                under_way = True

        def unusable() -> None:
            self._answers().count_unusable(count)
            with self._lock:
                self._paid += count

        def read(content: bytes, headers: Any) -> list[NDArray[Any]]:
            answers = self.protocol.read(content, headers, count)
            shapes = {one.shape for one in answers}
            assert len(shapes) == 1
            usable(np.stack(answers), images[list(rows)])
            return answers

        body, headers = self.protocol.body([encoded[at] for at in rows])
        try:
            answers = self.transport.request(
                "POST",
                self.protocol.asked_at,
                read,
                content=body,
                headers=headers,
                before=before,
                unusable=unusable,
            )
            with self._lock:
                self._paid += count
            return answers
        finally:
            with self._lock:
                self._sent -= count if under_way else 0

    def _answers(self) -> AnswerStore:
        if self._store is None:
            text = json.dumps(self.introduced(), sort_keys=True)
            name = hashlib.sha256(text.encode()).hexdigest()[:32]
            self._store = AnswerStore(None if self.folder is None else self.folder / name)
        return self._store

    def _keys(self, encoded: Sequence[NDArray[Any]]) -> list[str]:
        keys: list[str] = []
        for at, image in enumerate(encoded):
            asked = [str(image.dtype), list(image.shape), self._purpose, at if self._each else 0]
            start = json.dumps(asked).encode()
            keys.append(hashlib.sha256(start + np.ascontiguousarray(image).tobytes()).hexdigest())
        return keys

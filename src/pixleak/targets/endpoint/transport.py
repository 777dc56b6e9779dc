"""Requests to a service that may fail: retried with growing pauses, never faster than agreed.

What passes (no connection, a time-out, 408, 425, 429, 5xx, an answer that is none) is tried again
after ``pause * 2^k`` seconds with jitter, or after what ``Retry-After`` says if that is longer.
What does not pass (a refused token, an unknown address, a certificate) ends the run at once.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urljoin

from pixleak.core.errors import InputError, require, setting
from pixleak.targets.endpoint.address import Token, origin
from pixleak.targets.endpoint.wire import (
    CancelledRequestError,
    FinalAnswerError,
    UnusableAnswerError,
)

if TYPE_CHECKING:
    import httpx
    from tenacity import RetryCallState

T = TypeVar("T")

_PASSING = (408, 425, 429, 500, 502, 503, 504)
_LONGEST_PAUSE = 60.0
_MOST_BYTES = 1 << 30
_MOST_REDIRECTS = 3
_WHY = "asking an endpoint"


class _PassingError(Exception):
    """A failure that may be gone at the next attempt."""

    def __init__(self, told: str, after: float = 0.0) -> None:
        super().__init__(told)
        self.after = after


class Pace:
    """Lets requests go one by one, at most so many per second, and none before a given moment.

    Args:
        per_second: requests; None for no limit.
    """

    def __init__(self, per_second: float | None) -> None:
        self.per_second = per_second
        self._gap = 0.0 if per_second is None else 1 / per_second
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self, ended: threading.Event) -> None:
        """Wait for the next free moment; no longer where the run has ended."""
        with self._lock:
            moment = max(self._next, time.monotonic())
            self._next = moment + self._gap
        ended.wait(max(moment - time.monotonic(), 0.0))

    def not_before(self, seconds: float) -> None:
        """Let nothing go for so many seconds."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)


class Transport:
    """The connection to one service.

    Args:
        token: that requests carry, to this service alone.
        timeout: seconds for one attempt, from the first byte sent to the last received.
        attempts: for one request.
        pause: seconds before the second attempt.
        longest_wait: seconds of the longest ``Retry-After`` that is waited for.
        per_second: attempts per second; None for no limit.
    """

    def __init__(
        self,
        token: Token,
        *,
        timeout: float = 60.0,
        attempts: int = 6,
        pause: float = 0.5,
        longest_wait: float = 300.0,
        per_second: float | None = None,
    ) -> None:
        self.token, self.timeout, self.attempts = token, timeout, attempts
        self.pause, self.longest_wait = pause, longest_wait
        self.pace = Pace(per_second)
        self.ended = threading.Event()
        self._client: httpx.Client | None = None

    def request(
        self,
        method: str,
        url: str,
        read: Callable[[bytes, Mapping[str, str]], T],
        *,
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
        before: Callable[[], None] = lambda: None,
        unusable: Callable[[], None] = lambda: None,
    ) -> T:
        """Ask, and ask again where that may help.

        Args:
            method: of HTTP.
            url: address.
            read: makes something of body and headers of an answer.
            content: body of the request.
            headers: beside the token's.
            before: called before each attempt; raises where none may be made.
            unusable: called for each whole answer of which nothing can be made.

        Raises:
            InputError: there was no answer that can be used.
        """
        tenacity: Any = require("tenacity", extra="http", why=_WHY)
        seen: list[bytes] = []

        def attempt() -> T:
            self._open()  # its time is not the pace's
            before()
            self.pace.wait(self.ended)
            if self.ended.is_set():
                raise CancelledRequestError("the run was ended by another request that failed")
            body, found = self._once(method, url, content, headers or {})
            try:
                return read(body, found)
            except (UnusableAnswerError, InputError) as error:
                unusable()
                told = str(error.args[0])
                if isinstance(error, UnusableAnswerError):
                    kind = found.get("content-type", "no content type")
                    told = f"{url} answered, but {told} (content type: {self._quoted(kind)})"
                if body in seen or isinstance(error, FinalAnswerError):
                    # The same answer twice is what the service answers.
                    raise FinalAnswerError(told) from error
                seen.append(body)
                raise _PassingError(told) from error

        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self.attempts)
            | tenacity.stop_when_event_set(self.ended),
            wait=self._wait,
            sleep=self.ended.wait,
            retry=tenacity.retry_if_exception_type(_PassingError),
            reraise=True,
        )
        try:
            return retrying(attempt)  # type: ignore[no-any-return]
        except _PassingError as error:
            raise InputError(
                f"{error}, after {self.attempts} attempts; what was answered so far is kept, the "
                "same run continues from there"
            ) from error

    def _wait(self, state: RetryCallState) -> float:
        import tenacity

        growing = tenacity.wait_exponential(multiplier=self.pause, max=_LONGEST_PAUSE)
        grown: float = (growing + tenacity.wait_random(0, self.pause))(state)
        error = None if state.outcome is None else state.outcome.exception()
        after = error.after if isinstance(error, _PassingError) else 0.0
        if after > 0:
            self.pace.not_before(after)
        return max(grown, after)

    def _once(
        self, method: str, url: str, content: bytes, headers: Mapping[str, str]
    ) -> tuple[bytes, Mapping[str, str]]:
        place = url
        for _ in range(_MOST_REDIRECTS + 1):
            status, body, found = self._sent(method, place, content, headers)
            if status not in (301, 302, 303, 307, 308):
                self._check_status(url, status, body, found)
                return body, found
            place = self._redirected(place, status, found.get("location", ""))
        raise InputError(f"{url} redirects more than {_MOST_REDIRECTS} times")

    def _redirected(self, url: str, status: int, location: str) -> str:
        there = urljoin(url, location)
        try:
            away = not location or origin(there) != origin(url)
        except ValueError:
            away = True
        if away or status not in (307, 308):
            host = there.split("?")[0]
            raise InputError(
                f"{url} redirects to {self._quoted(host)}; neither images nor a token are sent "
                "there: give that address if you trust it"
            )
        return there

    def _sent(
        self, method: str, url: str, content: bytes, headers: Mapping[str, str]
    ) -> tuple[int, bytes, Mapping[str, str]]:
        import httpx

        carried = {"Accept-Encoding": "identity", **headers, **self.token.headers()}
        deadline = time.monotonic() + self.timeout
        try:
            with self._open().stream(method, url, content=content, headers=carried) as answer:
                parts, size = [], 0
                for part in answer.iter_raw():
                    parts.append(part)
                    size += len(part)
                    if size > _MOST_BYTES:
                        raise InputError(f"{url} answered with more than 1 GiB")
                    if time.monotonic() > deadline:
                        raise httpx.ReadTimeout("the whole answer took too long")
                return answer.status_code, b"".join(parts), answer.headers
        except httpx.TimeoutException as error:
            told = f"{url} did not answer within {self.timeout:g} s"
            raise _PassingError(f"{told} ({setting('target.timeout')})") from error
        except httpx.LocalProtocolError as error:
            raise InputError(
                f"the request to {url} cannot be written: {setting('target.token_header')} or the "
                "token is no valid header"
            ) from error
        except httpx.TransportError as error:
            told = self._quoted(str(error)) or type(error).__name__
            if "CERTIFICATE" in told.upper():
                raise InputError(
                    f"the certificate of {url} cannot be verified ({told}): set the environment "
                    "variable SSL_CERT_FILE to the certificates of your organisation, or "
                    "correct the service's"
                ) from error
            raise _PassingError(f"{url} cut or refused the connection ({told})") from error

    def _open(self) -> httpx.Client:
        if self._client is None:
            module: Any = require("httpx", extra="http", why=_WHY)
            self._client = module.Client(timeout=self.timeout, follow_redirects=False)
            weakref.finalize(self, self._client.close)
        return self._client

    def _check_status(self, url: str, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        if 200 <= status < 300:
            return
        if status in (401, 403):
            name = self.token.variable
            cure = f"set {setting('target.token')} to env:NAME, a variable that holds a token"
            if name is not None:
                cure = f"check the token in the environment variable {name}"
            raise InputError(
                f"{url} refuses access ({status}): {cure}; what was answered so far is kept"
            )
        told = self._quoted(body.decode("utf-8", "replace"))
        said = f"{url} answered with status {status}" + (f" ({told})" if told else "")
        if status not in _PASSING:
            raise FinalAnswerError(f"{said}; check the address and what it takes")
        after = retry_after(headers.get("retry-after", ""))
        if after > self.longest_wait:
            raise InputError(
                f"{said} and asks to wait {after:.0f} s, longer than "
                f"{setting('target.longest_wait')} ({self.longest_wait:g} s); what was answered so "
                "far is kept, run the same again then"
            )
        raise _PassingError(said, after)

    def _quoted(self, text: str) -> str:
        """A text of the service's on one line, short and without the token."""
        line = " ".join(self.token.removed(text).split())
        line = "".join(c for c in line if c.isprintable())
        return line if len(line) <= 200 else line[:200] + " ..."


def retry_after(value: str) -> float:
    """The seconds that a ``Retry-After`` header asks for; 0 where it says nothing.

    >>> retry_after("2.5"), retry_after(""), retry_after("soon")
    (2.5, 0.0, 0.0)
    >>> retry_after("Thu, 01 Jan 1970 00:00:00 GMT")
    0.0
    """
    try:
        seconds = float(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
        except (ValueError, TypeError):
            return 0.0
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = (moment - datetime.now(UTC)).total_seconds()
    return max(seconds, 0.0) if seconds == seconds else 0.0

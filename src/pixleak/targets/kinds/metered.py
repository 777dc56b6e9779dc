"""What kinds of endpoint have in common: the token, and how often and how patiently to ask."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from pydantic import Field

from pixleak.core.access import Access
from pixleak.core.paths import Located
from pixleak.core.truth import Truth
from pixleak.targets.endpoint.address import TokenName
from pixleak.targets.kind import TargetKind

if TYPE_CHECKING:
    from pixleak.targets.base import Target
    from pixleak.targets.endpoint.protocol import ServiceProtocol


class MeteredKind(TargetKind):
    """Base of the kinds of endpoint."""

    token: TokenName | None = Field(
        None, description="env:NAME, the environment variable that holds the token"
    )
    token_header: str = Field(
        "Authorization",
        pattern=r"^[A-Za-z0-9-]+$",
        description="header that carries it; Authorization gets Bearer in front",
    )
    per_second: float | None = Field(
        None, gt=0, le=1e6, allow_inf_nan=False, description="requests per second; null: no limit"
    )
    concurrency: int = Field(1, ge=1, le=256, description="requests on their way at a time")
    budget: int | None = Field(
        None, ge=1, description="the most images asked about, over all runs; null: no limit"
    )
    timeout: float = Field(60.0, gt=0, le=86400, description="seconds for one attempt")
    attempts: int = Field(6, ge=1, le=100, description="for one request")
    pause: float = Field(0.5, gt=0, le=3600, description="seconds before the second attempt")
    longest_wait: float = Field(
        300.0, gt=0, le=86400, description="seconds of the longest Retry-After that is waited for"
    )
    answers: Located | None = Field(
        None, description="folder where answers are kept; null: in the run folder"
    )

    @abstractmethod
    def protocol(self, truth: Truth) -> ServiceProtocol:
        """How the service is asked."""

    def open(self, truth: Truth, access: Access, *, device: str = "cpu") -> Target:
        from pixleak.core.errors import require
        from pixleak.targets.endpoint.address import Token
        from pixleak.targets.endpoint.endpoint_target import EndpointTarget
        from pixleak.targets.endpoint.meter import Meter
        from pixleak.targets.endpoint.transport import Transport

        for package in ("httpx", "tenacity"):
            require(package, extra="http", why="asking an endpoint")
        token = Token.named(self.token, self.token_header)
        token.headers()  # a variable that is missing is told before anything is asked
        transport = Transport(
            token,
            timeout=self.timeout,
            attempts=self.attempts,
            pause=self.pause,
            longest_wait=self.longest_wait,
            per_second=self.per_second,
        )
        meter = Meter(
            self.protocol(truth),
            transport,
            budget=self.budget,
            concurrency=self.concurrency,
            folder=self.answers,
        )
        return EndpointTarget(meter, truth, access)

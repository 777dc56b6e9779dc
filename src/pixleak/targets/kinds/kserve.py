"""A model on a server of KServe's protocol, version 2: Triton, TorchServe, MLServer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from pixleak.core.truth import Truth
from pixleak.targets.endpoint.address import Url
from pixleak.targets.kinds.metered import MeteredKind

if TYPE_CHECKING:
    from pixleak.targets.endpoint.protocol import ServiceProtocol


def _of_a_model(url: str) -> str:
    if not re.search(r"/v2/models/[^/?]+(/versions/[^/?]+)?$", url):
        raise ValueError(
            "must be the address of a model, as in http://host:8000/v2/models/NAME, or below it "
            "/versions/N"
        )
    return url


class KServe(MeteredKind):
    """A model's address; names, types and versions are asked of its server."""

    name: ClassVar[str] = "kserve"
    summary: ClassVar[str] = "a model on Triton, TorchServe or MLServer (KServe protocol v2)"
    positional: ClassVar[str] = "kserve"

    kserve: Annotated[Url, AfterValidator(_of_a_model)] = Field(
        description="http://host/v2/models/NAME, or below it /versions/N"
    )
    input_name: str | None = Field(None, description="tensor of the images; null: the only one")
    output_name: str | None = Field(None, description="tensor of the answer; null: the only one")
    batch: int = Field(1, ge=1, le=4096, description="images per request")
    layout: Literal["channels-first", "channels-last"] = Field(
        "channels-first", description="of input and output"
    )
    binary: bool | None = Field(
        None, description="send tensors as bytes; null: where the server says that it can"
    )

    def protocol(self, truth: Truth) -> ServiceProtocol:
        from pixleak.targets.endpoint.protocol import KServeProtocol

        return KServeProtocol(
            self.kserve, self.batch, self.layout, self.input_name, self.output_name, self.binary
        )

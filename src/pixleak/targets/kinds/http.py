"""A service that takes images by HTTP POST and answers with predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from pixleak.core.errors import setting
from pixleak.core.truth import ImageTruth, Truth
from pixleak.targets.endpoint.address import Url
from pixleak.targets.kinds.metered import MeteredKind

if TYPE_CHECKING:
    from pixleak.targets.endpoint.protocol import ServiceProtocol


class HttpEndpoint(MeteredKind):
    """A POST of one image, or of a batch, to an address."""

    name: ClassVar[str] = "http"
    summary: ClassVar[str] = "a service that takes images by HTTP POST: PNG, npy or JSON"
    positional: ClassVar[str] = "http"

    http: Url = Field(description="address that images are posted to")
    version: str = Field(
        "", description="of the model behind it: change it when that changes, and all is asked anew"
    )
    encode: Literal["png", "npy", "json"] = Field("npy", description="how images are sent")
    decode: Literal["png", "npy", "json"] = Field(
        "npy", description="how answers come; png: label maps, or a generator's images"
    )
    batch: int | None = Field(
        None,
        ge=1,
        le=4096,
        description="images per request, with an axis of their own; null: one, without",
    )
    layout: Literal["channels-first", "channels-last"] = Field(
        "channels-first", description="of arrays, both ways"
    )
    dtype: Literal["float32", "uint8"] = Field(
        "float32", description="of arrays that are sent; uint8: images of 0..1 as bytes"
    )
    request_key: str = Field("instances", description="entry of a JSON request with the images")
    answer_key: str | None = Field(
        None, description="entry of a JSON answer with the prediction; null: the only list"
    )

    @model_validator(mode="after")
    def _one_picture(self) -> HttpEndpoint:
        if self.batch is not None and "png" in (self.encode, self.decode):
            side = "encode" if self.encode == "png" else "decode"
            raise ValueError(
                f"a PNG holds one image: leave {setting('target.batch')} out, or set "
                f"{setting(f'target.{side}')} to npy"
            )
        return self

    def protocol(self, truth: Truth) -> ServiceProtocol:
        from pixleak.targets.endpoint.protocol import PlainProtocol

        return PlainProtocol(
            self.http,
            self.version,
            self.encode,
            self.decode,
            self.batch,
            self.layout,
            self.dtype,
            self.request_key,
            self.answer_key,
            isinstance(truth, ImageTruth),
        )

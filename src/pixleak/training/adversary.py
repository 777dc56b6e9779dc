"""The adversary of a generator's training: its settings, and by name those of the papers.

========== =============== ====================== ================ ====== =============
name       objective       pixel loss, weight     feature matching scales spectral norm
========== =============== ====================== ================ ====== =============
pix2pix    bce             100                    0                1      no
pix2pixhd  least-squares   0                      10               2      no
spade      hinge           0                      10               2      yes
========== =============== ====================== ================ ====== =============

At every scale a patch discriminator sees input and output together; with three layers its receptive
field is 70 x 70 pixels.

Source:
    Isola 2017, arXiv:1611.07004; Wang 2018, arXiv:1711.11585; Park 2019, arXiv:1903.07291.

Differs from the source:
    Two scales where pix2pixHD has three (give ``scales: 3`` from 128 x 128 on), and no VGG loss.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Name = Literal["pix2pix", "pix2pixhd", "spade"]
Objective = Literal["bce", "least-squares", "hinge"]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]

_USUAL: dict[str, dict[str, Any]] = {
    "pix2pix": {"objective": "bce", "reconstruction": 100.0},
    "pix2pixhd": {"objective": "least-squares", "feature_matching": 10.0, "scales": 2},
    "spade": {"objective": "hinge", "feature_matching": 10.0, "scales": 2, "spectral_norm": True},
}


class Adversary(BaseModel):
    """A discriminator that is trained against the generator.

    Example:
        >>> Adversary(name="spade").objective, Adversary(name="pix2pix", width=16).reconstruction
        ('hinge', 100.0)
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name = Field("pix2pix", description="the paper whose settings to start from")
    objective: Objective = "bce"
    reconstruction: Weight = Field(0.0, description="weight of the pixel loss")
    feature_matching: Weight = Field(
        0.0, description="weight of the distance between the discriminator's inner features"
    )
    scales: int = Field(
        1,
        ge=1,
        le=4,
        description="discriminators, each at half the scale of the last",
    )
    layers: int = Field(3, ge=1, le=5, description="3: a receptive field of 70 x 70")
    width: int = Field(64, ge=4, le=4096, description="channels of the first convolution")
    lr: float | None = Field(None, gt=0, description="null: the generator's")
    spectral_norm: bool = False

    @model_validator(mode="before")
    @classmethod
    def _start(cls, given: object) -> object:
        if not isinstance(given, dict):
            return given
        return {**_USUAL.get(str(given.get("name", "pix2pix")), {}), **given}

    @property
    def description(self) -> str:
        """A few words for tables and reports."""
        parts = [f"{self.objective} adversary of width {self.width}"]
        if self.scales > 1:
            parts.append(f"{self.scales} scales")
        for weight, what in (
            (self.reconstruction, "pixel loss"),
            (self.feature_matching, "feature matching"),
        ):
            if weight:
                parts.append(f"{weight:g} x {what}")
        return " + ".join(parts)

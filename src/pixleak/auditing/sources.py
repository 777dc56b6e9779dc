"""Where records come from: the ``records:`` part of a configuration, one model a reader."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from pixleak.types import LabelTruth

if TYPE_CHECKING:
    from pixleak.records.base import Records

Size = tuple[Annotated[int, Field(ge=8)], Annotated[int, Field(ge=8)]]


class _Source(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Labelled(_Source):
    """The truth is a label map."""

    classes: int = Field(2, ge=2, description="number of classes, background included")
    ignore: int | None = Field(None, description="label of pixels that count nowhere")
    class_names: tuple[str, ...] = Field((), description="one name a class")
    background: int | None = Field(0, description="class of an empty mask; null where none is")

    def truth(self) -> LabelTruth:
        return LabelTruth(self.classes, self.ignore, self.class_names, self.background)


class PhantomSource(_Source):
    """Generated, labelled, medical-looking images."""

    reader: Literal["phantom"]
    count: int = Field(480, ge=8, description="images")
    size: int = Field(64, ge=16, description="height and width in pixels")
    channels: Literal[1, 3] = Field(1, description="grey or tinted")
    classes: int = Field(2, ge=2, le=9, description="2: lesion or not; more: organs as well")
    slices_per_subject: int = Field(1, ge=1, description="images that share a subject")
    difficulty: float = Field(0.5, ge=0, le=1, description="spread of lesion contrast")
    label_noise: float = Field(0.3, ge=0, le=1, description="how far masks stray")
    shift: float = Field(0, ge=0, le=1, description="share of subjects from another scanner")
    near_duplicates: float = Field(0, ge=0, le=0.5, description="share that repeats a neighbour")
    empty_share: float = Field(0.05, ge=0, le=1, description="share of images without a lesion")
    seed: int = Field(0, ge=0)

    def open(self) -> Records:
        from pixleak.records.phantom import phantom

        return phantom(**self.model_dump(exclude={"reader"}))


class NamedSource(_Source):
    """A named data set, read from the user's own copy."""

    reader: Literal["named"]
    set: str = Field(description="a name of 'pixleak data list'")
    root: Path = Field(description="folder of the copy")
    size: Size | None = Field(None, description="height, width to resize to")

    def open(self) -> Records:
        from pixleak.records.named import DATASETS

        return DATASETS[self.set].open(self.root, size=self.size)


class FoldersSource(_Labelled):
    """A folder of images and a folder of masks, matched by stem."""

    reader: Literal["folders"]
    root: Path = Field(Path(), description="what images and masks are relative to")
    images: Path = Field(Path("images"), description="folder of images")
    masks: Path = Field(Path("masks"), description="folder of masks")
    size: Size | None = Field(None, description="height, width to resize to")
    channels: Literal[1, 3] = 3
    mask_values: dict[int, int] | None = Field(None, description="grey value in the file -> label")
    subject: str | None = Field(None, description="regular expression whose first group in the stem is the subject")
    group: str | None = Field(None, description="the same for the group (video, scanner)")

    def open(self) -> Records:
        from pixleak.records.folders import image_mask_folders

        return image_mask_folders(
            self.root / self.images,
            self.root / self.masks,
            self.truth(),
            size=self.size,
            channels=self.channels,
            mask_values=self.mask_values,
            subject=self.subject,
            group=self.group,
        )


class VolumesSource(_Labelled):
    """NIfTI volumes cut into slices; a volume is a subject."""

    reader: Literal["volumes"]
    root: Path = Field(Path(), description="what images and labels are relative to")
    images: Path = Field(Path("imagesTr"), description="folder of volumes")
    labels: Path = Field(Path("labelsTr"), description="folder of label volumes")
    size: Size | None = Field(None, description="height, width to resize slices to")
    axis: Literal[0, 1, 2] = Field(2, description="axis to cut across")
    window: tuple[float, float] | None = Field(None, description="intensities mapped to 0 and 1")
    keep_empty: bool = Field(False, description="keep slices without foreground")
    label_map: dict[int, int] | None = Field(None, description="label in the file -> class")

    def open(self) -> Records:
        from pixleak.records.volumes import nifti_slices

        return nifti_slices(
            self.root / self.images,
            self.root / self.labels,
            self.truth(),
            size=self.size,
            axis=self.axis,
            window=self.window,
            keep_empty=self.keep_empty,
            label_map=self.label_map,
        )


class DatasetSource(_Labelled):
    """A Python function that returns a torch Dataset of (image, truth)."""

    reader: Literal["dataset"]
    function: str = Field(description="file.py:function, called without arguments")

    def open(self) -> Records:
        from pixleak.records.dataset import from_dataset
        from pixleak.targets.load import load_function

        return from_dataset(load_function(self.function)(), self.truth())


Source = Annotated[
    PhantomSource | NamedSource | FoldersSource | VolumesSource | DatasetSource,
    Field(discriminator="reader"),
]

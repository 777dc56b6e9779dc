"""Where records come from: the ``records:`` part of a configuration, one model a reader."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pixleak.core.errors import InputError
from pixleak.core.truth import ImageTruth, LabelTruth

if TYPE_CHECKING:
    from pixleak.records.base import Records

Side = Annotated[int, Field(ge=8, le=8192)]
Size = tuple[Side, Side]


Way = Literal["photo-to-labels", "labels-to-photo"]
_USUAL: Way = "photo-to-labels"
_WAY = "labels-to-photo makes records for a generator: from one-hot labels to the image"


def _turned(records: Records, direction: Way) -> Records:
    if direction == _USUAL:
        return records
    from pixleak.records.readers.turned import labels_to_photo

    return labels_to_photo(records)


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
    size: int = Field(64, ge=16, le=4096, description="height and width in pixels")
    channels: Literal[1, 3] = Field(1, description="grey or tinted")
    classes: int = Field(2, ge=2, le=9, description="2: lesion or not; more: organs as well")
    slices_per_subject: int = Field(1, ge=1, description="images that share a subject")
    difficulty: float = Field(0.5, ge=0, le=1, description="spread of lesion contrast")
    label_noise: float = Field(0.3, ge=0, le=1, description="how far masks stray")
    shift: float = Field(0, ge=0, le=1, description="share of subjects from another scanner")
    near_duplicates: float = Field(0, ge=0, le=0.5, description="share that repeats a neighbour")
    empty_share: float = Field(0.05, ge=0, le=1, description="share of images without a lesion")
    seed: int = Field(0, ge=0)
    direction: Way = Field(_USUAL, description=_WAY)

    def open(self) -> Records:
        from pixleak.records.phantom.phantom import phantom

        records = phantom(**self.model_dump(exclude={"reader", "direction"}))
        return _turned(records, self.direction)


class NamedSource(_Source):
    """A named data set, read from the user's own copy."""

    reader: Literal["named"]
    set: str = Field(description="a name of 'pixleak data list'")
    root: Path = Field(description="folder of the copy")
    size: Size | None = Field(None, description="height, width to resize to")
    direction: str | None = Field(
        None, description="from what to what, as `pixleak data list` says; null: the set's usual"
    )

    def open(self) -> Records:
        from pixleak.records.named import DATASETS
        from pixleak.records.named.base import open_named

        return open_named(DATASETS[self.set], self.root, self.size, self.direction)


class FoldersSource(_Labelled):
    """A folder of images and a folder of masks, matched by stem."""

    reader: Literal["folders"]
    root: Path = Field(Path(), description="what images and masks are relative to")
    images: Path = Field(Path("images"), description="folder of images")
    masks: Path = Field(Path("masks"), description="folder of masks")
    size: Size | None = Field(None, description="height, width to resize to")
    channels: Literal[1, 3] = 3
    mask_values: dict[int, int] | None = Field(None, description="grey value in the file -> label")
    threshold: int | None = Field(
        None, ge=0, le=65534, description="grey values above it are foreground"
    )
    image_ending: str = Field("", description="end of the images' stems that is not the id's")
    mask_ending: str = Field("", description="the same of the masks': _mask")
    subject: str | None = Field(
        None, description="regular expression whose first group in the stem is the subject"
    )
    group: str | None = Field(None, description="the same for the group (video, scanner)")
    direction: Way = Field(_USUAL, description=_WAY)

    def open(self) -> Records:
        from pixleak.records.readers.folders import read_folders

        records = read_folders(
            self.root / self.images,
            self.root / self.masks,
            truth=self.truth(),
            size=self.size,
            channels=self.channels,
            values=self.mask_values,
            threshold=self.threshold,
            image_ending=self.image_ending,
            mask_ending=self.mask_ending,
            subject=self.subject,
            group=self.group,
        )
        return _turned(records, self.direction)


class PairsSource(_Source):
    """A folder of inputs and a folder of true outputs, matched by stem."""

    reader: Literal["pairs"]
    root: Path = Field(Path(), description="what inputs and targets are relative to")
    inputs: Path = Field(Path("inputs"), description="folder of input images")
    targets: Path = Field(Path("targets"), description="folder of true outputs")
    size: Size | None = Field(None, description="height, width to resize to")
    channels: Literal[1, 3] = 3
    target_channels: Literal[1, 3] = 3
    subject: str | None = Field(None, description="regular expression, as of folders")
    group: str | None = Field(None, description="regular expression, as of folders")

    def open(self) -> Records:
        from pixleak.records.readers.pairs import read_pairs

        return read_pairs(
            self.root / self.inputs,
            self.root / self.targets,
            **self.model_dump(exclude={"reader", "root", "inputs", "targets"}),
        )


class SideBySideSource(_Source):
    """A folder of files that show input and true output side by side, as pix2pix has them."""

    reader: Literal["side-by-side"]
    root: Path = Field(description="folder of such files")
    direction: Literal["AtoB", "BtoA"] = Field(
        "AtoB", description="AtoB: the left half is the input"
    )
    size: Size | None = Field(None, description="height, width to resize each half to")
    channels: Literal[1, 3] = 3
    target_channels: Literal[1, 3] = 3
    subject: str | None = Field(None, description="regular expression, as of folders")
    group: str | None = Field(None, description="regular expression, as of folders")

    def open(self) -> Records:
        from pixleak.records.readers.pairs import read_side_by_side

        return read_side_by_side(self.root, **self.model_dump(exclude={"reader", "root"}))


class ColouringSource(_Source):
    """A folder of colour images: from grey to colour."""

    reader: Literal["colouring"]
    root: Path = Field(description="folder of images")
    size: Size | None = Field(None, description="height, width to resize to")
    subject: str | None = Field(None, description="regular expression, as of folders")
    group: str | None = Field(None, description="regular expression, as of folders")

    def open(self) -> Records:
        from pixleak.records.readers.turned import read_colouring

        return read_colouring(self.root, **self.model_dump(exclude={"reader", "root"}))


class VolumesSource(_Labelled):
    """NIfTI volumes cut into slices; a volume is a subject."""

    reader: Literal["volumes"]
    root: Path = Field(Path(), description="what images and labels are relative to")
    images: Path = Field(Path("imagesTr"), description="folder of volumes")
    labels: Path = Field(Path("labelsTr"), description="folder of label volumes")
    size: Size | None = Field(None, description="height, width to resize slices to")
    axis: Literal["sagittal", "coronal", "axial"] = Field("axial", description="which way to cut")
    window: tuple[float, float] | None = Field(None, description="intensities mapped to 0 and 1")
    empty: Literal["keep", "drop"] = Field("keep", description="slices without foreground")
    every: int = Field(1, ge=1, description="keep every n-th slice")
    remap: dict[int, int] | None = Field(None, description="value in the file -> class")
    direction: Way = Field(_USUAL, description=_WAY)

    def open(self) -> Records:
        from pixleak.records.readers.volumes import read_volumes

        records = read_volumes(
            self.root / self.images,
            self.root / self.labels,
            truth=self.truth(),
            size=self.size,
            axis=self.axis,
            window=self.window,
            empty=self.empty,
            every=self.every,
            remap=self.remap,
        )
        return _turned(records, self.direction)


class DatasetSource(_Labelled):
    """A Python function that returns a torch Dataset of (image, truth)."""

    reader: Literal["dataset"]
    function: str = Field(description="file.py:function, called without arguments")
    kind: Literal["labels", "image"] = Field(
        "labels", description="what the truth is: a label map, or an image of a generator"
    )
    target_channels: Literal[1, 3] = Field(3, description="of the true images")

    def open(self) -> Records:
        from pixleak.records.readers.dataset import read_dataset
        from pixleak.targets.load import load_function

        make = load_function(self.function)
        try:
            dataset: Any = make()
        except Exception as error:  # whatever the user's function raises
            raise InputError(
                f"calling {self.function} fails with {type(error).__name__}: {error}"
            ) from error
        truth = self.truth() if self.kind == "labels" else ImageTruth(self.target_channels)
        return read_dataset(dataset, truth)


Source = Annotated[
    PhantomSource
    | NamedSource
    | FoldersSource
    | VolumesSource
    | DatasetSource
    | PairsSource
    | SideBySideSource
    | ColouringSource,
    Field(discriminator="reader"),
]

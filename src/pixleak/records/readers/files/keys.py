"""The keys that say how files are read, alike for folders, single files and named sets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pydantic import Field, model_validator

from pixleak.core.part import Part
from pixleak.core.paths import Located
from pixleak.core.truth import MOST_CLASSES, LabelTruth
from pixleak.records.readers.files.colour_files import colours_from_file
from pixleak.records.readers.files.finding import image_files
from pixleak.records.readers.files.masks import LabelReader, check_one_way, colour_map
from pixleak.records.readers.files.pixels import ImageReader, Size, ValueRange
from pixleak.records.readers.files.raster import Exif

MOST_CHANNELS = 64


class SizeKey(Part):
    """The size of what is read."""

    size: Size | None = Field(
        None, description="height, width to resize to; null keeps the size of every file"
    )


class ImageKeys(SizeKey):
    """How an image file becomes a tensor."""

    range: ValueRange | None = Field(
        None,
        description="values of images that become 0 and 1, where their type does not say so: "
        "[0, 4095] of 12 bits in 16, [-160, 240] of Hounsfield units",
    )
    exif: Exif = Field(
        "refuse",
        description="files that are stored turned (EXIF): refuse, apply (show them) or ignore",
    )
    array: str | None = Field(
        None, description="which array of .npz files is the image, where they hold several"
    )

    def image_reader(self, channels: int) -> ImageReader:
        """What turns image files into tensors of so many channels."""
        return ImageReader(channels, self.size, self.range, self.exif, self.array)


class FindingKeys(Part):
    """Which files of a folder count."""

    exclude: tuple[str, ...] = Field(
        (), description="file names to leave out, such as '*_superpixels.png'"
    )
    subfolders: bool = Field(False, description="whether files in folders below count as well")

    def found(self, folder: Path, ending: str = "") -> dict[str, Path]:
        """Stem without ``ending`` -> image file.

        Raises:
            InputError: as :func:`~pixleak.records.readers.files.finding.image_files`.
        """
        return image_files(folder, ending, exclude=self.exclude, subfolders=self.subfolders)


class MaskValueKeys(Part):
    """How the values of a mask become labels."""

    mask_values: dict[int, int] | None = Field(None, description="grey value in the file -> label")
    other: int | None = Field(
        None,
        description="label of grey values or colours that are not named; null keeps values and "
        "refuses colours",
    )
    mask_colours: dict[str, int] | Located | None = Field(
        None,
        description="colour in the file ('#ff0000', 'red', '255, 0, 0') -> label, or a file that "
        "lists names and colours (CSV, JSON, text)",
    )
    threshold: int | None = Field(
        None, ge=0, le=65534, description="grey values above it are foreground"
    )

    @model_validator(mode="after")
    def _one_way(self) -> MaskValueKeys:
        check_one_way(self.mask_values, self.mask_colours, self.threshold, self.other)
        return self

    def label_reader(self, truth: LabelTruth, exif: Exif = "refuse") -> LabelReader:
        """What turns mask files into label maps.

        Raises:
            InputError: the file of colours cannot be read, or colours are none.
        """
        values = None if self.mask_values is None else tuple(self.mask_values.items())
        return LabelReader(truth, values, self.other, self.threshold, self._colours(), exif)

    def _colours(self) -> tuple[tuple[tuple[int, int, int], int], ...] | None:
        if self.mask_colours is None:
            return None
        if isinstance(self.mask_colours, Path):
            return colours_from_file(self.mask_colours)
        return colour_map(self.mask_colours)


class MaskKeys(MaskValueKeys):
    """How a mask file becomes a label map."""

    mask_array: str | None = Field(
        None, description="which array of .npz files is the mask, where they hold several"
    )

    def label_reader(self, truth: LabelTruth, exif: Exif = "refuse") -> LabelReader:
        """What turns mask files into label maps; as of the values."""
        return replace(super().label_reader(truth, exif), array=self.mask_array)

    def over(self, usual: LabelReader, exif: Exif) -> LabelReader:
        """A data set's usual way of reading masks, with what is set here in its place."""
        mine = self.label_reader(usual.truth, exif)
        if any(one is not None for one in (mine.values, mine.colours, mine.threshold)):
            return mine
        return replace(usual, exif=exif, array=mine.array)


class ChannelsKey(Part):
    """The channels of images."""

    channels: int = Field(
        3, ge=1, le=MOST_CHANNELS, description="1: grey, 3: RGB, or as many as the files have bands"
    )


class PairKeys(ChannelsKey, ImageKeys):
    """How the two image files of a generator's record become tensors."""

    channels: int = Field(
        3, ge=1, le=MOST_CHANNELS, description="of the input; 1: grey, 3: RGB, or its bands"
    )
    target_channels: int = Field(3, ge=1, le=MOST_CHANNELS, description="of the true output")
    target_range: ValueRange | None = Field(
        None, description="the range of true outputs, where it is another than that of inputs"
    )
    target_array: str | None = Field(
        None, description="which array of .npz files is the true output, where it has another name"
    )

    def image_readers(self) -> tuple[ImageReader, ImageReader]:
        """What turns the files of inputs, and of true outputs, into tensors."""
        target = ImageReader(
            self.target_channels,
            self.size,
            self.target_range or self.range,
            self.exif,
            self.target_array or self.array,
        )
        return self.image_reader(self.channels), target


class LabelKeys(Part):
    """What labels mean."""

    classes: int = Field(
        2, ge=2, le=MOST_CLASSES, description="number of classes, background included"
    )
    ignore: int | None = Field(None, description="label of pixels that are not counted")
    class_names: tuple[str, ...] = Field((), description="one name per class")
    background: int | None = Field(
        0, description="class of an empty mask; null where no class is one"
    )

    def truth(self) -> LabelTruth:
        """What the labels mean.

        Raises:
            InputError: the fields contradict each other.
        """
        return LabelTruth(self.classes, self.ignore, self.class_names, self.background)

    @model_validator(mode="after")
    def _consistent(self) -> LabelKeys:
        self.truth()
        return self


class FileKeys(ChannelsKey, ImageKeys, MaskKeys, FindingKeys):
    """Everything about how the image and mask files of a data set are read."""

    def given(self) -> dict[str, object]:
        """The keys beside the size that are not at their defaults."""
        return {
            key: getattr(self, key)
            for key, field in FileKeys.model_fields.items()
            if key != "size" and getattr(self, key) != field.default
        }

"""The keys that say how files are read mean the same whatever door the files come in by."""

from __future__ import annotations

from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from pixleak.core.errors import InputError
from pixleak.records.base import Record
from pixleak.records.readers import reader_from
from pixleak.records.readers.named import DATASETS
from pixleak.records.readers.single import RecordFormat, read_single
from pixleak.request.file import read_request
from pixleak.request.questions import QueryRequest

H, W = 4, 6
DEEP = np.linspace(0, 4095, H * W * 3).reshape(H, W, 3).astype(np.uint16)
LABELS = (np.arange(H * W).reshape(H, W) % 2).astype(np.uint8)
COLOURED = np.array([(0, 0, 0), (255, 0, 0)], np.uint8)[LABELS]
KEYS: dict[str, Any] = {"range": [0, 4095], "mask_colours": {"black": 0, "red": 1}}


def write(folder: Path, images: str, masks: str) -> tuple[Path, Path]:
    for name in (images, masks):
        (folder / name).mkdir()
    tifffile.imwrite(folder / images / "a.tif", DEEP, photometric="rgb")
    Image.fromarray(COLOURED).save(folder / masks / "a.png")
    return folder / images / "a.tif", folder / masks / "a.png"


def from_folders(folder: Path, keys: dict[str, Any]) -> Record:
    write(folder, "images", "masks")
    return reader_from({"reader": "folders", "root": folder, **keys}).open()[0]


def from_two_files(folder: Path, keys: dict[str, Any]) -> Record:
    image, mask = write(folder, "i", "m")
    return read_single(image, mask, RecordFormat(kind="photo-to-labels", **keys))[0]


def from_a_named_set(folder: Path, keys: dict[str, Any]) -> Record:
    write(folder, "images", "masks")
    return reader_from({"reader": "named", "set": "kvasir-seg", "root": folder, **keys}).open()[0]


def from_camvid(folder: Path, keys: dict[str, Any]) -> Record:
    write(folder, "images", "labels")
    return reader_from({"reader": "named", "set": "camvid", "root": folder, **keys}).open()[0]


def from_cityscapes(folder: Path, keys: dict[str, Any]) -> Record:
    image, mask = write(folder, "i", "m")
    for kind, path, name in (
        ("leftImg8bit", image, "a_leftImg8bit.tif"),
        ("gtFine", mask, "a_gtFine_labelIds.png"),
    ):
        place = folder / kind / "train" / "ulm"
        place.mkdir(parents=True)
        path.rename(place / name)
    content = {"reader": "named", "set": "cityscapes", "root": folder}
    return reader_from({**content, "options": {"parts": ["train"]}, **keys}).open()[0]


DOORS = [from_folders, from_two_files, from_a_named_set, from_camvid, from_cityscapes]


@pytest.mark.parametrize("door", DOORS)
def test_range_and_colours_mean_the_same_at_every_door(door: Any, tmp_path: Path) -> None:
    record = door(tmp_path, KEYS)
    assert record.image.numpy() == pytest.approx(DEEP.transpose(2, 0, 1) / 4095, abs=1e-6)
    assert (record.truth.numpy() == LABELS).all()


@pytest.mark.parametrize("door", DOORS)
def test_what_a_file_does_not_say_is_refused_at_every_door(door: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"set range to \[0, 4095\]"):
        door(tmp_path, {"mask_colours": KEYS["mask_colours"]})


def test_a_file_that_is_stored_turned_is_shown_at_every_door(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = np.zeros((W, H, 3), np.uint8)
    stored[0] = 255
    image, mask = tmp_path / "a.png", tmp_path / "m.png"
    Image.fromarray(stored).save(image, exif=exif)
    Image.fromarray(np.zeros((H, W), np.uint8)).save(mask)
    form = RecordFormat(kind="photo-to-labels", exif="apply")
    shown = read_single(image, mask, form)[0].image
    assert torch.equal(shown[0, :, -1], torch.ones(H))  # its first row is the last column
    assert shown.sum() == 3 * H
    with pytest.raises(InputError, match="EXIF orientation 6"):
        read_single(image, mask, RecordFormat(kind="photo-to-labels"))[0]


def test_input_and_true_output_may_have_ranges_and_bands_of_their_own(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.full((8, W), 3.0))
    np.save(tmp_path / "b.npy", np.full((8, W, 5), -500.0))
    form = RecordFormat(channels=1, range=(0, 4), target_channels=5, target_range=(-1000, 1000))
    record = read_single(tmp_path / "a.npy", tmp_path / "b.npy", form)[0]
    assert record.image.unique().tolist() == [0.75]
    assert record.truth.shape == (5, 8, W)
    assert record.truth.unique().tolist() == [0.25]


def test_halves_of_one_file_are_read_by_the_keys_of_images(tmp_path: Path) -> None:
    # The keys were accepted and had no effect here.
    tifffile.imwrite(tmp_path / "a.tif", np.hstack([DEEP, DEEP]), photometric="rgb")
    reader = reader_from({"reader": "side-by-side", "root": tmp_path, "range": [0, 4095]})
    record = reader.open()[0]
    assert record.image.numpy() == pytest.approx(DEEP.transpose(2, 0, 1) / 4095, abs=1e-6)


def test_masks_alone_are_read_by_the_keys_of_masks(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    Image.fromarray(COLOURED).save(tmp_path / "x" / "a.png")
    content = {"reader": "masks", "root": tmp_path, "subfolders": True, "other": 1}
    records = reader_from({**content, "mask_colours": {"black": 0}}).open()
    assert records.ids == ("x/a",)
    assert (records[0].truth.numpy() == LABELS).all()


def test_one_npz_file_holds_image_and_mask(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", imgs=np.full((H, W), 0.5), gts=LABELS)
    content = {"reader": "folders", "root": tmp_path, "images": ".", "masks": ".", "channels": 1}
    record = reader_from({**content, "array": "imgs", "mask_array": "gts"}).open()[0]
    assert record.image.unique().tolist() == [0.5]
    assert (record.truth.numpy() == LABELS).all()


def test_a_named_set_says_which_options_it_has(tmp_path: Path) -> None:
    write(tmp_path, "images", "masks")
    content = {"reader": "named", "set": "kvasir-seg", "root": tmp_path}
    with pytest.raises(InputError, match="kvasir-seg: there is no option 'tumour'; known: none"):
        reader_from({**content, "options": {"tumour": "only"}}).open()
    with pytest.raises(InputError, match="msd-liver is read as it was published, so range"):
        reader_from({**content, "set": "msd-liver", "range": [0, 1]}).open()
    (tmp_path / "train").mkdir()
    with pytest.raises(InputError, match="facades has no masks, so threshold has no effect"):
        reader_from({**content, "set": "facades", "threshold": 9}).open()


def test_every_named_set_of_image_files_takes_the_keys() -> None:
    takes = {name for name in DATASETS if "files" in signature(DATASETS[name].open).parameters}
    assert takes == set(DATASETS) - {"msd-liver"}


FORMS: dict[str, tuple[str, str]] = {
    "CSV": ("c.csv", "name,r,g,b\nsky,128,128,128\ncar,64,0,128\n"),
    "CSV with labels": ("c.csv", "r,g,b,label,name\n64,0,128,1,car\n128,128,128,0,sky\n"),
    "CSV with names as class": ("c.csv", "class;red;green;blue\nsky;128;128;128\ncar;64;0;128\n"),
    "JSON of colours": ("c.json", '{"#808080": 0, "64, 0, 128": 1}'),
    "JSON of names": ("c.json", '{"sky": [128, 128, 128], "car": [64, 0, 128]}'),
    "JSON of objects": (
        "c.json",
        '[{"name": "car", "id": 1, "color": "#400080"}, {"id": 0, "color": [128, 128, 128]}]',
    ),
    "name r g b": ("labels.txt", "# colours\nsky 128 128 128\ncar 64 0 128\n"),
    "r g b name": ("label_colors.txt", "128 128 128\tsky\n64 0 128\tmoving car\n"),
    "CVAT": (
        "labelmap.txt",
        "# label:color_rgb:parts:actions\nsky:128,128,128::\ncar:64,0,128::\n",
    ),
    "ITK-SNAP": (
        "l.txt",
        '################\n0 128 128 128 0 0 0 "sky"\n1  64 0 128  1 1 1  "moving car"\n',
    ),
    "ImageJ": ("lut.txt", "Index\tRed\tGreen\tBlue\n0\t128\t128\t128\n1\t64\t0\t128\n"),
    "bare colours": ("c.txt", "128 128 128\n64 0 128\n"),
}


@pytest.mark.parametrize("form", FORMS)
def test_colours_may_be_listed_in_a_file(form: str, tmp_path: Path) -> None:
    name, text = FORMS[form]
    (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "m").mkdir()
    palette = np.array([(128, 128, 128), (64, 0, 128)], np.uint8)
    Image.fromarray(palette[LABELS]).save(tmp_path / "m" / "a.png")
    content = {"reader": "masks", "root": "m", "mask_colours": name}
    records = reader_from(content, {"base": tmp_path}).open()
    assert (records[0].truth.numpy() == LABELS).all()


BAD_FORMS: dict[str, tuple[str, str, str]] = {
    "empty": ("c.csv", "", "lists no colours; expected a CSV"),
    "beyond 255": (
        "c.csv",
        "name,r,g,b\nsky,128,128,300\n",
        "line 2: '128, 128, 300' is no colour",
    ),
    "fractions": ("c.csv", "name,r,g,b\nsky,0.5,0.5,1\n", "line 2: '0.5, 0.5, 1' is no colour"),
    "two labels": (
        "c.txt",
        "sky 1 2 3\ncar 1 2 3\n",
        r"line 2: the colour \(1, 2, 3\) has label 1, and in line 1 label 0",
    ),
    "no colour": ("c.txt", "sky\ncar\n", "line 1: 'sky' is no name with a colour"),
    "a column too few": (
        "c.csv",
        "name,r,g,b\nsky,1,2\n",
        "line 2: 3 columns, but the header has 4",
    ),
    "no JSON": ("c.json", "{", "c.json is no JSON"),
    "no object": ("c.json", "7", "holds neither an object nor a list"),
    "object without colour": ("c.json", '[{"id": 1}]', "entry 0: there is no colour"),
    "some labels": (
        "c.json",
        '[{"id": 1, "color": [1, 1, 1]}, {"color": [2, 2, 2]}]',
        "entry 1: there is no label, though others have one",
    ),
    "negative label": ("c.json", '{"#010101": -1}', "label -1 is no whole number from 0 on"),
}


@pytest.mark.parametrize("form", BAD_FORMS)
def test_a_list_of_colours_that_cannot_be_used_is_refused(form: str, tmp_path: Path) -> None:
    name, text, told = BAD_FORMS[form]
    (tmp_path / name).write_text(text, encoding="utf-8")
    Image.fromarray(COLOURED).save(tmp_path / "a.png")
    with pytest.raises(InputError, match=told) as caught:
        reader_from({"reader": "masks", "root": tmp_path, "mask_colours": tmp_path / name}).open()
    assert name in str(caught.value)


def test_a_list_of_colours_that_is_missing_is_named(tmp_path: Path) -> None:
    Image.fromarray(COLOURED).save(tmp_path / "a.png")
    content = {"reader": "masks", "root": tmp_path, "mask_colours": tmp_path / "none.csv"}
    with pytest.raises(InputError, match=r"the list of colours .*none.csv cannot be read"):
        reader_from(content).open()


def test_a_query_reads_its_two_files_by_the_keys_of_its_configuration(tmp_path: Path) -> None:
    image, mask = write(tmp_path, "i", "m")
    (tmp_path / "classes.csv").write_text("name,r,g,b\nbackground,0,0,0\nlesion,255,0,0\n")
    (tmp_path / "model.py").write_text(
        "import torch\ndef f(images):\n    return torch.zeros(len(images), 2, *images.shape[2:])\n"
    )
    config = tmp_path / "query.yaml"
    config.write_text(
        "target: {function: model.py:f}\n"
        "record: {kind: photo-to-labels, range: [0, 4095], mask_colours: classes.csv}\n"
    )
    form = read_request(config, QueryRequest, []).record
    record = read_single(image, mask, form)[0]
    assert record.image.max() == 1
    assert (record.truth.numpy() == LABELS).all()
    config.write_text("target: {function: model.py:f}\nrecord: {mask_color: classes.csv}\n")
    with pytest.raises(InputError, match=r"record.mask_color.*did you mean 'mask_colours'"):
        read_request(config, QueryRequest, [])

"""Outlines of COCO and LabelMe become label maps."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pixleak.core.errors import InputError, MissingExtraError
from pixleak.core.truth import ImageTruth, LabelTruth
from pixleak.records.base import Records
from pixleak.records.readers import reader_from
from pixleak.records.survey.contents import contents_of
from pixleak.records.survey.opening import read_records
from pixleak.records.survey.suggestions import suggestions

HEIGHT, WIDTH = 6, 8


def _picture(path: Path, seed: int = 0, size: tuple[int, int] = (HEIGHT, WIDTH)) -> bytes:
    values = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    held = BytesIO()
    Image.fromarray(values).save(held, "PNG")
    path.write_bytes(held.getvalue())
    return held.getvalue()


def _box(left: int, top: int, right: int, bottom: int) -> list[int]:
    """A polygon along the borders of pixels, around whole pixels."""
    return [left, top, right, top, right, bottom, left, bottom]


def _annotation(image: int, category: int, outline: object, area: float, **more: int) -> Any:
    return {
        "id": area,
        "image_id": image,
        "category_id": category,
        "segmentation": outline,
        "area": area,
        "iscrowd": 0,
        **more,
    }


def _coco(root: Path, *annotations: Any, **more: object) -> Path:
    for i in (1, 2):
        _picture(root / "images" / f"i{i}.png", i)
    content = {
        "images": [
            {"id": i, "file_name": f"i{i}.png", "height": HEIGHT, "width": WIDTH} for i in (1, 2)
        ],
        "categories": [{"id": 7, "name": "dog"}, {"id": 3, "name": "cat"}],
        "annotations": list(annotations),
        **more,
    }
    (root / "annotations.json").write_text(json.dumps(content))
    return root


def _read(root: Path, reader: str, **more: object) -> Records:
    return reader_from({"reader": reader, "root": root, **more}).open()


def test_annotations_of_coco_are_drawn_the_smaller_on_top(tmp_path: Path) -> None:
    pytest.importorskip("pycocotools")
    runs = {"counts": [0, 6, 42], "size": [HEIGHT, WIDTH]}  # the first column, by columns
    root = _coco(
        tmp_path,
        _annotation(1, 3, [_box(3, 2, 5, 4)], 4),
        _annotation(1, 7, [_box(2, 1, 6, 5)], 16),
        _annotation(1, 7, runs, 6, iscrowd=1),
        _annotation(1, 3, [], 99),  # a box alone
    )
    records = _read(root, "coco")
    assert records.ids == ("i1", "i2")
    assert records.truth == LabelTruth(3, ignore=3, names=("background", "cat", "dog"))
    wanted = np.zeros((HEIGHT, WIDTH), dtype=int)
    wanted[1:5, 2:6] = 2
    wanted[2:4, 3:5] = 1
    wanted[:, 0] = 3
    assert records[0].truth.tolist() == wanted.tolist()
    assert not records[1].truth.any()
    drawn = _read(root, "coco", crowd="draw")
    assert drawn.truth == LabelTruth(3, names=("background", "cat", "dog"))
    assert drawn[0].truth[0, 0] == 2
    half = _read(root, "coco", size=[3, 4], direction="labels-to-photo")
    assert half.truth == ImageTruth(3)
    assert half[0].image.shape == (3, 3, 4)


def test_what_pycocotools_encodes_is_drawn(tmp_path: Path) -> None:
    masks = pytest.importorskip("pycocotools.mask")
    inside = np.random.default_rng(3).integers(0, 2, (HEIGHT, WIDTH), dtype=np.uint8)
    runs = masks.encode(np.asfortranarray(inside))
    runs["counts"] = runs["counts"].decode()
    records = _read(_coco(tmp_path, _annotation(2, 7, runs, 9)), "coco")
    assert records[1].truth.tolist() == (2 * inside.astype(int)).tolist()


@pytest.mark.parametrize(
    ("annotations", "more", "sentence"),
    [
        ([_annotation(1, 9, [_box(0, 0, 2, 2)], 4)], {}, "not as COCO describes.*KeyError: 9"),
        ([], {"images": [{"id": 1}]}, "not as COCO describes.*file_name"),
        ([], {"categories": []}, "names no classes"),
        (
            [],
            {"images": [{"id": 1, "file_name": "no.png", "height": 1, "width": 1}]},
            r"there is no image .*no\.png, which .* say with images where they are",
        ),
    ],
)
def test_faults_of_coco_are_named(
    tmp_path: Path, annotations: list[Any], more: dict[str, object], sentence: str
) -> None:
    pytest.importorskip("pycocotools")
    with pytest.raises(InputError, match=sentence):
        _read(_coco(tmp_path, *annotations, **more), "coco")


def test_annotations_that_do_not_fit_their_image_are_named(tmp_path: Path) -> None:
    pytest.importorskip("pycocotools")
    root = _coco(tmp_path, _annotation(1, 3, {"counts": [1], "size": [2, 2]}, 1))
    with pytest.raises(InputError, match=r"i1\.png: an annotation is drawn on|cannot be drawn"):
        _read(root, "coco")[0]
    _picture(root / "images" / "i1.png", size=(3, 3))
    with pytest.raises(InputError, match="is 3 x 3 pixels wide and high, but its annotations say"):
        _read(root, "coco")[0]


def test_without_pycocotools_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pycocotools.mask", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'pixleak\[coco\]'"):
        _read(_coco(tmp_path), "coco")


def _shape(label: str, kind: str, *points: tuple[float, float], **more: object) -> Any:
    return {"label": label, "points": points, "shape_type": kind, "group_id": None, **more}


def _labelme(root: Path, *shapes: Any, name: str = "a", **more: object) -> Path:
    if "imageData" not in more:
        _picture(root / f"{name}.png")
    content = {
        "version": "5.5.0",
        "flags": {},
        "shapes": list(shapes),
        "imagePath": f"{name}.png",
        "imageData": None,
        "imageHeight": HEIGHT,
        "imageWidth": WIDTH,
        **more,
    }
    root.mkdir(exist_ok=True)
    (root / f"{name}.json").write_text(json.dumps(content))
    return root


def test_shapes_of_labelme_are_drawn_in_their_order(tmp_path: Path) -> None:
    dot = BytesIO()
    Image.fromarray(np.array([[255, 0], [255, 255]], dtype=np.uint8)).save(dot, "PNG")
    _labelme(
        tmp_path,
        _shape("tree", "rectangle", (1, 0), (4, 3)),
        _shape("car", "polygon", (2, 1), (3, 1), (3, 2), (2, 2)),
        _shape("__ignore__", "rectangle", (7, 5), (6, 4)),
        _shape("car", "mask", (0, 4), (1, 5), mask=base64.b64encode(dot.getvalue()).decode()),
        _shape("_background_", "rectangle", (4, 0), (4, 0)),
        _shape("tree", "circle", (6, 1), (7, 1)),
    )
    _labelme(tmp_path, name="b")
    records = _read(tmp_path, "labelme")
    assert records.ids == ("a", "b")
    assert records.truth == LabelTruth(3, ignore=3, names=("background", "car", "tree"))
    assert records[0].truth.tolist() == [
        [0, 2, 2, 2, 0, 0, 2, 0],
        [0, 2, 1, 1, 2, 2, 2, 2],
        [0, 2, 1, 1, 2, 0, 2, 0],
        [0, 2, 2, 2, 2, 0, 0, 0],
        [1, 0, 0, 0, 0, 0, 3, 3],
        [1, 1, 0, 0, 0, 0, 3, 3],
    ]
    assert not records[1].truth.any()


def test_labelme_may_hold_the_image_and_number_its_names(tmp_path: Path) -> None:
    held = base64.b64encode(_picture(tmp_path.parent / "elsewhere.png", 5)).decode()
    shape = _shape("car", "rectangle", (0, 0), (1, 1))
    _labelme(tmp_path, shape, imageData=held, imagePath="..\\gone\\a.png")
    records = _read(tmp_path, "labelme", labels={"tree": 1, "car": 2})
    assert records.truth == LabelTruth(3, names=("background", "tree", "car"))
    assert records[0].truth[0, 0] == 2
    with Image.open(tmp_path.parent / "elsewhere.png") as image:
        assert (records[0].image[0] * 255).round().tolist() == np.asarray(image)[..., 0].tolist()


@pytest.mark.parametrize(
    ("shapes", "more", "settings", "sentence"),
    [
        ([_shape("a", "line", (0, 0), (1, 1))], {}, {}, "of type line cannot be drawn: it has no"),
        ([_shape("a", "polygon", (0, 0), (1, 1))], {}, {}, "it has 2 points, and needs 3"),
        ([_shape("a", "rectangle", (0, 0))], {}, {}, "of type rectangle cannot be drawn"),
        (
            [_shape("a", "polygon")],
            {},
            {"labels": {"b": 1}},
            "is called 'a', which labels does not",
        ),
        ([_shape("a", "polygon")], {}, {"labels": {"a": 2}}, "labels must number the names 1, 2"),
        ([], {}, {}, "names no classes"),
        (
            [_shape("a", "polygon")],
            {"imageData": ""},
            {},
            "does not exist, and holds no other",
        ),
        ([], {"shapes": 3}, {}, "is no LabelMe file: it has no shapes and imagePath"),
    ],
)
def test_faults_of_labelme_are_named(
    tmp_path: Path,
    shapes: list[Any],
    more: dict[str, object],
    settings: dict[str, object],
    sentence: str,
) -> None:
    _labelme(tmp_path, *shapes, **more)
    with pytest.raises(InputError, match=sentence):
        _read(tmp_path, "labelme", **settings)[0]


def _one_coco(root: Path) -> None:
    pytest.importorskip("pycocotools")
    _coco(root, _annotation(1, 3, [_box(3, 2, 5, 4)], 4))


def _one_labelme(root: Path) -> None:
    for name in ("a", "b"):
        _labelme(root, _shape("car", "rectangle", (0, 0), (1, 1)), name=name)
    _labelme(root, _shape("tree", "rectangle", (0, 0), (1, 1)), name="c")


@pytest.mark.parametrize(("make", "reader"), [(_one_coco, "coco"), (_one_labelme, "labelme")])
def test_annotations_are_recognised(
    tmp_path: Path, make: Callable[[Path], None], reader: str
) -> None:
    make(tmp_path)
    best = suggestions(tmp_path)[0]
    assert (best.kind.name, best.rank) == (reader, 2)
    assert contents_of(best).problems == []
    assert read_records(tmp_path).truth == _read(tmp_path, reader).truth

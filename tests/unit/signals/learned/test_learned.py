import json
from math import log
from pathlib import Path

import numpy as np
import pytest
import torch

from pixleak.core.access import Access
from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth
from pixleak.records.base import RecordKey, Records
from pixleak.signals import SIGNALS
from pixleak.signals.learned.base import FittedSignal, LearnedSignal, SoftOrLabels
from pixleak.signals.learned.logistic import TypeIILogistic, TypeILogistic
from pixleak.signals.learned.loss_map_patches import FittedPatches, LossMapPatches, grid
from pixleak.signals.learned.map_store import MapStore
from pixleak.signals.learned.module_training import channel_moments, map_inputs
from pixleak.signals.learned.network import TypeIINetwork, TypeINetwork, flipped
from pixleak.signals.learned.pixel_statistics import label_statistics, pixel_statistics
from pixleak.signals.measure import measure
from pixleak.signals.pixels.labels import Pixels
from pixleak.targets.base import Prediction
from pixleak.testing.worlds.label_maps import LabelWorld, overfitted_world

TRUTH = LabelTruth(2)


def learned_on(
    world: LabelWorld, learned: LearnedSignal, records: Records | None = None
) -> FittedSignal:
    records = world.records if records is None else records
    member = dict(zip(world.records.ids, world.member.tolist(), strict=True))
    with MapStore() as maps:
        measure(world.target(), world.records, [SIGNALS.make("cross-entropy")], store=maps)
        return learned.fit(maps, records, member, seed=0)


def test_statistics_by_hand() -> None:
    # p of the true class is 3/4 and 1/2; both pixels lie at the border; no ignored ones.
    p = torch.tensor([[[[0.25, 0.5]]]])
    pixels = Pixels(Prediction(Access.PROBABILITY, p), torch.tensor([[[0, 1]]]), TRUTH)
    found = pixel_statistics(pixels)
    known = dict(zip(found.names, found.values[0], strict=True))
    missing = {n for n, m in zip(found.names, found.measured[0], strict=True) if not m}
    loss = (log(4 / 3) + log(2)) / 2
    assert known["log loss"] == pytest.approx(log(loss))
    assert known["log loss class 0"] == pytest.approx(log(log(4 / 3)))
    assert known["log loss class 1 at-border"] == pytest.approx(log(log(2)))
    assert known["log Dice loss"] == pytest.approx(log(1 - 1.0 / 1.75))
    assert known["log error"] == pytest.approx(log(0.375))
    assert known["log wrong share"] == pytest.approx(log(0.5 + 1e-4))
    assert known["foreground share"] == 0.5
    assert missing == {name for name in found.names if name.endswith(("near-border", "inside"))}


def test_logistic_weights_are_those_of_the_definition() -> None:
    # Applied by hand: fill, indicate, standardise, limit, weigh.
    world = overfitted_world(TRUTH, records=24, leak=1.0)
    fitted = learned_on(world, TypeIILogistic(strength=0.1))
    batch = next(world.records.batches(24))
    pixels = Pixels(world.target().predict(batch.images), batch.truths, TRUTH)
    found, arrays = pixel_statistics(pixels), fitted.arrays
    expected = []
    for row, seen in zip(found.values, found.measured, strict=True):
        inputs = [v if s else f for v, s, f in zip(row, seen, arrays["fill"], strict=True)]
        inputs += [float(not s) for s in seen]
        total = arrays["intercept"][0]
        for x, m, s, w in zip(
            inputs, arrays["mean"], arrays["scale"], arrays["weights"], strict=True
        ):
            total += w * min(6.0, max(-6.0, (x - m) / s))
        expected.append(total)
    np.testing.assert_allclose(fitted.measure(pixels).values[:, 0], expected, rtol=1e-9)


def test_logistic_chooses_its_strength_on_the_shadow_alone() -> None:
    fitted = learned_on(overfitted_world(TRUTH, records=60, leak=1.0), TypeIILogistic())
    losses = fitted.history["validation log loss"]
    assert fitted.settings["strength"] == fitted.history["strength"][int(np.argmin(losses))]


def test_type_i_does_not_see_the_truth() -> None:
    world = overfitted_world(TRUTH, records=24)
    batch = next(world.records.batches(24))
    prediction = world.target().predict(batch.images)
    other = 1 - batch.truths
    quick = {"width": 4, "epochs": 1}
    for learned in (TypeILogistic(), TypeINetwork(**quick)):
        fitted = learned_on(world, learned)
        seen = [fitted.measure(Pixels(prediction, t, TRUTH)).values for t in (batch.truths, other)]
        assert np.array_equal(*seen)
    for learned in (TypeIILogistic(), TypeIINetwork(**quick)):
        fitted = learned_on(world, learned)
        seen = [fitted.measure(Pixels(prediction, t, TRUTH)).values for t in (batch.truths, other)]
        assert not np.allclose(*seen)


KINDS: tuple[SoftOrLabels, ...] = (
    TypeILogistic(),
    TypeIILogistic(),
    TypeINetwork(width=4, epochs=3, batch_size=8),
    TypeIINetwork(width=4, epochs=3, batch_size=8, lr=3e-3),
    LossMapPatches(width=4, epochs=3),
)


@pytest.mark.parametrize("soft", KINDS, ids=lambda one: one.name)
def test_where_there_are_labels_only_they_are_learned_on(soft: SoftOrLabels) -> None:
    truth = LabelTruth(2, ignore=255)
    hard = soft.served_by(Access.LABEL)
    assert soft.served_by(Access.PROBABILITY) is soft
    assert (soft.info.access, hard.info.access) == (Access.PROBABILITY, Access.LABEL)
    assert hard.name == soft.name
    assert repr(hard) != repr(soft)  # by which what was learned is found again
    shadow = overfitted_world(truth, records=48, leak=3.0, seed=5)
    member = dict(zip(shadow.records.ids, shadow.member.tolist(), strict=True))
    fitted = []
    for access in (Access.LABEL, Access.LOGIT):  # more than labels is of no account
        with MapStore() as maps:
            signals = [SIGNALS.make("label-agreement")]
            measure(shadow.target(access), shadow.records, signals, store=maps)
            fitted.append(hard.fit(maps, shadow.records, member, seed=0))
    world = overfitted_world(truth, records=40, leak=3.0, seed=6)
    tables = [
        measure(world.target(access), world.records, [one])
        for one in fitted
        for access in (Access.LABEL, Access.PROBABILITY)
    ]
    values = tables[0].values[:, 0]
    for table in tables[1:]:
        np.testing.assert_allclose(table.values[:, 0], values, rtol=1e-5)
    inside, outside = values[world.member], values[~world.member]
    if soft.name.startswith("type-ii-l"):
        # Members' labels are nearly all right.
        assert (inside[:, None] > outside).mean() > 0.9


def test_a_one_hot_map_and_a_map_of_errors_by_hand() -> None:
    truth = LabelTruth(3, ignore=255)
    said = torch.tensor([[[2, 0, 1, 1]]])
    pixels = Pixels(Prediction(Access.LABEL, said), torch.tensor([[[2, 1, 1, 255]]]), truth)
    maps = map_inputs(pixels, "labels", with_truth=True)
    assert maps[0, :, 0].tolist() == [
        [0, 1, 0, 0],
        [0, 0, 1, 0],  # the last pixel is ignored
        [1, 0, 0, 0],
        [0, 0, 0, 0],
        [0, 1, 1, 0],
        [1, 0, 0, 0],
    ]
    assert map_inputs(pixels, "labels", with_truth=False).shape == (1, 3, 1, 4)


def test_statistics_of_labels_by_hand() -> None:
    #   truth   0 0 1 1      said   0 1 0 1
    truth, said = torch.tensor([[[0, 0, 1, 1]]]), torch.tensor([[[0, 1, 0, 1]]])
    pixels = Pixels(Prediction(Access.LABEL, said), truth, TRUTH)
    found = label_statistics(pixels, with_truth=True)
    known = dict(zip(found.names, found.values[0], strict=True))
    missing = {n for n, m in zip(found.names, found.measured[0], strict=True) if not m}
    assert known["log predicted foreground"] == pytest.approx(log(0.5 + 1e-4))
    assert known["log predicted edges"] == pytest.approx(log((3 + 1) / 2))
    assert known["log predicted raggedness"] == pytest.approx(log((3 + 1) / 3**0.5))
    assert known["log predicted pieces"] == pytest.approx(log(3))
    assert known["log predicted class 0"] == pytest.approx(log(0.5 + 1e-4))
    assert known["log predicted share inside"] == pytest.approx(log(1e-4))
    for name in ("", " class 0", " class 1", " at-border", " class 1 at-border"):
        assert known[f"log wrong{name}"] == pytest.approx(log(0.5 + 1e-4))
    assert known["log 1 - Dice"] == pytest.approx(log(0.5 + 1e-4))
    assert known["log edge ratio"] == pytest.approx(log(4 / 2))
    assert known["log foreground ratio"] == 0
    assert missing == {
        n for n in found.names if "wrong" in n and n.endswith(("near-border", "inside"))
    }
    alone = label_statistics(pixels, with_truth=False)
    other = label_statistics(
        Pixels(Prediction(Access.LABEL, said), 1 - truth, TRUTH), with_truth=False
    )
    assert all("predicted" in name for name in alone.names)
    assert np.array_equal(alone.values, other.values)


def test_a_subject_never_lies_on_both_sides_of_a_holdout() -> None:
    world = overfitted_world(TRUTH, records=32)
    keys = [RecordKey(key, subject=f"s{i // 4}") for i, key in enumerate(world.records.ids)]
    records = Records(keys, world.records.load, TRUTH)
    fitted = learned_on(world, TypeIINetwork(width=4, epochs=2, holdout=0.25), records)
    assert len(fitted.history["held-out accuracy"]) == 2
    # 8 subjects of 4 records, 2 of them held out.
    assert all(round(8 * a) == pytest.approx(8 * a) for a in fitted.history["held-out accuracy"])
    with pytest.raises(InputError, match=r"holdout=0.9 leaves too few records"):
        learned_on(world, TypeIINetwork(holdout=0.9), records)


def test_the_network_of_the_source_is_a_parameter_away() -> None:
    from pixleak.signals.learned.network import attack_network

    source = TypeIINetwork(
        width=64, epochs=30, batch_size=4, lr=1e-4, decay=False, weight_decay=0,
        inputs="probabilities",
    )  # fmt: skip
    count = sum(p.numel() for p in attack_network(4, source.width).parameters())
    # torchvision's resnet34 has 21,797,672 parameters: less its last layer (512 * 1000 + 1000),
    # plus one output (513), the adapter (4 * 3 + 3), and biases of three shortcuts
    # (128 + 256 + 512).
    assert count == 21_797_672 - 513_000 + 513 + 15 + 896


def test_history_has_an_entry_an_epoch_and_progress_is_told() -> None:
    world = overfitted_world(TRUTH, records=16)
    member = dict(zip(world.records.ids, world.member.tolist(), strict=True))
    steps: list[tuple[int, int]] = []
    with MapStore() as maps:
        measure(world.target(), world.records, [SIGNALS.make("cross-entropy")], store=maps)
        fitted = LossMapPatches(width=4, epochs=3).fit(
            maps, world.records, member, seed=0, on_epoch=lambda *step: steps.append(step)
        )
    assert steps == [(1, 3), (2, 3), (3, 3)]
    assert {name: len(numbers) for name, numbers in fitted.history.items()} == {
        "loss": 3,
        "accuracy": 3,
    }


def test_flips_keep_what_they_mirror() -> None:
    maps = torch.arange(8 * 6.0).reshape(8, 1, 2, 3)
    seen = set()
    for one, before in zip(flipped(maps, np.random.default_rng(0)), maps, strict=True):
        ways = [before, before.flip(1), before.flip(2), before.flip(1).flip(2)]
        (way,) = [i for i, candidate in enumerate(ways) if torch.equal(one, candidate)]
        seen.add(way)
    assert seen == {0, 1, 2, 3}


def test_moments_over_parts_are_those_of_the_whole() -> None:
    maps = torch.randn(10, 3, 4, 5, generator=torch.Generator().manual_seed(0)) * 3 + 7
    mean, scale = channel_moments(iter(maps.split(3)))
    torch.testing.assert_close(mean, maps.mean(dim=(0, 2, 3)))
    torch.testing.assert_close(scale, maps.std(dim=(0, 2, 3), correction=0))


@pytest.mark.parametrize(
    ("size", "patch", "starts"),
    [(64, 32, [0, 16, 32]), (10, 10, [0]), (11, 10, [0, 1]), (9, 1, list(range(9)))],
)
def test_patches_cover_a_side(size: int, patch: int, starts: list[int]) -> None:
    assert grid(size, patch) == starts


def test_the_score_of_loss_map_patches_is_the_mean_over_the_grid() -> None:
    world = overfitted_world(TRUTH, records=12)
    fitted = learned_on(world, LossMapPatches(width=4, epochs=1, patch=16))
    assert isinstance(fitted, FittedPatches)
    batch = next(world.records.batches(1))
    pixels = Pixels(world.target().predict(batch.images), batch.truths, TRUTH)
    whole = (pixels.cross_entropy.log() - fitted.arrays["mean"][0]) / fitted.arrays["scale"][0]
    # 24 pixels a side, patches of 16: at 0 and at 8.
    logits = [
        float(fitted.module(whole[:, None, y : y + 16, x : x + 16])) for y in (0, 8) for x in (0, 8)
    ]
    assert fitted.measure(pixels).values[0, 0] == pytest.approx(np.mean(logits), rel=1e-5)


@pytest.mark.parametrize(
    "make",
    [
        lambda: TypeIINetwork(epochs=0),
        lambda: TypeIINetwork(width=0),
        lambda: TypeIINetwork(holdout=1.0),
        lambda: TypeIINetwork(inputs="logits"),  # type: ignore[arg-type]
        lambda: TypeIILogistic(strength=0),
        lambda: TypeIILogistic(folds=1),
        lambda: LossMapPatches(patch=0),
        lambda: LossMapPatches(patches=0),
        lambda: LossMapPatches(lr=-1),
        lambda: TypeILogistic(answers="logits"),  # type: ignore[arg-type]
    ],
)
def test_settings_out_of_range_are_refused(make) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match="got"):
        make()


def test_a_folder_without_a_learned_signal_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no learned signal"):
        FittedPatches.load(tmp_path)
    (tmp_path / "signal.json").write_text(json.dumps({"kind": "oracle"}))
    with pytest.raises(InputError, match="holds a 'oracle' signal, not 'loss-map-patches'"):
        FittedPatches.load(tmp_path)

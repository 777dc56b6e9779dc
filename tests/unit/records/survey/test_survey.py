"""What a folder looks like is what is in it, and what is wrong with it is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner

import pixleak
from pixleak.cli.app import app
from pixleak.core.errors import InputError
from pixleak.records.readers import reader_from
from pixleak.records.readers.folders import FoldersReader
from pixleak.records.survey.contents import Contents, contents_of
from pixleak.records.survey.opening import read_records, reader_of
from pixleak.records.survey.shown import as_yaml, rows_about
from pixleak.records.survey.suggestions import suggestions
from pixleak.request.file import override, read_request


def _photo(path: Path, seed: int, size: tuple[int, ...] = (24, 30, 3)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).integers(0, 256, size, dtype=np.uint8)
    Image.fromarray(values).save(path)


def _mask(path: Path, values: tuple[int, ...], size: tuple[int, int] = (24, 30)) -> None:
    """A mask in which each of these values stands in rows of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = np.resize(np.array(values, dtype=np.uint8), size[0])
    Image.fromarray(np.repeat(rows[:, None], size[1], axis=1)).save(path)


def _set(
    root: Path, count: int = 4, values: tuple[int, ...] = (0, 1), names: str = "images masks"
) -> None:
    first, second = names.split()
    for i in range(count):
        _photo(root / first / f"c{i:02d}.png", i)
        _mask(root / second / f"c{i:02d}.png", values)


def _found(root: Path) -> Contents:
    return contents_of(suggestions(root)[0])


def _named(root: Path) -> list[str]:
    return [f"{one.kind.name} {one.seen.strength}" for one in suggestions(root)]


@pytest.mark.parametrize(
    ("values", "settings"),
    [
        ((0, 1), {"classes": 2}),
        ((0, 255), {"classes": 2}),
        ((0, 1, 2, 3), {"classes": 4}),
        ((0, 1, 2, 255), {"classes": 3, "ignore": 255}),
        ((0, 1, 2, 5), {"classes": 6}),
        ((0, 100, 200), {"classes": 3, "mask_values": {0: 0, 100: 1, 200: 2}}),
    ],
)
def test_classes_follow_from_the_values_of_masks(
    tmp_path: Path, values: tuple[int, ...], settings: dict[str, object]
) -> None:
    _set(tmp_path, values=values)
    found = _found(tmp_path)
    assert found.problems == []
    assert {key: found.settings[key] for key in settings} == settings
    assert set(found.settings) == {"root", "images", "masks", *settings}
    records = FoldersReader.model_validate(found.settings).open()
    held = {int(value) for record in records for value in record.truth.unique()}
    wanted = set(range(len(values))) if "mask_values" in settings else set(values)
    assert held == ({0, 1} if values == (0, 255) else wanted)


def test_a_value_that_next_to_no_mask_holds_is_reported_and_no_class(tmp_path: Path) -> None:
    _set(tmp_path, 20)
    _mask(tmp_path / "masks" / "c07.png", (0, 1, 9))
    found = _found(tmp_path)
    assert found.settings["classes"] == 2
    (problem,) = found.problems
    assert problem == "the mask of 'c07' holds the value 9, which only 1 of 20 masks holds"


def test_what_has_no_partner_or_cannot_be_read_is_named(tmp_path: Path) -> None:
    _set(tmp_path, 6)
    _photo(tmp_path / "images" / "extra [1].png", 9)
    _mask(tmp_path / "masks" / "spare.png", (0, 1))
    (tmp_path / "images" / "c03.png").write_bytes(b"no picture")
    _mask(tmp_path / "masks" / "c04.png", (0, 1), size=(10, 10))
    found = _found(tmp_path)
    told = "\n".join(found.problems)
    assert len(found.problems) == 4
    assert f"image {tmp_path / 'images' / 'extra [1].png'} has no mask" in told
    assert f"mask {tmp_path / 'masks' / 'spare.png'} has no image" in told
    assert "c03.png cannot be read" in told
    assert "c04.png is 10 x 10" in told
    assert (found.count, found.read) == (6, 4)  # without those that have no partner
    with pytest.raises(InputError, match=r"extra \[1\]\.png has no mask \(and 3 more\); `pixleak"):
        reader_of(tmp_path)


def test_sizes_subjects_and_types_are_counted(tmp_path: Path) -> None:
    for i, height in enumerate((8, 16, 16, 40)):
        _photo(tmp_path / "imgs" / f"{i}.png", i, (height, 20))
        _mask(tmp_path / "gt" / f"{i}.png", (0, 1), (height, 20))
    (suggestion,) = suggestions(tmp_path)
    found = contents_of(suggestion)
    assert found.settings["channels"] == 1
    told = dict(rows_about(suggestion, found))
    assert told["records"] == "4"
    assert told["subjects"] == "not known"
    assert told["classes"] == "2 (labels: 0 in 4, 1 in 4 masks)"
    assert told["sizes"] == "8 x 20 (least), 16 x 20 (median), 40 x 20 (most); 3 different"
    assert told["values"] == "PNG of uint8, 1 band"
    written = yaml.safe_load(as_yaml(suggestion, found))["records"]
    assert written.pop("size") == [16, 20]
    assert reader_from(written) == FoldersReader.model_validate(found.settings)


def test_colours_of_masks_are_named_black_first(tmp_path: Path) -> None:
    for i in range(3):
        _photo(tmp_path / "images" / f"{i}.png", i)
        pixels = np.zeros((24, 30, 3), dtype=np.uint8)
        pixels[:9] = (255, 0, 0)
        pixels[9:12] = (0, 0, 255)
        (tmp_path / "masks").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "masks" / f"{i}.png")
    found = _found(tmp_path)
    assert found.settings["mask_colours"] == {"#000000": 0, "#0000ff": 1, "#ff0000": 2}
    assert found.settings["classes"] == 3
    assert found.problems == []


def _split_in_parts(root: Path) -> None:
    for part in ("train", "val"):
        _set(root / part)


def _beside(root: Path) -> None:
    for i in range(4):
        _photo(root / f"c{i}.png", i)
        _mask(root / f"c{i}_mask.png", (0, 1))


def _volumes(root: Path) -> None:
    nibabel = pytest.importorskip("nibabel")
    for i in range(3):
        generator = np.random.default_rng(i)
        for folder, values in (
            ("imagesTr", generator.normal(0, 9, (10, 9, 3)).astype(np.float32)),
            ("labelsTr", generator.integers(0, 3, (10, 9, 3)).astype(np.uint8)),
        ):
            (root / folder).mkdir(exist_ok=True)
            nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), root / folder / f"v{i}.nii.gz")


def _two_photos(root: Path) -> None:
    for i in range(3):
        _photo(root / "a" / f"{i}.png", i)
        _photo(root / "b" / f"{i}.png", i + 9, (24, 30))


def _halves(root: Path) -> None:
    for i in range(3):
        _photo(root / f"{i}.png", i, (16, 32, 3))


def _photos(root: Path) -> None:
    for i in range(3):
        _photo(root / f"{i}.png", i)


def _masks(root: Path) -> None:
    for i in range(3):
        _mask(root / f"{i}.png", (0, 1))


@pytest.mark.parametrize(
    ("make", "readers"),
    [
        (lambda root: _set(root), ["folders likely"]),
        (lambda root: _set(root, names="masks zeichen"), ["folders likely"]),
        (_split_in_parts, ["folders likely", "folders likely"]),
        (_beside, ["folders likely"]),
        (_volumes, ["volumes likely"]),
        (_two_photos, ["pairs likely"]),
        (_halves, ["side-by-side likely", "colouring possible"]),
        (_photos, ["colouring possible"]),
        (_masks, ["masks possible"]),
        (lambda root: (root / "notes.txt").write_text("x"), []),
    ],
)
def test_a_folder_is_recognised_by_what_is_in_it(
    tmp_path: Path, make: Callable[[Path], object], readers: list[str]
) -> None:
    make(tmp_path)
    assert _named(tmp_path) == readers
    for one in suggestions(tmp_path):
        found = contents_of(one)
        assert found.problems == []
        assert len(one.kind.model_validate(found.settings).open()) == found.count >= 3


def test_a_folder_is_read_where_it_looks_like_one_thing_alone(tmp_path: Path) -> None:
    _set(tmp_path / "one", values=(0, 1, 2))
    records = read_records(tmp_path / "one", size=(8, 8), name="mine")
    assert (records.name, len(records), records[0].image.shape) == ("mine", 4, (3, 8, 8))
    assert records.truth == pixleak.LabelTruth(3)
    _split_in_parts(tmp_path / "parts")
    with pytest.raises(
        InputError, match=r"can be read in 2 ways: folders \(train/images/ and train/masks/"
    ):
        pixleak.read_records(tmp_path / "parts")
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="looks like nothing that a reader knows"):
        read_records(tmp_path / "none")
    _photos(tmp_path / "photos")
    with pytest.raises(InputError, match=r"could be read by colouring .* but that is not sure"):
        read_records(tmp_path / "photos")
    with pytest.raises(InputError, match="does not exist; expected a folder of records"):
        read_records(tmp_path / "nowhere")


def test_a_folder_is_looked_at_again_where_files_came(tmp_path: Path) -> None:
    _set(tmp_path, 3)
    first = reader_of(tmp_path)
    assert reader_of(tmp_path) is first
    _photo(tmp_path / "images" / "new.png", 5)
    _mask(tmp_path / "masks" / "new.png", (0, 1, 2))
    assert read_records(tmp_path).truth == pixleak.LabelTruth(3)


AUDIT = """
records: mine
target: {recipe: {network: tiny, epochs: 1}}
"""


def test_a_configuration_may_name_a_folder_alone(tmp_path: Path) -> None:
    _set(tmp_path / "mine", values=(0, 1, 2))
    (tmp_path / "audit.yaml").write_text(AUDIT)
    request = read_request(tmp_path / "audit.yaml", pixleak.AuditRequest)
    assert isinstance(request.records, FoldersReader)
    assert request.records.root == tmp_path / "mine"
    assert request.model_dump(mode="json")["records"]["classes"] == 3
    (tmp_path / "audit.yaml").write_text(AUDIT.replace("mine", "{reader: folders, root: mine}"))
    setting = f"records={tmp_path / 'mine'}"
    again = read_request(tmp_path / "audit.yaml", pixleak.AuditRequest, [setting])
    assert again.records == request.records
    _split_in_parts(tmp_path / "mine")
    with pytest.raises(InputError, match=r"records: .* can be read in 3 ways"):
        read_request(tmp_path / "audit.yaml", pixleak.AuditRequest, [setting])


def test_both_sides_may_be_folders(tmp_path: Path) -> None:
    for side in ("in", "out"):
        _set(tmp_path / side)
    (tmp_path / "audit.yaml").write_text(
        "members: in\nnonmembers: out\ntarget: {recipe: {network: tiny}}\n"
        "attacker: {shadow: null}\n"
    )
    request = read_request(tmp_path / "audit.yaml", pixleak.AuditRequest)
    assert [one.root.name for one in (request.members, request.nonmembers)] == ["in", "out"]


def test_an_override_moves_folders_but_not_words() -> None:
    content: dict[str, object] = {}
    override(content, ["references.records=own", "attacker.records=mine", "records=here"])
    assert content == {
        "references": {"records": "own"},
        "attacker": {"records": str(Path.cwd() / "mine")},
        "records": str(Path.cwd() / "here"),
    }


def test_the_command_says_what_is_there_and_prints_what_reads_it(tmp_path: Path) -> None:
    _set(tmp_path, 5, values=(0, 255))
    (tmp_path / "images" / "c02.png").write_bytes(b"")
    outcome = CliRunner().invoke(app, ["records", str(tmp_path)], env={"COLUMNS": "300"})
    assert outcome.exit_code == 0
    assert "folders (likely): images/ and masks/ hold 5 files each whose names" in outcome.output
    assert "wrong" in outcome.output
    assert "c02.png cannot be read" in outcome.output
    block = outcome.output[outcome.output.index("records:\n") :]
    content = yaml.safe_load(block)["records"]
    assert content == {
        "reader": "folders",
        "root": str(tmp_path),
        "images": "images",
        "masks": "masks",
        "classes": 2,
    }


def test_the_command_prints_every_block_where_a_folder_is_ambiguous(tmp_path: Path) -> None:
    _split_in_parts(tmp_path)
    outcome = CliRunner().invoke(app, ["records", str(tmp_path)])
    assert outcome.output.count("reader: folders") == 2
    assert "It can be read in several ways" in outcome.output
    outcome = CliRunner().invoke(app, ["records", str(tmp_path), "--reader", "volumes"])
    assert outcome.exit_code == 2
    assert "the reader volumes recognises nothing in" in outcome.output
    outcome = CliRunner().invoke(app, ["records", str(tmp_path / "none")])
    assert outcome.exit_code == 2
    assert "does not exist" in outcome.output


def test_real_sets_are_recognised(shared_data: Callable[[str], Path]) -> None:
    kvasir = contents_of(suggestions(shared_data("kvasir-seg"))[0], most=20)
    assert (kvasir.count, kvasir.settings["classes"], kvasir.problems) == (1000, 2, [])
    camvid = contents_of(suggestions(shared_data("camvid"))[0], most=20)
    assert (camvid.count, camvid.settings["classes"]) == (701, 12)
    assert _named(shared_data("facades"))[0] == "side-by-side likely"

from pathlib import Path

import pytest
import yaml

from pixleak.core.errors import InputError
from pixleak.request.audit import AuditRequest
from pixleak.request.file import parse_request, read_request
from pixleak.request.parts import SplitChoice

PHANTOM = {"reader": "phantom", "count": 40}
MINIMAL = {"records": PHANTOM, "target": {"recipe": {}}}
PACKAGE = Path(__file__).parents[3] / "src" / "pixleak" / "request" / "templates"
EXAMPLES = Path(__file__).parents[3] / "examples"


def test_minimal_configuration_fills_in_the_rest() -> None:
    request = parse_request(MINIMAL)
    assert request.seed == 0
    assert request.target.training is not None
    assert request.attacker.signals is None
    assert request.attacker.learned is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sead": 1}, "unknown key 'sead', did you mean 'seed'?"),
        (
            {"records": PHANTOM | {"cuont": 3}},
            "records: reader 'phantom': unknown key 'cuont', did you mean 'count'?",
        ),
        (
            {"target": {"recipe": {"epoch": 3}}},
            "target.recipe: unknown key 'epoch', did you mean 'epochs'?",
        ),
        ({"target": {"recipe": {"network": {"nane": "unet"}}}}, "did you mean 'name'?"),
        ({"split": {"target_member": 3}}, "did you mean 'target_members'?"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
        ({"records": None}, "give either records (with split) or members and nonmembers"),
        ({"members": PHANTOM}, "members and nonmembers go together"),
        ({"attacker": {"records": PHANTOM}}, "attacker.records goes with members and nonmembers"),
        (
            {"target": {}},
            "target: needs exactly one of recipe, module, function, weights, torchscript, exported",
        ),
        ({"target": {"recipe": {}, "function": "a.py:f"}}, "got recipe and function"),
        ({"target": {"function": "a.py:f"}}, "the target exists already"),
        ({"split": {"kind": "file"}}, "split.path must be given where split.kind is file"),
        (
            {"records": {"reader": "folder"}},
            "records: unknown name 'folder' among the readers, did",
        ),
        ({"target": {"recipe": {"network": {"name": "unett"}}}}, "did you mean 'unet'?"),
    ],
)
def test_mistakes_get_one_sentence_that_names_the_key(
    change: dict[str, object], words: str
) -> None:
    with pytest.raises(InputError) as caught:
        parse_request(MINIMAL | change)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_overrides_reach_into_nested_keys_and_are_yaml(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(yaml.safe_dump(MINIMAL))
    config = read_request(
        path, AuditRequest, ["records.count=12", "target.recipe.epochs=3", "attacker.shadow=null"]
    )
    assert config.records is not None
    assert config.records.model_dump()["count"] == 12
    assert config.target.training.epochs == 3
    assert config.attacker.shadow is None


def test_an_override_replaces_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(yaml.safe_dump(MINIMAL))
    settings = ["target={function: 'f.py:ask'}", "split={kind: file, path: split.csv}"]
    config = read_request(path, AuditRequest, settings)
    assert config.target.training is None
    assert config.target.kind.model_dump()["function"] == f"{Path.cwd() / 'f.py'}:ask"
    assert config.split.path == Path.cwd() / "split.csv"


def test_override_without_a_value_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(yaml.safe_dump(MINIMAL))
    with pytest.raises(InputError, match="expected key=value"):
        read_request(path, AuditRequest, ["seed"])


def test_paths_are_relative_to_the_file_and_overrides_to_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    path = tmp_path / "a.yaml"
    folders = {"reader": "folders", "root": "mine", "images": "img", "classes": 2}
    path.write_text(yaml.safe_dump({"records": folders, "target": {"recipe": {}}}))
    monkeypatch.chdir(elsewhere)
    source = read_request(path, AuditRequest).records
    assert source is not None
    assert source.model_dump()["root"] == tmp_path / "mine"
    assert source.model_dump()["images"] == Path("img")
    overridden = read_request(path, AuditRequest, ["records.root=yours"]).records
    assert overridden is not None
    assert overridden.model_dump()["root"] == elsewhere / "yours"


def test_function_specs_are_relative_to_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    content = {
        "members": PHANTOM,
        "nonmembers": PHANTOM,
        "target": {"module": "model.py:make", "checkpoint": "w.safetensors"},
    }
    path.write_text(yaml.safe_dump(content))
    kind = read_request(path, AuditRequest).target.kind
    assert kind is not None
    assert kind.model_dump()["module"] == f"{tmp_path / 'model.py'}:make"
    assert kind.model_dump()["checkpoint"] == tmp_path / "w.safetensors"


AUDITS = [path for path in sorted(EXAMPLES.glob("*.yaml")) if not path.name.startswith("study")]


@pytest.mark.parametrize("path", [PACKAGE / "demo.yaml", PACKAGE / "audit.yaml", *AUDITS])
def test_shipped_configurations_are_valid(path: Path) -> None:
    read_request(path, AuditRequest)


@pytest.mark.parametrize(
    ("given", "shadow", "counts"),
    [
        ({}, True, None),
        ({"target_members": 5}, True, (5, 5, 5, 5)),
        ({"target_members": 5, "target_nonmembers": 7}, True, (5, 7, 5, 7)),
        ({"target_members": 5}, False, (5, 5, 0, 0)),
        ({"target_members": 5, "shadow_members": 2}, True, (5, 5, 2, 5)),
    ],
)
def test_numbers_that_are_not_given_follow_those_that_are(
    given: dict[str, int], shadow: bool, counts: tuple[int, ...] | None
) -> None:
    wanted = SplitChoice(**given).counts(shadow)  # type: ignore[arg-type]
    assert (None if wanted is None else tuple(wanted.values())[:4]) == counts
    assert wanted is None or (wanted["population"], wanted["canaries"]) == (0, 0)

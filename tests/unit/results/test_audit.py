import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import pixleak.results
from pixleak.core.errors import InputError
from pixleak.results.audit import Result, result_schema
from pixleak.results.base import Interval
from pixleak.results.environment import Environment
from pixleak.results.verdict import Verdict

SCHEMA = Path(pixleak.results.audit.__file__).with_name("result.schema.json")


def make_result(value: float = 0.5) -> Result:
    environment = Environment(
        pixleak="0", python="3", platform="x", versions={}, device="cpu", threads=1
    )
    verdict = Verdict(
        answer="none-found",
        sentence="Nothing.",
        reasons=[],
        evidence=[],
        detectable_auc=value,
        level=0.05,
    )
    return Result(
        title="t",
        created="2026-01-01T00:00:00+00:00",
        seconds=1.0,
        arguments={},
        seeds={"seed": 0},
        environment=environment,
        attacks=[],
        verdict=verdict,
    )


def test_the_shipped_schema_is_the_schema_of_the_model() -> None:
    # Mend with: python -c "import json; from pixleak.results import result_schema as s;
    # print(json.dumps(s(), indent=1))" > src/pixleak/results/result.schema.json
    assert json.loads(SCHEMA.read_text()) == result_schema()


@pytest.mark.parametrize("value", [0.25, float("inf"), float("-inf")])
def test_results_survive_json_also_with_infinite_numbers(tmp_path: Path, value: float) -> None:
    result = make_result(value)
    content = json.loads(result.to_json(), parse_constant=lambda c: pytest.fail(f"bare {c}"))
    Draft202012Validator(result_schema()).validate(content)
    (tmp_path / "result.json").write_text(result.to_json())
    assert Result.read(tmp_path) == result


def test_nan_is_not_a_result() -> None:
    with pytest.raises(ValueError, match="NaN is not a result"):
        Interval(value=float("nan"), low=0, high=1, method="m")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "holds no result.json"),
        ("{", "is not valid JSON"),
        ('{"schema_version": 99}', "has schema version 99, this pixleak reads 1"),
        ('{"schema_version": 1}', "title: Field required"),
    ],
)
def test_unreadable_results_are_one_sentence(tmp_path: Path, text: str | None, words: str) -> None:
    if text is not None:
        (tmp_path / "result.json").write_text(text)
    with pytest.raises(InputError, match=words):
        Result.read(tmp_path)

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from pixleak.analyses.walk import result_schema
from pixleak.core.errors import InputError
from pixleak.results.audit import Result
from pixleak.results.base import Interval
from pixleak.results.environment import Environment
from pixleak.results.sections import Epsilon, LeaveOneOut
from pixleak.results.verdict import Verdict


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


def test_the_schema_knows_every_section_and_lets_others_be() -> None:
    content = json.loads(make_result().to_json())
    validator = Draft202012Validator(result_schema())
    validator.validate(content | {"sections": {"of-a-package": {"anything": 1}}})
    wrong = content | {"sections": {"canaries": {"anything": 1}}}
    assert next(validator.iter_errors(wrong)).json_path.startswith("$.sections.canaries")
    assert list(validator.iter_errors(content | {"sections": {"x": 3}}))


def test_a_section_is_kept_as_it_was_read_and_checked_when_asked_for(tmp_path: Path) -> None:
    saved = {"of-a-package": {"score": "Infinity", "names": ["a"]}, "canaries": {"score": 1}}
    content = json.loads(make_result().to_json()) | {"sections": saved}
    (tmp_path / "result.json").write_text(json.dumps(content))
    result = Result.read(tmp_path)
    assert json.loads(result.to_json())["sections"] == saved
    assert result.section(LeaveOneOut) is None
    with pytest.raises(InputError, match=r"'canaries' does not fit its analysis, lower_bound: F"):
        result.section(Epsilon)


def test_a_section_survives_json(tmp_path: Path) -> None:
    epsilon = Epsilon(
        lower_bound=float("inf"), level=0.95, delta=0.0, canaries=4, included=2, kind="shifted",
        guesses=4, correct=4, ceiling=1.0, attack="threshold", signal="margin", explanation="",
    )  # fmt: skip
    result = make_result().model_copy(update={"sections": {"canaries": epsilon}})
    (tmp_path / "result.json").write_text(result.to_json())
    assert Result.read(tmp_path).section(Epsilon) == epsilon


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
        ('{"schema_version": 99}', "has schema version 99, this pixleak reads 2"),
        ('{"schema_version": 1}', "has schema version 1, .* run the audit again with the same co"),
        ('{"schema_version": 2}', "title: Field required"),
    ],
)
def test_unreadable_results_are_one_sentence(tmp_path: Path, text: str | None, words: str) -> None:
    if text is not None:
        (tmp_path / "result.json").write_text(text)
    with pytest.raises(InputError, match=words):
        Result.read(tmp_path)

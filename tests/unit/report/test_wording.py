from __future__ import annotations

import pytest
from tests.unit.report.runs import RunFactory

from pixleak.report.wording import is_learned, meaning
from pixleak.results.controls import Control
from pixleak.results.numbers import percent


def test_a_leak_is_told_by_the_strongest_attack_that_counts() -> None:
    factory = RunFactory("leak", n=120)
    first, second = factory.parts["attacks"][:2]
    verdict = factory.parts["verdict"]
    factory.parts["verdict"] = verdict.model_copy(update={"evidence": [second.title]})

    told = meaning(factory.result())

    assert second.title in told.is_
    assert first.title not in told.is_
    assert percent(second.auc.value) in told.is_
    # 60 non-members resolve 10 %, not 1 %.
    assert f"at most {percent(0.1)}" in told.is_
    assert "only if" not in told.is_
    assert told.is_not.startswith("It does not mean that images can be extracted")


def learned(signal: str, listed: object) -> bool:
    result = RunFactory("leak", n=120).result()
    attack = result.attacks[0].model_copy(update={"signal": signal})
    return is_learned(attack, result.model_copy(update={"arguments": {"learned": listed}}))


def test_learned_signals_are_known_by_the_configuration_or_by_name() -> None:
    assert learned("my-own", ["my-own"])
    assert learned("my-own", [{"name": "my-own", "options": {}}])
    assert learned("type-ii-logistic", None)
    assert not learned("cross-entropy", ["type-ii-logistic", {"name": "my-own"}])
    assert not learned("cross-entropy", "nonsense")


@pytest.mark.parametrize(
    ("changed", "needs"),
    [
        (
            {},
            "holds an image and its true mask, may query the model for its probabilities and has "
            "trained a model of their own on data of their own can tell",
        ),
        (
            {"signal": "label-agreement", "access": "label"},
            "holds an image and its true mask and may query the model for its label maps can tell",
        ),
        (
            {"signal": "score", "access": "unknown", "needs_truth": False},
            "holds an image and has what the given scores were computed from can tell",
        ),
    ],
)
def test_a_leak_names_all_that_the_attack_needs(changed: dict[str, object], needs: str) -> None:
    factory = RunFactory("leak", n=120)
    first = factory.parts["attacks"][0].model_copy(update=changed)
    factory.parts["attacks"][0] = first
    verdict = factory.parts["verdict"]
    factory.parts["verdict"] = verdict.model_copy(update={"evidence": [first.title]})

    assert f"Somebody who {needs}" in meaning(factory.result()).is_


def test_a_leak_claims_no_bound() -> None:
    told = meaning(RunFactory("leak", n=120).result()).is_not

    assert "lower bound" not in told
    assert "more shadow models or more knowledge may do better" in told
    assert "The strongest of 12 attacks was chosen after the fact" in told
    alone = meaning(RunFactory("leak", n=120).scores_only().result()).is_not
    assert "chosen after the fact" not in alone


def test_rates_that_may_be_noise_are_not_told() -> None:
    factory = RunFactory("leak", n=400)
    attack = factory.parts["attacks"][0]
    assert f"at most {percent(0.01)}" in meaning(factory.result()).is_
    noise = [rate.model_copy(update={"p_value": 0.3}) for rate in attack.tpr_at_fpr]
    for rates, told in (([attack.tpr_at_fpr[0], *noise[1:]], percent(0.1)), (noise, None)):
        factory.parts["attacks"][0] = attack.model_copy(update={"tpr_at_fpr": rates})
        factory.parts["verdict"] = factory.parts["verdict"].model_copy(
            update={"evidence": [attack.title]}
        )
        words = meaning(factory.result()).is_
        assert (f"at most {told}" in words) if told else ("wrongly accusing" not in words)


def test_a_leak_without_controls_is_conditional() -> None:
    told = meaning(RunFactory("leak", n=120).scores_only().result())

    assert "only if members and non-members were drawn in the same way" in told.is_


def test_nothing_found_names_the_power_and_promises_nothing() -> None:
    told = meaning(RunFactory("none-found", n=120).result())

    assert "None of 12 attacks" in told.is_
    assert "0.583" in told.is_
    assert "this many independent subjects" in told.is_
    assert "It does not mean that the model is private" in told.is_not


def test_cannot_tell_names_what_failed() -> None:
    factory = RunFactory("cannot-tell", n=120)

    told = meaning(factory.result())
    assert "failed: Blind baseline" in told.is_
    assert "check for duplicates failed, too (2 of 60 non-members)" in told.is_

    passed = [Control(name="blind-baseline", title="Blind", auc=None, passed=True, explanation="")]
    factory.parts["controls"] = passed
    told = meaning(factory.result())
    assert "does not allow an answer" in told.is_
    assert "check for duplicates failed (2 of 60 non-members)" in told.is_
    assert "no sign of safety" in told.is_not


@pytest.mark.parametrize("name", ["working-target", "repeatable-answers", "image-dependence"])
def test_a_target_that_does_not_work_is_not_a_difference_between_the_groups(name: str) -> None:
    factory = RunFactory("cannot-tell", n=120)
    failed = Control(name=name, title="Target", auc=None, passed=False, explanation="It is idle.")
    passed = Control(name="blind-baseline", title="Blind", auc=None, passed=True, explanation="")
    factory.parts["controls"] = [passed, failed]
    factory.parts["duplicates"] = factory.parts["shift"] = None

    told = meaning(factory.result())

    assert "It is idle." in told.is_
    assert "differ" not in told.is_
    assert "random" not in told.is_not
    assert "Ask the model as it was trained" in told.is_not

"""Jobs as bytes for another process, and errors on their way back."""

from __future__ import annotations

import pickle
import sys
import types

import pytest

from pixleak.core.errors import InputError, setting
from pixleak.request.doors import python
from pixleak.runners.base import outcome, pickled, rebuilt


class _Job:
    title = "training 'target'"

    def __init__(self, part: object) -> None:
        self.part = part


def test_a_job_survives() -> None:
    assert pickle.loads(pickled(_Job([1, 2]))).part == [1, 2]  # type: ignore[arg-type]


def test_what_the_running_script_defines_is_refused_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = type("Own", (), {"__module__": "__main__"})
    monkeypatch.setattr(sys.modules["__main__"], "Own", own, raising=False)
    for part in (own, own(), {"deep": [own()]}):
        with pytest.raises(InputError, match=r"^training 'target': Own is defined in the script"):
            pickled(_Job(part))  # type: ignore[arg-type]


@pytest.mark.parametrize("part", [lambda: 1, types.MappingProxyType({}), (i for i in ())])
def test_what_cannot_be_pickled_is_refused_in_one_sentence(part: object) -> None:
    with pytest.raises(InputError, match=r"^training 'target': it cannot be sent to another proc"):
        pickled(_Job(part))  # type: ignore[arg-type]


def test_a_setting_in_a_workers_error_is_put_into_the_callers_words() -> None:
    class Failing:
        def run(self, say: object) -> object:
            raise InputError(f"raise {setting('target.samples')}")

    message = outcome(Failing(), lambda message: None)  # type: ignore[arg-type]
    error = rebuilt(message, "training 'target'")
    assert isinstance(error, InputError)
    assert error.told(python) == "training 'target': raise TargetModel(samples=...)"

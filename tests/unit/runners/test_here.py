"""Jobs in the calling process: the results of a worker, and nothing of the caller changed."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from pixleak.core.errors import InputError
from pixleak.runners import Job
from pixleak.runners.base import Message
from pixleak.runners.here import HereRunner
from pixleak.training.jobs import TrainingJob, train_all
from pixleak.training.recipe import Recipe
from toy_records import bright_squares


@dataclass(frozen=True)
class Careless(Job):
    """Changes what belongs to the whole process, and fails where its name is ``wrong``."""

    name: str
    device: str = "cpu"

    @property
    def title(self) -> str:
        return f"job {self.name!r}"

    @property
    def outputs(self) -> tuple[Path, ...]:
        return ()

    @property
    def inputs(self) -> Path | None:
        return None

    def portable(self, folder: Path) -> Self:
        return self

    def elsewhere(self, arrays: Mapping[str, Any], folder: Path) -> Self:
        raise NotImplementedError

    def run(self, say: Callable[[Message], None]) -> Message:
        threads = torch.get_num_threads()
        torch.set_num_threads(3)
        torch.manual_seed(9)
        random.seed(9)
        np.random.seed(9)  # noqa: NPY002
        say({"said": self.name})
        if self.name == "wrong":
            raise InputError("this cannot be")
        return {"threads": threads}


@pytest.mark.slow
def test_weights_are_those_of_a_worker(tmp_path: Path) -> None:
    recipe, records = Recipe(network="tiny", epochs=2, batch_size=4), bright_squares(8)

    def trained(folder: str, workers: int) -> dict[str, torch.Tensor]:
        job = TrainingJob("m", recipe, records, 3, tmp_path / folder / "m.safetensors")
        heard: list[int] = []
        train_all([job], workers=workers, progress=lambda _, epoch, *__: heard.append(epoch))
        assert heard == [1, 2]
        return load_file(job.path)

    here, there = trained("here", 0), trained("there", 1)
    assert here.keys() == there.keys()
    assert all(torch.equal(here[name], there[name]) for name in here)


def test_the_callers_threads_and_random_numbers_stay() -> None:
    torch.set_num_threads(2)
    try:
        states = torch.get_rng_state(), random.getstate(), str(np.random.get_state())  # noqa: NPY002
        assert HereRunner().run([Careless("a")], lambda *_: None) == [{"threads": 1}]
        assert torch.get_num_threads() == 2
        assert torch.equal(states[0], torch.get_rng_state())
        assert states[1:] == (random.getstate(), str(np.random.get_state()))  # noqa: NPY002
    finally:
        torch.set_num_threads(1)


def test_the_first_failure_ends_it_unless_the_others_are_wanted() -> None:
    jobs, heard = [Careless("a"), Careless("wrong"), Careless("b")], list[str]()
    with pytest.raises(InputError, match="job 'wrong': this cannot be"):
        HereRunner().run(jobs, lambda job, _: heard.append(job.name))
    assert heard == ["a", "wrong"]
    answers = HereRunner().run(jobs, lambda *_: None, keep_going=True)
    assert answers[1] == {"kind": "InputError", "error": "this cannot be"}
    assert [sorted(one) for one in answers] == [["threads"], ["error", "kind"], ["threads"]]


def test_a_class_of_the_running_script_can_take_part() -> None:
    class Local(Careless):
        """Another process could not import it."""

    assert HereRunner().run([Local("a")], lambda *_: None) == [{"threads": 1}]

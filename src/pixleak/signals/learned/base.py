"""What a learned signal is: trained on a shadow model's outputs, then a signal like any other.

An attacker who holds a shadow model knows which records it was trained on. A classifier learns
to tell those from the shadow's held-out records by the shadow's answers; its logit on the
target's answers is one number per record. So a learned attack is a learned *signal*, and
thresholds, calibration and the likelihood-ratio attacks apply to it as to any other.

Two kinds of attack are told apart by what the classifier sees (Chobola 2022): a Type-I attack sees
the prediction only, a Type-II attack the prediction and the truth. The names have nothing to do
with the two types of statistical error.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from pixleak.core.access import Access
from pixleak.core.errors import InputError
from pixleak.core.tables import Bools, SignalInfo
from pixleak.records.base import Records
from pixleak.signals.base import Signal
from pixleak.signals.learned.map_store import MapStore

Arrays = dict[str, NDArray[Any]]
OnEpoch = Callable[[int, int], None]

_CARD, _ARRAYS = "signal.json", "arrays.safetensors"


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedSignal(Signal):
    """A trained classifier as a signal; its value is the logit of "member".

    Args:
        card: what the signal is.
        settings: plain numbers and words that are needed to rebuild it.
        arrays: weights and standardisation.
        history: what happened in training: name -> one number per epoch (or fold).
    """

    kind: ClassVar[str]
    """What it is saved as; :meth:`load` refuses a folder that holds another kind."""

    card: SignalInfo
    settings: Mapping[str, Any]
    arrays: Arrays = field(repr=False)
    history: Mapping[str, list[float]] = field(default_factory=dict, repr=False)

    @property
    def info(self) -> SignalInfo:
        return self.card

    @property
    def identity(self) -> str:
        content = hashlib.sha256()
        for name in sorted(self.arrays):
            content.update(name.encode() + np.ascontiguousarray(self.arrays[name]).tobytes())
        return repr(self) + content.hexdigest()

    def save(self, folder: Path) -> None:
        """Write ``signal.json`` and ``arrays.safetensors`` into an existing folder, no pickle."""
        from safetensors.numpy import save_file

        content = {
            "kind": self.kind,
            "info": asdict(self.card),
            "settings": dict(self.settings),
            "history": dict(self.history),
        }
        (folder / _CARD).write_text(json.dumps(content, indent=1), encoding="utf-8")
        packed = {name: np.array(values, order="C") for name, values in self.arrays.items()}
        save_file(packed, folder / _ARRAYS)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            InputError: the folder holds no learned signal, or one of another kind.
        """
        from safetensors.numpy import load_file

        content = _read_card(folder)
        if content["kind"] != cls.kind:
            raise InputError(f"{folder} holds a {content['kind']!r} signal, not {cls.kind!r}")
        info = content["info"]
        return cls(
            card=SignalInfo(**info | {"access": Access(info["access"])}),
            settings=content["settings"],
            arrays=load_file(folder / _ARRAYS),
            history=content["history"],
        )


def _read_card(folder: Path) -> dict[str, Any]:
    path = folder / _CARD
    if not path.is_file():
        raise InputError(f"{folder} holds no learned signal ({_CARD} is missing)")
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


@dataclass(frozen=True, kw_only=True)
class LearnedSignal(ABC):
    """A frozen dataclass of training parameters, every one with a default.

    The class names the class of what it fits, so that a saved signal can be loaded again.
    """

    fitted: ClassVar[type[FittedSignal]]
    """The class of what :meth:`fit` returns."""
    usual: ClassVar[bool] = False
    """Whether it is learned where a request names no learned signals."""
    rank: ClassVar[int | None] = None
    """As :attr:`~pixleak.signals.base.Signal.rank`."""

    @property
    @abstractmethod
    def info(self) -> SignalInfo:
        """What the fitted signal will be."""

    @property
    def name(self) -> str:
        """The name in the table of learned signals."""
        return self.info.name

    def served_by(self, access: Access) -> LearnedSignal:
        """The form of this signal for a target with this access; most have one form only.

        Args:
            access: what the target's answers reveal, and what the shadow is asked for.
        """
        return self

    @abstractmethod
    def fit(
        self,
        maps: MapStore,
        records: Records,
        member: Mapping[str, bool],
        *,
        seed: int,
        on_epoch: OnEpoch | None = None,
    ) -> FittedSignal:
        """Train on a shadow's answers.

        Args:
            maps: the shadow's answers on ``records``.
            records: the shadow's members and held-out records.
            member: record id -> whether the shadow was trained on it.
            seed: of every random choice.
            on_epoch: called with (epochs done, epochs).

        Raises:
            InputError: a record has no answer or no membership, or one side is too small.
            UnmetNeedError: the stored answers reveal less than ``info.access``.
        """

    def _membership(self, maps: MapStore, records: Records, member: Mapping[str, bool]) -> Bools:
        """(n,) membership of the records, after checking that it can be learned from."""
        maps.require(self.info.access, self.name)
        if missing := [key for key in records.ids if key not in member]:
            raise InputError(f"{self.name}: the shadow's membership of {missing[0]!r} is unknown")
        answer = np.array([member[key] for key in records.ids], dtype=np.bool_)
        few = min(int(answer.sum()), int((~answer).sum()))
        if few < MIN_SIDE:
            raise InputError(
                f"{self.name} learns from a shadow's members and non-members and needs at least "
                f"{MIN_SIDE} of each, got {int(answer.sum())} and {int((~answer).sum())}"
            )
        return answer


Answers = Literal["soft", "labels"]


@dataclass(frozen=True, kw_only=True)
class SoftOrLabels(LearnedSignal):
    """A learned signal with a second form, for targets that answer with labels only.

    Args:
        answers: ``"soft"``: it learns on probabilities. ``"labels"``: on the predicted labels
            alone, whatever else is given; it then needs access to labels only.
    """

    card: ClassVar[SignalInfo]
    """The description of the form for soft answers."""

    answers: Answers = "soft"

    @property
    def info(self) -> SignalInfo:
        return self.card if self.answers == "soft" else replace(self.card, access=Access.LABEL)

    def served_by(self, access: Access) -> LearnedSignal:
        return replace(self, answers="labels") if access is Access.LABEL else self

    def _check_answers(self) -> None:
        if self.answers not in ("soft", "labels"):
            raise InputError(
                f"{self.name}: answers must be 'soft' or 'labels', got {self.answers!r}"
            )


MIN_SIDE = 4
"""Fewest shadow members, and fewest shadow non-members."""

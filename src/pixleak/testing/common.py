"""What the checks of several kinds of methods share."""

from __future__ import annotations

import pickle
import re
from dataclasses import replace
from typing import Any

import numpy as np

from pixleak.core.tables import SignalInfo, SignalTable


def assert_kebab_case(name: str) -> None:
    """A name is lower-case words joined by hyphens."""
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name), f"{name!r} is not kebab-case"


def assert_described(info: SignalInfo) -> None:
    """A column says what it is called, what it is, and where it comes from."""
    assert_kebab_case(info.name)
    for field in ("unit", "summary", "source"):
        assert getattr(info, field).strip(), f"{info.name}: {field} is empty"


def assert_value_object(method: Any) -> None:
    """A method is a frozen dataclass of its parameters: equal, hashable, and picklable."""
    name = method.name
    assert replace(method) == method, f"{name}: a copy with the same parameters is not equal"
    assert hash(replace(method)) == hash(method), f"{name}: equal, but hashed differently"
    assert pickle.loads(pickle.dumps(method)) == method, f"{name}: pickling changes it"
    assert repr(method).startswith(type(method).__name__ + "("), f"{name}: its repr is not its own"
    try:
        type(method)()
    except TypeError as error:
        raise AssertionError(f"{name}: a parameter has no default: {error}") from error
    try:
        method.name = "other"
    except AttributeError:
        return
    raise AssertionError(f"{name}: it can be changed after it was made")


def assert_same_table(first: SignalTable, second: SignalTable, tolerance: float, deed: str) -> None:
    """Two tables hold the same values, up to a relative and absolute tolerance."""
    assert np.array_equal(first.measured, second.measured), f"{deed} changes what is measured"
    known = first.measured
    assert np.allclose(first.values[known], second.values[known], rtol=tolerance, atol=tolerance), (
        f"{deed} changes values by up to {np.abs(first.values - second.values)[known].max():.3g}"
    )


def assert_oriented(table: SignalTable, member: np.ndarray, least_auc: float) -> None:
    """Members lie on the declared side of each column; columns without one are skipped."""
    for j, info in enumerate(table.infos):
        known = table.measured[:, j]
        score = info.sign * table.values[known, j]
        inside, outside = score[member[known]], score[~member[known]]
        if min(len(inside), len(outside)) < 10 or np.ptp(score) == 0:
            continue
        auc = (inside[:, None] > outside).mean() + (inside[:, None] == outside).mean() / 2
        assert auc > least_auc, f"{info.name}: members are not {info.members_are} (AUC {auc:.2f})"

"""Arrays that callers give: real numbers, and true or false."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixleak.core.errors import InputError
from pixleak.core.tables import Bools, Floats


def real_numbers(given: object, argument: str) -> Floats:
    """A float64 copy of numbers; None becomes NaN.

    Args:
        given: a list, an array, or a tensor.
        argument: that it was given as, for messages.

    Raises:
        InputError: it holds something else, such as complex numbers, text or dates.

    Example:
        >>> real_numbers([1, 2.5], "scores")
        array([1. , 2.5])
        >>> real_numbers([1j], "scores")
        Traceback (most recent call last):
        pixleak.core.errors.InputError: scores must be real numbers, got values of type complex128
    """
    values = _array(given, argument)
    if values.dtype.kind == "O":
        try:
            return values.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise InputError(f"{argument} must be numbers: {error}") from error
    if values.dtype.kind not in "fiub":
        raise InputError(f"{argument} must be real numbers, got values of type {values.dtype.name}")
    return np.array(values, dtype=np.float64)


def booleans(given: object, argument: str) -> Bools:
    """A copy of truth values; 0 and 1 are understood.

    Args:
        given: a list, an array, or a tensor.
        argument: that it was given as, for messages.

    Raises:
        InputError: it holds something else.

    Example:
        >>> booleans([0, 1], "member")
        array([False,  True])
    """
    values = _array(given, argument)
    numeric = np.issubdtype(values.dtype, np.number)
    if values.dtype != np.bool_ and not (numeric and np.isin(values, (0, 1)).all()):
        raise InputError(f"{argument} must hold booleans, or 0 and 1")
    return values.astype(np.bool_)


def _array(given: object, argument: str) -> NDArray[Any]:
    detached = getattr(given, "detach", None)  # of a tensor that remembers its gradient
    try:
        return np.asarray(given if detached is None else detached().cpu())
    except (TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{argument} must be a list or an array of numbers: {reason}") from error

"""Do the reference models resemble the target?

An attack that calibrates by the attacker's own reference models depends on how closely they
resemble the target. The check compares the logarithms of two mean losses, on training records and
on held-out records: the target's must lie in the prediction interval of one more reference model::

    |log L - mean| <= t(m - 1; 99 %) s sqrt(1 + 1/m)      and at least a factor of 1.25

Fewer than three references give no usable spread; then a factor of 1.5 is allowed.

Dissimilar references make calibrated attacks *weaker*, because they misjudge how difficult records
are. They cannot produce a false leak, since members and non-members are misjudged alike.

Source:
    pixleak; prediction interval: Hahn and Meeker, "Statistical Intervals", 1991.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import special

from pixleak.results.sections import Fidelity

LEVEL = 0.99
SMALLEST_FACTOR = 1.25
FACTOR_OF_FEW = 1.5
FEW = 3


def fidelity(
    target: tuple[float | None, float | None],
    references: Sequence[tuple[float, float]],
    *,
    loss: str = "cross-entropy",
) -> Fidelity:
    """Compare the target's losses with those of its reference models.

    Args:
        target: mean loss on its training records and on held-out records; None if not measured.
        references: the same two mean losses of each reference model, positive.
        loss: name of the signal.

    Example:
        >>> alike = fidelity((0.11, 0.32), [(0.10, 0.30), (0.12, 0.33), (0.11, 0.31)])
        >>> alike.passed
        True
        >>> fidelity((0.02, 0.32), [(0.10, 0.30), (0.12, 0.33), (0.11, 0.31)]).passed
        False
    """
    train, heldout = target
    if train is None or heldout is None or not references:
        return Fidelity(
            loss=loss,
            target_train=train,
            target_heldout=heldout,
            reference_train=[one for one, _ in references],
            reference_heldout=[other for _, other in references],
            passed=None,
            explanation="It could not be measured whether the reference models resemble the "
            f"target: {loss} needs more access than the target grants.",
        )
    differs = []
    for value, others, where in (
        (train, [one for one, _ in references], "on training records"),
        (heldout, [other for _, other in references], "on held-out records"),
    ):
        factor = _factor(value, others)
        if abs(math.log(factor)) > _allowed(others):
            word = "higher" if factor > 1 else "lower"
            differs.append(f"{where} by a factor of {max(factor, 1 / factor):.2g} {word}")
    count = len(references)
    if differs:
        explanation = (
            f"The target's mean {loss.replace('-', ' ')} is {' and '.join(differs)} than that of "
            f"its {count} reference models, which is more than the variation between models "
            "trained alike. Calibrated attacks may underestimate an attacker with better reference "
            "models."
        )
    else:
        explanation = (
            f"The target's mean {loss.replace('-', ' ')} on training and on held-out records "
            f"agrees with that of its {count} reference models."
        )
    return Fidelity(
        loss=loss,
        target_train=train,
        target_heldout=heldout,
        reference_train=[one for one, _ in references],
        reference_heldout=[other for _, other in references],
        passed=not differs,
        explanation=explanation,
    )


def _logs(values: Sequence[float]) -> np.ndarray:
    return np.log(np.maximum(values, 1e-12))


def _factor(value: float, others: Sequence[float]) -> float:
    return float(np.exp(_logs([value])[0] - _logs(others).mean()))


def _allowed(others: Sequence[float]) -> float:
    """Largest allowed distance of the logarithm from the references' mean."""
    count = len(others)
    if count < FEW:
        return math.log(FACTOR_OF_FEW)
    quantile = float(special.stdtrit(count - 1, 0.5 + LEVEL / 2))
    spread = float(_logs(others).std(ddof=1)) * math.sqrt(1 + 1 / count)
    return max(quantile * spread, math.log(SMALLEST_FACTOR))

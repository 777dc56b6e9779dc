"""Privacy accounting for DP-SGD, by the accountants of Opacus."""

from __future__ import annotations

import math
import warnings
from functools import cache
from typing import ClassVar, Literal

from pixleak.core.errors import InputError, require
from pixleak.defences.steps.per_record import EXTRA
from pixleak.defences.steps.saved_state import AttributeState

Accountant = Literal["rdp", "prv"]


class PrivacyAccount(AttributeState):
    """The privacy of a training: steps with one sampling rate and one noise level.

    All planned steps count, also where the training stops early: when it stops depends on the data,
    so the steps that were not run must not be saved (Rogers et al., "Privacy Odometers and
    Filters", NeurIPS 2016, arXiv:1605.08294).

    Args:
        units: U.
        rate: q, the probability that a unit is in a step.
        steps: number of planned steps, for which the noise is chosen.
        epsilon: to reach after the planned steps; None to use ``noise_multiplier``.
        noise_multiplier: sigma, if no epsilon is given.
        delta: None for U ** -1.1, which is below 1 / U.
        accountant: ``"rdp"`` or ``"prv"``.

    Raises:
        InputError: there are fewer than two units, or no noise suffices.
    """

    saved: ClassVar[tuple[str, ...]] = ("steps",)

    def __init__(
        self,
        units: int,
        rate: float,
        steps: int,
        *,
        epsilon: float | None,
        noise_multiplier: float | None,
        delta: float | None,
        accountant: Accountant,
    ) -> None:
        self.rate = rate
        self.accountant = accountant
        self.delta = units**-1.1 if delta is None else delta
        self.planned = steps
        if self.delta >= 1:
            raise InputError("dp-sgd needs at least two records or subjects to train on")
        self.steps = 0
        self.noise_multiplier = noise_multiplier or 0.0
        if epsilon is not None:
            self.noise_multiplier = sufficient_noise(epsilon, self.delta, rate, steps, accountant)

    @property
    def epsilon(self) -> float:
        """Of all planned steps, once there was one; infinite without noise."""
        if self.steps == 0:
            return 0.0
        if self.noise_multiplier == 0:
            return math.inf
        accountants = require("opacus.accountants", **EXTRA)
        accountant = accountants.create_accountant(mechanism=self.accountant)
        accountant.history = [(self.noise_multiplier, self.rate, max(self.steps, self.planned))]
        with _QuietSearch():
            return float(accountant.get_epsilon(delta=self.delta))


@cache
def sufficient_noise(
    epsilon: float, delta: float, rate: float, steps: int, accountant: str
) -> float:
    """The noise multiplier whose epsilon is the given one, or up to 0.01 below it.

    Raises:
        InputError: no noise suffices.
    """
    utils = require("opacus.accountants.utils", **EXTRA)
    try:
        with _QuietSearch():
            sigma = utils.get_noise_multiplier(
                target_epsilon=epsilon,
                target_delta=delta,
                sample_rate=rate,
                steps=steps,
                accountant=accountant,
            )
    except ValueError as error:
        raise InputError(
            f"no noise suffices for dp-sgd with epsilon={epsilon:g} and delta={delta:g} in "
            f"{steps} steps: give a larger epsilon"
        ) from error
    return float(sigma)


class _QuietSearch(warnings.catch_warnings):
    """Silences warnings of Opacus about noise levels that its search merely passes through."""

    def __enter__(self) -> None:
        super().__enter__()
        warnings.filterwarnings("ignore", message="Optimal order is the (largest|smallest) alpha")
        warnings.filterwarnings("ignore", message="divide by zero encountered in log")

"""Checks for authors of methods, here and elsewhere."""

from pixleak.testing.attacks import check_attack
from pixleak.testing.signals import check_signal

__all__ = ["check_attack", "check_signal"]

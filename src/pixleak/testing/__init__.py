"""Checks for authors of methods, here and elsewhere: one public check per kind of method.

Each takes an object with the parameters to check it at and raises an AssertionError that says which
check failed, and how. The contract tests of pixleak run them over every table.
"""

from pixleak.testing.analyses import check_analysis
from pixleak.testing.attacks import check_attack
from pixleak.testing.defences import check_defence
from pixleak.testing.networks import check_network
from pixleak.testing.poisons import check_poison
from pixleak.testing.readers import check_reader
from pixleak.testing.signals.difficulty import check_difficulty
from pixleak.testing.signals.fitted import check_learned_signal
from pixleak.testing.signals.fixed import check_signal
from pixleak.testing.targets import check_target, check_target_kind
from pixleak.testing.training_methods import check_training_method

__all__ = [
    "check_analysis",
    "check_attack",
    "check_defence",
    "check_difficulty",
    "check_learned_signal",
    "check_network",
    "check_poison",
    "check_reader",
    "check_signal",
    "check_target",
    "check_target_kind",
    "check_training_method",
]

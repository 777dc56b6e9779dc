"""Names of the signals that attacks are used on where a request names none."""

from __future__ import annotations

from pixleak.core.truth import Kind

EVERY = "all"
"""In place of signals: every column that comes from asking the model."""

CALIBRATED = "log-cross-entropy"
"""The signal of segmenters that single-signal attacks calibrate: losses of easy and hard records
differ by a factor, not by an amount."""

LABELS_ONLY = "label-agreement"
"""Takes its place where the target answers with labels."""

ERROR = "log-l1-error"
"""The signal of generators that single-signal attacks calibrate."""


def calibrated(kind: Kind) -> str:
    """The signal that single-signal attacks calibrate."""
    return CALIBRATED if kind == "labels" else ERROR

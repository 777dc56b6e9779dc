"""Targets: models that can be asked, and the kinds of file that hold one.

In Python, a kind is given as the model: ``audit(pixleak.targets.Predictions("preds/"), ...)``.
"""

from pixleak.targets.kinds.predictions import Predictions

__all__ = ["Predictions"]

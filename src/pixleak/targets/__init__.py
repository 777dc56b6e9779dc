"""Targets: models that can be asked, and the kinds of file or address that hold one.

In Python, a kind is given as the model: ``audit(pixleak.targets.Predictions("preds/"), ...)``.
"""

from pixleak.targets.kinds.exported_program import Exported
from pixleak.targets.kinds.http import HttpEndpoint
from pixleak.targets.kinds.huggingface_folder import HuggingFace
from pixleak.targets.kinds.kserve import KServe
from pixleak.targets.kinds.onnx_model import Onnx
from pixleak.targets.kinds.predictions import Predictions
from pixleak.targets.kinds.torchscript_file import TorchScript

__all__ = [
    "Exported",
    "HttpEndpoint",
    "HuggingFace",
    "KServe",
    "Onnx",
    "Predictions",
    "TorchScript",
]

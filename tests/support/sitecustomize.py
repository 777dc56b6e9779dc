"""Read by every Python that starts with this folder on PYTHONPATH: tests' child processes."""

import torchvision_ops

torchvision_ops.install()

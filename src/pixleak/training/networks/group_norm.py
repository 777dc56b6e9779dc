"""Group normalisation in place of batch normalisation.

Batch normalisation makes a record's answer, and so its loss and its gradient, depend on the other
records of the batch, and stores means of the training records in the weights. Where records must
not mix, groups of channels are normalised within each record::

    BatchNorm(c channels)  ->  GroupNorm(gcd(c, 32) groups)

Source:
    Wu, He, "Group Normalization", ECCV 2018, arXiv:1803.08494; the number of groups is Opacus'.
"""

from __future__ import annotations

import math

from torch import nn

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


def group_normed(module: nn.Module) -> nn.Module:
    """The module, changed in place; the new layers start as the identity does, scale 1, shift 0."""
    if isinstance(module, BATCH_NORMS):
        groups = math.gcd(module.num_features, 32)
        return nn.GroupNorm(groups, module.num_features, eps=module.eps, affine=module.affine)
    for name, child in module.named_children():
        changed = group_normed(child)
        if changed is not child:
            setattr(module, name, changed)
    return module

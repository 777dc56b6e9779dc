"""Named data sets, one file per set, each read from a user's own copy.

``DATASETS`` maps names to them; the reader ``named`` and ``pixleak data list`` read it.
"""

from __future__ import annotations

from pixleak.core.registry import Registry
from pixleak.records.readers.named.base import NamedSet
from pixleak.records.readers.named.camvid import CAMVID
from pixleak.records.readers.named.cityscapes import CITYSCAPES
from pixleak.records.readers.named.kvasir_seg import KVASIR_SEG
from pixleak.records.readers.named.msd_liver import MSD_LIVER
from pixleak.records.readers.named.pix2pix import FACADES, MAPS

__all__ = ["DATASETS", "NamedSet"]

DATASETS: Registry[NamedSet] = Registry(
    "datasets",
    {each.name: each for each in (KVASIR_SEG, CAMVID, CITYSCAPES, MSD_LIVER, FACADES, MAPS)},
)

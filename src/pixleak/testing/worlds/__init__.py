"""Toy worlds in which the right answer is known: numbers, label maps, images, records to train on.

One file per kind: :mod:`~pixleak.testing.worlds.signal_tables` for attacks,
:mod:`~pixleak.testing.worlds.label_maps` and :mod:`~pixleak.testing.worlds.images` for signals,
:mod:`~pixleak.testing.worlds.records` for whatever trains a model.
"""

"""Runners: independent jobs side by side, in processes here or on a Ray cluster."""

from __future__ import annotations

from pixleak.core.errors import InputError
from pixleak.core.registry import alternatives
from pixleak.runners.base import Job, Runner

__all__ = ["Job", "Runner", "runner_for"]


def runner_for(name: str, workers: int | None = None) -> Runner:
    """The runner of that name.

    Args:
        name: ``"local"``; ``"ray"`` for a Ray cluster that this machine belongs to, or else one
            started for the occasion; ``"ray:ADDRESS"`` for the cluster at that address.
        workers: how many jobs at a time; None for as many as there are cores.

    Raises:
        InputError: there is no such runner, or ``workers`` is below one.
    """
    from pixleak.runners.local import LocalRunner
    from pixleak.runners.ray import RayRunner

    if workers is not None and workers < 1:
        raise InputError(f"workers must be at least 1, got {workers}")
    kind, _, address = name.partition(":")
    if kind == "ray":
        return RayRunner(address=address or None, workers=workers)
    if name != "local":
        raise InputError(f"there is no runner {name!r}{alternatives(name, ('local', 'ray'))}")
    return LocalRunner(workers=workers)

"""Runners: run independent jobs in parallel, in local processes or on a Ray cluster."""

from __future__ import annotations

from pixleak.core.errors import InputError
from pixleak.core.registry import alternatives
from pixleak.runners.base import Job, Runner

__all__ = ["Job", "Runner", "runner_for"]


def runner_for(name: str, workers: int | None = None) -> Runner:
    """The runner of that name.

    Args:
        name: ``"local"``; ``"ray"`` for the Ray cluster that this machine belongs to, or otherwise
            a temporary one; ``"ray:ADDRESS"`` for the cluster at that address.
        workers: number of parallel jobs; None for the number of cores.

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

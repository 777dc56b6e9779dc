"""Runners: run independent jobs in local processes, in this process or on a Ray cluster."""

from __future__ import annotations

from pixleak.core.errors import InputError
from pixleak.core.registry import alternatives
from pixleak.runners.base import Job, Runner, preset_workers

__all__ = ["Job", "Runner", "runner_for"]


def runner_for(name: str, workers: int | None = None) -> Runner:
    """The runner of that name.

    Args:
        name: ``"local"``; ``"ray"`` for the Ray cluster that this machine belongs to, or otherwise
            a temporary one; ``"ray:ADDRESS"`` for the cluster at that address.
        workers: number of parallel jobs; 0 runs them in this process, one after another; None
            for the environment variable ``PIXLEAK_WORKERS`` if it is set, or else the number of
            cores.

    Raises:
        InputError: there is no such runner, or ``workers`` is no such number.
    """
    from pixleak.runners.here import HereRunner
    from pixleak.runners.local import LocalRunner
    from pixleak.runners.ray import RayRunner

    if workers is not None and workers < 0:
        raise InputError(f"workers must be at least 0, got {workers}")
    kind, _, address = name.partition(":")
    if kind == "ray":
        if workers == 0:
            raise InputError("workers 0 is this process: a Ray cluster needs at least 1")
        return RayRunner(address=address or None, workers=workers)
    if name != "local":
        raise InputError(f"there is no runner {name!r}{alternatives(name, ('local', 'ray'))}")
    if workers is None:
        workers = preset_workers()
    return HereRunner() if workers == 0 else LocalRunner(workers=workers)

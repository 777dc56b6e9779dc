"""Commented configurations that ``pixleak init`` writes, and those of the demos."""

from pathlib import Path

TEMPLATES = Path(__file__).parent

"""A small audit, and the command line in this process."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner, Result

from pixleak.cli.app import app

SMALL = {
    "title": "A <small> audit",
    "records": {"reader": "phantom", "count": 96, "size": 32, "label_noise": 0.6, "seed": 3},
    "target": {"recipe": {"network": "tiny", "epochs": 10, "lr": 0.003}},
    "attacker": {
        "learned": [
            "type-i-logistic",
            "type-ii-logistic",
            {"name": "type-ii-network", "options": {"width": 4, "epochs": 2}},
            {"name": "loss-map-patches", "options": {"epochs": 2}},
        ],
    },
    "evaluation": {"replicates": 200},
    "run": {"exhibits": 3},
}


def invoke(*args: str | Path) -> Result:
    """``pixleak ARGS`` in this process."""
    return CliRunner().invoke(app, [str(arg) for arg in args], env={"COLUMNS": "140"})

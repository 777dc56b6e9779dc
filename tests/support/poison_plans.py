"""Plans of audits whose target is trained on poisoned records."""

from __future__ import annotations

from typing import Any

from pixleak.pipeline.plan.build import build
from pixleak.pipeline.plan.plan import Plan
from pixleak.request.audit import AuditRequest
from pixleak.request.file import parse_request
from toy_records import bright_squares

SIDE = 16
LINE: dict[str, Any] = {"name": "line", "options": {"share": 0.3, "size": 3}}
SERUM: dict[str, Any] = {"name": "truth-serum", "options": {"targets": 40, "copies": 2}}


def config(**changes: Any) -> AuditRequest:
    content = {
        "seed": 1,
        "records": {"reader": "phantom", "count": 120},
        "split": {"target_members": 40, "target_nonmembers": 40},
        "target": {
            "recipe": {
                "network": {"name": "unet", "options": {"widths": [4, 8]}},
                "epochs": 12,
                "lr": 0.02,
                "batch_size": 4,
            }
        },
        "attacker": {"shadow": None, "signals": ["cross-entropy"], "attacks": []},
        "evaluation": {"replicates": 100},
        "run": {"exhibits": 0},
        "poison": LINE,
    }
    return parse_request(content | changes)


def plan(**changes: Any) -> Plan:
    squares = bright_squares(120, (SIDE, SIDE))
    return build(config(**changes), lambda source: squares)

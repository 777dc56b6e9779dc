"""Audit a torch model of your own.

A stand-in for your model is trained first; the audit itself is the last four lines.
"""

import sys
from pathlib import Path

import torch

import pixleak

# --- your model, your data -----------------------------------------------------------------
records = pixleak.phantom(160, size=32, label_noise=0.6, seed=0)
members, nonmembers = records.select(records.ids[:80]), records.select(records.ids[80:])
torch.manual_seed(0)
model = torch.nn.Sequential(
    torch.nn.Conv2d(1, 48, 5, padding=2),
    torch.nn.ReLU(),
    torch.nn.Conv2d(48, 48, 5, padding=2),
    torch.nn.ReLU(),
    torch.nn.Conv2d(48, 2, 5, padding=2),
)
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else 60):
    for batch in members.batches(8):
        loss = torch.nn.functional.cross_entropy(model(batch.images), batch.truths)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

# --- the audit -------------------------------------------------------------------------------
out = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/own-model")
report = pixleak.audit(model, members, nonmembers, access="logit")
print(report)
print(f"Report: {report.save(out)}")

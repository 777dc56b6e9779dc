"""Evaluate membership scores of an attack of your own: higher = more likely a member."""

import numpy as np

import pixleak

rng = np.random.default_rng(0)
is_member = np.arange(400) < 200
scores = rng.normal(size=400) + 0.8 * is_member

print(pixleak.evaluate(scores, is_member, title="Scores of my own attack"))

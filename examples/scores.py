"""Evaluate membership scores that come from elsewhere: higher = more likely a member."""

import numpy as np

import pixleak

rng = np.random.default_rng(0)
member = np.arange(400) < 200
scores = rng.normal(size=400) + 0.8 * member

result = pixleak.evaluate(scores, member, title="Scores of my own attack")
print(result)

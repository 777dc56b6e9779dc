"""Every fixed signal of one record, pixel by pixel in plain Python: what fast code must equal."""

import math

import numpy as np

from pixleak.core.access import Access
from pixleak.core.truth import LabelTruth

CLIP = 15.0


def probabilities_of(access: Access, values: np.ndarray) -> list[float]:
    """Class probabilities of one pixel from its (k,) answer."""
    numbers = [float(v) for v in values]
    if access is Access.PROBABILITY:
        return [1.0 - numbers[0], numbers[0]] if len(numbers) == 1 else numbers
    if len(numbers) == 1:
        numbers = [0.0, numbers[0]]
    top = max(numbers)
    raised = [math.exp(v - top) for v in numbers]
    return [v / sum(raised) for v in raised]


def clipped(p: list[float]) -> list[float]:
    """Two probabilities whose log-odds are at most 15 in size; more classes stay as they are."""
    if len(p) != 2:
        return p
    if p[0] == 0 or p[1] == 0:
        odds = CLIP if p[0] == 0 else -CLIP
    else:
        odds = min(CLIP, max(-CLIP, math.log(p[1]) - math.log(p[0])))
    return [1 / (1 + math.exp(odds)), 1 / (1 + math.exp(-odds))]


def band_of(labels: np.ndarray, ignore: int | None, y: int, x: int) -> int:
    nearest = math.inf
    for i in range(labels.shape[0]):
        for j in range(labels.shape[1]):
            if labels[i, j] != ignore and labels[i, j] != labels[y, x]:
                nearest = min(nearest, max(abs(i - y), abs(j - x)))
    return 0 if nearest <= 2 else 1 if nearest <= 8 else 2


def log1m(q: float) -> float:
    return math.log1p(-q) if q < 1 else -math.inf


def mean(numbers: list[float]) -> float | None:
    return sum(numbers) / len(numbers) if numbers else None


def slow_signals(
    access: Access, values: np.ndarray, labels: np.ndarray, truth: LabelTruth
) -> dict[str, float | None]:
    """Column name -> value, None where not measured.

    Args:
        access: of the answer; LOGIT or PROBABILITY.
        values: (k, h, w).
        labels: (h, w).
        truth: what the labels mean.
    """
    k = truth.classes
    pixels = []  # (true class, band, p, loss, margin)
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            c = int(labels[y, x])
            if c == truth.ignore:
                continue
            p = clipped(probabilities_of(access, values[:, y, x]))
            rest = sum(q for i, q in enumerate(p) if i != c)
            if p[c] == 0 or rest == 0:
                phi = CLIP if rest == 0 else -CLIP
            else:
                phi = min(CLIP, max(-CLIP, math.log(p[c]) - math.log(rest)))
            loss = math.log1p(math.exp(-phi))
            pixels.append((c, band_of(labels, truth.ignore, y, x), p, loss, phi))
    losses = [loss for _, _, _, loss, _ in pixels]
    out: dict[str, float | None] = {
        "cross-entropy": mean(losses),
        "log-cross-entropy": math.log(sum(losses) / len(losses)),
        "cross-entropy-second-moment": mean([loss**2 for loss in losses]),
        "worst-cross-entropy": mean(sorted(losses)[-max(1, math.ceil(len(losses) / 10 - 1e-9)) :]),
        "margin": mean([phi for *_, phi in pixels]),
        "confidence": mean([max(p) for _, _, p, _, _ in pixels]),
        "entropy": mean([-sum(q * math.log(q) for q in p if q > 0) for _, _, p, _, _ in pixels]),
        "modified-entropy": mean(
            [
                (1 - math.exp(-loss)) * loss
                - sum(
                    q * math.log(1 - min(q, 1 - math.exp(-CLIP))) for i, q in enumerate(p) if i != c
                )
                for c, _, p, loss, _ in pixels
            ]
        ),
    }
    predicted = [p.index(max(p)) for _, _, p, _, _ in pixels]
    out["label-agreement"] = mean(
        [float(g == px[0]) for g, px in zip(predicted, pixels, strict=True)]
    )
    soft, hard, share = [], [], 0
    for c in range(k):
        own = [px for px in pixels if px[0] == c]
        if c == truth.background or not own:
            continue
        share += len(own)
        overlap = sum(math.exp(-loss) for _, _, _, loss, _ in own)
        soft.append(2 * overlap / (sum(p[c] for _, _, p, _, _ in pixels) + len(own)))
        hits = sum(g == c and px[0] == c for g, px in zip(predicted, pixels, strict=True))
        hard.append(2 * hits / (predicted.count(c) + len(own)))
    out["dice-loss"] = 1 - sum(soft) / len(soft) if soft else None
    out["label-dice"] = mean(hard)
    out["mask-share"] = share / len(pixels)
    bands = ("at-border", "near-border", "inside")
    for d, band in enumerate(bands):
        out[f"cross-entropy-{band}"] = mean([px[3] for px in pixels if px[1] == d])
    for c in range(k):
        out[f"cross-entropy-class-{c}"] = mean([px[3] for px in pixels if px[0] == c])
        for d, band in enumerate(bands):
            inside = [px[4] for px in pixels if px[:2] == (c, d)]
            out[f"margin-class-{c}-{band}"] = mean(inside)
    return out

"""Run folders as an audit writes them, made up but consistent: the figures follow the scores.

One long file, since all runs are variations of one and share its records, scores and sections.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image
from scipy.stats import beta

from pixleak.analyses.defences import DefenceInfo, DefencesInfo
from pixleak.analyses.exhibits import Exposure
from pixleak.analyses.exposed_records import Exposures
from pixleak.analyses.poison import PoisonInfo, PoisonVisibility
from pixleak.analyses.references import ReferencesInfo
from pixleak.analyses.reserve import ReserveLevel
from pixleak.analyses.subjects import SubjectLevel
from pixleak.evaluation.statistics.roc import Roc, roc_of
from pixleak.results.attacks import AttackResult, OperatingPoint
from pixleak.results.audit import RecordsInfo, Result, SplitInfo
from pixleak.results.base import Interval, PositivePredictiveValue, Rate, TprAtFpr
from pixleak.results.controls import (
    Control,
    DuplicateCheck,
    DuplicatePair,
    ShiftCheck,
    ShiftFeature,
)
from pixleak.results.environment import Environment
from pixleak.results.models import ModelInfo
from pixleak.results.sections import (
    Epsilon,
    Fidelity,
    LeaveOneOut,
    Spread,
    SpreadRate,
    SubgroupResult,
    Subgroups,
)
from pixleak.results.verdict import Verdict

SIDE = 64
HOSTILE = "<img src=x onerror=alert(1)>\"'&{{ 7*7 }}$\\frac</script><script>alert(2)</script>"
#: title, signal, how far apart the groups lie, access, whether the truth is needed, source.
ATTACKS = (
    ("Type-II (network)", "type-ii-network", 2.6, "probability", True, "Chobola et al. 2022"),
    ("Type-II (logistic)", "type-ii-logistic", 2.3, "probability", True, "Chobola et al. 2022"),
    ("Global loss (cross-entropy)", "cross-entropy", 2.0, "probability", True, "Yeom et al. 2018"),
    ("Global loss (Dice)", "dice-loss", 1.7, "probability", True, "Chobola et al. 2022"),
    ("Modified entropy", "modified-entropy", 1.8, "probability", True, "Song and Mittal 2021"),
    ("Loss-map patches", "loss-map-patches", 2.1, "probability", True, "He et al. 2020"),
    ("Margin", "margin", 1.6, "logit", True, "pixleak"),
    ("Cross entropy border", "cross-entropy-border", 1.4, "probability", True, "pixleak"),
    ("Cross entropy class 1", "cross-entropy-class-1", 1.2, "probability", True, "pixleak"),
    ("Confidence", "confidence", 0.7, "probability", False, "Salem et al. 2019"),
    ("Entropy", "entropy", 0.6, "probability", False, "Salem et al. 2019"),
    ("Type-I (network)", "type-i-network", 0.4, "probability", False, "Chobola et al. 2022"),
)


def rate(successes: int, trials: int) -> Rate:
    low = beta.ppf(0.025, successes, trials - successes + 1) if successes else 0.0
    high = beta.ppf(0.975, successes + 1, trials - successes) if successes < trials else 1.0
    return Rate(value=successes / trials, low=low, high=high, successes=successes, trials=trials)


def interval(value: float, n: int) -> Interval:
    half = 1.96 * np.sqrt(max(value * (1 - value), 0.01) / n)
    return Interval(
        value=value, low=max(value - half, 0), high=min(value + half, 1), method="bootstrap"
    )


def tpr_at(roc: Roc, fpr: float) -> TprAtFpr:
    point = roc.at_fpr(fpr)
    return TprAtFpr(
        fpr=fpr,
        p_value=1e-6 if point.true_positives / roc.members > 2 * fpr else 0.5,
        **rate(point.true_positives, roc.members).model_dump(),
        false_positives=point.false_positives,
        nonmembers=roc.nonmembers,
        threshold=point.threshold,
        resolvable=fpr * roc.nonmembers >= 1,
    )


def operating_point(name: str, scores: np.ndarray, member: np.ndarray, at: float) -> OperatingPoint:
    hits, alarms = int((scores[member] > at).sum()), int((scores[~member] > at).sum())
    members, nonmembers = int(member.sum()), int((~member).sum())
    accuracy = (hits / members + 1 - alarms / nonmembers) / 2
    return OperatingPoint(
        name=name,
        threshold=at,
        balanced_accuracy=interval(accuracy, len(scores)),
        f1=2 * hits / max(2 * hits + alarms + members - hits, 1),
        tpr=rate(hits, members),
        fpr=rate(alarms, nonmembers),
    )


class RunFactory:
    """Builds one folder; every part can be left out or changed before :meth:`write`."""

    def __init__(self, answer: str = "leak", n: int = 400, classes: int = 2, seed: int = 0) -> None:
        self.random = np.random.default_rng(seed)
        self.answer, self.classes = answer, classes
        self.member = np.arange(n) < n // 2
        self.ids = [f"phantom-{i:04d}" for i in range(n)]
        self.rows: list[tuple[str, str, np.ndarray, np.ndarray]] = []
        self.arrays: dict[str, np.ndarray] = {}
        self.signals: dict[str, np.ndarray] = {}
        self.training: np.ndarray | None = None
        strength = {"leak": 1.0, "none-found": 0.0, "cannot-tell": 0.6}[answer]
        ease = self.random.normal(size=n)
        attacks = [self._attack(*row, strength=strength, ease=ease) for row in ATTACKS]
        blind = self.random.normal(size=n) + (1.1 if answer == "cannot-tell" else 0) * self.member
        self.rows.append(("blind", "blind", blind, np.ones(n, dtype=bool)))
        self.parts = self._parts(attacks, blind)

    def _attack(
        self,
        title: str,
        signal: str,
        apart: float,
        access: str,
        needs_truth: bool,
        source: str,
        *,
        strength: float,
        ease: np.ndarray,
    ) -> AttackResult:
        n = len(self.ids)
        noise = self.random.normal(size=n)
        scores = -np.exp(0.5 * (-apart * strength * self.member + 0.6 * ease + 0.8 * noise) - 1.5)
        control = -np.exp(0.3 * (0.8 * ease + 0.6 * self.random.normal(size=n)))
        measured = np.ones(n, dtype=bool)
        if signal == "dice-loss":
            scores[3], scores[n - 2] = np.inf, -np.inf
        if signal == "cross-entropy-class-1":
            measured[::17] = False
        self.rows.append(("attack", signal, scores, measured))
        self.rows.append(("control", signal, control, measured))
        member, values = self.member[measured], scores[measured]
        roc, untrained = roc_of(values, member), roc_of(control[measured], member)
        best = roc.thresholds[int(np.argmax(roc.tpr - roc.fpr))]
        points = [
            operating_point("oracle", values, member, float(best)),
            operating_point("shadow", values, member, float(np.median(values))),
        ]
        if signal == "cross-entropy":
            points.append(operating_point("shadow-training-loss", values, member, -0.14))
        return AttackResult(
            name="threshold",
            signal=signal,
            title=title,
            source=source,
            access=access,
            needs_truth=needs_truth,
            auc=interval(roc.auc, len(values)),
            tpr_at_fpr=[tpr_at(roc, fpr) for fpr in (0.1, 0.01, 0.001)],
            operating_points=points,
            members=roc.members,
            nonmembers=roc.nonmembers,
            not_measured=int((~measured).sum()),
            p_value=1e-9 if roc.auc > 0.6 else 0.4,
            control_auc=interval(untrained.auc, len(values)),
        )

    def _parts(self, attacks: list[AttackResult], blind: np.ndarray) -> dict[str, object]:
        n = len(self.ids)
        half = n // 2
        blind_auc = interval(roc_of(blind, self.member).auc, n)
        confounded = self.answer == "cannot-tell"
        sentence = {
            "leak": "The model leaks: it can be told which records it was trained on "
            "(Type-II (network), AUC 0.98).",
            "none-found": "No leak was found: no attack told training records from others.",
            "cannot-tell": "The audit cannot tell: the records differ without the model.",
        }[self.answer]
        recipe = {
            "network": "unet",
            "channels": [16, 32, 64],
            "loss": "dice-ce",
            "epochs": 60,
            "batch_size": 8,
            "optimiser": {"name": "nadam", "lr": 0.001},
        }
        epochs = np.arange(60)
        losses = [float(x) for x in 0.05 + 0.7 * np.exp(-epochs / 12)]
        return {
            "title": "Phantom demo: a U-Net trained on 200 generated images",
            "created": "2025-03-14T15:09:26+00:00",
            "seconds": 161.4,
            "arguments": {
                "title": "Phantom demo",
                "records": {"dataset": "phantom", "count": n, "size": SIDE, "seed": 7},
                "target": {"recipe": recipe, "access": "probability"},
                "evaluation": {"fprs": [0.1, 0.01, 0.001], "level": 0.05, "replicates": 2000},
            },
            "seeds": {"audit": 0, "split": 1, "target": 2, "shadow-0": 3, "bootstrap": 4},
            "environment": Environment(
                pixleak="0.1.0",
                python="3.12.4",
                platform="Linux-6.1-x86_64",
                versions={"torch": "2.7.0", "numpy": "2.2.0", "monai": "1.5.0"},
                device="cpu",
                threads=2,
            ),
            "records": RecordsInfo(
                name="phantom",
                count=2 * n,
                image_shape=[1, SIDE, SIDE],
                truth={
                    "classes": self.classes,
                    "ignore": 255 if self.classes > 2 else None,
                    "names": ["background", "organ", "lesion", "vessel", "bone", "air"][
                        : self.classes
                    ],
                    "background": 0,
                },
                digest="5d41402abc4b2a76b9719d911017c592ae2b5d41402abc4b2a76b9719d911017",
            ),
            "split": SplitInfo(
                kind="random",
                seed=1,
                unit="subject",
                counts={
                    "target-members": half,
                    "target-nonmembers": half,
                    "shadow-members": half,
                    "shadow-nonmembers": half,
                },
            ),
            "models": [
                ModelInfo(
                    name="target",
                    description="unet, trained for this audit",
                    recipe=recipe,
                    seed=2,
                    seconds=61.3,
                    epoch_losses=losses,
                    weights="target.safetensors",
                    members_dice=0.941,
                    nonmembers_dice=0.802,
                ),
                ModelInfo(
                    name="shadow-0",
                    description="the same recipe on disjoint records",
                    recipe=recipe,
                    seed=3,
                    seconds=59.8,
                    epoch_losses=[1.06 * x for x in losses],
                    weights="shadow-0.safetensors",
                    members_dice=0.938,
                    nonmembers_dice=0.796,
                ),
                ModelInfo(
                    name="untrained", description="the same network with random weights", seed=2
                ),
            ],
            "attacks": attacks,
            "controls": [
                Control(
                    name="blind-baseline",
                    title="Blind baseline",
                    auc=blind_auc,
                    passed=not confounded,
                    explanation="A classifier that sees images and truths but never the model.",
                ),
                Control(
                    name="untrained-model",
                    title="Untrained model",
                    auc=attacks[2].control_auc,
                    passed=True,
                    explanation="The same attack on the same network with random weights.",
                ),
            ],
            "duplicates": DuplicateCheck(
                pairs=[
                    DuplicatePair(
                        member=self.ids[i],
                        nonmember=self.ids[-i - 1],
                        kind="near",
                        distance=0.01 * (i + 1),
                    )
                    for i in range(2)
                ]
                if confounded
                else [],
                nonmembers_affected=2 if confounded else 0,
                nonmembers=half,
                passed=not confounded,
                explanation="Some records are nearly alike."
                if confounded
                else "No record occurs on both sides of the split.",
            ),
            "shift": ShiftCheck(
                features=[
                    ShiftFeature(
                        feature=name,
                        members_mean=0.41 + k / 100,
                        nonmembers_mean=0.42 + k / 100,
                        statistic=0.05 + k / 200,
                        p_value=0.2 + k / 10,
                        p_adjusted=1.0,
                    )
                    for k, name in enumerate(
                        ("mean intensity", "contrast", "foreground share", "edge density")
                    )
                ],
                passed=True,
                explanation="Members and non-members look alike in plain properties.",
            ),
            "sections": {"exposed-records": self._exposures()},
            "verdict": Verdict(
                answer=self.answer,
                sentence=sentence,
                reasons=[
                    "The strongest attack, Type-II (network), reaches AUC 0.98.",
                    "Its control on the untrained model is at 0.49 and includes 0.5.",
                    "The blind baseline tells nothing.",
                ],
                evidence=[a.title for a in attacks[:9]] if self.answer == "leak" else [],
                detectable_auc=0.583,
                level=0.05,
            ),
        }

    def _exposures(self, shown: int = 4) -> Exposures:
        scores = self.rows[0][2]
        ranked = sorted(np.flatnonzero(self.member), key=lambda i: -scores[i])
        records = []
        for side, chosen in (("most", ranked[:shown]), ("least", ranked[::-1][:shown])):
            for place, i in enumerate(chosen):
                number = len(records)
                records.append(
                    Exposure(
                        id=self.ids[i],
                        subject=f"subject-{i // 4:03d}",
                        member=True,
                        side=side,
                        rank=place + 1,
                        score=float(scores[i]),
                        exhibit=number,
                    )
                )
                self._exhibit(number, 0.02 if side == "most" else 0.35)
        return Exposures(attack="threshold", signal="type-ii-network", records=records)

    def _exhibit(self, number: int, wrong: float) -> None:
        """A round organ with parts in it, on a noisy ground; the prediction errs at the rims."""
        y, x = np.mgrid[:SIDE, :SIDE] / SIDE - 0.5
        truth = np.zeros((SIDE, SIDE), dtype=np.int16)
        rim = np.zeros((SIDE, SIDE))
        for label in range(1, self.classes):
            centre = self.random.uniform(-0.22, 0.22, 2)
            radius = 0.3 / label**0.5
            distance = np.hypot(y - centre[0], (x - centre[1]) * self.random.uniform(0.8, 1.5))
            truth[distance < radius] = label
            rim = np.maximum(rim, np.exp(-((distance - radius) ** 2) / 0.0008))
        noise = self.random.normal(size=(SIDE, SIDE))
        ground = 60 + 130 * truth / self.classes + 14 * noise + 40 * x
        prediction = np.where(rim * self.random.uniform(size=rim.shape) > 1 - wrong, 0, truth)
        loss = wrong * (4 * rim + 0.1) + 2.5 * (prediction != truth) * self.random.uniform(
            size=rim.shape
        )
        valid = np.ones((SIDE, SIDE), dtype=bool)
        if self.classes > 2:
            valid[-10:] = False
            truth[-10:] = 255
        image = ground.clip(0, 255).astype(np.uint8)
        self.arrays |= {
            f"image/{number}": np.stack([image, image // 2 + 60, 200 - image // 2], -1)
            if self.classes > 2
            else image,
            f"truth/{number}": truth,
            f"prediction/{number}": prediction.astype(np.int16),
            f"valid/{number}": valid,
            f"loss/{number}": loss.astype(np.float32),
        }

    def scores_only(self) -> RunFactory:
        """As ``pixleak evaluate`` leaves it: scores and nothing else."""
        self.rows = [row for row in self.rows if row[0] == "attack"][:1]
        attack = self.parts["attacks"][0].model_copy(
            update={
                "signal": "score",
                "title": "Scores of example.csv",
                "control_auc": None,
                "control_note": "scores alone say nothing about an untrained model",
            }
        )
        self.rows = [("attack", "score", *self.rows[0][2:])]
        for name in ("records", "split", "duplicates", "shift"):
            self.parts[name] = None
        self.parts["sections"] = {}
        self.parts |= {"attacks": [attack], "models": [], "controls": [], "seeds": {"bootstrap": 0}}
        self.parts["verdict"] = self.parts["verdict"].model_copy(
            update={"evidence": [attack.title] if self.answer == "leak" else []}
        )
        self.parts["warnings"] = ["No control was run: there are only scores."]
        self.arrays = {}
        return self

    def as_generator(self) -> RunFactory:
        """Images as truth: error maps, difficulties as controls, pictures of the training."""
        n = len(self.ids)
        hard = 0.05 + 0.01 * self.random.random(n)
        error = np.where(self.member, 0.03, hard) * self.random.uniform(0.8, 1.2, n)
        self.signals = {"l1-error": error}
        for name in ("total-variation", "features", HOSTILE):
            self.signals[f"difficulty-{name}"] = hard + 0.001 * self.random.random(n)
            self.parts["controls"].append(
                Control(
                    name=f"difficulty-{name}",
                    title=f"Difficulty alone: {name}",
                    auc=interval(0.51, n // 2),
                    passed=True,
                    explanation="A number of the record, for which no model is asked.",
                )
            )
        self.signals["difficulty-" + HOSTILE][3] = np.nan
        self.training = self.random.integers(0, 256, (90, 700, 3), dtype=np.uint8)
        for key in [k for k in self.arrays if k.startswith(("truth/", "prediction/"))]:
            self.arrays[key] = (self.arrays[key] % 7 * 36).astype(np.uint8)
        self.parts["records"] = self.parts["records"].model_copy(
            update={"truth": {"channels": 1, "low": 0.0, "high": 1.0}}
        )
        self.parts["attacks"] = [
            attack.model_copy(update={"access": "discriminator" if i % 3 == 0 else "image"})
            for i, attack in enumerate(self.parts["attacks"])
        ]
        self.parts["models"] = [
            model.model_copy(
                update={
                    "members_dice": None,
                    "nonmembers_dice": None,
                    "members_error": None if model.name == "untrained" else 0.031,
                    "nonmembers_error": None if model.name == "untrained" else 0.055,
                }
            )
            for model in self.parts["models"]
        ]
        return self

    def with_pool(self) -> RunFactory:
        """Everything that goes beyond one target, with names that try to break out."""
        attacks = self.parts["attacks"]
        assert isinstance(attacks, list)
        victims = [f"reference-{i:03d}" for i in range(6)]
        rng = np.random.default_rng(9)

        def over_victims(attack: AttackResult) -> Spread:
            areas = np.clip(attack.auc.value + 0.03 * rng.normal(size=6), 0, 1)
            shares = np.clip(areas - 0.4, 0, 1)
            return Spread(
                name=attack.name,
                signal=attack.signal,
                title=attack.title,
                auc=interval(float(areas.mean()), 100),
                victims=areas.tolist(),
                lead=None if attack is attacks[0] else interval(0.1, 200),
                tpr_at_fpr=[
                    SpreadRate(
                        fpr=fpr,
                        mean=interval(float(shares.mean()), 100),
                        victims=shares.tolist(),
                        resolvable=fpr > 0.005,
                    )
                    for fpr in (0.1, 0.01, 0.001)
                ],
            )

        small, rare = rate(40, 60), None
        with_ppv = [
            attack.model_copy(
                update={
                    "tpr_at_fpr": [
                        one.model_copy(
                            update={
                                "ppv": [
                                    PositivePredictiveValue(prior=p, value=p, low=p / 2, high=1.0)
                                    for p in (0.01, 0.1, 0.5)
                                ]
                            }
                        )
                        for one in attack.tpr_at_fpr
                    ]
                }
            )
            for attack in attacks
        ]
        self.parts["attacks"] = with_ppv
        self.parts["sections"] |= {
            "defences": DefencesInfo(
                defences=[
                    DefenceInfo(
                        name="argmax", title=HOSTILE, description="argmax", side="output", source=""
                    )
                ],
                attacker="adaptive",
                facts={},
                explanation="The target is defended by " + HOSTILE,
            ),
            "references": ReferencesInfo(
                models=6,
                records="audited",
                unit="subject",
                units=80,
                runner="local",
                fidelity=Fidelity(
                    loss="cross-entropy",
                    target_train=0.02,
                    target_heldout=0.4,
                    reference_train=[0.1] * 6,
                    reference_heldout=[0.4] * 6,
                    passed=False,
                    explanation="The target's loss is lower than that of its references. "
                    + HOSTILE,
                ),
            ),
            "leave-one-out": LeaveOneOut(
                victims=victims,
                references=4,
                default=attacks[0].title,
                attacks=[over_victims(attack) for attack in attacks],
                explanation="Each of 6 models was attacked with 4 others as its references.",
            ),
            "subgroups": Subgroups(
                attack=attacks[0].name,
                signal=attacks[0].signal,
                title=attacks[0].title,
                fpr=0.1,
                subgroups=[
                    SubgroupResult(
                        kind="object size",
                        name="small (up to 7.86 % of the image)",
                        members=60,
                        nonmembers=60,
                        auc=interval(0.8, 60),
                        tpr=small,
                        fpr=rate(6, 60),
                        p_adjusted=0.01,
                    ),
                    SubgroupResult(
                        kind="class",
                        name=HOSTILE,
                        members=3,
                        nonmembers=2,
                        auc=None,
                        tpr=rare,
                        fpr=rare,
                        p_adjusted=None,
                    ),
                ],
                most_exposed="object size: small (up to 7.86 % of the image)",
                explanation="The records most exposed are small. " + HOSTILE,
            ),
            "subjects": SubjectLevel(
                members=40, nonmembers=40, attacks=attacks[:3], explanation="One score a subject."
            ),
            "reserve": ReserveLevel(
                records=30, nonmembers=40, attacks=attacks[3:5], explanation="It was taught on it."
            ),
            "canaries": Epsilon(
                lower_bound=1.5,
                level=0.95,
                delta=0.0,
                canaries=100,
                included=48,
                kind="shifted",
                guesses=100,
                correct=90,
                ceiling=3.49,
                attack="threshold",
                signal="cross-entropy",
                explanation="90 of 100 guesses about canaries were right.",
            ),
            "poison": PoisonInfo(
                poison="truth-serum",
                description="truth-serum (copies=4)",
                records=10,
                copies=40,
                extra=40,
                share=0.5,
                shadows="alike",
                effect=0.7,
                backdoor=Rate(value=0.9, low=0.6, high=0.99, successes=18, trials=20),
                control=Rate(value=0.0, low=0.0, high=0.2, successes=0, trials=20),
                control_of="records that are not targeted",
                took=True,
                visibility=PoisonVisibility(
                    pixels_changed=0.0,
                    mean_change=0.0,
                    psnr=float("inf"),
                    ssim_error=0.0,
                    labels_changed=0.0625,
                ),
                explanation="The poison took: on 18 of 20 held-out records it does as told.",
            ),
        }
        return self

    def result(self) -> Result:
        return Result(**self.parts)

    def table(self) -> pa.Table:
        columns: dict[str, list[object]] = {
            n: [] for n in ("id", "subject", "group", "member", "kind", "attack", "signal", "score")
        }
        for kind, signal, scores, measured in self.rows:
            n = len(self.ids)
            columns["id"] += self.ids
            columns["subject"] += [f"subject-{i // 4:03d}" for i in range(n)]
            columns["group"] += [None] * n
            columns["member"] += self.member.tolist()
            columns["kind"] += [kind] * n
            columns["attack"] += ["blind" if kind == "blind" else "threshold"] * n
            columns["signal"] += [signal] * n
            columns["score"] += [
                float(s) if m else None for s, m in zip(scores, measured, strict=True)
            ]
        return pa.table({**columns, "group": pa.array(columns["group"], pa.string())})

    def write(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "result.json").write_text(self.result().to_json(), encoding="utf-8")
        pq.write_table(self.table(), folder / "scores.parquet")
        if self.arrays:
            np.savez_compressed(folder / "exhibits.npz", **self.arrays)
        if self.signals:
            pq.write_table(pa.table({"id": self.ids, **self.signals}), folder / "signals.parquet")
        if self.training is not None:
            Image.fromarray(self.training).save(folder / "training.png")
        return folder


#: What a reader may meet, by name.
VARIANTS = {
    "leak": lambda: RunFactory("leak"),
    "multi-class": lambda: RunFactory("leak", classes=6, seed=1),
    "none-found": lambda: RunFactory("none-found", seed=2),
    "cannot-tell": lambda: RunFactory("cannot-tell", seed=3),
    "pool": lambda: RunFactory("leak", seed=5).with_pool(),
    "generator": lambda: RunFactory("leak", seed=6).as_generator(),
    "scores-only": lambda: RunFactory("leak", seed=4).scores_only(),
}

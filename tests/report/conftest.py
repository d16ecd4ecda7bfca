"""Invented studies in the shape of results.json: nothing here was measured."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import stdtr, stdtrit

Study = tuple[dict[str, Any], pd.DataFrame]

# name, validation loss at its best, what it rises to, accuracy, epochs to get there, training loss at the end
WINE = [
    ("baseline", 0.515, 0.79, 0.748, 60, 0.19),
    ("best-epoch", 0.515, 0.79, 0.769, 60, 0.19),
    ("dropout=0.5", 0.485, 0.488, 0.752, 200, 0.43),
    ("dropout=0.2", 0.492, 0.508, 0.757, 120, 0.36),
    ("dropout=0.1", 0.500, 0.54, 0.756, 90, 0.30),
    ("dropout=0.005", 0.513, 0.73, 0.749, 62, 0.20),
    ("l2=1e-3", 0.512, 0.70, 0.747, 64, 0.21),
    ("l2=1e-4", 0.514, 0.785, 0.748, 60, 0.19),
    ("l1=1e-3", 0.508, 0.63, 0.752, 70, 0.27),
    ("l1=1e-2 + l2=1e-3", 0.503, 0.515, 0.741, 150, 0.49),
    ("early_stopping(patience=20, minimum=0.0001) + label_smoothing=0.1", 0.520, 0.53, 0.745, 50, 0.44),
    ("dropout=0.9", 0.60, 0.605, 0.705, 300, 0.62),
    ("l2=10 <script>window.injected=1</script>", 0.6931, 0.6931, 0.534, 30, 0.6931),
    ("gradient_noise=3 [red]", 0.52, 0.95, 0.73, 60, 0.3),
]


def _holm(values: list[float]) -> list[float]:
    order = np.argsort(values)
    raised = np.maximum.accumulate([(len(values) - rank) * values[index] for rank, index in enumerate(order)])
    adjusted = np.empty(len(values))
    adjusted[order] = np.minimum(raised, 1.0)
    return [float(value) for value in adjusted]


def _score(values: np.ndarray) -> dict[str, float | None]:
    finite = values[np.isfinite(values)]
    return {"mean": float(finite.mean()), "sd": float(finite.std(ddof=1)) if finite.size > 1 else None}


def invent(
    shapes: list[tuple[str, float, float, float, int, float]],
    *,
    folds: int = 5,
    seeds: int = 3,
    epochs: int = 120,
    metric: str = "accuracy",
    diverging: str | None = "gradient_noise=3 [red]",
    seed: int = 7,
) -> Study:
    """A study with overfitting curves, paired noise, and verdicts by the corrected t test."""
    rng = np.random.default_rng(seed)
    members = folds * seeds
    shared, rows, recipes = rng.normal(0, 1, (members, 2)), [], []
    scores: dict[str, np.ndarray] = {}
    steps = np.arange(1, epochs + 1) * (500 / epochs)
    for name, best, last, level, turn, train_end in shapes:
        own = rng.normal(0, 1, (members, 2))
        per_member, failures = [], []
        for member in range(members):
            fold, number = divmod(member, seeds)
            fall = 0.2 * np.exp(-steps / (turn / 4))
            rise = (last - best) * np.clip((steps - turn) / (500 - turn), 0, None) ** 0.9
            wiggle = rng.normal(0, 0.006, (2, epochs))
            loss = best + fall + rise + 0.02 * shared[member, 0] + 0.006 * own[member, 0] + wiggle[0]
            accuracy = (
                level - 0.2 * np.exp(-steps / 25) + 0.012 * shared[member, 1] + 0.008 * own[member, 1] + wiggle[1]
            )
            train = train_end + (0.69 - train_end) * np.exp(-steps / 90) + wiggle[0] / 3
            train_accuracy = np.maximum(accuracy, 1 - train * 0.45)
            stop = epochs
            if name.startswith("early"):
                stop = int(rng.integers(epochs // 4, epochs // 2))
            if name == diverging and member in (1, 4, 5):
                stop = epochs // 3
                loss[stop - 1 :], train[stop - 1 :] = np.nan, np.nan
                loss[stop - 4 : stop - 1] = 50.0
                failures.append(
                    {"fold": fold, "seed": number, "epoch": stop, "what": "loss or weights stopped being finite"}
                )
            rows.append(
                pd.DataFrame(
                    {
                        "recipe": name, "fold": fold, "seed": number, "epoch": np.arange(1, stop + 1, dtype=np.int32),
                        "train_loss": train[:stop], f"train_{metric}": train_accuracy[:stop],
                        "monitor_loss": loss[:stop] + 0.01, f"monitor_{metric}": accuracy[:stop],
                        "validation_loss": loss[:stop], f"validation_{metric}": accuracy[:stop], "penalty": 0.0,
                    }
                )
            )  # fmt: skip
            at = int(np.argmin(loss)) if name == "best-epoch" else stop - 1
            scored = (loss[at], accuracy[at] if np.isfinite(loss[at]) else np.nan, train[at], train_accuracy[at])
            per_member.append(scored)
        scores[name] = np.array(per_member)
        values = scores[name]
        recipes.append(
            {
                "name": name, "techniques": [] if name == "baseline" else name.split(" + "), "members": members,
                "failed": len(failures), "collapsed": members if "script" in name else 0, "failures": failures,
                "epochs_run": {"mean": float(epochs), "sd": 0.0}, "penalty": {"mean": 0.0, "sd": 0.0},
                "train": {"loss": _score(values[:, 2]), metric: _score(values[:, 3])},
                "validation": {
                    "loss": _score(values[:, 0]), metric: _score(values[:, 1]),
                    "per_member": [
                        {"fold": index // seeds, "seed": index % seeds,
                         "loss": float(row[0]) if np.isfinite(row[0]) else None,
                         metric: float(row[1]) if np.isfinite(row[1]) else None}
                        for index, row in enumerate(values)
                    ],
                },
            }
        )  # fmt: skip
    _judge(recipes, scores, metric, folds)
    best = max((r for r in recipes if not r["failed"]), key=lambda r: r["validation"][metric]["mean"])
    results: dict[str, Any] = {
        "schema": "wellposed.compare/1",
        "data": {"name": "invented-wine", "rows": 1599, "features": 11, "task": "classification",
                 "sha256": "ab12" * 16},
        "network": {"widths": [20, 20], "activation": "relu", "output": "sigmoid", "parameters": 681},
        "training": {"loss": "binary_crossentropy", "optimizer": "adam", "learning_rate": 0.001, "batch_size": 32,
                     "epochs": epochs},
        "splits": {"kind": "k-fold", "folds": folds, "seeds": seeds, "training": 1087, "monitor": 192,
                   "validation": 320, "test": 0},
        "metric": {"name": metric, "direction": "max"}, "baseline": "baseline", "selected": best["name"],
        "skipped": [{"name": "cutmix=1", "why": "needs images, these are table rows"}],
        "warnings": ["240 rows are duplicates of others; keep them together with --keep-duplicates-together.",
                     "2 recipes were still improving at the last epoch: dropout=0.9, l1=1e-2 + l2=1e-3."],
        "recipes": recipes,
        "references": [
            {"name": name, "validation": {"loss": {"mean": loss, "sd": 0.02}, metric: {"mean": level, "sd": 0.02}}}
            for name, loss, level in (
                ("majority class", 0.691, 0.534), ("logistic regression", 0.52, 0.741), ("boosting", 0.55, 0.79),
            )
        ],
        "test": None,
        "run": {"compile_s": 5.1, "train_s": 9.7, "total_s": 16.2, "member_steps": 3_570_000, "programs": 4,
                "versions": {"wellposed": "0.1.0", "jax": "0.10.2", "python": "3.11.9"},
                "host": {"cpu": "2 cores", "device": "cpu"}, "peak_memory": 812_000_000,
                "command": "wellposed compare winequality-red.csv --target 'quality >= 6' --epochs 500 --seeds 3"},
    }  # fmt: skip
    return json.loads(json.dumps(results, allow_nan=False)), pd.concat(rows, ignore_index=True).astype(
        {"train_loss": "float32", "validation_loss": "float32"}
    )


def _judge(recipes: list[dict[str, Any]], scores: dict[str, np.ndarray], metric: str, folds: int) -> None:
    for column, measure in enumerate(("loss", metric)):
        deltas = []
        for recipe in recipes:
            if recipe["name"] == "baseline":
                recipe["delta"] = recipe["verdict"] = None
                continue
            pairs = scores[recipe["name"]][:, column] - scores["baseline"][:, column]
            pairs = pairs[np.isfinite(pairs)]
            count = len(pairs)
            error = np.sqrt((1 / count + 0.25) * pairs.var(ddof=1)) + 1e-12
            half = stdtrit(count - 1, 0.975) * error
            chance = float(2 * stdtr(count - 1, -abs(pairs.mean() / error)))
            delta = {"mean": float(pairs.mean()), "low": float(pairs.mean() - half), "high": float(pairs.mean() + half),
                     "p": chance, "p_adjusted": chance, "df": count - 1, "method": "Nadeau-Bengio corrected t",
                     "detectable": float(2.9 * error), "seeds_for_half": 14}  # fmt: skip
            recipe.setdefault("delta", {})[measure] = delta
            stopped = float(np.nanmean(scores[recipe["name"]][:, column] - scores["best-epoch"][:, column]))
            recipe.setdefault("delta_best_epoch", {})[measure] = {
                "mean": stopped, "low": stopped - half, "high": stopped + half,
                "p_adjusted": 0.01 if abs(stopped) > 2 * half else 0.5,
            }  # fmt: skip
            deltas.append((recipe, delta))
        for (recipe, delta), adjusted in zip(deltas, _holm([d["p"] for _, d in deltas]), strict=True):
            delta["p_adjusted"] = adjusted
            better = (delta["mean"] > 0) == (measure != "loss")
            word = "no evidence" if adjusted >= 0.05 else "helps" if better else "hurts"
            recipe.setdefault("verdict", {})[measure] = "failed" if recipe["failed"] else word


def many(count: int = 60) -> Study:
    """A large panel: more recipes than anyone can tell apart by colour."""
    rng = np.random.default_rng(3)
    shapes = WINE[:2] + [
        (f"technique_{index}={index / 10:g}", 0.49 + 0.03 * rng.random(), 0.5 + 0.4 * rng.random(),
         0.74 + 0.02 * rng.random(), 100, 0.2 + 0.2 * rng.random())
        for index in range(count)
    ]  # fmt: skip
    return invent(shapes, epochs=60, seeds=1)


def regression() -> Study:
    """Two techniques, R², a fixed hold-out, one seed's worth of trouble."""
    shapes = [
        ("baseline", 0.30, 0.33, 0.66, 90, 0.2),
        ("best-epoch", 0.30, 0.33, 0.665, 90, 0.2),
        ("weight_decay=0.01", 0.30, 0.31, 0.67, 90, 0.2),
        ("l1=0.1", 0.50, 0.50, 0.45, 90, 0.5),
    ]
    results, history = invent(shapes, folds=1, seeds=6, epochs=40, metric="r2", diverging=None)
    results["data"].update(name="invented-waves", task="regression")
    results["training"]["loss"] = "mean_squared_error"
    results["splits"].update(kind="fixed hold-out")
    results["run"].pop("command")
    return results, history


@pytest.fixture(scope="session")
def _wine() -> Study:
    return invent(WINE)


@pytest.fixture
def wine(_wine: Study) -> Study:
    """A classification study: helping, hurting, diverging and collapsed recipes, a hostile name."""
    results, history = _wine
    return json.loads(json.dumps(results)), history


@pytest.fixture
def waves() -> Study:
    """A regression study on a fixed hold-out."""
    return regression()


@pytest.fixture
def panel() -> Study:
    """Sixty-two recipes."""
    return many()

"""Does training here give what training in Keras gives? Eleven recipes on red wine, both sides scored alike, one table.

    python bench/parity.py [--epochs 500] [--seeds 5] [--our-seeds 20] [--keras-cache FILE]

Network 11-20-20-1, relu and sigmoid, Adam, batch 32; one split: 1279 training and 320 validation rows, standardized by
the training rows. As in the course notebook, penalties act on the second hidden layer's kernel alone and dropout acts
after both hidden layers. Weights, orders and masks are drawn independently on the two sides, so distributions over
seeds are compared: per recipe a Welch t-test on validation accuracy and one on validation log loss, Holm over all of
them at 1 %. Scores are taken in inference mode, without penalties, from logits (so a confidently wrong row counts in
full), after the last epoch. ``tests/parity`` shows equality step by step; this shows that nothing is lost around it
(initial weights, orders, masks, bookkeeping).

Keras (JAX backend) takes 7 to 15 s a network on two cores; ``--keras-cache`` keeps its scores, also of a run that was
interrupted.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("WELLPOSED_DATA", str(Path(__file__).resolve().parents[2] / "shared" / "data"))

import numpy as np
from numpy.typing import NDArray
from scipy.stats import ttest_ind_from_stats
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from wellposed.data.dataset import Dataset
from wellposed.data.read import read
from wellposed.recipe import Recipe
from wellposed.statistics import holm
from wellposed.studies.compare import prepare, run
from wellposed.techniques.noise import Dropout
from wellposed.techniques.penalties import L1, L2
from wellposed.training.spec import Training

Array = NDArray[np.float64]

LEVEL = 0.01
SCORES = ("train_accuracy", "train_loss", "validation_accuracy", "validation_loss")


@dataclasses.dataclass(frozen=True)
class Twin:
    """A recipe of the notebook; zero: without it."""

    name: str
    dropout: float = 0.0
    l1: float = 0.0
    l2: float = 0.0

    def ours(self) -> Recipe:
        penalties = ((L1(self.l1, layers="hidden2"), self.l1), (L2(self.l2, layers="hidden2"), self.l2))
        noise = ((Dropout(self.dropout), self.dropout),)
        return Recipe(tuple(item for item, strength in (*penalties, *noise) if strength))


TWINS = (
    Twin("baseline"),
    *(Twin(f"dropout {rate:g}", dropout=rate) for rate in (0.005, 0.1, 0.2, 0.5, 0.9)),
    Twin("L1 0.001", l1=0.001),
    Twin("L2 0.001", l2=0.001),
    Twin("L1 0.01 + L2 0.001", l1=0.01, l2=0.001),
    Twin("L1+L2 0.001", l1=0.001, l2=0.001),
    Twin("L1+L2 0.01", l1=0.01, l2=0.01),
)


def wine() -> Dataset:
    """Red wine with its split fixed."""
    data = read("winequality-red", target="quality >= 6")
    _, held = train_test_split(np.arange(data.rows), test_size=0.2, random_state=42)
    split = np.full(data.rows, "train", dtype=object)
    split[held] = "validation"
    return dataclasses.replace(data, split=split)


def our_scores(data: Dataset, epochs: int, seeds: int) -> Array:
    """[recipes, seeds, scores]."""
    training = Training(optimizer="adam", batch_size=32, epochs=epochs)
    recipes = [twin.ours() for twin in TWINS[1:]]
    study = run(prepare(data, (20, 20), recipes, training=training, seeds=seeds, monitor=0, references=False))
    last = study.history.sort_values("epoch").groupby(["recipe", "fold", "seed"], observed=True).last()
    names = [twin.ours().name for twin in TWINS]
    return np.stack([last.loc[name, list(SCORES)].to_numpy(dtype=np.float64) for name in names])


def keras_scores(data: Dataset, epochs: int, seeds: int, cache: Path | None) -> Array:
    """[recipes, seeds, scores], from the cache where it has them."""
    scores = np.full((len(TWINS), seeds, len(SCORES)), np.nan)
    if cache is not None and cache.exists():
        with np.load(cache) as file:
            if int(file["epochs"]) != epochs or list(file["names"]) != [twin.name for twin in TWINS]:
                raise SystemExit(f"error: {cache} holds other runs; remove it or give another file")
            known = file["scores"][:, :seeds]
        scores[:, : known.shape[1]] = known
    missing = [
        (index, seed) for seed in range(seeds) for index in range(len(TWINS)) if np.isnan(scores[index, seed, 0])
    ]
    parts = keras_rows(data) if missing else {}
    for number, (index, seed) in enumerate(missing, start=1):
        began = time.perf_counter()
        scores[index, seed] = train_keras(TWINS[index], parts, epochs, seed)
        print(f"  Keras {number}/{len(missing)}: {TWINS[index].name}, {time.perf_counter() - began:.1f} s", flush=True)
        if cache is not None:
            np.savez(cache, scores=scores, epochs=epochs, names=[twin.name for twin in TWINS])
    return scores


def keras_rows(data: Dataset) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Rows and 0/1 targets by part, prepared without this library's preprocessing."""
    assert data.split is not None
    x = data.features.to_numpy(dtype=np.float64)
    y = (data.targets.iloc[:, 0] == data.classes[1]).to_numpy(dtype=np.float32)
    x = np.asarray(StandardScaler().fit(x[data.split == "train"]).transform(x), np.float32)
    return {part: (x[data.split == part], y[data.split == part]) for part in ("train", "validation")}


def train_keras(twin: Twin, parts: dict[str, tuple[np.ndarray, np.ndarray]], epochs: int, seed: int) -> list[float]:
    """The scores of one network."""
    import keras

    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    layers: list[Any] = [keras.Input((parts["train"][0].shape[1],))]
    penalized = keras.regularizers.L1L2(twin.l1, twin.l2) if twin.l1 or twin.l2 else None
    for regularizer in (None, penalized):
        layers.append(keras.layers.Dense(20, activation="relu", kernel_regularizer=regularizer))
        layers += [keras.layers.Dropout(twin.dropout)] if twin.dropout else []
    layers += [keras.layers.Dense(1, name="logits"), keras.layers.Activation("sigmoid")]
    model = keras.Sequential(layers)
    model.compile("adam", "binary_crossentropy", steps_per_execution=40)
    model.fit(*parts["train"], batch_size=32, epochs=epochs, verbose=0)  # pyright: ignore[reportArgumentType]
    logits = keras.Model(model.inputs, model.get_layer("logits").output)
    scores = []
    for x, y in parts.values():
        z = np.asarray(logits([x], training=False), np.float64)[:, 0]
        scores += [float(np.mean((z > 0) == (y > 0.5))), log_loss(y, 1 / (1 + np.exp(-z)))]
    return scores


def table(ours: Array, theirs: Array) -> list[str]:
    """The table and the verdict."""
    sides = [part for side in (ours, theirs) for part in (side.mean(1), side.std(1, ddof=1), side.shape[1])]
    p = ttest_ind_from_stats(*sides, equal_var=False).pvalue[:, 2:]
    adjusted = holm(p.ravel()).reshape(p.shape)
    titles = ("train acc.", "train loss", "val. acc.", "val. loss")
    lines = [f"{'':20}" + "".join(f"| {title:^27} " for title in titles) + "|     p acc.     p loss"]
    lines.append(f"{'recipe':20}" + f"| {'here':^13} {'Keras':^13} " * len(SCORES) + "|")
    lines.append("-" * len(lines[0]))
    for r, twin in enumerate(TWINS):
        cells = [f"| {spread(ours[r, :, s])} {spread(theirs[r, :, s])} " for s in range(len(SCORES))]
        lines.append(f"{twin.name:20}" + "".join(cells) + f"|    {p[r, 0]:7.3f}    {p[r, 1]:7.3f}")
    which = [
        f"{TWINS[r].name} ({('accuracy', 'loss')[m]}, adjusted p {adjusted[r, m]:.1g})"
        for r, m in zip(*np.nonzero(adjusted < LEVEL), strict=True)
    ]
    lines.append(f"Smallest p {np.nanmin(p):.2g}, adjusted {np.nanmin(adjusted):.2g} (Holm over {p.size} tests).")
    lines.append("No recipe differs." if not which else "These differ: " + "; ".join(which))
    return lines


def spread(values: Array) -> str:
    """Mean and standard deviation over seeds."""
    return f"{values.mean():.4f}±{values.std(ddof=1):.4f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=500)
    parser.add_argument("--seeds", type=int, default=5, help="of Keras")
    parser.add_argument(
        "--our-seeds", type=int, default=20, help="of this library: they are cheap and sharpen the tests"
    )
    parser.add_argument("--keras-cache", type=Path, help="an .npz file that keeps Keras's scores")
    options = parser.parse_args()
    data = wine()
    began = time.perf_counter()
    ours = our_scores(data, options.epochs, options.our_seeds)
    seconds = time.perf_counter() - began
    began = time.perf_counter()
    theirs = keras_scores(data, options.epochs, options.seeds, options.keras_cache)
    print(f"red wine, {options.epochs} epochs; here {ours.shape[1]} seeds in {seconds:.0f} s, ", end="")
    print(f"Keras {theirs.shape[1]} seeds in {time.perf_counter() - began:.0f} s; mean ± standard deviation over seeds")
    print("\n".join(table(ours, theirs)))


if __name__ == "__main__":
    main()

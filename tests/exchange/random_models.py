"""Models with random networks, recipes, columns and weights; nothing is trained."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pandas as pd

from wellposed.data.preprocessing import Preprocessing
from wellposed.data.read import read
from wellposed.data.schema import Schema
from wellposed.models.model import Model, ModelTarget
from wellposed.network.activations import ACTIVATIONS
from wellposed.network.mlp import MLP
from wellposed.network.randomness import study_key
from wellposed.recipe import BASELINE, Recipe, parse
from wellposed.training.losses import loss
from wellposed.training.metrics import metric
from wellposed.training.spec import Training

# what changes the inference network; the others leave plain kernels and biases
RECIPES = (
    "baseline", "l2=0.001 + dropout=0.2", "batch-norm", "batch-norm,layers=all,position=after", "layer-norm",
    "ghost-batch-norm", "skip-connections", "shake-shake", "k-heads,heads=3", "skip-connections + k-heads,heads=2",
)  # fmt: skip
HIDDEN = sorted(set(ACTIVATIONS) - {"exponential", "log_softmax", "softmax"})  # these overflow or aren't for units
WITH_ARGUMENTS = ("leaky_relu(negative_slope=0.3)", "elu(alpha=0.5)", "celu(alpha=2.0)", "relu(max_value=3.0)")
KINDS = ("binary", "classes", "per-class", "regression")


def table(random: np.random.Generator, rows: int, *, categorical: bool) -> pd.DataFrame:
    """Numbers of many sizes with missing cells, a constant column, and, if asked for, texts."""
    frame = pd.DataFrame({"tall": random.normal(size=rows), "year": random.integers(1990, 2026, rows).astype(float)})
    frame["tiny"] = random.normal(size=rows) * 1e-6
    frame["big"] = 1e6 + 1e3 * random.integers(-99, 99, rows)
    frame.loc[random.uniform(size=rows) < 0.1, "tall"] = np.nan
    if categorical:
        frame["job <&"] = random.choice(["smith", "miller", "é", "3"], rows)
        frame["area"] = random.choice(["north", "south", None], rows)  # type: ignore[arg-type]
    return frame


def random_model(number: int, *, sets: int = 1, recipe: Recipe | None = None) -> tuple[Model, pd.DataFrame]:
    """A model of this number and rows to predict on: further missing cells, categories never seen, another order."""
    random = np.random.default_rng(number)
    kind = KINDS[number % len(KINDS)]
    frame = table(random, 80, categorical=bool(number % 3))
    features = list(frame)
    if kind == "regression":
        frame["y"] = 100 + 10 * random.normal(size=80)
    else:
        frame["y"] = random.choice(["a", "b", "c"][: 2 if kind == "binary" else 3], 80)
    data = read(frame, target="y")
    schema = Schema.learn(data, np.arange(80))
    learned = tuple(Preprocessing.fit(schema, data, random.permutation(80)[:60]) for _ in range(sets))
    hidden = [*HIDDEN, *WITH_ARGUMENTS]
    widths = tuple(int(width) for width in random.integers(4, 11, int(random.integers(2, 5))))
    names = [hidden[(number + place) % len(hidden)] for place in range(len(widths))]
    network = MLP(widths, names)
    activation = {"binary": "sigmoid", "regression": "linear", "per-class": "sigmoid"}.get(kind, "softmax")
    classes = () if kind == "regression" else data.classes
    target = ModelTarget(
        ("y",), None, data.task, classes, kind in ("classes", "per-class"), activation,
        loss("mse" if kind == "regression" else "binary_crossentropy"),
        metric("r2" if kind == "regression" else "accuracy"), kind == "regression",
    )  # fmt: skip
    chosen = recipe if recipe is not None else parse(RECIPES[number % len(RECIPES)])
    unset = Model(network, Training(), chosen or BASELINE, 1, learned, target, (), (), {})
    weights, state = zip(*(_drawn(unset, random) for _ in range(sets)), strict=True)
    model = Model(network, Training(), chosen, 1, learned, target, weights, state, {})
    rows = table(random, 50, categorical=bool(number % 3)).reindex(columns=features[::-1])
    if number % 3:
        rows.loc[:4, "job <&"] = "never seen"
        rows.loc[5:9, "job <&"] = None
    rows.loc[10:14, "year"] = np.nan
    return model, rows


def _drawn(model: Model, random: np.random.Generator) -> tuple[Any, Any]:
    params, state = model.built.init(study_key(0))

    def moved(leaf: Any) -> np.ndarray:
        return (np.asarray(leaf) + random.normal(size=leaf.shape)).astype(np.float32)

    def positive(leaf: Any) -> np.ndarray:
        return (np.asarray(leaf) + np.abs(random.normal(size=leaf.shape))).astype(np.float32)

    return jax.tree.map(moved, params), jax.tree.map(positive, state)

"""Models made without training: random weights, real preprocessing. Training has tests of its own."""

from __future__ import annotations

import jax
import numpy as np
import pandas as pd

from wellposed.data.preprocessing import Preprocessing
from wellposed.data.read import read
from wellposed.data.schema import Schema
from wellposed.models.model import Model, ModelTarget
from wellposed.network.mlp import MLP
from wellposed.recipe import parse
from wellposed.training.losses import loss
from wellposed.training.metrics import metric
from wellposed.training.spec import Training


def table(rows=40, seed=0, classes=("no", "yes")):
    """Two numbers (one with missing cells), a category, a target of classes and one of numbers."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({"a": random.normal(size=rows), "b": random.normal(3, 2, size=rows)})
    frame["kind"] = random.choice(["u", "v", "w"], rows)
    frame.loc[::9, "b"] = np.nan
    score = frame["a"] + 0.3 * random.normal(size=rows)
    frame["y"] = np.array(classes)[pd.qcut(score, len(classes), labels=False)]
    frame["z"] = 10 + 5 * score
    return frame


def made(
    data, *, widths=(5, 4), recipe="baseline", activation="relu", per_class=None, sets=1, folds=False, seed=0, **network
):
    """A model with random weights for the dataset ``data``."""
    random = np.random.default_rng(seed)
    rows = np.arange(data.rows)
    schema = Schema.learn(data, rows)
    parts = [random.permutation(rows)[: max(2, data.rows // 2)] for _ in range(sets)] if folds else [rows]
    preprocessings = tuple(Preprocessing.fit(schema, data, part) for part in parts)
    classification = data.task == "classification"
    wide = len(data.classes) > 2 if per_class is None else per_class
    output = ("softmax" if wide else "sigmoid") if classification else "linear"
    target = ModelTarget(
        columns=tuple(data.targets.columns),
        expression=next((name for name in data.targets.columns if data.roles.get(name) != "target"), None),
        task=data.task,
        classes=data.classes,
        per_class=wide and classification,
        activation=output,
        loss=loss({"softmax": "categorical_crossentropy", "sigmoid": "binary_crossentropy"}.get(output, "mse")),
        metric=metric("accuracy" if classification else "r2"),
        scaled=not classification,
        weight=next((name for name, role in data.roles.items() if role == "weight"), None),
    )
    facts = {"data": data.name, "rows": data.rows, "seed": seed, "wellposed": "0.1.0"}
    bare = Model(
        MLP(widths, activation=activation, **network), Training(epochs=20, batch_size=8), parse(recipe), 7,
        preprocessings, target, (), (), facts,
    )  # fmt: skip
    shapes = jax.eval_shape(bare.built.init, jax.random.key(0))

    def drawn(leaf):
        return np.abs(random.normal(size=leaf.shape)).astype(np.float32) * 0.7 + np.float32(0.05)

    def signed(leaf):
        return random.normal(size=leaf.shape).astype(np.float32)

    weights = tuple(jax.tree.map(signed, shapes[0]) for _ in range(sets))
    state = tuple(jax.tree.map(drawn, shapes[1]) for _ in range(sets))
    fields = {name: getattr(bare, name) for name in bare.__dataclass_fields__}
    return Model(**fields | {"weights": weights, "state": state})


def classifier(**options):
    """A model of two classes."""
    return made(read(table(), target="y", drop=["z"]), **options)


def regressor(**options):
    """A model of one number."""
    return made(read(table(), target="z", drop=["y"]), **options)

"""Small tables, of classes, numbers and images, on which a technique is tried."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd

from wellposed.data.dataset import Dataset
from wellposed.data.read import read
from wellposed.data.splits import make_splits
from wellposed.errors import TechniqueError
from wellposed.network.mlp import MLP, Network
from wellposed.recipe import Recipe
from wellposed.studies.experiment import Experiment, Target
from wellposed.techniques.base import Technique, overrides
from wellposed.training.spec import Training

__all__ = ["EPOCHS", "KINDS", "experiment", "experiment_for"]

KINDS = (("classes", 1), ("classes", 2), ("numbers", 1), ("images", 1))
EPOCHS = 40
_ROWS, _BATCH, _WIDTH = 46, 8, 5


def experiment_for(cls: type[Technique]) -> Experiment:
    """The first of the small studies that the technique applies to.

    Raises:
        AssertionError: it applies to none of them.
    """
    reasons = []
    watching = any("monitor" in item.requires() for item in cls.panel())
    for kind, layers in KINDS:
        found = experiment(kind, layers, watching)
        try:
            Recipe(cls.panel()).check(found.context)
            if _rewritten(cls, found) != found.base or not any(overrides(item, "network") for item in cls.panel()):
                return found
            reasons.append(f"{kind}: the network has that form already.")
        except TechniqueError as error:
            reasons.append(f"{kind}: {error}")
    raise AssertionError(f"{cls.__name__} applies to none of the small studies. {' '.join(reasons)}")


def _rewritten(cls: type[Technique], found: Experiment) -> Network:
    network = found.base
    for item in Recipe(cls.panel()):
        network = item.network(network)
    return network


@functools.cache
def experiment(kind: str, layers: int, watching: bool) -> Experiment:
    """One split of a small table, with validation rows, and a network that overfits it soon.

    As few layers and sets of rows as the technique needs: compilation is what a trial costs.

    Args:
        kind: ``classes`` (three of them, a categorical column among the features), ``numbers``, ``images`` (6 × 6).
        layers: hidden ones; watching: with monitor rows.
    """
    data = _images() if kind == "images" else _table(kind)
    training = Training(batch_size=_BATCH, epochs=EPOCHS, learning_rate=0.03)
    rows = np.arange(data.rows)
    monitor = 0.2 if watching else 0.0
    scheme = make_splits(data, rows, folds=None, validation=0.2, seeds=1, seed=0, monitor=monitor)
    # the last minibatch is filled up with padding, or there would be nothing to test
    assert len(scheme.splits[0].training) % _BATCH
    network = MLP((_WIDTH,) * layers)
    return Experiment(data, rows, scheme, network, training, Target.of(data, network, training))


def _table(kind: str) -> Dataset:
    random = np.random.default_rng(3)
    x = random.normal(size=(_ROWS, 3))
    town = random.choice(["a", "b", "c"], _ROWS)
    score = x[:, 0] - x[:, 1] * (town == "a") + random.normal(size=_ROWS)
    y = np.digitize(score, [-0.6, 0.6]).astype(str) if kind == "classes" else score
    y = np.char.add("class ", y) if kind == "classes" else y
    frame = pd.DataFrame({"one": x[:, 0], "two": x[:, 1], "three": x[:, 2], "town": town, "y": y})
    return read(frame, target="y")


def _images() -> Dataset:
    random = np.random.default_rng(4)
    kinds = np.repeat([0, 1, 2], -(-_ROWS // 3))[:_ROWS]
    x = random.uniform(0.0, 0.6, size=(_ROWS, 6, 6)).astype(np.float32)
    x[np.arange(_ROWS), kinds * 2] += 0.4  # a bright row
    return read((x, kinds))

"""Small populations for the engine's tests: made-up rows, a tiny network, the real planner and runner."""

from __future__ import annotations

import dataclasses

import jax
import numpy as np

from wellposed.network.mlp import MLP
from wellposed.population.memory import RowCounts
from wellposed.population.plan import Candidate, SplitRows, make_plan
from wellposed.recipe import Recipe, parse
from wellposed.runners.local import LocalRunner
from wellposed.techniques.base import Context
from wellposed.training.losses import loss
from wellposed.training.metrics import metric
from wellposed.training.spec import Training


@dataclasses.dataclass(frozen=True)
class Shape:
    """Sizes of a small study; odd ones find more."""

    features: int = 5
    widths: tuple[int, ...] = (4, 3)
    outputs: int = 1
    batch: int = 7
    rows: int = 23
    monitor: int = 6
    validation: int = 9
    splits: int = 3
    epochs: int = 4

    @property
    def activation(self) -> str:
        return "sigmoid" if self.outputs == 1 else "softmax"

    @property
    def loss(self):
        return loss("binary_crossentropy" if self.outputs == 1 else "categorical_crossentropy")

    @property
    def network(self):
        return MLP(self.widths).build(features=self.features, outputs=self.outputs, output_activation=self.activation)

    def split(self, number: int) -> SplitRows:
        """Rows that depend on the split's number alone."""
        random = np.random.default_rng(1000 + number)
        truth = random.normal(size=(self.features, max(self.outputs, 2)))

        def part(rows):
            x = random.normal(size=(rows, self.features)).astype(np.float32)
            code = np.argmax(x @ truth + random.normal(size=(rows, truth.shape[1])), 1)
            y = code[:, None].astype(np.float32) if self.outputs == 1 else np.eye(self.outputs, dtype=np.float32)[code]
            return x, y, np.ones(rows, np.float32)

        x, y, weight = part(self.rows)
        monitor = part(self.monitor) if self.monitor else None
        validation = part(self.validation) if self.validation else None
        return SplitRows(x, y, weight, weight, monitor, validation, np.ones(self.outputs, np.float32))


def candidate(shape: Shape, recipe: str | Recipe, *, stop: int | None = None, **training) -> Candidate:
    """A recipe on the shape's network; ``training`` overrides its settings, ``stop`` ends it earlier."""
    recipe = parse(recipe) if isinstance(recipe, str) else recipe
    settings = {"batch_size": shape.batch, "epochs": shape.epochs, "learning_rate": 0.01} | training
    return Candidate(recipe.name, recipe.techniques, shape.network, Training(**settings), stop)


def plan(shape: Shape, candidates, order=None, **options):
    """The plan for the candidates on the shape's splits, taken in ``order``."""
    order = range(shape.splits) if order is None else order
    context = Context(
        features=shape.features, outputs=shape.outputs, task="classification",
        layers=(), widths=(), batch_size=shape.batch,
    )  # fmt: skip
    sizes = [RowCounts(shape.rows, shape.monitor, shape.validation) for _ in order]
    options = {"memory": 10**9, "predictions": True} | options
    return make_plan(candidates, sizes, context=context, loss=shape.loss, metrics=(metric("accuracy"),), **options)


def train(shape: Shape, candidates, order=None, *, seed=0, **options):
    """Records by (recipe's number, split's number), weights included."""
    order = list(range(shape.splits)) if order is None else list(order)
    planned = plan(shape, candidates, order, **options)
    rows = {place: shape.split(number) for place, number in enumerate(order)}
    identities = [(number, 10 + number) for number in order]
    records, _ = LocalRunner(2, keep_weights=True).run(planned, rows.__getitem__, identities, seed=seed)
    return {(member.candidate, order[member.split]): member for member in records.members}


def assert_same(first, second, *, relative=None):
    """Curves, result and weights of two records are equal: to the bit, or within ``relative`` of the weights' size."""
    assert (first.result_epoch, first.diverged, first.epochs_run) == (
        second.result_epoch, second.diverged, second.epochs_run,
    )  # fmt: skip
    pairs = list(zip(jax.tree.leaves(first.weights.params), jax.tree.leaves(second.weights.params), strict=True))
    if relative is None:
        np.testing.assert_array_equal(first.curves, second.curves)
        np.testing.assert_array_equal(first.predictions, second.predictions)
        for a, b in pairs:
            np.testing.assert_array_equal(a, b)
        return
    size = np.sqrt(sum(np.sum(np.square(a)) for a, _ in pairs))
    distance = np.sqrt(sum(np.sum(np.square(a - b)) for a, b in pairs))
    assert distance <= relative * size, f"weights differ by {distance / size:.2e} of their size"

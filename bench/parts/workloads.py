"""The four workloads of the speed benchmark: networks, rows and recipes that the engine and its peers share."""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from wellposed.population.plan import Plan, SplitRows

__all__ = ["WORKLOADS", "Workload", "plan_of", "rows_of"]


@dataclasses.dataclass(frozen=True)
class Workload:
    """A network, its batch size, its rows.

    Attributes:
        widths: features, hidden units, outputs.
        members: networks trained together.
        regularized: with dropout 0.2, L1 and L2 1e-4 (all with Adam); otherwise Adam alone.
        keras: times Keras (JAX backend) that the engine should reach.
    """

    name: str
    widths: tuple[int, ...]
    activation: str
    loss: str
    metric: str
    batch: int
    training: int
    validation: int
    members: int
    regularized: bool
    keras: float

    @property
    def task(self) -> str:
        return "regression" if self.activation == "linear" else "classification"

    @property
    def steps(self) -> int:
        """Updates of an epoch."""
        return -(-self.training // self.batch)

    @property
    def step_flops(self) -> float:
        """Floating-point operations of one update: 2 forward, 4 backward for each weight and row."""
        return 6.0 * self.batch * sum(a * b for a, b in itertools.pairwise(self.widths))

    def title(self) -> str:
        layers = "-".join(map(str, self.widths))
        extras = "dropout + L1 + L2 + Adam" if self.regularized else "Adam"
        return (
            f"{self.name}: {layers}, batch {self.batch}, {self.training} training and {self.validation} validation "
            f"rows, {extras}, {self.members} members"
        )


_BINARY, _SEVERAL = "binary_crossentropy", "categorical_crossentropy"
WORKLOADS = {
    work.name: work
    for work in (
        Workload("W1", (11, 20, 20, 1), "sigmoid", _BINARY, "accuracy", 32, 1279, 320, 128, True, 75),
        Workload("W2", (50, 50, 25, 7), "softmax", _SEVERAL, "accuracy", 32, 1600, 400, 16, True, 12),
        Workload("W3", (784, 100, 100, 100, 2), "sigmoid", _BINARY, "accuracy", 128, 800, 400, 16, True, 4),
        Workload("W4", (1000, 64, 16, 4), "linear", "mean_absolute_error", "mae", 32, 8000, 2000, 8, False, 4),
    )
}


def rows_of(work: Workload) -> SplitRows:
    """Random rows of the workload's shape; targets that a linear rule and noise decide, one-hot for classes."""
    from wellposed.population.plan import SplitRows

    rng = np.random.default_rng(0)
    features, outputs = work.widths[0], work.widths[-1]
    rule = rng.standard_normal((features, outputs)) / np.sqrt(features)

    def part(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        x = rng.standard_normal((count, features)).astype(np.float32)
        y = x @ rule + 0.5 * rng.standard_normal((count, outputs))
        if work.activation == "softmax":
            y = np.eye(outputs)[y.argmax(1)]
        elif work.activation == "sigmoid":
            y = y > 0
        return x, y.astype(np.float32), np.ones(count, np.float32)

    x, y, weight = part(work.training)
    return SplitRows(x, y, weight, weight, None, part(work.validation), np.ones(outputs, np.float32))


def plan_of(work: Workload, members: int, epochs: int, *, inside: bool = False) -> Plan:
    """The members as recipes on one split, planned as `compare` plans them."""
    from wellposed.network.mlp import MLP
    from wellposed.population.memory import RowCounts
    from wellposed.population.plan import Candidate, make_plan
    from wellposed.techniques.base import Context
    from wellposed.techniques.noise import Dropout
    from wellposed.techniques.penalties import L1, L2
    from wellposed.training.losses import loss
    from wellposed.training.metrics import metric
    from wellposed.training.spec import Training

    features, outputs = work.widths[0], work.widths[-1]
    network = MLP(work.widths[1:-1]).build(features=features, outputs=outputs, output_activation=work.activation)
    candidates = []
    for number in range(members):
        share = number / members  # strengths differ, as in a study; they are traced, so the program is one
        recipe = (Dropout(0.1 + 0.2 * share), L1(1e-4 * (1 + share)), L2(1e-4 * (1 + share)))
        rate = 1e-3 * (1 + 1e-3 * share)
        training = Training(loss=work.loss, learning_rate=rate, batch_size=work.batch, epochs=epochs)
        candidates.append(Candidate(f"recipe {number}", recipe if work.regularized else (), network, training))
    context = Context(
        features=features,
        outputs=outputs,
        task=work.task,
        layers=("input", *network.hidden_names, "output"),
        widths=(features, *network.widths),
        batch_size=work.batch,
    )
    return make_plan(
        candidates,
        [RowCounts(work.training, 0, work.validation)],
        context=context,
        loss=loss(work.loss),
        metrics=(metric(work.metric),),
        memory=4 * 10**9,
        inside=inside,
    )


if __name__ == "__main__":
    for each in WORKLOADS.values():
        print(each.title())

"""What does each technique cost? A step with it, as a factor of the baseline's step, in the same run.

    python bench/techniques.py [--only dropout,sam] [--rounds 5] [--workload W2]

Each technique trains as `compare` would train it (its recipe of the default panel, 16 members on one split), turn about
with the baseline; the factor is the median over rounds of time per update against the baseline's median. Techniques
for images run on W3's network with rows of 28 × 28 pixels. ``definition`` is what the technique's own definition
demands: passes through the network, counted in steps.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import time

import numpy as np

from parts.workloads import WORKLOADS, Workload, rows_of
from wellposed.errors import TechniqueError
from wellposed.network.mlp import MLP
from wellposed.population.memory import RowCounts
from wellposed.population.plan import Candidate, Plan, make_plan
from wellposed.runners.local import LocalRunner
from wellposed.techniques.base import Context, Technique
from wellposed.techniques.catalog import CATALOG
from wellposed.training.losses import loss
from wellposed.training.metrics import metric
from wellposed.training.spec import Training

MEMBERS = 16
DEFINITION = {"sam": 2.0, "asam": 2.0, "r-drop": 2.0, "adversarial": 3.0}
ALLOWED = 1.2


def plan_of(work: Workload, recipe: tuple[Technique, ...], epochs: int) -> Plan:
    """Sixteen networks that differ in their learning rates only."""
    features, outputs = work.widths[0], work.widths[-1]
    network = MLP(work.widths[1:-1]).build(features=features, outputs=outputs, output_activation=work.activation)
    context = Context(
        features=features, outputs=outputs, task=work.task, layers=("input", *network.hidden_names, "output"),
        widths=(features, *network.widths), batch_size=work.batch,
        feature_groups=tuple((column,) for column in range(features)),
        image_shape=(28, 28) if features == 784 else None,
    )  # fmt: skip
    for item in recipe:
        item.check(context)
    candidates = [
        Candidate(
            f"{number}", recipe, network,
            Training(loss=work.loss, learning_rate=1e-3 * (1 + number / 100), batch_size=work.batch, epochs=epochs),
        )
        for number in range(MEMBERS)
    ]  # fmt: skip
    sizes = [RowCounts(work.training, work.validation, work.validation)]
    chosen = (metric(work.metric),)
    return make_plan(candidates, sizes, context=context, loss=loss(work.loss), metrics=chosen, memory=4 * 10**9)


class Timed:
    """A recipe's time per member and update, from runs of different length."""

    def __init__(self, work: Workload, recipe: tuple[Technique, ...]) -> None:
        self.work, self.recipe, self.runner = work, recipe, LocalRunner()
        rows = rows_of(work)
        self.rows = dataclasses.replace(rows, monitor=rows.validation)
        self.seconds(1)

    def seconds(self, epochs: int) -> float:
        plan = plan_of(self.work, self.recipe, epochs)
        began = time.perf_counter()
        self.runner.run(plan, lambda _: self.rows, [(0, 0)], seed=0)
        return time.perf_counter() - began

    def micros(self, epochs: int) -> float:
        """µs of one update of one network: the slope between a short and a long run."""
        return 1e6 * (self.seconds(1 + epochs) - self.seconds(1)) / (epochs * self.work.steps * MEMBERS)


def workload_for(cls: type[Technique], default: str) -> Workload | None:
    """The first workload that the technique has a meaning on."""
    regression = dataclasses.replace(WORKLOADS["W2"], activation="linear", loss="mean_squared_error", metric="mae")
    for work in (WORKLOADS[default], regression, WORKLOADS["W3"]):
        try:
            plan_of(work, cls.panel(), 1)
            return work
        except TechniqueError:
            continue
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="names of techniques, joined by commas")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workload", default="W2", choices=[name for name in WORKLOADS if name != "W4"])
    options = parser.parse_args()
    wanted = [name for name in options.only.split(",") if name]
    print(f"factor of the baseline's step; median of {options.rounds}; {os.cpu_count()} cores", flush=True)
    baselines: dict[Workload, tuple[Timed, int]] = {}
    for cls in CATALOG:
        if wanted and cls.name not in wanted:
            continue
        work = workload_for(cls, options.workload)
        if work is None:
            print(f"{cls.name:<20} no workload here has a meaning for it")
            continue
        if work not in baselines:
            first = Timed(work, ())
            baselines[work] = first, max(2, int(1.0 / max(1e-4, first.seconds(3) / 3)))
        base, epochs = baselines[work]
        timed, pairs = Timed(work, cls.panel()), []
        for _ in range(options.rounds):
            pairs.append((base.micros(epochs), timed.micros(epochs)))
        ours, theirs = (float(np.median(column)) for column in zip(*pairs, strict=True))
        limit = ALLOWED * DEFINITION.get(cls.name, 1.0)
        word = "" if theirs / ours <= limit else f"above {limit:g}"
        shape = "-".join(map(str, work.widths))
        print(
            f"{cls.name:<20} {theirs / ours:6.2f}   {theirs:8.2f} µs against {ours:8.2f}   {shape:<22} {word}",
            flush=True,
        )


if __name__ == "__main__":
    main()

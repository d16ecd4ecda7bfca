"""How long does one update of one network take, against Keras, scikit-learn and loops without the engine's generality?

    python bench/speed.py [--quick] [--only W1,W4] [--no-sizes] [--seconds 1.5]

µs per member-step (one minibatch of one network), validation after every epoch included; median of five rounds, in
which the contenders take turns, with the fastest and slowest beside it. Each figure is the difference of a long and a
short run, so that compilation, start-up and the first epochs don't count. The engine runs as `compare` runs it: the
plan decides the tiles, two of them train side by side, every epoch also scores all training rows. The bare loop is
DESIGN §3's prototype, written for the one workload, with and without those training scores, in one thread pool and in
two threads; "price of generality" is the engine over the quicker of the two. Keras trains a single network on its JAX
backend at the best of several ``steps_per_execution``. scikit-learn has no dropout and no L1, and its figure is without
validation. GFLOP/s count 6 × weights × batch for an update and nothing else.

The last table says how the engine's time for W1 depends on the number of members.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")
sys.path.insert(0, str(Path(__file__).parent))

import jax
import numpy as np

from parts.peers import Bare, Contender, Engine, Keras, ScikitLearn, StepByStep, missing
from parts.workloads import WORKLOADS, Workload

MEMBERS = (16, 32, 64, 128, 256, 512, 1024)
PRICE, SPREAD = 1.3, 1.2


@dataclasses.dataclass
class Times:
    """Seconds of a contender's short and long runs, one of each a round."""

    contender: Contender
    short: int
    long: int
    shorts: list[float] = dataclasses.field(default_factory=list)
    longs: list[float] = dataclasses.field(default_factory=list)

    @classmethod
    def of(cls, contender: Contender, wanted: float) -> Times:
        """Warms the contender up and chooses two lengths that differ by about ``wanted`` seconds."""
        contender.epochs(1)
        more = 1
        while (spent := _clock(contender, 1 + more) - _clock(contender, 1)) < min(wanted / 4, 0.25):
            more = max(2 * more, min(8 * more, int(more * wanted / 4 / max(spent, 1e-4))))
        return cls(contender, 1, 1 + max(1, round(more * wanted / spent)))

    def take(self) -> None:
        """One more round."""
        self.shorts.append(_clock(self.contender, self.short))
        self.longs.append(_clock(self.contender, self.long))

    def _micros(self) -> np.ndarray:
        """µs per member-step by round, each long run less the median short one."""
        steps = (self.long - self.short) * self.contender.member_steps
        return (np.array(self.longs) - np.median(self.shorts)) / steps * 1e6

    @property
    def micros(self) -> float:
        """The median round."""
        return float(np.median(self._micros()))

    def text(self) -> str:
        rounds = self._micros()
        return f"{self.micros:9.2f}   ({rounds.min():.2f} – {rounds.max():.2f})"


def _clock(contender: Contender, epochs: int) -> float:
    began = time.perf_counter()
    contender.epochs(epochs)
    return time.perf_counter() - began


def gemm_rate() -> float:
    """GFLOP/s of a large float32 product on all cores."""
    size = 2048
    a = jax.numpy.asarray(np.random.default_rng(0).standard_normal((size, size)), jax.numpy.float32)
    product = jax.jit(lambda a: a @ a)
    jax.block_until_ready(product(a))
    seconds = []
    for _ in range(5):
        began = time.perf_counter()
        jax.block_until_ready(product(a))
        seconds.append(time.perf_counter() - began)
    return 2 * size**3 / float(np.median(seconds)) / 1e9


def best_keras(work: Workload, wanted: float) -> tuple[str, Times]:
    """Keras at the quickest of several ``steps_per_execution``."""
    tried = {}
    for steps in sorted({1, 8, 32, work.steps}):
        times = Times.of(Keras(work, steps), wanted / 2)
        times.take()
        tried[steps] = times
    steps = min(tried, key=lambda steps: tried[steps].micros)
    others = ", ".join(f"{steps}: {times.micros:.0f}" for steps, times in tried.items())
    tried[steps].shorts.clear()
    tried[steps].longs.clear()
    return f"Keras, JAX, steps_per_execution {steps}   [{others}]", tried[steps]


def compare_peers(work: Workload, rounds: int, wanted: float) -> None:
    """One workload's table."""
    print(f"\n{work.title()}", flush=True)
    engine = Engine(work, work.members)
    makers: dict[str, Callable[[], Contender]] = {
        f"engine, as compare runs it ({engine.tiles})": lambda: engine,
        "bare loop, one program": lambda: Bare(work, 1),
        "bare loop, two threads": lambda: Bare(work, 2),
        "bare loop, one program, training scores": lambda: Bare(work, 1, training_scores=True),
        "bare loop, two threads, training scores": lambda: Bare(work, 2, training_scores=True),
        "Python loop over compiled steps, one network": lambda: StepByStep(work),
        "scikit-learn, one network, no dropout, no validation": lambda: ScikitLearn(work),
    }
    timed = {name: Times.of(make(), wanted) for name, make in makers.items()}
    keras = None
    if missing("keras"):
        print("Keras is not installed: left out")
    else:
        keras, times = best_keras(work, wanted)
        timed[keras] = times
    rates = []
    for _ in range(rounds):
        rates.append(gemm_rate())
        for times in timed.values():
            times.take()
    for name, times in timed.items():
        print(f"  {name:<62}{times.text()}")
    names = list(makers)
    ours, bare, scoring, python, sklearn = (
        min(timed[name].micros for name in part) for part in (names[:1], names[1:3], names[3:5], names[5:6], names[6:7])
    )
    if keras is not None:
        ratio = timed[keras].micros / ours
        print(f"  {'Keras / engine':<62}{ratio:9.1f}   target ≥ {work.keras:.0f}: {_met(ratio >= work.keras)}")
    print(f"  {'Python loop / engine':<62}{python / ours:9.1f}")
    print(f"  {'scikit-learn / engine':<62}{sklearn / ours:9.1f}")
    price, fair = ours / bare, ours / scoring
    print(f"  {'price of generality':<62}{price:9.2f}   target ≤ {PRICE}: {_met(price <= PRICE)}")
    print(f"  {'price of generality, bare loop scoring training rows too':<62}{fair:9.2f}")
    rate, gemm = work.step_flops / ours / 1e3, float(np.median(rates))
    print(f"  {'GFLOP/s of the engine':<62}{rate:9.1f}   {rate / gemm:.0%} of a large product's {gemm:.0f}")


def compare_sizes(rounds: int, wanted: float) -> None:
    """The engine's time for W1 by number of members."""
    work = WORKLOADS["W1"]
    print("\nW1 by number of members", flush=True)
    engines = {members: Engine(work, members) for members in MEMBERS}
    timed = {members: Times.of(engine, wanted) for members, engine in engines.items()}
    for _ in range(rounds):
        for times in timed.values():
            times.take()
    best = min(times.micros for times in timed.values())
    for members, times in timed.items():
        ratio = times.micros / best
        print(f"  {members:5} members, {engines[members].tiles:<20}{times.text():<32}{ratio:5.2f}")
    worst = max(times.micros for times in timed.values()) / best
    print(f"  slowest / quickest {worst:.2f}   target ≤ {SPREAD}: {_met(worst <= SPREAD)}")


def _met(met: bool) -> str:
    return "met" if met else "NOT met"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="three short rounds")
    parser.add_argument("--only", default="W1,W2,W3,W4", help="workloads; empty: none")
    parser.add_argument("--sizes", action=argparse.BooleanOptionalAction, default=True, help="the table by members")
    parser.add_argument("--seconds", type=float, help="of one measurement, default 1.5 (quick: 0.4)")
    options = parser.parse_args()
    rounds = 3 if options.quick else 5
    wanted = options.seconds or (0.4 if options.quick else 1.5)
    print(f"µs per member-step, median of {rounds} (fastest – slowest); {os.cpu_count()} cores, JAX {jax.__version__},")
    print(f"{jax.default_backend()}, Python {platform.python_version()}")
    for name in filter(None, options.only.split(",")):
        compare_peers(WORKLOADS[name], rounds, wanted)
    if options.sizes:
        compare_sizes(rounds, wanted)


if __name__ == "__main__":
    main()

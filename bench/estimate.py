"""How long will it take, and how long did it? The estimate that a comparison prints, beside the clock.

    python bench/estimate.py [--only iris,diabetes] [--repeats 3] [--fit]

Four comparisons: iris with the default panel and 5 epochs, red wine with the default panel and 200, diabetes as
`make demo` has it, digits with three recipes. Each runs in a process of its own, once with an empty compilation cache
and ``--repeats`` times with the one that it left (their median is shown). ``seconds`` are the study's, without imports
and files. ``busy`` are the processor's, by core: on a machine that others use the clock says nothing, and the ratio to
``busy`` is the one to look at. Target: within a factor of two.

``--fit`` prints what the constants in `wellposed.population.estimate` were fitted to instead: by program, processor
seconds of its compilation, seconds of training by update, and what is predicted for both.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

CASES: dict[str, tuple[str, tuple[int, ...], list[str] | None, dict[str, Any]]] = {
    "iris": ("iris", (64, 64), None, {"epochs": 5}),
    "wine": ("winequality-red", (20, 20), None, {"epochs": 200}),
    "diabetes": (
        "diabetes",
        (32, 32),
        [
            "l1=1e-2", "l2=1e-2", "dropout=0.3", "dropout=0.3 + l2=1e-2", "weight-decay=0.1", "gaussian-noise=0.3",
            "early-stopping",
        ],
        {},
    ),
    "digits": ("digits", (64, 64), ["l2=1e-3", "dropout=0.2", "early-stopping"], {}),
}  # fmt: skip
FACTOR = 2.0


def prepared(name: str) -> Any:
    """The case's plan."""
    import wellposed as wp
    from wellposed.studies.prepare import prepare

    source, widths, recipes, settings = CASES[name]
    target = "quality >= 6" if source.startswith("wine") else None
    return prepare(wp.read(source, target=target), widths, recipes, **settings)


def measure(name: str) -> dict[str, Any]:
    """In a process of its own: predicted and measured seconds of one comparison."""
    from wellposed.studies.compare import run

    plan = prepared(name)
    predicted, clock, busy = plan.seconds(), time.perf_counter(), time.process_time()
    facts = run(plan).results["run"]
    return {
        "predicted": predicted,
        "seconds": time.perf_counter() - clock,
        "busy": (time.process_time() - busy) / (os.cpu_count() or 1),
        "compile": facts["compile_s"],
        "train": facts["train_s"],
        "programs": facts["programs"],
    }


def fit(name: str) -> None:
    """By program: processor seconds of compiling it alone, and of its training, beside the prediction."""
    import jax

    from wellposed.network.randomness import study_key
    from wellposed.population.compile import compile_tile
    from wellposed.population.estimate import _compilation, _training
    from wellposed.population.tile import stream_key
    from wellposed.population.tiles import TileBuilder
    from wellposed.studies.experiment import RowCache

    study = prepared(name)
    keys = [stream_key(study_key(0), *identity) for identity in study.experiment.identities]
    for part in study.plan.programs:
        predicted = _compilation(part, study.experiment.schema.width, study.experiment.target.outputs)
        builder = TileBuilder(study.plan, part, RowCache(study.experiment), keys)
        clock = time.process_time()
        compiled = builder.compile()
        compiling = time.process_time() - clock
        live = builder.start(part.tiles[0], compiled)
        carry = compiled.run(live.data, live.settings, live.carry, jax.numpy.int32(0), jax.numpy.int32(1))[0]
        jax.block_until_ready(carry)
        clock = time.process_time()
        jax.block_until_ready(compiled.run(live.data, live.settings, carry, jax.numpy.int32(1), jax.numpy.int32(4)))
        spent = (time.process_time() - clock) / 4
        epochs = max(candidate.epochs for candidate in study.plan.candidates)
        guess = _training(study.plan, part) / len(part.tiles) / epochs
        names = "+".join(item.name for item in part.program.techniques) or "none"
        print(
            f"{name:<9}{compiling:8.1f}{predicted:8.1f}{1e3 * spent:10.2f}{1e3 * guess:10.2f}  {names[:70]}", flush=True
        )
        compile_tile.cache_clear()


def child(name: str, cache: Path) -> dict[str, Any]:
    """`measure` in a fresh process."""
    data = Path(__file__).resolve().parents[2] / "shared" / "data"
    environ = {**({"WELLPOSED_DATA": str(data)} if data.is_dir() else {}), **os.environ, "WELLPOSED_CACHE": str(cache)}
    done = subprocess.run([sys.executable, __file__, "--child", name], env=environ, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name} ended with status {done.returncode}: {done.stderr.strip()}")
    return json.loads(done.stdout.splitlines()[-1])


def show(name: str, kind: str, rows: list[dict[str, Any]]) -> None:
    middle = {key: median(row[key] for row in rows) for key in rows[0]}
    ratios = [middle["predicted"] / middle[key] for key in ("seconds", "busy")]
    judged = " ".join(f"{ratio:8.2f} {'met' if 1 / FACTOR <= ratio <= FACTOR else 'NOT met':<8}" for ratio in ratios)
    parts = "".join(f"{middle[key]:10.1f}" for key in ("predicted", "seconds", "compile", "train", "busy"))
    print(f"{name:<9} {kind:<6}{middle['programs']:9.0f}{parts}  {judged}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default=",".join(CASES))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(options.child)))
        return
    names = options.only.split(",")
    with tempfile.TemporaryDirectory() as folder:
        if options.fit:
            os.environ["WELLPOSED_CACHE"] = folder
            print("          compile s, predicted   ms an epoch, predicted")
            for name in names:
                fit(name)
            return
        heads = ("programs", "predicted", "seconds", "compile", "train", "busy")
        print(" " * 15 + "".join(f"{head:>10}" for head in heads) + "   to seconds        to busy")
        for name in names:
            cache = Path(folder) / name
            show(name, "cold", [child(name, cache)])
            show(name, "warm", [child(name, cache) for _ in range(options.repeats)])


if __name__ == "__main__":
    main()

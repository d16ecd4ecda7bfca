"""What `results.json` of a comparison holds, besides the recipes' own entries."""

from __future__ import annotations

import dataclasses
import platform
from typing import Any

from wellposed.data.dataset import Dataset
from wellposed.runners.base import Timing
from wellposed.studies.prepare import Prepared
from wellposed.studies.scores import clean
from wellposed.studies.warnings import warnings_of
from wellposed.textform import Named

__all__ = ["SCHEMA", "results_of"]

SCHEMA = "wellposed.compare/1"


def results_of(
    prepared: Prepared,
    entries: list[dict[str, Any]],
    selected: str | None,
    test: dict[str, Any] | None,
    found: list[dict[str, Any]],
    timing: Timing,
    seconds: float,
) -> dict[str, Any]:
    """What `results.json` holds."""
    experiment, scheme = prepared.experiment, prepared.experiment.scheme
    data, training, target = experiment.data, experiment.training, experiment.target
    first = scheme.splits[0]
    vault = prepared.vault
    results = {
        "schema": SCHEMA,
        "data": {
            "name": data.name,
            "rows": data.rows,
            "features": data.features.shape[1],
            "task": data.task,
            "sha256": data.sha256,
            "source": data.source,
            "encoded": experiment.schema.width,
            "classes": list(data.classes),
            "targets": list(data.targets.columns),
        },
        "network": {
            "widths": list(experiment.network.widths),
            "activation": experiment.network.activation,
            "output_activation": target.activation,
            "parameters": experiment.base.parameters(),
            "kernel_initializer": _text(experiment.network.kernel_initializer),
        },
        "training": {
            "loss": target.loss.name,
            "optimizer": _text(training.optimizer),
            "learning_rate": training.rate,
            "schedule": _text(training.schedule),
            "batch_size": training.batch_size,
            "epochs": training.epochs,
            "class_weight": training.class_weight,
            "standardized_targets": experiment.standardized,
            "seed": prepared.seed,
        },
        "splits": {
            "kind": scheme.kind,
            "folds": scheme.folds,
            "seeds": scheme.seeds,
            "training": len(first.training),
            "monitor": len(first.monitor),
            "validation": len(first.validation),
            "test": 0 if vault is None else (vault.rows if isinstance(vault, Dataset) else len(vault)),
        },
        "metric": {"name": target.metric.name, "direction": target.metric.direction},
        "baseline": "baseline",
        "selected": selected,
        "select": prepared.select,
        "skipped": [{"name": name, "why": why} for name, why in prepared.skipped],
        "warnings": [
            *warnings_of(entries, target.metric.name, target.metric.direction, training.epochs),
            *prepared.messages,
        ],
        "recipes": entries,
        "references": found,
        "test": test,
        "run": {
            "compile_s": round(timing.compile_s, 3),
            "train_s": round(timing.train_s, 3),
            "total_s": round(seconds, 3),
            "member_steps": timing.member_steps,
            "programs": len(prepared.plan.programs),
            "program_times": [dataclasses.asdict(program) for program in timing.programs],
            "versions": _versions(),
            "host": {"system": platform.system(), "machine": platform.machine(), "python": platform.python_version()},
            "peak_memory": _peak_memory(),
        },
    }
    return clean(results)


def _text(setting: Any) -> str:
    """As the command line and Python take it."""
    return setting.to_text() if isinstance(setting, Named) else str(setting)


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in ("wellposed", "jax", "numpy", "scikit-learn", "scipy")}


def _peak_memory() -> int | None:
    """Most bytes that this process held at once."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if platform.system() == "Darwin" else peak * 1024

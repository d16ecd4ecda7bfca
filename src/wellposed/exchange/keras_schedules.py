"""Reads a Keras learning-rate schedule, which counts updates, into one of ours, which counts shares of the training."""

from __future__ import annotations

from typing import Any

from wellposed.errors import StudyError
from wellposed.exchange.keras_objects import number
from wellposed.training.schedules import (
    Constant,
    CosineDecay,
    ExponentialDecay,
    Linear,
    Schedule,
    Step,
    WarmRestarts,
)

__all__ = ["schedule_of"]

_ASK = "Say updates=: how many updates the training has (epochs × minibatches of an epoch)."


def schedule_of(spec: Any, updates: int | None) -> tuple[float, Schedule, tuple[str, ...]]:
    """Learning rate, schedule, and a sentence where the length of the training had to be assumed.

    Args:
        spec: a number, or a serialized Keras schedule (``class_name``, ``config``).
        updates: of the whole training, None: not known.

    Raises:
        StudyError: a schedule that has no counterpart, or one that needs ``updates``.
    """
    if not isinstance(spec, dict):
        return number(spec), Constant(), ()
    kind, config = spec["class_name"], spec["config"]
    if kind not in _READERS:
        remedy = f"Schedules that can be read: {', '.join(_READERS)}."
        raise StudyError("from_keras: a learning-rate schedule that can't be read", kind, remedy)
    notes: tuple[str, ...] = ()
    length = int(config.get("decay_steps", 0)) + int(config.get("warmup_steps") or 0)
    if updates is None:
        if kind not in ("CosineDecay", "PolynomialDecay"):
            raise StudyError(f"from_keras: {kind} counts updates", None, _ASK)
        updates = length
        notes = (f"{kind}: its {length} updates are taken for the whole training, however long that is.",)
    elif kind in ("CosineDecay", "PolynomialDecay") and updates != length:
        remedy = "Let both be of one length, or leave updates out: the schedule then spans the whole training."
        raise StudyError(f"from_keras: {kind} lasts {length} updates, the training another number", updates, remedy)
    rate, schedule = _READERS[kind](config, updates)
    return rate, schedule, notes


def _cosine(config: dict[str, Any], updates: int) -> tuple[float, Schedule]:
    warmup = int(config.get("warmup_steps") or 0)
    first, target = config["initial_learning_rate"], config.get("warmup_target")
    if target is None:
        # Keras ignores warmup_steps without a warmup_target
        return number(first), CosineDecay(number(config["alpha"]))
    if first != 0:
        remedy = "Let initial_learning_rate be 0: the warmup begins there."
        raise StudyError("from_keras: a warmup that doesn't begin at 0", first, remedy)
    return number(target), CosineDecay(number(config["alpha"]), warmup / updates)


def _exponential(config: dict[str, Any], updates: int) -> tuple[float, Schedule]:
    every = config["decay_steps"] / updates
    first = number(config["initial_learning_rate"])
    return first, ExponentialDecay(number(config["decay_rate"]), every, bool(config["staircase"]))


def _linear(config: dict[str, Any], updates: int) -> tuple[float, Schedule]:
    if config["power"] != 1 or config["cycle"]:
        remedy = "Use power=1 without cycle, or CosineDecay."
        raise StudyError("from_keras: a PolynomialDecay that isn't linear", f"power {config['power']}", remedy)
    first = number(config["initial_learning_rate"])
    return first, Linear(number(config["end_learning_rate"]) / first)


def _steps(config: dict[str, Any], updates: int) -> tuple[float, Schedule]:
    values = [number(value) for value in config["values"]]
    boundaries = [boundary for boundary in config["boundaries"] if boundary < updates]
    factors = tuple(value / values[0] for value in values[: len(boundaries) + 1])
    return values[0], Step(tuple(boundary / updates for boundary in boundaries), factors)


def _restarts(config: dict[str, Any], updates: int) -> tuple[float, Schedule]:
    if config["m_mul"] != 1:
        raise StudyError("from_keras: restarts at another learning rate", f"m_mul {config['m_mul']}", "Use m_mul=1.")
    lengths, length = [], float(config["first_decay_steps"])
    while sum(lengths) + length <= updates * (1 + 1e-9):
        lengths.append(length)
        length *= config["t_mul"]
    if not lengths or abs(sum(lengths) - updates) > 1e-6 * updates:
        remedy = "Let the training end with a cycle."
        raise StudyError("from_keras: the training ends within a cycle of CosineDecayRestarts", updates, remedy)
    cycles = tuple(value / lengths[0] for value in lengths)
    return number(config["initial_learning_rate"]), WarmRestarts(cycles, number(config["alpha"]))


_READERS = {
    "CosineDecay": _cosine,
    "ExponentialDecay": _exponential,
    "PolynomialDecay": _linear,
    "PiecewiseConstantDecay": _steps,
    "CosineDecayRestarts": _restarts,
}

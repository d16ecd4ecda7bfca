"""Learning-rate schedules: a factor of the learning rate, from the update's index and the horizon.

A schedule speaks in fractions of the horizon, never in updates, so that one text means the same at any number of
epochs, and one compiled program serves any horizon.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num

from wellposed.errors import StudyError
from wellposed.textform import Named, build, registry

Number = Num[Array, ""] | int | float
Factor = Float[Array, ""]


@dataclass(frozen=True)
class Schedule(Named):
    """A learning-rate schedule."""

    def factor(self, step: Number, total: Number) -> Factor:
        """The factor of the learning rate.

        Args:
            step: index of the update, counted from 0; later than the horizon, the last factor stays.
            total: the horizon, the number of updates of the whole training (≥ 1); may be traced like ``step``.
        """
        horizon = jnp.asarray(total).astype(jnp.float32)
        return self._factor(jnp.clip(jnp.asarray(step).astype(jnp.float32), 0.0, horizon), horizon)

    @abstractmethod
    def _factor(self, step: Factor, total: Factor) -> Factor: ...


@dataclass(frozen=True)
class Constant(Schedule):
    """1."""

    name: ClassVar[str] = "constant"

    def _factor(self, step: Factor, total: Factor) -> Factor:
        return jnp.ones_like(step)


@dataclass(frozen=True)
class CosineDecay(Schedule):
    """α + (1 − α)·½(1 + cos πt), t from 0 to 1, after a linear warmup from 0. Loshchilov & Hutter 2017; Keras.

    Args:
        alpha: the last factor, in [0, 1], default 0.
        warmup: fraction of the horizon that the warmup takes, in [0, 1), default 0.
    """

    alpha: float = 0.0
    warmup: float = 0.0
    name: ClassVar[str] = "cosine"
    aliases: ClassVar[tuple[str, ...]] = ("cosine_decay",)

    def __post_init__(self) -> None:
        _require_fraction(self, "alpha", self.alpha, last=True)
        _require_fraction(self, "warmup", self.warmup)

    def _factor(self, step: Factor, total: Factor) -> Factor:
        if self.warmup == 0:
            return _cosine(step / total, self.alpha)
        rise = self.warmup * total
        fall = _cosine(jnp.maximum(step - rise, 0.0) / (total - rise), self.alpha)
        return jnp.where(step < rise, step / rise, fall)


@dataclass(frozen=True)
class ExponentialDecay(Schedule):
    """rate^(t/every), t from 0 to 1; Keras's with ``decay_steps = every·updates``.

    Args:
        rate: factor reached after each ``every``, in (0, 1], default 0.1.
        every: fraction of the horizon, > 0, default 1.
        staircase: decay in steps at whole multiples of ``every``, default false.
    """

    rate: float = 0.1
    every: float = 1.0
    staircase: bool = False
    name: ClassVar[str] = "exponential"
    aliases: ClassVar[tuple[str, ...]] = ("exponential_decay",)

    def __post_init__(self) -> None:
        if not 0 < self.rate <= 1:
            raise StudyError("ExponentialDecay: rate must be in (0, 1]", self.rate)
        if not self.every > 0:
            raise StudyError("ExponentialDecay: every must be positive", self.every)

    def _factor(self, step: Factor, total: Factor) -> Factor:
        periods = step / (self.every * total)
        return jnp.power(jnp.float32(self.rate), jnp.floor(periods) if self.staircase else periods)


@dataclass(frozen=True)
class WarmRestarts(Schedule):
    """α + (1 − α)·½(1 + cos πt), t from 0 to 1 in each cycle. Loshchilov & Hutter 2017.

    Args:
        cycles: relative lengths of the cycles, default (1, 2, 4): 15 + 30 + 60 of 105 epochs (Kadra et al. 2021).
        alpha: the last factor of each cycle, in [0, 1], default 0.
    """

    cycles: tuple[float, ...] = (1.0, 2.0, 4.0)
    alpha: float = 0.0
    name: ClassVar[str] = "warm_restarts"
    aliases: ClassVar[tuple[str, ...]] = ("cosine_restarts", "cosine_decay_restarts")

    def __post_init__(self) -> None:
        if not self.cycles or not all(length > 0 for length in self.cycles):
            raise StudyError("WarmRestarts: cycles must be positive numbers", self.cycles)
        _require_fraction(self, "alpha", self.alpha, last=True)

    def _factor(self, step: Factor, total: Factor) -> Factor:
        # Compared as step·Σcycles ≥ start·total, whole numbers for whole cycles: a restart hits its update exactly.
        ends = np.cumsum(self.cycles)
        position = step * float(ends[-1])
        done = jnp.zeros_like(step)
        length = jnp.full_like(step, self.cycles[0])
        for start, cycle in zip(ends[:-1], self.cycles[1:], strict=True):
            begun = position >= float(start) * total
            done = jnp.where(begun, float(start) * total, done)
            length = jnp.where(begun, cycle, length)
        return _cosine((position - done) / (length * total), self.alpha)


@dataclass(frozen=True)
class FlatCosine(Schedule):
    """1 for t ≤ flat, then ½(1 + cos π(t − flat)/(1 − flat)); flat = 0.5 is RealMLP's ``flat_cos``.

    Args:
        flat: fraction of the horizon before the decay, in [0, 1), default 0.7.
    """

    flat: float = 0.7
    name: ClassVar[str] = "flat_cosine"
    aliases: ClassVar[tuple[str, ...]] = ("flat_cos",)

    def __post_init__(self) -> None:
        _require_fraction(self, "flat", self.flat)

    def _factor(self, step: Factor, total: Factor) -> Factor:
        return _cosine(jnp.maximum(step / total - self.flat, 0.0) / (1.0 - self.flat), 0.0)


@dataclass(frozen=True)
class CosLog4(Schedule):
    """½(1 − cos 2π·log₂(1 + 15t)): four cycles, each twice as long as the one before, from and to 0.

    Holzmüller et al. 2024 (RealMLP).
    """

    name: ClassVar[str] = "coslog4"

    def _factor(self, step: Factor, total: Factor) -> Factor:
        return 0.5 * (1.0 - jnp.cos(2.0 * math.pi * jnp.log2(1.0 + 15.0 * (step / total))))


@dataclass(frozen=True)
class Linear(Schedule):
    """(1 − end)(1 − t) + end; Keras's ``PolynomialDecay`` of power 1.

    Args:
        end: the last factor, in [0, 1], default 0.
    """

    end: float = 0.0
    name: ClassVar[str] = "linear"

    def __post_init__(self) -> None:
        _require_fraction(self, "end", self.end, last=True)

    def _factor(self, step: Factor, total: Factor) -> Factor:
        return (1.0 - self.end) * (1.0 - step / total) + self.end


@dataclass(frozen=True)
class Step(Schedule):
    """factors[i] up to and with boundaries[i], the last factor after them; Keras's ``PiecewiseConstantDecay``.

    Args:
        boundaries: increasing fractions of the horizon, default (0.5, 0.75).
        factors: one more than boundaries, ≥ 0, default (1, 0.1, 0.01).
    """

    boundaries: tuple[float, ...] = (0.5, 0.75)
    factors: tuple[float, ...] = (1.0, 0.1, 0.01)
    name: ClassVar[str] = "step"
    aliases: ClassVar[tuple[str, ...]] = ("piecewise_constant", "piecewise_constant_decay")

    def __post_init__(self) -> None:
        inside = all(0 < boundary < 1 for boundary in self.boundaries)
        if not inside or sorted(set(self.boundaries)) != list(self.boundaries):
            raise StudyError("Step: boundaries must increase within (0, 1)", self.boundaries)
        if len(self.factors) != len(self.boundaries) + 1:
            what = f"Step: {len(self.boundaries)} boundaries need {len(self.boundaries) + 1} factors"
            raise StudyError(what, self.factors)
        if not all(factor >= 0 for factor in self.factors):
            raise StudyError("Step: factors must not be negative", self.factors)

    def _factor(self, step: Factor, total: Factor) -> Factor:
        factor = jnp.full_like(step, self.factors[0])
        for boundary, following in zip(self.boundaries, self.factors[1:], strict=True):
            factor = jnp.where(step > boundary * total, following, factor)
        return factor


SCHEDULES: Mapping[str, type[Schedule]] = registry(
    (Constant, CosineDecay, ExponentialDecay, WarmRestarts, FlatCosine, CosLog4, Linear, Step)
)
"""Every schedule by name."""


def schedule(spec: str | Schedule) -> Schedule:
    """The schedule that a text describes, e.g. ``"cosine(warmup=0.1)"``; ``to_text()`` is the way back.

    Raises:
        StudyError: unknown name or argument, or a value without a meaning.
    """
    return build("schedule", spec, SCHEDULES)


def _cosine(t: Factor, alpha: float) -> Factor:
    return (1.0 - alpha) * (0.5 * (1.0 + jnp.cos(math.pi * t))) + alpha


def _require_fraction(owner: Schedule, argument: str, value: float, *, last: bool = False) -> None:
    """0 ≤ value < 1, or ≤ 1 with ``last``."""
    if not (0 <= value < 1 or (last and value == 1)):
        raise StudyError(f"{type(owner).__name__}: {argument} must be in [0, 1{']' if last else ')'}", value)

"""Initial weights, with Keras's names, definitions and defaults.

Each initializer is a frozen dataclass: ``GlorotUniform()(key, (inputs, units))`` is a float32 array. A kernel's shape
is ``(..., inputs, units)``; fan-in is inputs and fan-out units, each times the product of the leading axes; a vector's
fans are both its length.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from wellposed.errors import StudyError
from wellposed.textform import Named, build, registry

Shape = tuple[int, ...]
Weights = Float[Array, "..."]
_TRUNCATED_STDDEV = 0.87962566103423978  # of a standard normal cut at ±2


@dataclass(frozen=True)
class Initializer(Named):
    """Draws initial weights: ``initializer(key, shape)`` → float32 array of that shape."""

    @abstractmethod
    def __call__(self, key: PRNGKeyArray, shape: Shape) -> Weights: ...


@dataclass(frozen=True)
class Zeros(Initializer):
    """w = 0."""

    name: ClassVar[str] = "zeros"

    def __call__(self, key: PRNGKeyArray, shape: Shape) -> Weights:
        return jnp.zeros(shape, jnp.float32)


@dataclass(frozen=True)
class Ones(Initializer):
    """w = 1."""

    name: ClassVar[str] = "ones"

    def __call__(self, key: PRNGKeyArray, shape: Shape) -> Weights:
        return jnp.ones(shape, jnp.float32)


@dataclass(frozen=True)
class Constant(Initializer):
    """w = value (default 0)."""

    value: float = 0.0
    name: ClassVar[str] = "constant"

    def __call__(self, key: PRNGKeyArray, shape: Shape) -> Weights:
        return jnp.full(shape, self.value, jnp.float32)


@dataclass(frozen=True)
class RandomNormal(Initializer):
    """w ~ Normal(mean, stddev²); defaults 0 and 0.05."""

    mean: float = 0.0
    stddev: float = 0.05
    name: ClassVar[str] = "random_normal"

    def __post_init__(self) -> None:
        _require_not_negative(self, "stddev", self.stddev)

    def __call__(self, key: PRNGKeyArray, shape: Shape) -> Weights:
        return jax.random.normal(key, shape, jnp.float32) * self.stddev + self.mean


@dataclass(frozen=True)
class RandomUniform(Initializer):
    """w ~ Uniform[minval, maxval); defaults ∓0.05."""

    minval: float = -0.05
    maxval: float = 0.05
    name: ClassVar[str] = "random_uniform"

    def __post_init__(self) -> None:
        if not self.minval <= self.maxval:
            raise StudyError("RandomUniform: minval must not exceed maxval", f"{self.minval} and {self.maxval}")

    def __call__(self, key: PRNGKeyArray, shape: Shape) -> Weights:
        return jax.random.uniform(key, shape, jnp.float32, self.minval, self.maxval)


@dataclass(frozen=True)
class TruncatedNormal(Initializer):
    """w ~ Normal(mean, stddev²) with draws beyond two stddev redrawn; defaults 0 and 0.05.

    As in Keras, ``stddev`` is that of the normal before truncation: the weights' own is 0.88 of it.
    """

    mean: float = 0.0
    stddev: float = 0.05
    name: ClassVar[str] = "truncated_normal"

    def __post_init__(self) -> None:
        _require_not_negative(self, "stddev", self.stddev)

    def __call__(self, key: PRNGKeyArray, shape: Shape) -> Weights:
        return jax.random.truncated_normal(key, -2.0, 2.0, shape, jnp.float32) * self.stddev + self.mean


@dataclass(frozen=True)
class VarianceScaling(Initializer):
    """Var(w) = scale / n, with n the fan-in, the fan-out or their mean.

    Args:
        scale: positive, default 1.
        mode: ``"fan_in"`` (default), ``"fan_out"`` or ``"fan_avg"``.
        distribution: ``"truncated_normal"`` (default; stddev corrected for the truncation), ``"untruncated_normal"``
            or ``"uniform"`` (limit sqrt(3·scale/n)).

    Raises:
        StudyError: an argument outside these.
    """

    scale: float = 1.0
    mode: str = "fan_in"
    distribution: str = "truncated_normal"
    name: ClassVar[str] = "variance_scaling"

    def __post_init__(self) -> None:
        if not self.scale > 0:
            raise StudyError("VarianceScaling: scale must be positive", self.scale)
        if self.mode not in ("fan_in", "fan_out", "fan_avg"):
            raise StudyError("VarianceScaling: unknown mode", self.mode, "Choose fan_in, fan_out or fan_avg.")
        if self.distribution not in ("truncated_normal", "untruncated_normal", "uniform"):
            remedy = "Choose truncated_normal, untruncated_normal or uniform."
            raise StudyError("VarianceScaling: unknown distribution", self.distribution, remedy)

    def __call__(self, key: PRNGKeyArray, shape: Shape) -> Weights:
        fan_in, fan_out = fans(shape)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, fan)
        if self.distribution == "uniform":
            limit = math.sqrt(3 * variance)
            return RandomUniform(-limit, limit)(key, shape)
        if self.distribution == "untruncated_normal":
            return RandomNormal(0.0, math.sqrt(variance))(key, shape)
        return TruncatedNormal(0.0, math.sqrt(variance) / _TRUNCATED_STDDEV)(key, shape)


@dataclass(frozen=True)
class GlorotUniform(Initializer):
    """w ~ Uniform(±sqrt(6 / (fan_in + fan_out))). Glorot & Bengio 2010; Keras's default for kernels."""

    name: ClassVar[str] = "glorot_uniform"
    aliases: ClassVar[tuple[str, ...]] = ("xavier_uniform",)

    def __call__(self, key: PRNGKeyArray, shape: Shape) -> Weights:
        return VarianceScaling(1.0, "fan_avg", "uniform")(key, shape)


@dataclass(frozen=True)
class GlorotNormal(Initializer):
    """w ~ truncated normal, Var(w) = 2 / (fan_in + fan_out). Glorot & Bengio 2010."""

    name: ClassVar[str] = "glorot_normal"
    aliases: ClassVar[tuple[str, ...]] = ("xavier_normal",)

    def __call__(self, key: PRNGKeyArray, shape: Shape) -> Weights:
        return VarianceScaling(1.0, "fan_avg", "truncated_normal")(key, shape)


@dataclass(frozen=True)
class HeUniform(Initializer):
    """w ~ Uniform(±sqrt(6 / fan_in)). He et al. 2015."""

    name: ClassVar[str] = "he_uniform"

    def __call__(self, key: PRNGKeyArray, shape: Shape) -> Weights:
        return VarianceScaling(2.0, "fan_in", "uniform")(key, shape)


@dataclass(frozen=True)
class HeNormal(Initializer):
    """w ~ truncated normal, Var(w) = 2 / fan_in. He et al. 2015."""

    name: ClassVar[str] = "he_normal"

    def __call__(self, key: PRNGKeyArray, shape: Shape) -> Weights:
        return VarianceScaling(2.0, "fan_in", "truncated_normal")(key, shape)


@dataclass(frozen=True)
class LecunUniform(Initializer):
    """w ~ Uniform(±sqrt(3 / fan_in)). LeCun et al. 1998."""

    name: ClassVar[str] = "lecun_uniform"

    def __call__(self, key: PRNGKeyArray, shape: Shape) -> Weights:
        return VarianceScaling(1.0, "fan_in", "uniform")(key, shape)


@dataclass(frozen=True)
class LecunNormal(Initializer):
    """w ~ truncated normal, Var(w) = 1 / fan_in. LeCun et al. 1998; goes with ``selu``."""

    name: ClassVar[str] = "lecun_normal"

    def __call__(self, key: PRNGKeyArray, shape: Shape) -> Weights:
        return VarianceScaling(1.0, "fan_in", "truncated_normal")(key, shape)


@dataclass(frozen=True)
class Orthogonal(Initializer):
    """w = gain·Q with orthonormal columns (rows, if there are fewer rows), uniform over such Q. Saxe et al. 2014."""

    gain: float = 1.0
    name: ClassVar[str] = "orthogonal"

    def __call__(self, key: PRNGKeyArray, shape: Shape) -> Weights:
        if len(shape) < 2:
            raise StudyError("Orthogonal: the shape must have at least two axes", shape, "Use zeros for biases.")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = jnp.linalg.qr(jax.random.normal(key, (max(rows, columns), min(rows, columns)), jnp.float32))
        q = q * jnp.sign(jnp.diagonal(r))  # QR's sign convention isn't uniform over orthogonal matrices
        return self.gain * jnp.reshape(q.T if rows < columns else q, shape)


@dataclass(frozen=True)
class Identity(Initializer):
    """w = gain·I, matrices only; ones on the diagonal if not square."""

    gain: float = 1.0
    name: ClassVar[str] = "identity"

    def __call__(self, key: PRNGKeyArray, shape: Shape) -> Weights:
        if len(shape) != 2:
            raise StudyError("Identity: the shape must have two axes", shape, "Use zeros for biases.")
        return self.gain * jnp.eye(*shape, dtype=jnp.float32)


@dataclass(frozen=True)
class Scaled(Initializer):
    """factor · another initializer's weights; made by techniques, it has no text form."""

    inner: Initializer
    factor: float
    name: ClassVar[str] = "scaled"

    def __call__(self, key: PRNGKeyArray, shape: Shape) -> Weights:
        return self.factor * self.inner(key, shape)


INITIALIZERS: Mapping[str, type[Initializer]] = registry(
    (
        Zeros, Ones, Constant, RandomNormal, RandomUniform, TruncatedNormal, VarianceScaling,
        GlorotUniform, GlorotNormal, HeUniform, HeNormal, LecunUniform, LecunNormal, Orthogonal, Identity,
    )
)  # fmt: skip
"""Every initializer by its Keras name."""


def initializer(spec: str | Initializer) -> Initializer:
    """The initializer that a text describes, e.g. ``"random_normal(stddev=0.1)"``; ``to_text()`` is the way back.

    Raises:
        StudyError: unknown name or argument, or a value without a meaning.
    """
    return build("initializer", spec, INITIALIZERS)


def fans(shape: Shape) -> tuple[int, int]:
    """(fan-in, fan-out) of a kernel of this shape, as Keras counts them."""
    if len(shape) == 0:
        return 1, 1
    if len(shape) == 1:
        return shape[0], shape[0]
    field = math.prod(shape[:-2])
    return shape[-2] * field, shape[-1] * field


def _require_not_negative(owner: Initializer, argument: str, value: float) -> None:
    if not value >= 0:
        raise StudyError(f"{type(owner).__name__}: {argument} must not be negative", value)

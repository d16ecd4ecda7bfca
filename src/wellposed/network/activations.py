"""Activations, under Keras's names and with Keras's definitions and slopes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from wellposed.errors import StudyError

Values = Float[Array, "..."]
Activation = Callable[[Values], Values]


def _linear(x: Values) -> Values:
    return x


def _leaky_relu(x: Values) -> Values:
    return jax.nn.leaky_relu(x, negative_slope=0.2)  # Keras's slope; JAX's own default is 0.01


def _gelu(x: Values) -> Values:
    return jax.nn.gelu(x, approximate=False)  # Keras's default; JAX's own is the tanh approximation


def _mish(x: Values) -> Values:
    return x * jnp.tanh(jax.nn.softplus(x))


def _tanh_shrink(x: Values) -> Values:
    return x - jnp.tanh(x)


def _soft_shrink(x: Values) -> Values:
    return jnp.where(x > 0.5, x - 0.5, jnp.where(x < -0.5, x + 0.5, 0.0 * x))  # 0·x: NaN stays NaN


def _hard_shrink(x: Values) -> Values:
    return jnp.where(jnp.abs(x) > 0.5, x, 0.0 * x)


ACTIVATIONS: Mapping[str, Activation] = MappingProxyType(
    {
        "celu": jax.nn.celu,
        "elu": jax.nn.elu,
        "exponential": jnp.exp,
        "gelu": _gelu,
        "hard_shrink": _hard_shrink,
        "hard_sigmoid": jax.nn.hard_sigmoid,
        "hard_silu": jax.nn.hard_silu,
        "hard_swish": jax.nn.hard_silu,
        "hard_tanh": jax.nn.hard_tanh,
        "leaky_relu": _leaky_relu,
        "linear": _linear,
        "log_sigmoid": jax.nn.log_sigmoid,
        "log_softmax": jax.nn.log_softmax,
        "mish": _mish,
        "relu": jax.nn.relu,
        "relu6": jax.nn.relu6,
        "selu": jax.nn.selu,
        "sigmoid": jax.nn.sigmoid,
        "silu": jax.nn.silu,
        "soft_shrink": _soft_shrink,
        "softmax": jax.nn.softmax,
        "softplus": jax.nn.softplus,
        "softsign": jax.nn.soft_sign,
        "sparse_plus": jax.nn.sparse_plus,
        "sparse_sigmoid": jax.nn.sparse_sigmoid,
        "squareplus": jax.nn.squareplus,
        "swish": jax.nn.silu,
        "tanh": jnp.tanh,
        "tanh_shrink": _tanh_shrink,
    }
)
"""Every activation by its Keras name; ``softmax`` and ``log_softmax`` act along the last axis, the others on elements.

Keras's ``glu`` (it halves the width) and ``threshold`` (it needs arguments) are left out.
"""


def activation(name: str) -> Activation:
    """The activation with this Keras name.

    Args:
        name: e.g. ``"relu"``; the keys of ``ACTIVATIONS``.

    Raises:
        StudyError: the name is unknown.
    """
    if name not in ACTIVATIONS:
        raise StudyError("activation: unknown name", name, f"Choose one of {', '.join(ACTIVATIONS)}.")
    return ACTIVATIONS[name]

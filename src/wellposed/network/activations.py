"""Activations, under Keras's names and with Keras's definitions and slopes."""

from __future__ import annotations

import difflib
import functools
import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from wellposed.errors import StudyError
from wellposed.textform import parse

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


def _sloped_leaky_relu(x: Values, negative_slope: float) -> Values:
    return jax.nn.leaky_relu(x, negative_slope=negative_slope)


def _bent_relu(x: Values, max_value: float, negative_slope: float, threshold: float) -> Values:
    above = jnp.where(x > threshold, x, negative_slope * (x - threshold))
    return jnp.minimum(above, max_value)


ARGUMENTS: Mapping[str, tuple[Callable[..., Values], Mapping[str, float]]] = MappingProxyType(
    {
        "celu": (jax.nn.celu, {"alpha": 1.0}),
        "elu": (jax.nn.elu, {"alpha": 1.0}),
        "leaky_relu": (_sloped_leaky_relu, {"negative_slope": 0.2}),
        "relu": (_bent_relu, {"max_value": math.inf, "negative_slope": 0.0, "threshold": 0.0}),
    }
)
"""The activations that take arguments in text, ``"leaky_relu(negative_slope=0.3)"``: their equation, their defaults."""


def activation(name: str) -> Activation:
    """The activation with this Keras name.

    Args:
        name: e.g. ``"relu"``, one of the keys of ``ACTIVATIONS``; those of ``ARGUMENTS`` may have some:
            ``"leaky_relu(negative_slope=0.3)"``.

    Raises:
        StudyError: the name or an argument is unknown.
    """
    if name in ACTIVATIONS:
        return ACTIVATIONS[name]
    word, given = activation_arguments(name)
    if word not in ACTIVATIONS:
        close = difflib.get_close_matches(word.lower(), ACTIVATIONS, n=1)
        guess = f"Did you mean {close[0]}? " if close else ""
        raise StudyError("activation: unknown name", name, f"{guess}Choose one of {', '.join(ACTIVATIONS)}.")
    return functools.partial(ARGUMENTS[word][0], **given) if word in ARGUMENTS else ACTIVATIONS[word]


def activation_arguments(name: str) -> tuple[str, dict[str, float]]:
    """The name without its arguments, and all arguments of that activation: those given, the others at their defaults.

    Raises:
        StudyError: an argument that the activation doesn't have, or one that is no number.
    """
    if "(" not in name:
        return name, dict(ARGUMENTS[name][1]) if name in ARGUMENTS else {}
    word, positional, named = parse("activation", name)
    known = ARGUMENTS[word][1] if word in ARGUMENTS else {}
    given = {**dict(zip(known, positional, strict=False)), **named}
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in given.values())
    if len(positional) > len(known) or not set(given) <= set(known) or not numbers:
        takes = ", ".join(f"{word}({argument}={value:g})" for argument, value in known.items())
        raise StudyError("activation: can't be understood", name, f"Write e.g. {takes or word}.")
    return word, {**known, **{argument: float(value) for argument, value in given.items()}}  # type: ignore[arg-type]

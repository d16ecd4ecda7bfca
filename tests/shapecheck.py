"""Array shapes in signatures, checked whenever a function is called in the tests.

`pyproject.toml` hands `check` to jaxtyping's pytest hook. Only annotations with array shapes are checked: other types
are pyright's business, and wrong ones are handed over on purpose where a test wants an error message. NumPy's arrays
are as good as JAX's, as for JAX itself.
"""

from __future__ import annotations

import functools
import operator
import types
import typing
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import numpy as np
from beartype import beartype
from jaxtyping import AbstractArray

_F = TypeVar("_F", bound=Callable[..., Any])


def check(function: _F) -> _F:
    """The function, its array arguments and results checked; itself if it has none."""
    hints = function.__annotations__
    for name, hint in hints.items():
        hints[name] = _of_either_kind(hint) if _has_shape(hint) else Any
    return beartype(function) if any(hint is not Any for hint in hints.values()) else function


def _has_shape(hint: object) -> bool:
    return _is_array(hint) or any(_has_shape(part) for part in typing.get_args(hint))


def _is_array(hint: object) -> bool:
    return isinstance(hint, type) and issubclass(hint, AbstractArray)


def _of_either_kind(hint: Any) -> Any:
    """``Float[Array, "rows"]``, alone or in a union, made to admit NumPy arrays."""
    if _is_array(hint) and hint.array_type is jax.Array:
        return hint.dtype[jax.Array | np.ndarray, hint.dim_str]
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return functools.reduce(operator.or_, (_of_either_kind(part) for part in typing.get_args(hint)))
    return hint

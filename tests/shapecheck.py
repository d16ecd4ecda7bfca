"""Array shapes in signatures, checked whenever a function is called in the tests.

`pyproject.toml` hands `check` to jaxtyping's pytest hook. Only annotations with array shapes are checked: other types
are pyright's business, and wrong ones are handed over on purpose where a test wants an error message.
"""

from __future__ import annotations

import typing
from collections.abc import Callable
from typing import Any, TypeVar

from beartype import beartype
from jaxtyping import AbstractArray

_F = TypeVar("_F", bound=Callable[..., Any])


def check(function: _F) -> _F:
    """The function, its array arguments and results checked; itself if it has none."""
    hints = function.__annotations__
    for name, hint in hints.items():
        if not _has_shape(hint):
            hints[name] = Any
    return beartype(function) if any(hint is not Any for hint in hints.values()) else function


def _has_shape(hint: object) -> bool:
    if isinstance(hint, type) and issubclass(hint, AbstractArray):
        return True
    return any(_has_shape(part) for part in typing.get_args(hint))

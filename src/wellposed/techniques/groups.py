"""Weights in groups: those that leave a source column or unit, or those that enter a unit."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wellposed.techniques.base import Context, Params

__all__ = ["Grouping", "groupings", "map_grouped"]


@dataclasses.dataclass(frozen=True)
class Grouping:
    """How the entries of one kernel [*heads, inputs, units] belong to groups; static.

    Args:
        on: ``inputs`` (a group holds whole rows), ``units`` (a column) or ``weights`` (each entry is its own).
        inputs, units: of the kernel.
        columns: row numbers by group, where groups hold several rows; empty: each row is a group.
    """

    on: str
    inputs: int
    units: int
    columns: tuple[tuple[int, ...], ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one value a group."""
        if self.on == "weights":
            return (self.inputs, self.units)
        return (self.units if self.on == "units" else len(self.columns) or self.inputs,)

    @property
    def sizes(self) -> Float[np.ndarray, "*groups"]:
        """Entries in each group."""
        if self.on != "inputs":
            return np.full(self.shape, self.inputs if self.on == "units" else 1, np.float32)
        rows = [len(group) for group in self.columns] or [1] * self.inputs
        return np.asarray(rows, np.float32) * self.units

    def sum(self, entries: Float[Array, "*heads inputs units"]) -> Float[Array, "*groups"]:
        """The sum over each group's entries."""
        if self.on == "weights":
            return entries
        if self.on == "units":
            return jnp.sum(entries, -2)
        rows = jnp.sum(entries, -1)
        return rows @ self._membership if self.columns else rows

    def spread(self, values: Float[Array, "*groups"]) -> Float[Array, "*heads rows columns"]:
        """Each group's value where its entries are, in a shape that broadcasts against the kernel."""
        if self.on == "weights":
            return values
        if self.on == "units":
            return values[..., None, :]
        return (values @ self._membership.T if self.columns else values)[..., :, None]

    @property
    def _membership(self) -> Float[np.ndarray, "inputs groups"]:
        member = np.zeros((self.inputs, len(self.columns)), np.float32)
        for group, rows in enumerate(self.columns):
            member[list(rows), group] = 1.0
        return member


def groupings(
    params: Params, on: str, chosen: tuple[str, ...], context: Context
) -> tuple[tuple[str, str, Grouping], ...]:
    """Block, layer and grouping of every kernel in the ``chosen`` blocks.

    The rows of the first block's first kernel are encoded features: they belong together by source column.
    """
    found = []
    first = context.layers[1]
    for block in chosen:
        for layer, kernel in _kernels_of(params, block):
            inputs, units = kernel.shape[-2:]
            of_features = block == first and inputs == context.features and not any(b == first for b, _, _ in found)
            several = any(len(group) > 1 for group in context.feature_groups)
            columns = context.feature_groups if on == "inputs" and of_features and several else ()
            found.append((block, layer, Grouping(on, inputs, units, columns)))
    return tuple(found)


def map_grouped(
    function: Callable[..., Array], grouped: tuple[tuple[str, str, Grouping], ...], params: Params, *others: Params
) -> Params:
    """``params`` with ``function(grouping, kernel, …)`` in place of the kernels that have a grouping."""
    changed = {block: dict(layers) for block, layers in params.items()}
    for block, layer, grouping in grouped:
        kernels = (other[block][layer]["kernel"] for other in (params, *others))
        changed[block][layer] = {**params[block][layer], "kernel": function(grouping, *kernels)}
    return changed


def _kernels_of(params: Params, block: str) -> Iterator[tuple[str, Any]]:
    for layer in sorted(params[block]):
        if "kernel" in params[block][layer]:
            yield layer, params[block][layer]["kernel"]

"""Parameters, by block and layer: ``params["hidden1"]["dense"]["kernel"]``; walking over their kernels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from jaxtyping import Array

__all__ = ["Params", "kernels", "map_kernels"]

Params = Any


def kernels(params: Params, layers: Sequence[str], leaf: str = "kernel") -> Iterator[Array]:
    """The kernels (or another ``leaf``, such as ``bias``) of the blocks named in ``layers``."""
    for block in layers:
        for layer in params.get(block, {}).values():
            if leaf in layer:
                yield layer[leaf]


def map_kernels(
    function: Callable[..., Array], layers: Sequence[str], params: Params, *others: Params, leaf: str = "kernel"
) -> Params:
    """``params`` with ``function`` applied to the kernels of the blocks in ``layers`` (``others``' beside them)."""

    def changed(block: str, layer: str) -> Any:
        leaves = params[block][layer]
        if block not in layers or leaf not in leaves:
            return leaves
        return {**leaves, leaf: function(leaves[leaf], *(other[block][layer][leaf] for other in others))}

    return {block: {layer: changed(block, layer) for layer in inner} for block, inner in params.items()}

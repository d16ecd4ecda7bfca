"""How much memory a tile takes, and the largest tile that a bound allows."""

from __future__ import annotations

import dataclasses
import math
import re
from typing import Any

import jax

from wellposed.errors import StudyError, option
from wellposed.network.randomness import study_key
from wellposed.population.step import initialize
from wellposed.population.train import Program

__all__ = ["RowCounts", "activation_bytes", "block_rows", "data_bytes", "member_bytes", "parse_size", "size_text"]

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
# Activations of one scored block: smaller ones cost more calls, larger ones leave the cache (measured on W1 to W4).
_BLOCK_BYTES = 10 * 2**20


@dataclasses.dataclass(frozen=True)
class RowCounts:
    """Rows of a stream's sets, filled up to what the program's shapes need."""

    training: int
    monitor: int
    validation: int

    def padded(self, block: int) -> RowCounts:
        """Each count filled up so that it divides into equal blocks of at most ``block`` rows."""
        return RowCounts(*(_filled(count, block) for count in dataclasses.astuple(self)))

    @property
    def total(self) -> int:
        """All rows."""
        return self.training + self.monitor + self.validation


def _filled(count: int, block: int) -> int:
    blocks = -(-count // block)
    return blocks * -(-count // blocks) if blocks else 0


def parse_size(text: str | int | float) -> int:
    """Bytes of ``"4GB"``, ``"500 MB"``, ``"2GiB"`` or a number.

    Raises:
        StudyError: not a size, or below 1 MB.
    """
    match = re.fullmatch(r"\s*([0-9.]+)\s*([A-Za-z]*)\s*", str(text))
    unit = match.group(2).upper() if match else ""
    try:
        size = int(float(match.group(1)) * _UNITS[unit]) if match else 0
    except (KeyError, ValueError):
        size = 0
    if size < 10**6:
        raise StudyError("memory: must be a size of at least 1 MB", text, f"Write e.g. {option('memory', '4GB')}.")
    return size


def size_text(size: float) -> str:
    """``1.3 GB``."""
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def block_rows(widths: tuple[int, ...], members: int) -> int:
    """Most rows scored at once: as many as keep all members' activations near the processor, 64 to 8192."""
    return max(64, min(8192, _BLOCK_BYTES // (4 * sum(widths) * members)))


def member_bytes(program: Program) -> int:
    """Bytes of one member in training: what is carried, its frozen and kept copies, the gradient."""
    member = jax.eval_shape(
        lambda key: initialize(program.algorithm, program.techniques, key), jax.eval_shape(lambda: study_key(0))
    )
    carried, weights = _bytes(member), _bytes((member.params, member.own_params))
    copies = 3 if program.keeps else 2
    return carried * copies + weights


def activation_bytes(program: Program, block: int) -> int:
    """Bytes of one member's hidden values: three times those of a minibatch, and those of a block of scored rows."""
    return (program.algorithm.context.batch_size * 3 + block) * sum(program.algorithm.network.widths) * 4


def data_bytes(rows: RowCounts, features: int, outputs: int) -> int:
    """Bytes of one stream's encoded rows."""
    return rows.total * (features + outputs + 2) * 4


def _bytes(tree: Any) -> int:
    return sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))

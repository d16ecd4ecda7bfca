"""The shape of a program's tiles: equal parts of streams and lanes that take the least time within a memory bound."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence

from wellposed.errors import StudyError, option
from wellposed.population.memory import RowCounts, activation_bytes, block_rows, data_bytes, member_bytes, size_text
from wellposed.population.train import Program

__all__ = ["WORKERS", "TileShape", "tile_shape"]

# Tiles that are meant to run side by side. A constant, not the machine's number of cores: tile shapes decide how
# float32 products round, so they must follow from the plan alone.
WORKERS = 2
_MOST_MEMBERS = 128  # beyond this a tile's activations leave the caches (bench/speed.py)
# Microseconds that a step costs besides its members, and besides the members of each stream (measured on W1).
_STEP_COST, _STREAM_COST = 15.0, 8.0


@dataclasses.dataclass(frozen=True)
class TileShape:
    """Streams × lanes, the rows that each stream's sets are filled up to, rows scored at once, bytes that it takes."""

    streams: int
    lanes: int
    rows: RowCounts
    block: int
    bytes: int


def tile_shape(
    program: Program, streams: Sequence[int], lanes: int, rows: RowCounts, *, memory: int, reserved: int
) -> TileShape:
    """The quickest shape, by a rough model of a step's cost; of those that fit.

    Args:
        program: what the tiles execute.
        streams: how many streams there are of each number of steps.
        lanes: members of the largest stream.
        rows: of the largest split.
        memory: bound on everything, bytes; reserved: what other things take of it (tiles get at least a quarter).

    Raises:
        StudyError: not even one member fits.
    """
    context = program.algorithm.context
    products = sum(a * b for a, b in itertools.pairwise(context.widths))
    member_cost = 2.0 + 1.5e-4 * context.batch_size * products  # microseconds, 6 operations a product at 40 GFLOP/s
    carried = member_bytes(program)
    available = max(memory - reserved, memory // 4)
    found: list[tuple[bool, float, TileShape]] = []
    for height, breadth in _shapes(max(streams), lanes):
        block = block_rows(context.widths, height * breadth)
        padded = rows.padded(block)
        member = carried + activation_bytes(program, block)
        taken = height * (breadth * member + data_bytes(padded, context.widths[0], context.widths[-1]))
        tiles = sum(-(-count // height) for count in streams) * -(-lanes // breadth)
        cost = -(-tiles // WORKERS) * (_STEP_COST + height * (_STREAM_COST + breadth * member_cost))
        fits = taken <= available // WORKERS
        found.append((not fits, cost if fits else taken, TileShape(height, breadth, padded, block, taken)))
    too_large, _, best = min(found, key=lambda item: item[:2])
    if too_large:
        least = size_text(1.1 * (best.bytes * WORKERS + reserved)).replace(" ", "")
        remedy = f"Give at least {option('memory', least)}."
        raise StudyError("memory: too little for one stream of members", size_text(memory), remedy)
    return best


def _shapes(streams: int, lanes: int) -> Iterator[tuple[int, int]]:
    """Shapes that divide streams and lanes into equal parts, within the cap."""
    heights = sorted({-(-streams // parts) for parts in range(1, streams + 1)})
    breadths = sorted({-(-lanes // parts) for parts in range(1, lanes + 1)})
    for height, breadth in itertools.product(heights, breadths):
        if height * breadth <= _MOST_MEMBERS or height * breadth == 1:
            yield height, breadth

"""How long a plan will take: processor seconds of compiling and training its programs, from their structure.

The constants are fits to medians on two x86-64 cores; `bench/estimate.py` prints predicted beside measured times.
"""

from __future__ import annotations

import dataclasses
import itertools

from wellposed.population.compile import compiled_before
from wellposed.population.plan import Plan, TilePlan
from wellposed.techniques.base import overrides

__all__ = ["Work", "work_of"]

# Seconds of a compilation: in any case, by technique, by layer, for a second pass, for changed minibatches.
_COMPILE, _BY_TECHNIQUE, _BY_LAYER, _BY_PASS, _BY_AUGMENTATION = 1.1, 0.27, 0.56, 0.5, 0.3
_LOAD = 1.2  # seconds of tracing a program whose executable the cache holds, and loading it
# Microseconds of a step: by stream, and by member: for each technique, and for a product (a weight times a row) of
# training and of scoring.
_STREAM, _TECHNIQUE, _TRAINED, _SCORED = 15.0, 0.7, 1.2e-4, 0.5e-4


@dataclasses.dataclass(frozen=True)
class Work:
    """Processor seconds: all programs' compilations, all tiles' training, and the longest single program's both."""

    compile_s: float
    train_s: float
    longest_s: float

    def seconds(self, cores: int, beside: float = 0.0) -> float:
        """Wall time on so many cores.

        Args:
            beside: processor seconds of something else that runs in one thread meanwhile.
        """
        # compilations are half Python, which runs one at a time
        parallel = self.compile_s / min(cores, 2.0) + self.train_s / cores + beside / cores
        return max(parallel, self.longest_s, beside)


def work_of(plan: Plan, *, features: int, outputs: int) -> Work:
    """What the plan's programs take; early stopping isn't foreseen."""
    parts = [(_compilation(part, features, outputs), _training(plan, part)) for part in plan.programs]
    # a program's tiles train side by side, each in one thread
    tiles = [len(part.tiles) for part in plan.programs]
    longest = max(compiling + training / count for (compiling, training), count in zip(parts, tiles, strict=True))
    return Work(sum(part[0] for part in parts), sum(part[1] for part in parts), longest)


def _compilation(part: TilePlan, features: int, outputs: int) -> float:
    if compiled_before(part.program, part.streams, part.lanes, part.rows, features, outputs):
        return _LOAD
    techniques = part.program.techniques
    layers = sum(len(block.layers) for block in part.program.algorithm.network.blocks)
    passes = sum(overrides(item, "objective") or overrides(item, "differentiate") for item in techniques)
    fixed = _COMPILE + _BY_TECHNIQUE * len(techniques) + _BY_LAYER * layers
    return fixed + _BY_PASS * passes + _BY_AUGMENTATION * sum(part.program.augmenting)


def _training(plan: Plan, part: TilePlan) -> float:
    """All tiles' epochs; dummy lanes cost as much as others."""
    context, techniques = part.program.algorithm.context, part.program.techniques
    products = sum(a * b for a, b in itertools.pairwise(context.widths))
    passes = 1 + sum(overrides(item, "objective") or overrides(item, "differentiate") for item in techniques)
    step = _TECHNIQUE * len(techniques) + _TRAINED * passes * context.batch_size * products
    micros = 0.0
    for tile in part.tiles:
        present = {plan.members[m].candidate for slot in tile.slots for m in slot.members if m >= 0}
        epochs = max(plan.candidates[candidate].epochs for candidate in present)
        score = _SCORED * part.rows.total * products
        micros += epochs * part.streams * (tile.steps * _STREAM + part.lanes * (tile.steps * step + score))
    return micros / 1e6

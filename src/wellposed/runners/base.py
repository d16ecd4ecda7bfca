"""What a runner does: it executes a plan's tiles and hands back records."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from typing import Protocol

from wellposed.population.plan import Plan, SplitRows
from wellposed.records import Records

__all__ = ["ProgramTiming", "Progress", "Runner", "Timing"]


@dataclasses.dataclass(frozen=True)
class Progress:
    """How far training is: ``done`` of ``total`` member-epochs; ``phase`` is ``compiling`` or ``training``."""

    phase: str
    done: int
    total: int
    seconds: float


@dataclasses.dataclass(frozen=True)
class ProgramTiming:
    """What one program cost.

    Attributes:
        candidates: names of the recipes that it trains.
        members: how many networks.
        compile_s: seconds of its compilation, beside which another program may compile or train.
        train_s: seconds of training, summed over the threads that trained its tiles.
        member_steps: updates of single networks.
    """

    candidates: tuple[str, ...]
    members: int
    compile_s: float
    train_s: float
    member_steps: int


@dataclasses.dataclass
class Timing:
    """Where the time went.

    Attributes:
        compile_s: seconds until the first program trained; train_s: seconds after that.
        member_steps: updates of single networks.
        programs: what each cost, in the plan's order.
    """

    compile_s: float = 0.0
    train_s: float = 0.0
    member_steps: int = 0
    programs: tuple[ProgramTiming, ...] = ()


class Runner(Protocol):
    """Executes plans."""

    def run(
        self,
        plan: Plan,
        rows: Callable[[int], SplitRows],
        identities: list[tuple[int, int]],
        *,
        seed: int,
        progress: Callable[[Progress], None] = ...,
        stop: threading.Event | None = None,
    ) -> tuple[Records, Timing]:
        """Trains every member.

        Args:
            plan: what to train.
            rows: the encoded rows of a split, by its number.
            identities: (fold, seed) of every split: with the study's ``seed`` they fix everything random.
            progress: called a few times a second.
            stop: once set, by any thread, training ends within a segment and nothing more is compiled; the records
                come as usual, and `MemberRecord.finished` tells which members were trained to their end.
        """
        ...

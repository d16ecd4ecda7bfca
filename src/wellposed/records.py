"""What training leaves behind: curves and scores of every member."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MemberRecord", "Records"]


@dataclasses.dataclass(frozen=True)
class MemberRecord:
    """One member's curves and result.

    Attributes:
        candidate, split: which member.
        curves: [epochs run, columns], penalty-free scores after every epoch.
        result_epoch: the epoch whose weights count, from 1 (0: none was kept, or it isn't finished).
        diverged: the epoch at which loss or weights stopped being finite (0: never).
        predictions: [validation rows, outputs] of the result, if they were asked for.
        losses: [validation rows], the loss of each, beside them.
        weights: the result's parameters and state, if they were asked for.
        finished: trained to its end, be it a divergence; False: cut off, its curves so far are kept.
    """

    candidate: int
    split: int
    curves: np.ndarray
    result_epoch: int
    diverged: int
    predictions: np.ndarray | None = None
    losses: np.ndarray | None = None
    weights: Any = None
    finished: bool = True

    @property
    def epochs_run(self) -> int:
        """Epochs trained."""
        return len(self.curves)

    @property
    def failed(self) -> bool:
        """Whether it diverged."""
        return self.diverged > 0


@dataclasses.dataclass(frozen=True)
class Records:
    """All members' records of a study.

    Attributes:
        columns: names of the curves' columns (``train_loss``, ``validation_accuracy``, …, ``penalty``).
        members: in the plan's order.
        candidates: names, by number.
        splits: (fold, seed) by number.
    """

    columns: tuple[str, ...]
    members: tuple[MemberRecord, ...]
    candidates: tuple[str, ...]
    splits: tuple[tuple[int, int], ...]

    def of(self, candidate: int) -> list[MemberRecord]:
        """The candidate's members, in the order of splits."""
        return self._by_candidate.get(candidate, [])

    @cached_property
    def _by_candidate(self) -> dict[int, list[MemberRecord]]:
        found: dict[int, list[MemberRecord]] = {}
        for member in self.members:
            found.setdefault(member.candidate, []).append(member)
        return found

    def complete(self) -> tuple[int, ...]:
        """Candidates all of whose members are finished: those that can be compared after an interruption."""
        cut = {member.candidate for member in self.members if not member.finished}
        return tuple(number for number in self._by_candidate if number not in cut)

    def scores(self, candidate: int, column: str) -> np.ndarray:
        """Scores of the candidate's results by split; NaN for members that diverged or aren't finished."""
        index = self.columns.index(column)
        return np.array([self._score(member, index) for member in self.of(candidate)], np.float64)

    @staticmethod
    def _score(member: MemberRecord, index: int) -> float:
        if member.failed or member.result_epoch == 0:
            return float("nan")
        return float(member.curves[member.result_epoch - 1, index])

    def to_frame(self) -> pd.DataFrame:
        """A row per member and epoch: recipe, fold, seed, epoch (from 1) and the columns as float32."""
        import pandas as pd

        lengths = [member.epochs_run for member in self.members]
        names = np.array(self.candidates, object)[[member.candidate for member in self.members]]
        splits = np.array([self.splits[member.split] for member in self.members], np.int32).reshape(-1, 2)
        epochs = (
            np.concatenate([np.arange(1, n + 1, dtype=np.int32) for n in lengths]) if lengths else np.zeros(0, np.int32)
        )
        frame = pd.DataFrame(
            {
                "recipe": pd.Categorical(np.repeat(names, lengths), categories=list(dict.fromkeys(self.candidates))),
                "fold": np.repeat(splits[:, 0], lengths),
                "seed": np.repeat(splits[:, 1], lengths),
                "epoch": epochs,
            }
        )
        curves = (
            np.concatenate([member.curves for member in self.members])
            if lengths
            else np.zeros((0, len(self.columns)), np.float32)
        )
        return pd.concat([frame, pd.DataFrame(curves, columns=list(self.columns), dtype=np.float32)], axis=1)


def concatenate(parts: Sequence[np.ndarray], width: int) -> np.ndarray:
    """The parts of a curve, one after the other."""
    return np.concatenate(parts) if parts else np.zeros((0, width), np.float32)

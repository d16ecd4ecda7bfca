"""Warnings worth reading: what makes a comparison say less than its table seems to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from wellposed.errors import option

__all__ = ["warnings_of"]


def warnings_of(entries: Sequence[dict[str, Any]], metric: str, direction: str, epochs: int) -> list[str]:
    """In the order in which they matter: a troubled baseline, unfinished training, techniques that never acted."""
    baseline, found = entries[0], []
    if baseline["failed"]:
        found.append(
            f"The baseline diverged in {baseline['failed']} of {baseline['members']} members, so there are no "
            "verdicts: lower the learning rate or scale the features."
        )
    elif baseline["collapsed"] * 2 > baseline["members"]:
        found.append(
            "The baseline learned nothing: it predicts no better than a constant on its own training rows. Change the "
            "initialization, the output activation or the learning rate before comparing techniques."
        )
    elif baseline["improving"] * 2 > baseline["members"]:
        found.append(
            f"The baseline underfits: after {epochs} epochs most of its members are still improving on monitor rows. "
            "Techniques against overfitting can't help yet; train longer "
            f"({option('epochs')}) or raise {option('learning_rate')}."
        )
    elif not baseline["failed"] and not _overfits(baseline):
        found.append(
            "The baseline doesn't overfit: its loss on training rows isn't lower than on validation rows, so there is "
            "little for a technique to gain."
        )
    unfinished = [e["name"] for e in entries[1:] if e["improving"] * 2 > e["members"] and e["name"] != "best-epoch"]
    if unfinished and baseline["improving"] * 2 <= baseline["members"]:
        found.append(f"Still improving at the last epoch, so more epochs may show more: {_listed(unfinished)}.")
    idle = [e["name"] for e in entries[1:] if e["name"] != "best-epoch" and _same(e, baseline)]
    if idle:
        whose = "its members are" if len(idle) == 1 else "their members are"
        found.append(f"{_listed(idle)} never acted: {whose} the baseline's to the last digit.")
    stopped = next((e for e in entries if e["name"] == "best-epoch"), None)
    same = [
        e["name"] for e in entries[1:] if stopped and e is not stopped and e["name"] not in idle and _same(e, stopped)
    ]
    if same:
        found.append(
            f"{_listed(same)} scored as best-epoch to the last digit: both went back to the same epochs, as no "
            "score on monitor rows got better later."
        )
    return found


def _listed(names: Sequence[str]) -> str:
    """The first four, and how many more."""
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _same(entry: dict[str, Any], baseline: dict[str, Any]) -> bool:
    """Whether every member scores as the baseline's does, up to the last digit of float32."""
    pairs = zip(entry["validation"]["per_member"], baseline["validation"]["per_member"], strict=True)
    values = [(own[key], base[key]) for own, base in pairs for key in own.keys() - {"fold", "seed"}]
    if entry["failed"] or baseline["failed"] or not values:
        return False
    return all(None not in pair and math.isclose(*pair, rel_tol=2e-7) for pair in values)


def _overfits(baseline: dict[str, Any]) -> bool:
    train, validation = baseline["train"]["loss"]["mean"], baseline["validation"]["loss"]["mean"]
    return train is None or validation is None or train < validation

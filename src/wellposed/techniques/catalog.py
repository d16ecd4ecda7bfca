"""The catalogue: the only list of techniques."""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import math
from typing import Any

from wellposed.errors import TechniqueError
from wellposed.techniques.augmentation import Mixup
from wellposed.techniques.averaging import EMA, SWA, Lookahead, Snapshots
from wellposed.techniques.base import Technique
from wellposed.techniques.constraints import MaxNorm, WeightDecay
from wellposed.techniques.gradients import ClipGlobalNorm, ClipNorm, ClipValue
from wellposed.techniques.mixing import CMixup, CutMix, Cutout, ManifoldMixup
from wellposed.techniques.noise import DropConnect, Dropout, GaussianNoise
from wellposed.techniques.normalization import BatchNorm
from wellposed.techniques.objectives import ASAM, SAM, Adversarial, Flooding, RDrop
from wellposed.techniques.penalties import L1, L2, ElasticNet, ProximalL1
from wellposed.techniques.stopping import BestEpoch, EarlyStopping
from wellposed.techniques.targets import ConfidencePenalty, LabelSmoothing

__all__ = ["CATALOG", "explain", "find"]

CATALOG: tuple[type[Technique], ...] = (
    L1, L2, ElasticNet, ProximalL1,
    WeightDecay, MaxNorm,
    Dropout, DropConnect, GaussianNoise,
    Mixup, CMixup, ManifoldMixup, CutMix, Cutout, Adversarial,
    BatchNorm,
    LabelSmoothing, ConfidencePenalty, RDrop, Flooding,
    ClipNorm, ClipValue, ClipGlobalNorm, SAM, ASAM,
    EMA, SWA, Lookahead, Snapshots,
    EarlyStopping, BestEpoch,
)  # fmt: skip
"""Every technique, by family."""

_HOOKS = (
    "training", "network", "prepare", "augment", "weights", "hidden", "row_loss", "batch_loss", "penalty", "objective",
    "differentiate", "gradients", "update", "inference", "epoch_end",
)  # fmt: skip


def find(name: str) -> type[Technique]:
    """The technique of that name in text, e.g. ``l2``.

    Raises:
        TechniqueError: there is none; the closest name is proposed.

    Example:
        >>> find("dropout").__name__
        'Dropout'
    """
    names = {cls.name: cls for cls in CATALOG}
    wanted = name.strip().lower().replace("_", "-")
    if wanted in names:
        return names[wanted]
    close = difflib.get_close_matches(wanted, names, n=1)
    guess = f"Did you mean {close[0]}? " if close else ""
    remedy = f"{guess}`wellposed techniques` lists all."
    raise TechniqueError("recipe: no technique of that name", name, remedy)


def explain(cls: type[Technique]) -> str:
    """What ``wellposed techniques NAME`` prints: definition, strengths, options, hooks, source, example."""
    fields = dataclasses.fields(cls)  # type: ignore[arg-type]
    strengths = [_strength_line(cls, field) for field in fields if field.metadata["strength"]]
    options = [_option_line(field) for field in fields if not field.metadata["strength"]]
    hooks = [hook for hook in _HOOKS if getattr(cls, hook) is not getattr(Technique, hook)]
    parts = [f"{cls.name} ({cls.__name__}), {cls.family}", inspect.getdoc(cls) or ""]
    parts += ["\n".join(("Strengths:", *strengths))] if strengths else []
    parts += ["\n".join(("Options:", *options))] if options else []
    parts += [f"Hooks: {', '.join(hooks)}", f"Reference: {cls.reference}", f'Example: --with "{_example_text(cls)}"']
    return "\n\n".join(parts)


def _strength_line(cls: type[Technique], field: dataclasses.Field[Any]) -> str:
    minimum, maximum, open_minimum, open_maximum = field.metadata["bounds"]
    left, right = "(" if open_minimum else "[", ")" if open_maximum or math.isinf(maximum) else "]"
    text = f"    {field.name}: default {field.default:g}, in {left}{minimum:g}, {maximum:g}{right}".replace("inf", "∞")
    if field.name in cls.search_space():
        low, high, log = cls.search_space()[field.name]
        text += f"; searched from {low:g} to {high:g}{' on a logarithmic scale' if log else ''}"
    return text


def _option_line(field: dataclasses.Field[Any]) -> str:
    choices = field.metadata["choices"]
    listed = f"; one of {', '.join(choices)}" if choices else ""
    return f"    {field.name}: default {field.default}{listed}"


def _example_text(cls: type[Technique]) -> str:
    first = dataclasses.fields(cls)[0]  # type: ignore[arg-type]
    return f"{cls.name}={getattr(cls.example(), first.name)!r}" if first.metadata["strength"] else cls.name

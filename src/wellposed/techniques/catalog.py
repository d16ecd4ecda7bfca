"""The catalogue: the only list of techniques."""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import math
import re
from typing import Any

from wellposed.errors import TechniqueError
from wellposed.techniques.affine import Rotation, Shear, Shift, Zoom
from wellposed.techniques.augmentation import Mixup
from wellposed.techniques.averaging import EMA, SWA, Lookahead, Snapshots
from wellposed.techniques.base import HOOKS, Technique
from wellposed.techniques.capacity import Depth, InitialScale, MagnitudePruning, Width
from wellposed.techniques.constraints import MaxNorm, MinMaxNorm, NonNegative, UnitNorm, WeightDecay
from wellposed.techniques.gates import L0
from wellposed.techniques.gradients import ClipGlobalNorm, ClipNorm, ClipValue
from wellposed.techniques.group_lasso import GroupLasso
from wellposed.techniques.images import Brightness, Elastic, Flip, RandomErasing
from wellposed.techniques.jacobian import JacobianPenalty
from wellposed.techniques.masking import FeatureMasking
from wellposed.techniques.mixing import CMixup, CutMix, Cutout, ManifoldMixup
from wellposed.techniques.noise import (
    AlphaDropout,
    DropConnect,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    GradientNoise,
)  # fmt: skip
from wellposed.techniques.normalization import BatchNorm, GhostBatchNorm, LayerNorm
from wellposed.techniques.objectives import ASAM, SAM, Adversarial, Flooding, RDrop
from wellposed.techniques.optimization import BatchSize, LearningRateSchedule, OptimizerChoice, ScheduleFree
from wellposed.techniques.penalties import L1, L2, ElasticNet, Orthogonal, ProximalL1
from wellposed.techniques.spectral import SpectralNorm
from wellposed.techniques.stopping import BestEpoch, EarlyStopping
from wellposed.techniques.structure import KHeads, ShakeDrop, ShakeShake, SkipConnections, StochasticDepth
from wellposed.techniques.targets import ConfidencePenalty, LabelSmoothing
from wellposed.techniques.weight_norm import WeightNorm

__all__ = ["CATALOG", "explain", "find", "known", "refuse_taken_name", "register"]

CATALOG: tuple[type[Technique], ...] = (
    L1, L2, ElasticNet, ProximalL1, GroupLasso, L0, Orthogonal, JacobianPenalty,
    WeightDecay, MaxNorm, UnitNorm, NonNegative, MinMaxNorm, SpectralNorm,
    Dropout, DropConnect, GaussianDropout, AlphaDropout, GaussianNoise, FeatureMasking, GradientNoise,
    Rotation, Shear, Shift, Zoom, Elastic, Flip, Brightness, RandomErasing,
    Mixup, CMixup, ManifoldMixup, CutMix, Cutout, Adversarial,
    BatchNorm, LayerNorm, GhostBatchNorm, WeightNorm,
    SkipConnections, StochasticDepth, ShakeShake, ShakeDrop, KHeads,
    LabelSmoothing, ConfidencePenalty, RDrop, Flooding,
    ClipNorm, ClipValue, ClipGlobalNorm, SAM, ASAM,
    EMA, SWA, Lookahead, Snapshots,
    EarlyStopping, BestEpoch,
    Width, Depth, InitialScale, MagnitudePruning,
    OptimizerChoice, BatchSize, LearningRateSchedule, ScheduleFree,
)  # fmt: skip
"""Every technique, by family."""

_REGISTERED: dict[str, type[Technique]] = {}


def register(cls: type[Technique]) -> type[Technique]:
    """Makes a technique of one's own known by its name: in text, on the command line, in saved models, in the panel.

    Nothing else is needed for Python (``wp.compare(data, recipes=[Mine(0.1)])``). Registering the same class again, as
    when a notebook's cell runs twice, replaces it.

    Args:
        cls: a class under ``@technique``.

    Returns:
        The class, so that it can stand above ``@technique`` as a decorator.

    Raises:
        TechniqueError: no technique, or its name is taken.

    Example:
        >>> register(LogitPenalty)  # doctest: +SKIP
        >>> parse("logit-penalty=0.1 + l2=1e-3")  # doctest: +SKIP
    """
    if not (isinstance(cls, type) and issubclass(cls, Technique) and "__dataclass_fields__" in vars(cls)):
        raise TechniqueError("register: only a technique can be registered", cls, "Write @technique above the class.")
    refuse_taken_name(cls)
    _REGISTERED[cls.name] = cls
    return cls


def refuse_taken_name(cls: type[Technique]) -> None:
    """Two techniques of one name can't be told apart in text and results.

    Raises:
        TechniqueError: the catalogue or a registered technique has the name.
    """
    other = next((item for item in known() if item.name == cls.name), cls)
    if (other.__module__, other.__qualname__) != (cls.__module__, cls.__qualname__):
        remedy = f"Give {cls.__name__} another name."
        raise TechniqueError(f"{cls.__name__}: {other.__name__} has that name already", cls.name, remedy)


def known() -> tuple[type[Technique], ...]:
    """The catalogue, and then what was registered."""
    return (*CATALOG, *_REGISTERED.values())


def find(name: str) -> type[Technique]:
    """The technique of that name in text, e.g. ``l2``.

    Raises:
        TechniqueError: there is none; the closest name is proposed.

    Example:
        >>> find("dropout").__name__
        'Dropout'
    """
    names = {cls.name: cls for cls in known()}
    wanted = name.strip().lower().replace("_", "-")
    if wanted in names:
        return names[wanted]
    close = difflib.get_close_matches(wanted, names, n=1)
    remedy = "`wellposed techniques` lists all; one of your own comes with --techniques FILE.py or wp.register."
    if close:
        remedy = f"Did you mean {close[0]}? `wellposed techniques` lists all."
    word = re.split(r"[\s(:]", wanted, maxsplit=1)[0]
    if word in names:
        remedy = f"Write e.g. {_example_text(names[word])}; `wellposed techniques {word}` tells more."
    raise TechniqueError("recipe: no technique of that name", name, remedy)


def explain(cls: type[Technique]) -> str:
    """What ``wellposed techniques NAME`` prints: definition, strengths, options, hooks, source, example."""
    fields = dataclasses.fields(cls)  # type: ignore[arg-type]
    strengths = [_strength_line(cls, field) for field in fields if field.metadata["strength"]]
    options = [_option_line(field) for field in fields if not field.metadata["strength"]]
    hooks = [hook for hook in HOOKS if hook not in ("requires", "init") and _overridden(cls, hook)]
    parts = [f"{cls.name} ({cls.__name__}), {cls.family}", inspect.getdoc(cls) or ""]
    parts += ["\n".join(("Strengths:", *strengths))] if strengths else []
    parts += ["\n".join(("Options:", *options))] if options else []
    parts += [f"Hooks: {', '.join(hooks)}", f"Reference: {cls.reference}", f'Example: --with "{_example_text(cls)}"']
    return "\n\n".join(parts)


def _overridden(cls: type[Technique], hook: str) -> bool:
    return getattr(cls, hook) is not getattr(Technique, hook)


def _strength_line(cls: type[Technique], field: dataclasses.Field[Any]) -> str:
    minimum, maximum, open_minimum, open_maximum = field.metadata["bounds"]
    left, right = "(" if open_minimum else "[", ")" if open_maximum or math.isinf(maximum) else "]"
    text = f"    {field.name}: default {field.default:g}, in {left}{minimum:g}, {maximum:g}{right}".replace("inf", "∞")
    if field.name in cls.search_space():
        low, high, log = cls.search_space()[field.name]
        text += f"; usual from {low:g} to {high:g}{' on a logarithmic scale' if log else ''}"
    return text


def _option_line(field: dataclasses.Field[Any]) -> str:
    choices = field.metadata["choices"]
    listed = f"; one of {', '.join(choices)}" if choices else ""
    return f"    {field.name}: default {field.default}{listed}"


def _example_text(cls: type[Technique]) -> str:
    fields = dataclasses.fields(cls)  # type: ignore[arg-type]
    if not fields or not fields[0].metadata["strength"]:
        return cls.name
    return f"{cls.name}={getattr(cls.example(), fields[0].name)!r}"

"""Reads how a Keras model was compiled, and what its `fit` would be given, into training settings and techniques."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from wellposed.errors import StudyError
from wellposed.exchange.keras_objects import number, technique_class
from wellposed.exchange.keras_schedules import schedule_of
from wellposed.techniques.base import Technique
from wellposed.training.losses import LOSSES, Loss, loss
from wellposed.training.metrics import METRICS
from wellposed.training.optimizers import OPTIMIZERS, Optimizer
from wellposed.training.schedules import Schedule

__all__ = ["Loss", "read_callbacks", "read_loss", "read_metric", "read_optimizer"]

_CLIPS = {"clipnorm": "clip-norm", "clipvalue": "clip-value", "global_clipnorm": "clip-global-norm"}
_REDUCTIONS = ("sum_over_batch_size", "auto", None)
_SAME = {
    "acc": "accuracy",
    "binary_accuracy": "accuracy",
    "categorical_accuracy": "accuracy",
    "sparse_categorical_accuracy": "accuracy",
    "r2_score": "r2",
    "mean_squared_error": "mse",
    "mean_absolute_error": "mae",
    "root_mean_squared_error": "rmse",
    "f1_score": "f1",
}
_BESIDE = ("History", "ProgbarLogger", "ModelCheckpoint", "TensorBoard", "CSVLogger", "BackupAndRestore")


def _make(name: str, **fields: Any) -> Technique:
    cls = technique_class(name)
    assert cls is not None
    return cls(**fields)


def read_loss(given: Any, activation: str, units: int) -> tuple[Loss, str, tuple[Technique, ...]]:
    """The loss, the activation that the output needs, and label smoothing.

    Args:
        given: what ``compile`` was given: a name, a Keras loss, a function.
        activation: of the last layer; units: its columns.

    Raises:
        StudyError: a loss or an option that has no counterpart.
    """
    if isinstance(given, list | tuple) and len(given) == 1:
        given = given[0]
    config: dict[str, Any] = getattr(given, "get_config", dict)()
    config = {**getattr(given, "_fn_kwargs", {}), **config}  # Huber's get_config leaves delta out
    name = given if isinstance(given, str) else type(given).__name__ if config else getattr(given, "__name__", "")
    key = name.lower().replace("_", "")
    sparse = key == "sparsecategoricalcrossentropy"
    key = "categoricalcrossentropy" if sparse else key
    words = {word.replace("_", ""): cls for cls in LOSSES.values() for word in (cls.name, *cls.aliases)}
    if key not in words:
        remedy = f"Losses that can be read: {', '.join(sorted(LOSSES))}."
        raise StudyError("from_keras: a loss that can't be read", name or given, remedy)
    cls = words[key]
    if config.get("reduction") not in _REDUCTIONS:
        remedy = "Leave it at sum_over_batch_size."
        raise StudyError("from_keras: a reduction of the loss that can't be read", config["reduction"], remedy)
    for option, default in (("ignore_class", None), ("axis", -1)):
        if config.get(option, default) != default:
            raise StudyError(f"from_keras: {option} of the loss can't be read", config[option], "Leave it out.")
    if config.get("from_logits"):
        if activation != "linear":
            remedy = "Leave one of the two out."
            raise StudyError("from_keras: a loss from logits behind an activation", activation, remedy)
        activation = cls.output_activation
    techniques: tuple[Technique, ...] = ()
    if config.get("label_smoothing"):
        if cls.name == "binary_crossentropy" and units > 2:
            remedy = "Keras moves each towards 1/2, wellposed towards 1/classes: use categorical_crossentropy."
            raise StudyError("from_keras: label_smoothing of several sigmoid outputs", units, remedy)
        techniques = (_make("label-smoothing", rate=number(config["label_smoothing"])),)
    arguments = {"delta": number(config["delta"])} if "delta" in config else {}
    return loss(cls(**arguments)), activation, techniques


def read_metric(given: Any) -> tuple[str, tuple[str, ...]]:
    """The main metric, and a sentence about those that aren't measured; ``given`` is the list of ``compile``."""
    names: list[str] = []
    for item in given or ():
        nested = item if isinstance(item, list | tuple) else [item]
        names += [part if isinstance(part, str) else str(getattr(part, "name", part)) for part in nested]
    ours: list[str] = [_SAME.get(name.lower(), name.lower()) for name in names]
    known = [name for name in ours if name in METRICS]
    others = [name for name, mine in zip(names, ours, strict=True) if mine not in METRICS]
    notes = (f"metrics not measured here: {', '.join(others)}.",) if others else ()
    return (known[0] if known else "auto"), notes


def read_optimizer(
    model: Any, updates: int | None
) -> tuple[Optimizer, float, Schedule, tuple[Technique, ...], tuple[str, ...]]:
    """Optimizer, learning rate, its schedule, what regularizes in them (decay, clipping, averages), and notes.

    Args:
        model: compiled; updates: of the whole training, None: not known.

    Raises:
        StudyError: an optimizer, an option or a schedule that has no counterpart.
    """
    given = model.optimizer
    config, kind = given.get_config(), type(given).__name__
    # Keras's Muon has settings of its own (two decays, layers excluded by pattern), which have no counterpart
    known = {cls.__name__: cls for cls in OPTIMIZERS.values() if cls.name != "muon"}
    if kind not in known:
        remedy = f"Optimizers that can be read: {', '.join(sorted(known))}."
        raise StudyError("from_keras: an optimizer that can't be read", kind, remedy)
    for option, remedy in (
        ("amsgrad", "Leave it at False."),
        ("loss_scale_factor", "Leave it out: networks are trained in float32."),
        ("gradient_accumulation_steps", "Use a batch_size that many times larger."),
        ("ema_overwrite_frequency", "Leave it at None."),
    ):
        if config.get(option):
            raise StudyError(f"from_keras: {option} of the optimizer can't be read", config[option], remedy)
    techniques = []
    if config.get("weight_decay"):
        techniques.append(_make("weight-decay", rate=number(config["weight_decay"]), on=_decaying(model)))
    techniques += [
        _make(name, limit=number(config[option])) for option, name in _CLIPS.items() if config.get(option) is not None
    ]
    if config.get("use_ema"):
        techniques.append(_make("ema", decay=number(config["ema_momentum"])))
    cls = known["Adam" if kind == "AdamW" else kind]  # its decay is a technique, which the baseline trains without
    fields = [field.name for field in dataclasses.fields(cls)]  # pyright: ignore[reportArgumentType]
    arguments = {
        name: config[name] if isinstance(config[name], bool) else number(config[name])
        for name in fields
        if name in config
    }
    rate, schedule, notes = schedule_of(config["learning_rate"], updates)
    return cls(**arguments), rate, schedule, tuple(techniques), notes


def _decaying(model: Any) -> str:
    """``all`` or ``kernel``: the variables that the optimizer's weight decay shrinks."""
    decays = {variable.path: model.optimizer._use_weight_decay(variable) for variable in model.trainable_variables}
    if all(decays.values()):
        return "all"
    if all(decayed == path.endswith("kernel") for path, decayed in decays.items()):
        return "kernel"
    remedy = "Exclude all biases and normalization parameters, or nothing."
    raise StudyError("from_keras: variables excluded from weight decay", ", ".join(p for p in decays if not decays[p]),
                     remedy)  # fmt: skip


def read_callbacks(given: Sequence[Any], metric: str) -> tuple[tuple[Technique, ...], tuple[str, ...]]:
    """The techniques that callbacks of ``fit`` stand for, and a sentence about those that leave training alone.

    Raises:
        StudyError: a callback that changes training in a way that has no counterpart.
    """
    techniques, notes = [], []
    for item in given:
        kind = type(item).__name__
        if kind == "EarlyStopping":
            techniques.append(_early_stopping(item, metric))
        elif kind in _BESIDE:
            notes.append(f"{kind}: it only writes files, and is left out.")
        elif kind != "TerminateOnNaN":  # diverged members are frozen anyway
            remedy = "EarlyStopping can be read; give a learning rate's course as a schedule of the optimizer."
            raise StudyError("from_keras: a callback that can't be read", kind, remedy)
    return tuple(techniques), tuple(notes)


def _early_stopping(item: Any, metric: str) -> Technique:
    watched = str(item.monitor)
    name = watched.removeprefix("val_")
    if not watched.startswith("val_") or (name != "loss" and _SAME.get(name, name) != metric):
        remedy = "Watch val_loss, or val_ and the first metric of compile."
        raise StudyError("from_keras: EarlyStopping watches a score that can't be read", watched, remedy)
    for option, default in (("baseline", None), ("start_from_epoch", 0)):
        if getattr(item, option, default) != default:
            raise StudyError(
                f"from_keras: {option} of EarlyStopping can't be read", getattr(item, option), "Leave it out."
            )
    fields: Mapping[str, Any] = {
        "patience": max(1, int(item.patience)),  # Keras's 0 stops where 1 does: at the first epoch without improvement
        "min_delta": abs(number(item.min_delta)),
        "metric": "loss" if name == "loss" else "metric",
        "restore": bool(item.restore_best_weights),
    }
    return _make("early-stopping", **fields)

"""Keras in and out: the only file that imports Keras, lazily."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wellposed.data.dataset import Dataset
from wellposed.errors import StudyError
from wellposed.exchange.keras_layers import read_layers
from wellposed.exchange.keras_network import MISSING, UNKNOWN, build, codes, input_names
from wellposed.exchange.keras_training import read_callbacks, read_loss, read_metric, read_optimizer
from wellposed.exchange.setup import Setup
from wellposed.models.model import Model
from wellposed.recipe import Recipe
from wellposed.training.spec import Training

__all__ = ["from_keras", "input_table", "save_keras", "to_keras"]


def from_keras(
    model: Any,
    data: Dataset | None = None,
    *,
    epochs: int = 200,
    batch_size: int = 32,
    shuffle: bool = True,
    class_weight: Mapping[int, float] | None = None,
    callbacks: Sequence[Any] = (),
    updates: int | None = None,
) -> Setup:
    """Network, training and recipe of a compiled Keras model; its weights are not read.

    Everything that regularizes (penalties, dropout, noise, normalization, constraints, decay, clipping, averages, label
    smoothing, early stopping) becomes the recipe; the network without it is the baseline. What is done
    differently here is said in a warning, and what has no counterpart is an error that names it.

    Args:
        model: a compiled ``Sequential`` or functional model that is a chain of layers.
        data: checked against the output layer; needed for ``class_weight``.
        epochs, batch_size, shuffle, class_weight, callbacks: as you would hand them to ``fit``.
        updates: epochs × minibatches of an epoch, for learning-rate schedules that count updates; default: a cosine or
            linear one is taken to span the training, others need it.

    Raises:
        StudyError: a layer, option, loss, optimizer or callback that has no counterpart here.

    Example:
        >>> study = compare(data, **from_keras(model, epochs=50))  # doctest: +SKIP
    """
    if not any(cls.__module__.partition(".")[0] == "keras" for cls in type(model).__mro__):
        remedy = "Give a compiled keras.Sequential or functional model of Keras 3."
        raise StudyError("from_keras: must be a Keras model", type(model).__name__, remedy)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras's own about its own, such as lambdas, which are errors here
        layers = read_layers(model)
        _require_compiled(model)
        settings = model.get_compile_config()
        loss, activation, smoothing = read_loss(model.loss, layers.network.output_activation, layers.outputs)
        metric, metric_notes = read_metric([*(settings["metrics"] or ()), *(settings["weighted_metrics"] or ())])
        optimizer, rate, schedule, regularizing, schedule_notes = read_optimizer(model, updates)
        watching, callback_notes = read_callbacks(callbacks, metric)
    notes = (*layers.notes, *metric_notes, *schedule_notes, *callback_notes)
    policy = model.dtype_policy.compute_dtype
    if policy != "float32":
        notes = (*notes, f"{policy}: networks are trained in float32.")
    setup = Setup(
        network=dataclasses.replace(layers.network, output_activation=activation),
        training=Training(
            loss=loss,
            optimizer=optimizer,
            learning_rate=rate,
            schedule=schedule,
            batch_size=batch_size,
            epochs=epochs,
            class_weight=_by_name(class_weight, data),
            shuffle=shuffle,
        ),
        recipe=Recipe((*layers.techniques, *smoothing, *regularizing, *watching)),
        metric=metric,
        outputs=layers.outputs,
        warnings=notes,
    )
    if data is not None:
        setup.check(data.classes, data.targets.shape[1])
    for note in notes:
        warnings.warn(f"from_keras: {note}", stacklevel=2)
    return setup


def _require_compiled(model: Any) -> None:
    if not getattr(model, "compiled", False):
        remedy = 'Call e.g. model.compile("adam", "binary_crossentropy", metrics=["accuracy"]) first.'
        raise StudyError("from_keras: the model isn't compiled", model.name, remedy)
    weights = model.get_compile_config().get("loss_weights")
    if weights:
        raise StudyError("from_keras: loss_weights can't be read", weights, "Leave them out.")


def _by_name(class_weight: Mapping[int, float] | None, data: Dataset | None) -> dict[str, float] | None:
    """Keras numbers classes, wellposed names them."""
    if class_weight is None:
        return None
    if data is None or not data.classes:
        remedy = "Give the data as well: from_keras(model, data, ...)."
        raise StudyError("from_keras: class_weight needs the names of the classes", class_weight, remedy)
    if set(class_weight) != set(range(len(data.classes))):
        remedy = f"Number them 0 to {len(data.classes) - 1}."
        raise StudyError("from_keras: class_weight must have a weight for each class", class_weight, remedy)
    return {name: float(class_weight[index]) for index, name in enumerate(data.classes)}


def to_keras(model: Model) -> Any:
    """The model as an uncompiled Keras model, of Keras's own layers alone, preprocessing included.

    Inputs are raw: one float matrix (``features``, the columns in the schema's order, NaN where a cell is missing), an
    image, or, with categorical columns, a dictionary of ``[rows, 1]`` inputs by column name, categories as the integer
    codes of `input_table`. Outputs are probabilities (of the second class, if there is one output for two), or targets
    in their own units.

    Raises:
        StudyError: Keras isn't installed, or has no counterpart of a layer.
    """
    return build(_library(), model)


def save_keras(model: Model, path: str | Path) -> Path:
    """Writes `to_keras`'s model into a ``.keras`` file that plain Keras loads; ``wellposed.json`` in it says the rest.

    Raises:
        StudyError: another suffix, or it can't be written.
    """
    place = Path(path)
    if place.suffix != ".keras":
        raise StudyError("export: the file must end in .keras", str(path), "Write e.g. -o model.keras.")
    if place.is_dir():
        raise StudyError("export: must be a file, but a folder of that name exists", str(path), "Choose another name.")
    built = to_keras(model)
    table = json.dumps(input_table(model), indent=1, ensure_ascii=False, allow_nan=False)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent, prefix=".wellposed-") as folder:
            file = Path(folder) / "model.keras"
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Keras's own, about NumPy's next version
                built.save(file)
            with zipfile.ZipFile(file, "a") as archive:
                archive.writestr("wellposed.json", table)
            os.replace(file, place)
    except OSError as error:
        remedy = "Choose another name."
        raise StudyError(f"export: can't be written ({error.strerror})", str(path), remedy) from None
    return place


def input_table(model: Model) -> dict[str, Any]:
    """What a user of the Keras model needs to know: columns, codes of categories, what the outputs are."""
    columns = []
    for name, column in zip(input_names(model.schema), model.schema.columns, strict=True):
        kind = {"name": column.name, "input": name, "kind": "numeric" if column.numeric else "categorical"}
        vocabulary = {} if column.numeric else {"unknown": UNKNOWN, "missing": MISSING, "codes": codes(column)}
        columns.append({**kind, **vocabulary})
    by_column = any(not column.numeric for column in model.schema.columns)
    return {
        "schema": "wellposed.keras/1",
        "inputs": "by column" if by_column else "image" if model.schema.image_shape else "matrix",
        "columns": columns,
        "image_shape": model.schema.image_shape,
        "task": model.target.task,
        "classes": list(model.target.classes),
        "outputs": "a column for each class" if model.target.per_class else
        ("the probability of the second class" if model.target.classes else "the targets, in their own units"),
        "targets": list(model.target.columns),
    }  # fmt: skip


def _library() -> Any:
    """The module `keras`, on its JAX backend unless it was imported, or another one asked for, before.

    Raises:
        StudyError: it isn't installed.
    """
    if "keras" not in sys.modules:
        os.environ.setdefault("KERAS_BACKEND", "jax")
    try:
        import keras
    except ImportError as error:
        raise StudyError("Keras can't be imported", str(error), 'Run pip install "wellposed[keras]".') from None
    return keras

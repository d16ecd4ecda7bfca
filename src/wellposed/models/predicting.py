"""Predictions for new rows, encoded and computed in parts, so that memory stays bounded."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from wellposed.data.columns import series
from wellposed.errors import StudyError
from wellposed.models.chunks import row_chunks
from wellposed.models.model import Model
from wellposed.models.rows import parts

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["encoded_outputs", "outputs", "predict", "predict_proba", "probabilities", "values"]


def predict(model: Model, data: Any) -> pd.Series | pd.DataFrame:
    """See `Model.predict`."""
    found, index = _of_all(model, data)
    predicted = values(model, found)
    if index is not None:
        predicted.index = index
    return predicted


def predict_proba(model: Model, data: Any) -> pd.DataFrame:
    """See `Model.predict_proba`."""
    import pandas as pd

    if model.target.task != "classification":
        raise StudyError("model: it predicts numbers, not classes", remedy="Use predict.")
    found, index = _of_all(model, data)
    return pd.DataFrame(probabilities(model, found), index=index, columns=list(model.target.classes))


def _of_all(model: Model, data: Any) -> tuple[np.ndarray, pd.Index | None]:
    """Outputs for all rows, and the index of a frame that was given; large files are read in pieces."""
    found, index = [], None
    with contextlib.closing(row_chunks(data, model.schema, columns=False)) as chunks:
        for rows in chunks:
            found.append(outputs(model, rows.frame))
            index = rows.index
    return np.concatenate(found), index


def outputs(model: Model, frame: pd.DataFrame) -> np.ndarray:
    """Outputs [rows, outputs] for raw columns: probabilities, or values in the targets' units (float64).

    Members of different folds have learned their own scales, so that values are averaged in the targets' units.
    """
    model.schema.require(frame)
    found = [part for _, part, _ in encoded_outputs(model, frame)] if len(frame) else []
    return np.concatenate(found) if found else np.zeros((0, model.target.outputs))


def encoded_outputs(model: Model, frame: pd.DataFrame) -> Iterator[tuple[slice, np.ndarray, np.ndarray | None]]:
    """In parts of the rows: which, their outputs, and logits where a single set of parameters has a single head."""
    start, total = 0, len(model.weights)
    for part in parts(frame):
        mean = np.zeros((len(part), model.target.outputs))
        logits = None
        for group in model.forward.groups:
            learned = model.preprocessings[group.preprocessing]
            predictions, raw = model.forward(group, learned.features(part))
            share = predictions.astype(np.float64)
            if model.target.task == "regression":
                share = share * learned.target_scale + learned.target_center
            mean += share * (group.sets / total)
            logits = raw if total == 1 else None
        yield slice(start, start + len(part)), mean, logits
        start += len(part)


def probabilities(model: Model, found: np.ndarray) -> np.ndarray:
    """Outputs as a probability for each class [rows, classes]."""
    return found if model.target.per_class else np.column_stack([1.0 - found[:, 0], found[:, 0]])


def values(model: Model, found: np.ndarray) -> pd.Series | pd.DataFrame:
    """Outputs as classes or values."""
    import pandas as pd

    target = model.target
    if target.task == "regression":
        frame = pd.DataFrame(found, columns=list(target.columns))
        return series(frame, target.columns[0]) if len(target.columns) == 1 else frame
    # one output means two classes, told apart at ½: the first where both are equally likely
    codes = found.argmax(1) if target.per_class else (found[:, 0] > 0.5).astype(int)
    classes = np.array(target.classes, object)
    return pd.Series(classes[codes], name=model.schema.targets[0], dtype=object)

"""Rows whose targets are known, as a dataset with a model's columns and classes: for scores and training again."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from wellposed.data.dataset import Dataset
from wellposed.data.further import like
from wellposed.data.source import Source
from wellposed.data.targets import convert_targets, missing_column, parse_target
from wellposed.errors import DataError
from wellposed.models.model import Model
from wellposed.models.rows import NewRows, new_rows

__all__ = ["labelled"]


def labelled(model: Model, data: Any, target: str | None = None) -> Dataset:
    """The rows as a dataset with the model's feature columns, its target and its classes.

    Args:
        data: as for `Model.predict`, with the target's column; arrays as ``(X, y)``.
        target: the column (or expression) that holds the target here, where it has another name than in training.

    Raises:
        DataError: a column is missing, a label is none of the model's classes, or a cell can't be used.
    """
    names = [column.name for column in model.schema.columns]
    columns = list(model.target.columns)
    if isinstance(data, Dataset) and target is None and list(data.targets.columns) == columns:
        model.schema.require(data.features)
        _refuse_other_classes(model, data)
        return dataclasses.replace(
            data, features=data.features[names], classes=model.target.classes, split=None, test=None, validation=None
        )
    rows = new_rows(data, model.schema)
    if not len(rows.frame):
        raise DataError("there must be rows whose target is known", "none", "Give at least one row.")
    frame, sources = _with_target(model, rows, target)
    source = Source(rows.name, frame, rows.origin, rows.sha256)
    return like(source, _template(model, sources, frame.columns), model.schema.na)


def _with_target(model: Model, rows: NewRows, target: str | None) -> tuple[Any, tuple[str, ...]]:
    """The frame with the model's target under its own name, and the columns that the target is made of."""
    frame, columns = rows.frame, model.target.columns
    there = list(map(str, frame.columns))
    if target is None and rows.target and len(rows.target) == len(columns) and rows.target != columns:
        if columns[0] not in there and model.target.expression is None:
            return frame.rename(columns=dict(zip(rows.target, columns, strict=True))), columns
        target = rows.target[0] if len(columns) == 1 and columns[0] not in there else None
    expression = model.target.expression
    if target is None and expression is not None and columns[0] not in there:
        return frame, parse_target(expression, there, None, rows.name).columns
    if target is None:
        for name in columns:
            if name not in there:
                raise missing_column("target", name, there)
        return frame, columns
    if len(columns) != 1:
        remedy = "Name the columns as they were in training."
        raise DataError("the model has several targets, which one column can't hold", target, remedy)
    spec = parse_target(target, there, None, rows.name)
    if spec.comparison and model.target.task == "classification":
        known = convert_targets(spec, frame, "classification", model.schema.na, spec.classes).frame.iloc[:, 0]
        names = dict(zip(spec.classes, model.target.classes, strict=True)) if len(model.target.classes) == 2 else {}
        return frame.assign(**{columns[0]: known.map(lambda label: names.get(label, label)).to_numpy()}), columns
    return frame.drop(columns=[name for name in columns if name in there and name != target]).rename(
        columns={spec.columns[0]: columns[0]}
    ), columns


def _template(model: Model, sources: tuple[str, ...], there: Any) -> Dataset:
    """A dataset without rows that has the model's columns and roles."""
    import pandas as pd

    schema, target = model.schema, model.target
    features = {
        column.name: pd.Series(np.zeros(0)) if column.numeric else pd.Series([], dtype="category")
        for column in schema.columns
    }
    roles = {column.name: "numeric" if column.numeric else "categorical" for column in schema.columns}
    roles |= dict.fromkeys(sources, "target")
    if target.weight is not None and target.weight in there:
        roles[target.weight] = "weight"
    return Dataset(
        name=str(model.facts.get("data", "the training data")),
        features=pd.DataFrame(features),
        targets=pd.DataFrame({name: [] for name in target.columns}),
        roles=roles,
        task="classification" if target.task == "classification" else "regression",
        classes=target.classes,
        source="",
        sha256="",
        image_shape=schema.image_shape,
        na=schema.na,
    )


def _refuse_other_classes(model: Model, data: Dataset) -> None:
    other = sorted(set(map(str, data.classes)) - set(model.target.classes))
    if data.task != model.target.task or other:
        got = ", ".join(other) or f"a target for {data.task}"
        remedy = f"The model's classes are {', '.join(model.target.classes)}."
        if model.target.task == "regression":
            remedy = "The model predicts numbers."
        raise DataError(f"target {model.target.columns[0]!r} doesn't fit the model", got, remedy)

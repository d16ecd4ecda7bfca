"""The target: which columns, which expression, which task, which classes."""

from __future__ import annotations

import operator
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from wellposed.data.columns import dressed_number, factorized, first_date, label_key, listed, numbers, series, texts
from wellposed.data.source import column_name
from wellposed.errors import DataError, option, printable, quoted

if TYPE_CHECKING:
    import pandas as pd

    from wellposed.data.dataset import Task

MAX_INTEGER_CLASSES = 10
"""Whole numbers are taken for classes up to this many distinct values,"""
ROWS_PER_INTEGER_CLASS = 5
"""and only if there are at least this many rows a value on average; two values always are classes."""

_FEW_VALUES = 12  # so many are named in a message

_OPERATORS = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}
_NEGATED = {">=": "<", "<": ">=", "<=": ">", ">": "<=", "==": "!=", "!=": "=="}


@dataclass(frozen=True)
class TargetSpec:
    """Target columns, or one column compared with a value, which makes two classes.

    Attributes:
        columns: source columns.
        comparison: ``>=``, ``<=``, ``>``, ``<``, ``==``, ``!=``, or empty.
        value: right side of the comparison as written, without quotes.
    """

    columns: tuple[str, ...]
    comparison: str = ""
    value: str = ""

    @property
    def classes(self) -> tuple[str, str]:
        """Negative and positive class of an expression: ``("quality < 6", "quality >= 6")``."""
        left = self.columns[0]
        return f"{left} {_NEGATED[self.comparison]} {self.value}", f"{left} {self.comparison} {self.value}"

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the target columns; an expression's is the expression."""
        return (self.classes[1],) if self.comparison else self.columns


@dataclass(frozen=True, eq=False)
class Targets:
    """Converted targets: ``frame`` as ``Dataset.targets``, the task, the class order, what was noticed."""

    frame: pd.DataFrame
    task: Task
    classes: tuple[str, ...]
    warnings: tuple[str, ...]


def parse_target(
    target: str | Sequence[str] | None, columns: Sequence[str], default: tuple[str, ...] | None, place: str
) -> TargetSpec:
    """What the user asked to predict, as columns that exist.

    Raises:
        DataError: nothing was asked and the data have no target of their own, or a column doesn't exist.
    """
    if target is None:
        if default is None:
            shown = ", ".join(printable(column, 60) for column in columns[:30]) + (", …" if len(columns) > 30 else "")
            raise DataError(
                f"{place}: no target column was named", remedy=f"Name it with {option('target')}; columns: {shown}."
            )
        return TargetSpec(default)
    names = (target,) if isinstance(target, str) else tuple(target)
    if not names:
        raise DataError("target must name at least one column", target, f"Name it with {option('target')}.")
    if len(set(names)) < len(names):
        raise DataError("target columns must differ", ", ".join(names), "Name each column once.")
    specs = [_parse_one(column_name(str(name)), columns) for name in names]
    if len(specs) == 1:
        return specs[0]
    if any(spec.comparison for spec in specs):
        remedy = "Give the expression alone."
        raise DataError("an expression can't be one of several targets", ", ".join(names), remedy)
    return TargetSpec(tuple(spec.columns[0] for spec in specs))


def _parse_one(target: str, columns: Sequence[str]) -> TargetSpec:
    if target in columns:
        return TargetSpec((target,))
    found = list(re.finditer(r">=|<=|==|!=|>|<", target))
    for match in found:
        column, value = target[: match.start()].strip(), target[match.end() :].strip()
        if column in columns:
            if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
                value = value[1:-1]
            if not value:
                raise DataError("target expression must end with a value", target, "Write it as 'quality >= 6'.")
            return TargetSpec((column,), match.group(), value)
    if not found and "=" in target and target.split("=")[0].strip() in columns:
        raise DataError("target expression has an unknown operator", target, "Compare with ==, !=, >=, <=, > or <.")
    wanted = target[: found[0].start()].strip() if found else target.strip()
    if wanted in columns:
        return TargetSpec((wanted,))
    raise missing_column("target", wanted, columns)


def missing_column(role: str, name: str, columns: Sequence[str]) -> DataError:
    """The error for a column that isn't there, with the closest names, or all."""
    import difflib

    folded = {column.lower(): column for column in columns}
    close = [folded[found] for found in difflib.get_close_matches(name.lower(), list(folded), n=3, cutoff=0.6)]
    if close:
        remedy = f"Did you mean {' or '.join(repr(printable(column, 60)) for column in close)}?"
    else:
        shown = ", ".join(printable(column, 60) for column in columns[:30])
        remedy = f"The columns are {shown}{', …' if len(columns) > 30 else ''}."
    if "," in name and all(part.strip() in columns for part in name.split(",")):
        remedy = "Name one column at a time."
    return DataError(f"{role} column doesn't exist", name or "nothing", remedy)


def convert_targets(
    spec: TargetSpec,
    frame: pd.DataFrame,
    task: Literal["auto", "classification", "regression"],
    na: tuple[str, ...],
    classes: tuple[str, ...] | None = None,
) -> Targets:
    """Targets of every row, with the task found (``auto``) or as said; ``classes``: those of a dataset already read.

    Raises:
        DataError: missing, infinite or constant targets, one class only, texts where numbers are needed, or a label
            that isn't among ``classes``.
    """
    if task not in ("auto", "classification", "regression"):
        remedy = "Use auto, classification or regression."
        raise DataError("task must be known", task, remedy)
    for name in spec.columns:
        _refuse_missing(name, series(frame, name), na)
    if spec.comparison:
        if task == "regression":
            remedy = f"Name the column {quoted(spec.columns[0])} itself for regression."
            raise DataError("a target expression makes classes", spec.names[0], remedy)
        column = series(frame, spec.columns[0])
        labels = _compared(spec, column, na)
        return _classification(spec.names[0], labels, spec.classes, classes, _values_there(spec.columns[0], column, na))
    values = [numbers(series(frame, name), na) for name in spec.columns]
    if len(spec.columns) > 1:
        if task == "classification":
            remedy = f"Name one target column, or use {option('task', 'regression')}."
            raise DataError("classification takes one target column", ", ".join(spec.columns), remedy)
        return _regression(spec.columns, values, frame, check=classes is None)
    name = next(iter(spec.columns))
    found = _task(values[0]) if task == "auto" else task
    if found == "regression":
        return _regression(spec.columns, values, frame, check=classes is None)
    date = first_date(series(frame, name)) if task == "auto" else None
    if date is not None:
        remedy = f"Turn it into numbers or classes, or use {option('task', 'classification')}."
        raise DataError(f"target {quoted(name)} holds dates or times", date, remedy)
    labels = texts(series(frame, name), na)
    order = tuple(sorted(set(labels), key=label_key))
    return _classification(name, labels, order, classes)


def _refuse_missing(name: str, column: pd.Series, na: tuple[str, ...]) -> None:
    values = numbers(column, na)  # texts of many different numbers would take long
    if values is not None and values.dtype.kind == "f":
        missing = np.isnan(values)
    else:
        missing = np.array([text is None for text in texts(column, na)])
    if missing.any():
        got = f"{int(missing.sum())} of {len(column)} rows, the first in row {int(missing.argmax()) + 1}"
        remedy = "Take these rows out, or name another target."
        raise DataError(f"target {quoted(name)} must be known in every row, missing", got, remedy)


def _compared(spec: TargetSpec, column: pd.Series, na: tuple[str, ...]) -> np.ndarray:
    values, compare = numbers(column, na), _OPERATORS[spec.comparison]
    if values is None:
        if spec.comparison not in ("==", "!="):
            raise DataError(f"{quoted(spec.columns[0])} holds text", spec.names[0], "Compare text with == or !=.")
        positive = compare(texts(column, na), spec.value)
    else:
        try:
            bound = float(spec.value)
            if not np.isfinite(bound):
                raise ValueError
        except ValueError:
            remedy = f"{quoted(spec.columns[0])} holds numbers."
            raise DataError("target expression must compare with a number", spec.names[0], remedy) from None
        positive = compare(values, bound)
    return np.where(positive, spec.classes[1], spec.classes[0]).astype(object)


def _values_there(name: str, column: pd.Series, na: tuple[str, ...]) -> str:
    """What a column holds, in a sentence: its values if they are few, its range or the first of them otherwise."""
    values, labels = numbers(column, na), sorted(set(texts(column, na)), key=label_key)
    if values is not None and len(labels) > _FEW_VALUES:
        return f"{quoted(name)} goes from {np.min(values):g} to {np.max(values):g}."
    return f"{quoted(name)} holds {listed(labels, _FEW_VALUES)}."


def _task(values: np.ndarray | None) -> Task:
    if values is None:
        return "classification"
    distinct = np.unique(values)
    if len(distinct) > MAX_INTEGER_CLASSES or not np.array_equal(distinct, np.rint(distinct)):
        return "regression"
    few = len(distinct) <= 2 or len(values) >= ROWS_PER_INTEGER_CLASS * len(distinct)
    return "classification" if few else "regression"


def _regression(names: tuple[str, ...], values: list[np.ndarray | None], frame: pd.DataFrame, check: bool) -> Targets:
    import pandas as pd

    columns: dict[str, Any] = {}
    for name, numeric in zip(names, values, strict=True):
        if numeric is None:
            got = first_date(series(frame, name)) or str(frame[name].iloc[0])
            remedy = f"Use {option('task', 'classification')}." if len(names) == 1 else "Name columns of numbers."
            if dressed_number(factorized(series(frame, name))[1]):
                remedy = "Write its cells as plain numbers, such as 1234.5."
            raise DataError(f"regression target {quoted(name)} must hold numbers", got, remedy)
        refuse_infinite("target", name, numeric)
        if check and numeric.min() == numeric.max():
            raise DataError(
                f"target {quoted(name)} is constant", f"{numeric[0]:g} in every row", "Name another target."
            )
        columns[name] = numeric.astype(np.float64)
    return Targets(pd.DataFrame(columns), "regression", (), ())


def _classification(
    name: str,
    labels: np.ndarray,
    order: tuple[str, ...],
    known: tuple[str, ...] | None,
    values: str = "",
) -> Targets:
    import pandas as pd

    note: tuple[str, ...] = ()

    counts = pd.Series(labels).value_counts()
    if known is not None:
        new = sorted(set(counts.index) - set(known), key=label_key)
        if new:
            remedy = f"The classes are {listed(list(known), _FEW_VALUES)}."
            raise DataError(f"target {quoted(name)} holds a class that was not there before", ", ".join(new), remedy)
        order = known
    elif len(counts) < 2:
        remedy = values or "Name a target with at least two classes."
        raise DataError(f"target {quoted(name)} has one class only", str(counts.index[0]), remedy)
    elif len(counts) == len(labels) > 2:
        remedy = "Name a target whose classes repeat."
        got = str(counts.index[0])
        if dressed_number(list(map(str, counts.index))) and not got.isalnum():  # x17 is a code
            remedy = "Write its cells as plain numbers, such as 1234.5."
            raise DataError(f"target {quoted(name)} holds numbers that aren't written as plain ones", got, remedy)
        raise DataError(f"target {quoted(name)} has a class of its own in every row", f"{len(counts)} classes", remedy)
    else:
        single = [label for label in order if counts.get(label, 0) == 1]
        if single:
            what = "Class" if len(single) == 1 else "Classes"
            verb = "has" if len(single) == 1 else "have"
            shown = listed(single)
            note = (f"{what} {shown} {verb} a single row: it can be learned or validated, not both.",)
    return Targets(pd.DataFrame({name: labels.astype(object)}), "classification", tuple(order), note)


def refuse_infinite(role: str, name: str, values: np.ndarray) -> None:
    """Refuse infinite cells.

    Raises:
        DataError: it names the column and counts the cells.
    """
    if values.dtype.kind == "f":
        infinite = np.isinf(values)
        if infinite.any():
            got = f"{int(infinite.sum())} of {len(values)} rows, the first in row {int(infinite.argmax()) + 1}"
            remedy = "Replace them, or leave the column out."
            raise DataError(f"{role} column {quoted(name)} has infinite or too large cells", got, remedy)

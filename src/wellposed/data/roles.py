"""Which columns are features, and of what kind; which are left out, and why."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from wellposed.data.columns import (
    almost_numbers,
    category,
    dressed_number,
    factorized,
    first_date,
    listed,
    numbers,
    series,
    with_decimal_point,
)
from wellposed.data.targets import refuse_infinite
from wellposed.errors import DataError, option, printable, quoted

if TYPE_CHECKING:
    import pandas as pd

    from wellposed.data.source import Source

MIN_IDENTIFIER_ROWS = 10
"""In fewer rows all-different cells say nothing."""

_IDENTIFIER_NAME = re.compile(
    r"(?i:id|uuid|guid|index|rowid|row[_ ]?(?:id|number|num|no|nr)|record[_ ]?(?:id|number)|unnamed: \d+"
    r"|.+[_\s.-](?:id|uuid|key))|.*[a-z]I[dD]"
)


@dataclass
class Roles:
    """The features found so far (name → converted column), every candidate's role, and what was noticed."""

    features: dict[str, Any] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def infer_roles(
    source: Source, candidates: list[str], na: tuple[str, ...], categorical: Collection[str], numeric: Collection[str]
) -> Roles:
    """Roles and converted columns of all columns that may be features.

    A column is ``constant`` with one distinct value (or none), an ``identifier`` if it is all-different text, whole
    numbers that count without a gap, or named like one (``id``, ``PassengerId``) with 90 % different cells;
    otherwise ``numeric`` or ``categorical``. ``categorical`` and ``numeric`` overrule.

    Raises:
        DataError: dates, infinities, text in a column that was said to be numeric, or no feature left.
    """
    import pandas as pd

    found = Roles()
    if source.image_shape is not None:
        # pixels belong together: a constant corner is no reason to take it out of the image
        pixels = source.frame.reindex(columns=candidates)
        for name in candidates[:: max(1, len(candidates) // 8)]:
            if numbers(series(pixels, name)) is None:
                raise DataError("pixels must be numbers", str(pixels[name].dtype), "Convert the images.")
        values = pixels.to_numpy()
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise DataError("pixels must be finite numbers", "infinite or missing ones", "Mend the images.")
        found.features = {name: pixels[name] for name in candidates}
        found.roles = dict.fromkeys(candidates, "numeric")
        return found
    identifiers: dict[str, Any] = {}
    for name in candidates:
        _classify(found, identifiers, source, series(source.frame, name), na, name in categorical, name in numeric)
    if not found.features and identifiers:
        for name, column in identifiers.items():
            kind = "categorical" if isinstance(column, pd.Series) else "numeric"
            found.features[name], found.roles[name] = column, kind
        identifiers = {}
    if identifiers:
        names = list(identifiers)
        found.warnings.append(
            f"Left out as identifiers: {listed(names)}; {option('numeric', names[:1])} or "
            f"{option('categorical', names[:1])} keeps one."
        )
    constant = [name for name, role in found.roles.items() if role == "constant"]
    if constant:
        found.warnings.append(f"Left out, they hold one value or none: {listed(constant)}.")
    if not found.features:
        got = ", ".join(candidates) or "the target alone"
        remedy = "Give at least one column that varies besides the target."
        raise DataError(f"{source.name}: no feature column is left", got, remedy)
    return found


def _classify(
    found: Roles,
    identifiers: dict[str, Any],
    source: Source,
    column: pd.Series,
    na: tuple[str, ...],
    as_categorical: bool,
    as_numeric: bool,
) -> None:
    name = str(column.name)
    values = None if as_categorical else numbers(column, na)
    if values is None and not as_categorical and source.decimal_comma:
        values = with_decimal_point(column, na)
    if values is not None:
        refuse_infinite("feature", name, values)
        present = values[~np.isnan(values)] if values.dtype.kind == "f" else values
        if not len(present) or (len(present) == len(values) and present.min() == present.max()):
            found.roles[name] = "constant"
        elif source.named and not as_numeric and _counts(name, present, len(values)):
            found.roles[name], identifiers[name] = "identifier", values
        else:
            found.roles[name], found.features[name] = "numeric", values
        return
    codes, labels = factorized(column, na)
    date = first_date(column, labels)
    if date is not None and not as_categorical:
        remedy = (
            f"Leave it out ({option('drop', [name])}), order the rows by it ({option('time', name)}), or turn it into "
            "numbers."
        )
        raise DataError(f"column {quoted(name)} holds dates or times", date, remedy)
    if as_numeric:
        wrong = next(label for label in labels if numbers(_single(label)) is None)
        remedy = f"If it stands for a missing cell, say so with {option('na', [wrong])}."
        raise DataError(f"numeric column {quoted(name)} holds text", wrong, remedy)
    missing = bool((codes < 0).any())
    if len(labels) == 0 or (len(labels) == 1 and not missing):
        found.roles[name] = "constant"
        return
    text = category(codes, labels)
    share = len(labels) / len(codes)
    named_so = _IDENTIFIER_NAME.fullmatch(name) is not None and share >= 0.9
    if source.named and not as_categorical and len(codes) >= MIN_IDENTIFIER_ROWS and (share == 1 or named_so):
        found.roles[name], identifiers[name] = "identifier", text
        if not labels[0].isalnum():  # x17 is a code
            found.warnings += _dressed(name, labels, "left out, as every cell differs")
        return
    strays = almost_numbers(labels)
    if strays and not as_categorical:
        found.warnings.append(
            f"Column {quoted(name)} holds {len(labels) - len(strays)} numbers but also {listed(strays)}: taken as "
            f"categorical; if that means missing, say {option('na', strays[:1])}."
        )
    if not strays and not as_categorical:
        found.warnings += _dressed(name, labels, "taken as categorical")
    found.roles[name], found.features[name] = "categorical", text


def _dressed(name: str, labels: list[str], fate: str) -> list[str]:
    """A warning if the cells are numbers with a unit or separators."""
    cell = dressed_number(labels)
    if cell is None:
        return []
    what = f"Column {quoted(name)} holds numbers that aren't written as plain ones ({printable(cell, 60)})"
    return [f"{what}: {fate}; write them as 1234.5 to have them as numbers."]


def _counts(name: str, present: np.ndarray, rows: int) -> bool:
    """Whether numbers only number the rows."""
    if rows < MIN_IDENTIFIER_ROWS or not np.array_equal(present, np.rint(present)):
        return False
    distinct = len(np.unique(present))
    gapless = distinct == rows and float(present.max()) - float(present.min()) == rows - 1
    return gapless or (_IDENTIFIER_NAME.fullmatch(name) is not None and distinct >= 0.9 * rows)


def _single(text: str) -> pd.Series:
    import pandas as pd

    return pd.Series([text], dtype=object)

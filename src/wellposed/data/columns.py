"""One raw column into numbers or text: missing markers, labels, dates."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from wellposed.errors import DataError, printable, quoted

if TYPE_CHECKING:
    import pandas as pd

MISSING = frozenset({"", "NA", "N/A", "n/a", "#N/A", "<NA>", "nan", "NaN", "NAN", "null", "NULL", "None", "?"})
"""Texts that stand for a missing cell in every column; ``na`` of :func:`wellposed.data.read.read` adds others."""

_DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([ T]\d.*)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}([ T]\d.*)?|\d{1,2}:\d{2}(:\d{2}.*)?"
)
_SIGNS = r"[^\W\d_]{0,3}[%‰°$€£¥₹]?"
_DRESSED = re.compile(rf"{_SIGNS}\s?[+-]?\d[\d.,_'’\s]*\s?{_SIGNS}")
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(e[+-]?\d+)?", re.IGNORECASE)


def series(frame: pd.DataFrame, name: str) -> pd.Series:
    """One column of a frame whose names differ (pandas' types allow for several columns of one name)."""
    return cast("pd.Series", frame[name])


def label(value: Any) -> str | None:
    """The text by which a cell's value is known everywhere: ``3`` and ``3.0`` are ``"3"``; None if it is missing."""
    if value is None:
        return None
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").strip()
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, int | np.integer):
        return str(int(value))
    if isinstance(value, float | np.floating):
        number = float(value)
        if np.isnan(number):
            return None
        return str(int(number)) if number.is_integer() and abs(number) < 2**53 else repr(number)
    text = str(value).strip()
    return None if text in ("NaT", "<NA>", "nan") else text


def texts(column: pd.Series, na: Iterable[object] = ()) -> np.ndarray:
    """Every cell as its :func:`label`, None where it is missing: object ``[rows]``."""
    codes, labels = factorized(column, na)
    return np.array([*labels, None], dtype=object)[codes]


def factorized(column: pd.Series, na: Iterable[object] = ()) -> tuple[np.ndarray, list[str]]:
    """Codes ``[rows]`` (-1: missing) into the list of distinct labels, in order of first appearance.

    Raises:
        DataError: a cell is neither number nor text.
    """
    import pandas as pd

    markers = MISSING | {str(marker).strip() for marker in na}
    try:
        codes, distinct = pd.factorize(column)
    except TypeError:  # lists, dictionaries and the like can't be compared
        what = f"column {quoted(column.name)} must hold numbers or texts"
        raise DataError(what, "lists or other objects", "Spread it over plain columns, or leave it out.") from None
    # several raw values may have one label (" a" and "a"), so labels are numbered once more
    labels: dict[str, int] = {}
    renumbered = np.full(len(distinct) + 1, -1, dtype=np.int64)
    for position, value in enumerate(distinct):
        text = label(value)
        if text is not None and text not in markers:
            renumbered[position] = labels.setdefault(text, len(labels))
    return renumbered[codes], list(labels)


def listed(names: list[str], most: int = 5) -> str:
    """The first ``most`` names with commas between them, and how many more there are."""
    shown = ", ".join(printable(name, 60) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def label_key(text: str) -> tuple[int, float, str]:
    """Sorting key of labels: numbers first, by value, then texts by the alphabet."""
    try:
        return (0, float(text), text)
    except ValueError:
        return (1, 0.0, text)


def category(codes: np.ndarray, labels: list[str]) -> pd.Series:
    """:func:`factorized` cells as a pandas category whose categories are sorted."""
    import pandas as pd

    order = sorted(range(len(labels)), key=lambda position: label_key(labels[position]))
    rank = np.full(len(labels) + 1, -1, dtype=np.int64)
    rank[order] = np.arange(len(labels))
    categories = pd.Index([labels[position] for position in order], dtype=object)
    return pd.Series(pd.Categorical.from_codes(rank[codes], categories=categories))


def is_number_type(column: pd.Series) -> bool:
    """Whether the column is held as numbers (booleans are not)."""
    import pandas as pd

    return bool(pd.api.types.is_numeric_dtype(column.dtype)) and not pd.api.types.is_bool_dtype(column.dtype)


def numbers(column: pd.Series, na: Iterable[object] = ()) -> np.ndarray | None:
    """The column as float ``[rows]`` with NaN where it is missing; None if some cell is no number.

    uint8 (pixels) and float32 keep their type; everything else becomes float64.
    """
    import pandas as pd

    if is_number_type(column):
        if column.dtype in (np.uint8, np.float32):
            values = column.to_numpy()
        else:
            values = np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))
        own_markers = [float(text) for text in map(str, na) if _is_float(text)]
        return np.where(np.isin(values, own_markers), np.nan, values) if own_markers else values
    if pd.api.types.is_bool_dtype(column.dtype) or pd.api.types.is_datetime64_any_dtype(column.dtype):
        return None
    codes, labels = factorized(column, na)
    parsed = [_as_float(text) for text in labels]
    if any(value is None for value in parsed) or any(isinstance(value, bool | np.bool_) for value in column[:100]):
        return None
    return np.array([*parsed, np.nan], dtype=np.float64)[codes]


def almost_numbers(labels: list[str]) -> list[str]:
    """The labels that keep a text column from being numeric, if they are few among many numbers; else nothing."""
    others = [text for text in labels if not _is_float(text)]
    return others if len(labels) >= 20 and len(others) <= 0.1 * len(labels) else []


def dressed_number(labels: list[str]) -> str | None:
    """The first of the labels if nearly all are numbers dressed up: ``5 €``, ``12%``, ``1_000``, ``1.234,5``."""
    dressed = [text for text in labels if not _is_float(text) and _DRESSED.fullmatch(text)]
    return dressed[0] if len(dressed) >= max(2, 0.9 * len(labels)) else None


def with_decimal_point(column: pd.Series, na: Iterable[object] = ()) -> np.ndarray | None:
    """The numbers of a text column written with decimal commas (``3,14``), or None if it is not one."""
    codes, labels = factorized(column, na)
    if not any(_DECIMAL_COMMA.fullmatch(text) for text in labels):
        return None
    parsed = [_as_float(text.replace(",", ".") if _DECIMAL_COMMA.fullmatch(text) else text) for text in labels]
    if any(value is None for value in parsed):
        return None
    return np.array([*parsed, np.nan], dtype=np.float64)[codes]


def first_date(column: pd.Series, labels: list[str] | None = None) -> str | None:
    """The first cell of a column of dates or times of day, None if it isn't one."""
    import datetime

    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(column.dtype) or pd.api.types.is_timedelta64_dtype(column.dtype):
        return str(column.dropna().iloc[0]) if column.notna().any() else "dates"
    if isinstance(column.dtype, pd.PeriodDtype):
        return str(column.iloc[0])
    present = column.dropna()
    if len(present) and isinstance(present.iloc[0], datetime.date | datetime.time | datetime.timedelta):
        return str(present.iloc[0])
    if labels and all(_DATE.fullmatch(text) for text in labels):
        return labels[0]
    return None


def sortable(column: pd.Series, na: Iterable[object] = ()) -> np.ndarray:
    """A time column as numbers that sort: numbers as they are, dates as nanoseconds (int64).

    Raises:
        DataError: a cell is missing, or is neither a number nor a date.
    """
    import pandas as pd

    remedy = "A time column holds numbers or dates such as 2024-05-31; give it another column or mend the cells."
    values = numbers(column, na)
    if values is None:
        present = pd.Series(texts(column, na), dtype=object)
        times = pd.to_datetime(present, errors="coerce", format="mixed", utc=True)
        if bool((times.isna() & present.notna()).any()):
            wrong = next(text for text, time in zip(present, times, strict=True) if text is not None and pd.isna(time))
            raise DataError(
                f"time column {quoted(column.name)} holds a cell that is neither number nor date", wrong, remedy
            )
        missing = int(times.isna().sum())
        values = times.dt.tz_localize(None).astype("datetime64[ns]").to_numpy().astype(np.int64)
    else:
        missing = int(np.isnan(values).sum())
    if missing:
        raise DataError(
            f"time column {quoted(column.name)} has missing cells", f"{missing} of {len(column)} rows", remedy
        )
    return values


def _as_float(text: str) -> float | None:
    # float() also takes "1_000" and "infinity"; a file's underscore is text, its infinity a number to be refused
    if "_" in text:
        return None
    try:
        return float(text)
    except ValueError:
        return None


def _is_float(text: str) -> bool:
    return _as_float(text) is not None

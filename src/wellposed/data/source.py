"""What a reader hands on: a raw table with its provenance, before roles are inferred."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wellposed.data.columns import is_number_type, listed, series, texts
from wellposed.errors import DataError, printable, quoted

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Source:
    """A raw table: columns as read, and the defaults that its origin brings along.

    Attributes:
        name: short name for tables and reports.
        frame: raw columns with unique text names and a RangeIndex.
        origin: path, registry name or ``memory``.
        sha256: of the file's bytes, or of the values.
        target: target columns known from the origin (arrays, the registry); None: the user must name one.
        drop: columns that the origin says are no features.
        image_shape: shape of one image if the feature columns are pixels.
        named: False for generated column names (arrays), whose columns are never taken for identifiers.
        decimal_comma: whether cells may be written with decimal commas (files not separated by commas).
        test: the origin's own test rows.
        warnings: what was noticed while reading.
    """

    name: str
    frame: pd.DataFrame
    origin: str
    sha256: str
    target: tuple[str, ...] | None = None
    drop: tuple[str, ...] = ()
    image_shape: tuple[int, ...] | None = None
    named: bool = True
    decimal_comma: bool = False
    test: Source | None = None
    warnings: tuple[str, ...] = ()


def column_name(text: str) -> str:
    """A column's name on one line of printable characters."""
    return printable(text).strip()


def column_names(names: list[str], place: str) -> list[str]:
    """Every name as :func:`column_name`, none of them twice; nameless columns are numbered, as pandas does.

    Raises:
        DataError: it names the repeated columns.
    """
    cleaned = [column_name(name) or f"Unnamed: {position}" for position, name in enumerate(names)]
    repeated = sorted(name for name, count in Counter(cleaned).items() if count > 1)
    if repeated:
        remedy = "Rename the repeated columns in the header."
        raise DataError(f"{place}: column names must differ", listed(repeated), remedy)
    return cleaned


def frame_source(frame: pd.DataFrame, name: str = "data", origin: str = "memory") -> Source:
    """A pandas frame as a source; column names become text, the index is left out.

    Raises:
        DataError: no rows, no columns, several header levels, or a repeated column name.
    """
    import pandas as pd

    if isinstance(frame.columns, pd.MultiIndex):
        raise DataError("data frame must have one level of column names", frame.columns.nlevels, "Flatten the columns.")
    if not len(frame.columns) or not len(frame):
        raise DataError("data frame must have rows and columns", f"shape {frame.shape}", "Give it at least one row.")
    names = column_names([str(column) for column in frame.columns], "data frame")
    frame = frame.set_axis(names, axis=1).reset_index(drop=True)
    for column in names:
        if getattr(frame[column].dtype, "kind", "") == "c":
            remedy = "Take real and imaginary parts."
            raise DataError(f"column {quoted(column)} must hold real numbers or texts", frame[column].dtype, remedy)
    return Source(name, frame, origin, frame_digest(frame))


def frame_digest(frame: pd.DataFrame) -> str:
    """SHA-256 of column names and values in a canonical form, equal for equal tables of any memory layout."""
    digest = hashlib.sha256()
    for name in frame.columns:
        column = series(frame, name)
        digest.update(f"{len(name)}:{name};".encode())
        if is_number_type(column):
            values = np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan)) + 0.0
            digest.update(np.where(np.isnan(values), np.nan, values).astype("<f8").tobytes())
        else:
            digest.update(
                "\x1e".join("\x00" if text is None else text for text in texts(column)).encode(errors="replace")
            )
    return digest.hexdigest()

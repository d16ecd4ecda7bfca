"""New rows for a model: frames, arrays, datasets and files, as raw columns under the names that it learned."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wellposed.data.arrays import array_source
from wellposed.data.columns import numbers, series, with_decimal_point
from wellposed.data.dataset import Dataset
from wellposed.data.opening import open_source
from wellposed.data.schema import Schema
from wellposed.data.source import Source
from wellposed.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["NewRows", "new_rows", "parts"]

PART = 65_536
"""Rows that are encoded at a time."""
_GENERATED = re.compile(r"(x|pixel)_\d+")
_FEATURES = ("x", "X", "data", "x_test", "X_test", "x_train", "X_train")
_LARGEST_ARRAY = 4 * 10**9  # bytes of an unpacked array


@dataclass(frozen=True, eq=False)
class NewRows:
    """Raw columns, and the index under which predictions come back.

    Attributes:
        frame: raw columns; feature columns that were generated for an array have the schema's names.
        index: of a frame that was given, else None.
        target: the target columns that the source itself names.
        name: for messages; origin, sha256: of a file.
    """

    frame: pd.DataFrame
    index: pd.Index | None
    target: tuple[str, ...] | None
    name: str
    origin: str = "memory"
    sha256: str = ""


def new_rows(data: Any, schema: Schema) -> NewRows:
    """Raw columns of anything that holds rows.

    Args:
        data: a frame, a Dataset, an array [rows, columns] or [rows, height, width(, channels)], features and targets
            ``(X, y)``, or a path (also of a single .npy, or of an .npz with features alone).

    Raises:
        DataError: it is nothing that can be read, or an array of another width.
    """
    import pandas as pd

    if isinstance(data, Dataset):
        frame = pd.concat([data.features, data.targets], axis=1)
        return NewRows(frame, None, tuple(data.targets.columns), data.name, data.source, data.sha256)
    if isinstance(data, pd.DataFrame):
        names = [str(column).strip() for column in data.columns]
        for column in schema.columns:
            if names.count(column.name) > 1:
                raise DataError("data frame: column names must differ", column.name, "Rename one of the columns.")
        return NewRows(data.set_axis(names, axis=1).reset_index(drop=True), data.index, None, "data frame")
    if isinstance(data, list):
        data = np.asarray(data)
    if isinstance(data, np.ndarray):
        return NewRows(_array_frame(data, schema), None, None, "array")
    if isinstance(data, tuple) and len(data) == 2 and not hasattr(data[0], "columns"):
        source = array_source(*data)
        targets = source.target or ()
        frame = pd.concat([_array_frame(np.asarray(data[0]), schema), source.frame[list(targets)]], axis=1)
        return NewRows(frame, None, targets, "arrays")
    if isinstance(data, (str, Path)):
        array = _features_alone(Path(data).expanduser())
        if array is not None:
            return NewRows(_array_frame(array, schema), None, None, str(data))
    source = open_source(data, na=schema.na)
    index = data[0].index if isinstance(data, tuple) else None
    frame = source.frame
    features = frame.drop(columns=list(source.target or ()))
    if not source.named and all(_GENERATED.fullmatch(str(name)) for name in features.columns):
        frame = pd.concat([_renamed(features, schema), frame[list(source.target or ())]], axis=1)
    frame = _decimal(source, frame, schema)
    return NewRows(frame, index, source.target, source.name, source.origin, source.sha256)


def parts(frame: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The frame in parts of at most `PART` rows; an empty one gives one empty part."""
    for start in range(0, max(1, len(frame)), PART):
        yield frame.iloc[start : start + PART]


def _array_frame(array: np.ndarray, schema: Schema) -> pd.DataFrame:
    """An array's columns under the schema's names."""
    import pandas as pd

    if array.dtype.kind not in "biufUSO":
        raise DataError("an array of features must hold numbers or texts", str(array.dtype), "Convert it.")
    if array.ndim < 2 or array.ndim > 4:
        remedy = "Give [rows, columns] or [rows, height, width]; a single row as array[None]."
        raise DataError("an array of features must have 2 to 4 dimensions", f"shape {array.shape}", remedy)
    flat = array.reshape(len(array), int(np.prod(array.shape[1:])))
    if flat.dtype.kind == "f" and flat.dtype not in (np.float32, np.float64):
        flat = flat.astype(np.float64)
    return _renamed(pd.DataFrame(flat), schema)


def _renamed(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Nameless columns by position: all that the array had in training, or exactly the features."""
    names = [column.name for column in schema.columns]
    given = frame.shape[1]
    if all(_GENERATED.fullmatch(name) for name in names):
        prefix = names[0].partition("_")[0]
        last = max(int(name.partition("_")[2]) for name in names)
        if given > last:  # columns that were constant in training were left out: names say which
            return frame.set_axis([f"{prefix}_{position}" for position in range(given)], axis=1)
    elif given == len(names):
        return frame.set_axis(names, axis=1)
    want = f"{len(names)} columns: {', '.join(names[:8])}{', …' if len(names) > 8 else ''}"
    raise DataError("the array's columns don't fit the model's", given, f"It learned from {want}.")


def _features_alone(path: Path) -> np.ndarray | None:
    """The array of a single .npy, or of an .npz without targets; None for any other source."""
    suffix = path.suffix.lower()
    if suffix not in (".npy", ".npz") or not path.is_file() or "," in path.name:
        return None
    remedy = "Write it again with numpy.save."
    try:
        if suffix == ".npy":
            return np.load(path, mmap_mode="r", allow_pickle=False)
        with np.load(path, allow_pickle=False) as archive:
            keys = [key for key in _FEATURES if key in archive.files] or archive.files[:1]
            if not keys or len(archive.files) > 1:
                return None  # features and targets, or nothing of ours: read as a data set is
            info = archive.zip.getinfo(f"{keys[0]}.npy")
            if info.file_size > _LARGEST_ARRAY:
                raise DataError(f"{path}: the unpacked array is too large", f"{info.file_size:,} bytes", "Split it.")
            return archive[keys[0]]
    except DataError:
        raise
    except Exception as error:  # a header is parsed as Python's literals: anything may be wrong with it
        got = (str(error).splitlines() or [type(error).__name__])[0]
        if "object" in got.lower():
            got = "Python objects, which are never unpickled"
        raise DataError(f"{path}: must be an array of plain numbers or texts", got, remedy) from None


def _decimal(source: Source, frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Numeric columns written with decimal commas as numbers, in files that aren't separated by commas."""
    if not source.decimal_comma:
        return frame
    changed = {}
    for column in schema.columns:
        if column.numeric and column.name in frame.columns:
            values = series(frame, column.name)
            if numbers(values, schema.na) is None:
                found = with_decimal_point(values, schema.na)
                changed |= {} if found is None else {column.name: found}
    return frame.assign(**changed)

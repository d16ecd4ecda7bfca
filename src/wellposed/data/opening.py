"""Find out what a source is (file, registered name, frame, arrays) and read its raw columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from wellposed.data.files import MEMORY, stem_and_suffix
from wellposed.data.source import Source, frame_source
from wellposed.data.tables import DELIMITED, PARQUET, table_source
from wellposed.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


def open_source(source: Any, *, na: tuple[str, ...] = (), name: str | None = None, memory: int = MEMORY) -> Source:
    """Find out what ``source`` is and read its raw columns.

    Raises:
        DataError: it is nothing that can be read.
    """
    if isinstance(source, Source):
        return source
    if isinstance(source, str | Path):
        return _open_path(str(source), na, name, memory)
    if isinstance(source, tuple) and len(source) == 2:
        from wellposed.data.arrays import array_source

        if hasattr(source[0], "columns"):
            return _frame_and_target(source[0], source[1], name)
        return array_source(*source, name=name or "data")
    if hasattr(source, "columns") and hasattr(source, "dtypes"):
        return frame_source(cast("pd.DataFrame", source), name or "data")
    if isinstance(source, np.ndarray | list):
        from wellposed.data.arrays import array_source

        return array_source(source, name=name or "data")
    remedy = "Give a path, a data set's name, a pandas frame, or arrays (X, y)."
    raise DataError("data must be something that can be read", type(source).__name__, remedy)


def read_frame(source: Any, *, na: Sequence[str] = ()) -> pd.DataFrame:
    """The raw columns of a source, without roles or target: what ``predict`` needs."""
    return open_source(source, na=tuple(na)).frame


def _open_path(text: str, na: tuple[str, ...], name: str | None, memory: int) -> Source:
    from wellposed.data.registry import REGISTRY, registered_source

    if text in REGISTRY:
        return registered_source(text)
    if not text or "\0" in text:
        remedy = "Give a path, or a name that `wellposed datasets` lists."
        raise DataError("data must be a file or a known name", text or "nothing", remedy)
    if "://" in text:
        raise DataError("data aren't fetched from the web", text, "Fetch the file first, and give its path.")
    if "," in text and text.strip().lower().endswith(".npy") and not Path(text).exists():
        from wellposed.data.arrays import npy_pair_source

        return npy_pair_source(text, name)
    path = Path(text).expanduser()
    suffix = stem_and_suffix(path)[1]
    if suffix == ".npz":
        from wellposed.data.arrays import npz_source

        return npz_source(path, name, memory)
    if suffix in DELIMITED or suffix in PARQUET:
        return table_source(path, na=na, name=name, memory=memory)
    if path.is_dir():
        from wellposed.data.images import folder_source

        return folder_source(path, name, memory)
    if suffix == ".npy":
        raise DataError("one .npy file has no target", text, "Give a pair: X.npy,y.npy.")
    if not suffix and not path.exists():
        import difflib

        close = difflib.get_close_matches(text, list(REGISTRY), n=3, cutoff=0.6)
        hint = f"Did you mean {' or '.join(close)}?" if close else f"The names are {', '.join(REGISTRY)}."
        raise DataError("no data set or file of that name", text, hint)
    remedy = "Give a .csv, .tsv, .txt, .parquet or .npz file, or a folder of images by class."
    raise DataError("data file must be of a known kind", text, remedy)


def _frame_and_target(frame: Any, target: Any, name: str | None) -> Source:
    """A frame of features with a separate target (Series, frame or array), as scikit-learn users hold them."""
    import pandas as pd

    source = frame_source(frame, name or "data")
    columns = (
        target if hasattr(target, "columns") else pd.DataFrame({getattr(target, "name", None) or "target": target})
    )
    if len(columns) != len(source.frame):
        got = f"{len(source.frame)} and {len(columns)}"
        raise DataError("features and targets must have equally many rows", got, "Check that they belong together.")
    columns = columns.set_axis([str(column) for column in columns.columns], axis=1).reset_index(drop=True)
    whole = frame_source(pd.concat([source.frame, columns], axis=1), source.name)
    return replace(whole, target=tuple(columns.columns))

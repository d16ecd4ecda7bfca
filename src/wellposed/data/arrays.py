"""NumPy arrays, in memory or in .npz and .npy files, into a raw frame; images become pixel columns."""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from wellposed.data.columns import listed
from wellposed.data.files import (
    MEMORY,
    file_bytes,
    first_line,
    load_array,
    most_inflated,
    stem_and_suffix,
    too_large,
    unpacked,
)
from wellposed.data.source import Source
from wellposed.errors import DataError, printable

TARGET = "target"
"""Name of the target column of arrays; several are ``target_0``, ``target_1``, …"""

_SAVE_AGAIN = "Write it again with numpy.savez(x=…, y=…)."
_PAIRS = (("x_train", "y_train"), ("X_train", "y_train"), ("x", "y"), ("X", "y"), ("X", "Y"), ("data", "target"))


def array_source(x: Any, y: Any = None, *, name: str = "data", origin: str = "memory", digest: str = "") -> Source:
    """Features ``[rows, columns]`` or images ``[rows, height, width(, channels)]`` with targets ``[rows(, targets)]``.

    Columns are named ``x_0``, … or ``pixel_0``, …; one-hot targets become class labels.

    Raises:
        DataError: the shapes don't fit together, or a type that can't be used.
    """
    import pandas as pd

    features, target = _plain(x, "features"), None if y is None else _plain(y, "targets")
    if features.ndim == 1:
        features = features[:, None]
    if features.ndim > 4:
        raise DataError("feature array must have 2 to 4 dimensions", f"shape {features.shape}", "Reshape it.")
    if not features.size:
        raise DataError("feature array must have rows and columns", f"shape {features.shape}", "Give it a row.")
    image_shape = tuple(map(int, features.shape[1:])) if features.ndim > 2 else None
    flat = features.reshape(len(features), -1)
    prefix = "x" if image_shape is None else "pixel"
    frame = pd.DataFrame(flat, columns=[f"{prefix}_{column}" for column in range(flat.shape[1])])
    names: tuple[str, ...] | None = None
    warnings: tuple[str, ...] = ()
    if target is not None:
        if len(target) != len(features):
            got = f"{len(features)} and {len(target)}"
            raise DataError("features and targets must have equally many rows", got, "Check that they belong together.")
        if target.ndim > 2:
            raise DataError("target array must have 1 or 2 dimensions", f"shape {target.shape}", "Reshape it.")
        if target.ndim == 2 and target.shape[1] > 1 and _one_hot(target):
            warnings = (f"The {target.shape[1]} target columns are one-hot: read as class labels.",)
            target = target.argmax(axis=1)
        target = target.reshape(len(target), -1)
        names = (TARGET,) if target.shape[1] == 1 else tuple(f"{TARGET}_{i}" for i in range(target.shape[1]))
        columns = pd.DataFrame({column: target[:, i] for i, column in enumerate(names)})
        frame = pd.concat([frame, columns], axis=1)
    digest = digest or _digest(features, target)
    return Source(name, frame, origin, digest, names, (), image_shape, named=False, warnings=warnings)


def npz_source(path: Path, name: str | None = None, memory: int = MEMORY) -> Source:
    """An .npz file with ``x``/``y`` or ``x_train``/``y_train`` (and ``x_test``/``y_test``); never unpickled.

    Raises:
        DataError: no such keys, Python objects inside, a broken file, or one packed beyond what ``memory`` allows.
    """
    raw = file_bytes(path)
    digest = hashlib.sha256(raw).hexdigest()
    arrays = _Archive(path, unpacked(path, raw, memory), memory)
    stem = name or stem_and_suffix(path)[0]
    for x_key, y_key in _PAIRS:
        if x_key in arrays.sizes and y_key in arrays.sizes:
            break
    else:
        what = f"{path}: must hold the arrays x and y, or x_train and y_train"
        raise DataError(what, listed(list(arrays.sizes)) or "no arrays", _SAVE_AGAIN)
    source = array_source(arrays[x_key], arrays[y_key], name=stem, origin=str(path), digest=digest)
    x_test, y_test = x_key.replace("train", "test"), y_key.replace("train", "test")
    if x_test != x_key and x_test in arrays.sizes and y_test in arrays.sizes:
        test = array_source(arrays[x_test], arrays[y_test], name=f"{stem} test", origin=str(path), digest=digest)
        return _with_test(source, test)
    return source


class _Archive:
    """The arrays of an .npz file, each read when it is asked for; ``sizes``: their unpacked bytes, as the file says."""

    def __init__(self, path: Path, raw: bytes, memory: int) -> None:
        self._path, self._most = path, most_inflated(len(raw), memory)
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(raw))
        except (ValueError, OSError, EOFError, zipfile.BadZipFile, NotImplementedError) as error:
            what = f"{path}: must be an .npz file of plain arrays"
            raise DataError(what, first_line(error), _SAVE_AGAIN) from None
        members = [item for item in self._zip.infolist() if item.filename.endswith(".npy")]
        self.sizes = {item.filename.removesuffix(".npy"): item.file_size for item in members}

    def __getitem__(self, key: str) -> np.ndarray:
        size = self.sizes[key]
        self._most -= size
        if self._most < 0:
            raise too_large(self._path, self._most + size)
        place = f"{self._path}: {printable(key, 60)}"
        try:
            # zipfile hands out no more bytes than the file's directory says
            with self._zip.open(f"{key}.npy") as stream:
                return load_array(place, stream, size)
        except (ValueError, OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(f"{place} can't be unpacked", first_line(error), _SAVE_AGAIN) from None


def npy_pair_source(pair: str, name: str | None = None) -> Source:
    """Two .npy files, ``X.npy,y.npy``.

    Raises:
        DataError: a file is missing, broken, or holds Python objects.
    """
    paths = [Path(part.strip()) for part in pair.split(",")]
    if len(paths) != 2:
        raise DataError("a pair of arrays must be two files", pair, "Write it as X.npy,y.npy.")
    arrays, digest = [], hashlib.sha256()
    for path in paths:
        raw = file_bytes(path)
        digest.update(raw)
        arrays.append(load_array(path, io.BytesIO(raw), len(raw)))
    return array_source(arrays[0], arrays[1], name=name or paths[0].stem, origin=pair, digest=digest.hexdigest())


def _with_test(source: Source, test: Source) -> Source:
    from dataclasses import replace

    if test.frame.shape[1] != source.frame.shape[1]:
        got = f"{source.frame.shape[1]} and {test.frame.shape[1]}"
        raise DataError("training and test arrays must have equally many columns", got, "Check the arrays.")
    return replace(source, test=test)


def _plain(values: Any, what: str) -> np.ndarray:
    array = np.asarray(values)
    if array.dtype.kind == "c":
        raise DataError(f"{what} must be real numbers or texts", str(array.dtype), "Take real and imaginary parts.")
    if array.dtype.kind == "V":
        raise DataError(f"{what} must be a plain array", str(array.dtype), "Turn the records into a pandas frame.")
    if array.dtype.kind == "f" and array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float64)
    if array.ndim == 0:
        raise DataError(f"{what} must be an array", repr(values), "Give one entry a row.")
    return array


def _one_hot(target: np.ndarray) -> bool:
    if target.dtype.kind not in "biuf":
        return False
    return bool(np.isin(target, (0, 1)).all() and (target.sum(axis=1) == 1).all())


def _digest(*arrays: np.ndarray | None) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        if array is not None:
            digest.update(f"{array.shape};".encode())
            numeric = array.dtype.kind in "biuf"
            digest.update((array.astype("<f8") if numeric else array.astype(str)).tobytes())
    return digest.hexdigest()

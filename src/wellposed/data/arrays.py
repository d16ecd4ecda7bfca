"""NumPy arrays, in memory or in .npz and .npy files, into a raw frame; images become pixel columns."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from wellposed.data.source import Source
from wellposed.data.tables import file_bytes, stem_and_suffix
from wellposed.errors import DataError

TARGET = "target"
"""Name of the target column of arrays; several are ``target_0``, ``target_1``, …"""

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


def npz_source(path: Path, name: str | None = None) -> Source:
    """An .npz file with ``x``/``y`` or ``x_train``/``y_train`` (and ``x_test``/``y_test``); never unpickled.

    Raises:
        DataError: no such keys, Python objects inside, or a broken file.
    """
    raw = file_bytes(path)
    digest = hashlib.sha256(raw).hexdigest()
    remedy = "Write it again with numpy.savez(x=…, y=…)."
    try:
        archive = np.load(io.BytesIO(raw), allow_pickle=False)
        if isinstance(archive, np.ndarray):
            raise ValueError("a single array")
        arrays = {key: archive[key] for key in archive.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        objects = "allow_pickle" in str(error) or "Object arrays" in str(error)
        got = "Python objects, which are never unpickled" if objects else str(error).splitlines()[0]
        raise DataError(f"{path}: must be an .npz file of plain arrays", got, remedy) from None
    stem = name or stem_and_suffix(path)[0]
    for x_key, y_key in _PAIRS:
        if x_key in arrays and y_key in arrays:
            break
    else:
        got = ", ".join(arrays) or "no arrays"
        raise DataError(f"{path}: must hold the arrays x and y, or x_train and y_train", got, remedy)
    source = array_source(arrays[x_key], arrays[y_key], name=stem, origin=str(path), digest=digest)
    x_test, y_test = x_key.replace("train", "test"), y_key.replace("train", "test")
    if x_test != x_key and x_test in arrays and y_test in arrays:
        test = array_source(arrays[x_test], arrays[y_test], name=f"{stem} test", origin=str(path), digest=digest)
        return _with_test(source, test)
    return source


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
        try:
            arrays.append(np.load(io.BytesIO(raw), allow_pickle=False))
        except (ValueError, OSError, EOFError) as error:
            got = str(error).splitlines()[0]
            raise DataError(f"{path}: must be an .npy file of plain numbers or texts", got, "Write it again.") from None
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

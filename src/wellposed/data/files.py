"""Bytes of a file that nobody vouches for: an ordinary file, inflated no further than a stated bound."""

from __future__ import annotations

import gzip
import io
import stat
import zipfile
import zlib
from pathlib import Path
from typing import IO

import numpy as np

from wellposed.errors import DataError, option, printable

MEMORY = 4_000_000_000
"""Bytes that reading may take, unless the caller says otherwise; compressed data may fill half of them."""
INFLATED_AT_LEAST, INFLATED_TIMES = 256_000_000, 200
"""Compressed data may always grow to this many bytes, or else to so many times their size."""

_BLOCK = 1 << 20
_HEADER_BYTES = 10_000  # of an array: NumPy's own bound


def most_inflated(compressed: int, memory: int) -> int:
    """To how many bytes ``compressed`` bytes may grow: no table worth learning from shrinks to a 200th."""
    return min(memory // 2, max(INFLATED_AT_LEAST, INFLATED_TIMES * compressed))


def too_large(place: object, most: int) -> DataError:
    """The error for compressed data that grow beyond the bound."""
    remedy = f"If it really holds so much, unpack it first, or allow more {option('memory')}."
    return DataError(f"{place}: the packed data are too large", f"more than {most / 1e6:,.0f} MB unpacked", remedy)


def file_bytes(path: Path) -> bytes:
    """The bytes of an ordinary file that must exist and hold something.

    Raises:
        DataError: it is missing (close names are listed), a directory, a pipe or device, unreadable or empty.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise DataError("data must be a file", f"the directory {path}", "Name a file in it.")
        if not stat.S_ISREG(mode):
            remedy = "Write the data to a file first."
            raise DataError("data must be an ordinary file", f"the pipe or device {path}", remedy)
        raw = path.read_bytes()
    except FileNotFoundError:
        raise DataError("no such data file", str(path), _nearby(path)) from None
    except OSError as error:
        raise DataError(
            "data file can't be read", f"{path} ({error.strerror})", "Check the path and its permissions."
        ) from None
    except MemoryError:
        raise DataError(f"{path}: doesn't fit into memory", remedy="Take a part of its rows.") from None
    if not raw:
        raise DataError(f"{path}: the file is empty", remedy="Give a table with a header and rows.")
    return raw


def unpacked(path: Path, raw: bytes, memory: int) -> bytes:
    """The bytes behind gzip, if they are gzipped.

    Raises:
        DataError: a broken file, or one that grows beyond :func:`most_inflated`.
    """
    if raw[:2] != b"\x1f\x8b":
        return raw
    most = most_inflated(len(raw), memory)
    blocks, size = [], 0
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as stream:
            while block := stream.read(_BLOCK):
                size += len(block)
                if size > most:
                    raise too_large(path, most)
                blocks.append(block)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: broken gzip file", str(error), "Fetch or compress it again.") from None
    if not size:
        raise DataError(f"{path}: the file is empty", remedy="Give a table with a header and rows.")
    return b"".join(blocks)


def load_array(place: object, stream: IO[bytes], size: int) -> np.ndarray:
    """The array of an .npy stream of ``size`` bytes, whose header is believed only as far as the bytes go.

    Raises:
        DataError: Python objects, a broken header, or fewer bytes than the header promises.
    """
    what, remedy = f"{place}: must be an array of plain numbers or texts", "Write it again with numpy.save."
    try:
        version = np.lib.format.read_magic(stream)
        reader = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(version)
        if reader is None:
            raise ValueError(f"format version {version[0]}.{version[1]}")
        try:
            shape, fortran, dtype = reader(stream, max_header_size=_HEADER_BYTES)
        except Exception:  # parsed as Python's literals: nearly anything may be wrong with it
            raise ValueError("a broken header") from None
        if dtype.hasobject:
            raise DataError(what, "Python objects, which are never unpickled", remedy)
        count = 1
        for length in shape:
            count *= length
        if count < 0 or count * dtype.itemsize > size:
            raise ValueError(f"shape {shape} of {dtype}, and fewer bytes than that")
        raw = stream.read(count * dtype.itemsize)
        if len(raw) < count * dtype.itemsize:
            raise ValueError("it ends too early")
        if not dtype.itemsize:
            raise ValueError(f"entries without a size ({dtype})")
        values = np.frombuffer(raw, dtype=dtype, count=count)
        return values.reshape(shape[::-1]).T if fortran else values.reshape(shape)
    except DataError:
        raise
    except (ValueError, OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise DataError(what, first_line(error), remedy) from None


def stem_and_suffix(path: Path) -> tuple[str, str]:
    """Name without endings, and the ending that says the kind: ``("adult", ".csv")`` for ``adult.csv.gz``."""
    name = path.name[:-3] if path.name.lower().endswith(".gz") else path.name
    return printable(Path(name).stem), Path(name).suffix.lower()


def first_line(error: BaseException) -> str:
    """The first line of what a library said."""
    return str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__


def _nearby(path: Path) -> str:
    import difflib

    folder = path.parent
    try:
        names = sorted(item.name for item in folder.iterdir() if item.name != path.name)
    except OSError:
        names = []
    close = difflib.get_close_matches(path.name, names, n=3, cutoff=0.7)
    if close:
        return f"Did you mean {' or '.join(printable(str(folder / name), 100) for name in close)}?"
    return "Check the path, or list the known data sets with `wellposed datasets`."

"""Large files in pieces, so that a million rows are predicted without holding them all."""

from __future__ import annotations

import dataclasses
import gzip
import re
import tempfile
import zlib
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import IO, Any

from wellposed.data.schema import Schema
from wellposed.data.tables import DELIMITED, PARQUET
from wellposed.errors import DataError
from wellposed.models.rows import PART, NewRows, new_rows

__all__ = ["row_chunks"]

LARGE = 32 * 2**20
"""Bytes of a file from which on it is read in pieces,"""
PIECE = 16 * 2**20
"""of so many bytes."""
_LONGEST_LINE = 16 * PIECE


def row_chunks(data: Any, schema: Schema, *, columns: bool = True) -> Generator[NewRows, None, None]:
    """The rows of anything that `new_rows` takes; large delimited and parquet files come in pieces.

    Args:
        columns: False where only the schema's columns are needed.

    Close it (`contextlib.closing`) where it may not be read to its end: it holds a file open.

    Raises:
        DataError: as `new_rows`; messages about a piece say where it begins.
    """
    path = Path(data).expanduser() if isinstance(data, (str, Path)) else None
    large = path is not None and path.is_file() and path.stat().st_size >= LARGE
    if path is not None and large and path.suffix.lower() in PARQUET:
        yield from _parquet(path, schema, columns)
    elif path is not None and large and _suffix(path) in DELIMITED and not _wide_characters(path):
        yield from _delimited(path, schema)
    else:
        yield new_rows(data, schema)


def _suffix(path: Path) -> str:
    name = path.name[:-3] if path.name.lower().endswith(".gz") else path.name
    return Path(name).suffix.lower()


def _opened(path: Path) -> IO[bytes]:
    with path.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    return gzip.open(path) if packed else path.open("rb")  # type: ignore[return-value]


def _wide_characters(path: Path) -> bool:
    """Whether the text is UTF-16, whose lines don't end with a single byte."""
    with _opened(path) as stream:
        try:
            return stream.read(2) in (b"\xff\xfe", b"\xfe\xff")
        except (OSError, EOFError, zlib.error):
            return True  # the reader of whole files says what is wrong


def _parquet(path: Path, schema: Schema, columns: bool) -> Iterator[NewRows]:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    try:
        with parquet.ParquetFile(path) as file:
            names = {name.strip(): name for name in file.schema_arrow.names}
            wanted = [names[column.name] for column in schema.columns if column.name in names]
            nested = [field.name for field in file.schema_arrow if pa.types.is_nested(field.type)]
            if nested:
                remedy = "Spread it over plain columns before reading."
                raise DataError(f"{path}: a column holds lists or records", ", ".join(nested), remedy)
            for batch in file.iter_batches(PART, columns=None if columns else wanted):
                frame = pa.Table.from_batches([batch]).to_pandas(ignore_metadata=True)
                yield dataclasses.replace(new_rows(frame, schema), index=None)
    except (pa.ArrowException, OSError) as error:
        got = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"{path}: not a parquet file", got, "Write it again.") from None


def _delimited(path: Path, schema: Schema) -> Iterator[NewRows]:
    """Pieces of whole lines under the file's header, each read like a file of its own."""
    line = 1
    with _opened(path) as stream:
        try:
            for header, body in _pieces(path, stream):
                yield _piece(header + body, path, line - 1, schema)
                line += body.count(b"\n")
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DataError(f"{path}: broken gzip file", str(error), "Fetch or compress it again.") from None


def _piece(text: bytes, path: Path, lines: int, schema: Schema) -> NewRows:
    """The rows of a piece, by way of a temporary file: the reader of tables reads files."""
    with tempfile.TemporaryDirectory(prefix="wellposed-") as folder:
        piece = Path(folder) / "piece.csv"
        piece.write_bytes(text)
        try:
            return new_rows(piece, schema)
        except DataError as error:
            raise _elsewhere(error, piece, path, lines) from None


def _pieces(path: Path, stream: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """The header and whole lines after it; a line end within quotes is none."""
    header, rest = b"", b""
    while True:
        block = stream.read(PIECE)
        rest += block
        if not header:
            found = re.match(rb"(?:[ \t\r]*\n)*", rest)
            end = _line_end(rest, first=found.end() if found else 0)
            if end < 0 and block and len(rest) < _LONGEST_LINE:
                continue
            header, rest = rest[: end + 1], rest[end + 1 :]
        end = len(rest) - 1 if not block else _last_line_end(rest)
        if end < 0 and len(rest) >= _LONGEST_LINE:
            raise DataError(f"{path}: a line is too long", f"more than {_LONGEST_LINE:,} bytes", "Mend its line ends.")
        if end >= 0:
            yield header, rest[: end + 1]
            rest = rest[end + 1 :]
        if not block:
            return


def _line_end(text: bytes, first: int) -> int:
    """The first line end from ``first`` on that stands outside of quotes; −1: none."""
    end = text.find(b"\n", first)
    while end >= 0 and text.count(b'"', first, end) % 2:
        end = text.find(b"\n", end + 1)
    return end


def _last_line_end(text: bytes) -> int:
    """The last line end before which quotes are balanced; the last one of all if quotes never are."""
    quotes = text.count(b'"')
    end = last = text.rfind(b"\n")
    quotes -= text.count(b'"', end)
    tries = 0
    while end >= 0 and quotes % 2 and tries < 10_000:
        before = text.rfind(b"\n", 0, end)
        quotes -= text.count(b'"', max(before, 0), end)
        end, tries = before, tries + 1
    return end if end >= 0 and tries < 10_000 else last


def _elsewhere(error: DataError, piece: Path, path: Path, lines: int) -> DataError:
    """The error under the file's own name; line and row numbers count from where the piece begins."""
    where = f"{path}, counted from line {lines + 1}" if lines else str(path)
    what = error.what.replace(str(piece), where) if str(piece) in error.what else f"{where}: {error.what}"
    return DataError(what.replace("piece: ", ""), error.got, error.remedy)

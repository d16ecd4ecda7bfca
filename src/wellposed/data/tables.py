"""Delimited text into a raw frame; delimiter, quotes and encoding are found from the text itself."""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from wellposed.data.columns import MISSING
from wellposed.data.files import MEMORY, file_bytes, first_line, stem_and_suffix, unpacked
from wellposed.data.source import Source, column_names
from wellposed.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

DELIMITED = (".csv", ".tsv", ".txt", ".data")
PARQUET = (".parquet", ".pq")

_SAMPLE_LINES, _SAMPLE_BYTES = 200, 1_000_000
_LONGEST_LINE = 1 << 24  # bytes; Arrow reads in blocks, and a line must fit into one


def table_source(path: Path, *, na: tuple[str, ...] = (), name: str | None = None, memory: int = MEMORY) -> Source:
    """A delimited or parquet file (gzipped too) as a source; delimiter, quotes and encoding are found from its text.

    Raises:
        DataError: the file is missing, empty, without rows, ragged, binary, packed beyond what ``memory`` allows, or
            has repeated column names.
    """
    raw = file_bytes(path)
    digest = hashlib.sha256(raw).hexdigest()
    stem, suffix = stem_and_suffix(path)
    raw = unpacked(path, raw, memory)
    if suffix in PARQUET:
        from wellposed.data.parquet import parquet_frame

        frame, delimiter, warnings = parquet_frame(path, raw, memory), None, ()
    else:
        text, warnings = _utf8(path, raw)
        del raw  # a large file is held once
        before = csv.field_size_limit(_LONGEST_LINE)
        try:
            frame, delimiter = _delimited(path, text, na)
        finally:
            csv.field_size_limit(before)
    if not len(frame):
        raise DataError(f"{path}: no rows below the header", remedy="Give a table with at least one row.")
    comma = delimiter not in (None, ",")
    return Source(name or stem, frame, str(path), digest, decimal_comma=comma, warnings=warnings)


def _delimited(path: Path, text: bytes, na: tuple[str, ...]) -> tuple[pd.DataFrame, str]:
    import pyarrow as pa
    import pyarrow.csv as arrow_csv

    sample = _sample(text)
    if not sample:
        raise DataError(f"{path}: the file is empty", remedy="Give a table with a header and rows.")
    quote = _quote(sample)
    delimiter = _delimiter(sample, quote)
    if delimiter == " ":
        text = b"\n".join(b"\t".join(line.split()) for line in text.split(b"\n"))
        sample = ["\t".join(line.split()) + "\n" for line in sample]
        delimiter = "\t"
    reader = csv.reader(sample, delimiter=delimiter, quotechar=quote)
    try:
        header = [cell.strip() for cell in next(reader)]
        skipped = reader.line_num + _blank_lines(text)
        header, trailing = _check_header(path, header, list(reader))
    except csv.Error as error:
        raise _unreadable(path, error) from None
    names = column_names(header, str(path))
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(text),
            read_options=arrow_csv.ReadOptions(
                column_names=names,
                skip_rows=skipped,
                block_size=min(max(len(text), 1), _LONGEST_LINE) if _long_lines(text) else 1 << 20,
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=delimiter, quote_char=quote, newlines_in_values=quote.encode() in text
            ),
            convert_options=arrow_csv.ConvertOptions(
                null_values=sorted(MISSING | set(na)), strings_can_be_null=True, true_values=[], false_values=[]
            ),
        )
    except pa.ArrowInvalid as error:
        if "Empty CSV" in str(error) or "Could not skip initial" in str(error):
            raise DataError(f"{path}: no rows below the header", remedy="Give a table with at least one row.") from None
        raise _ragged(path, text, delimiter, quote, len(names), error) from None
    del text
    frame = table.to_pandas(date_as_object=False, split_blocks=True, self_destruct=True)
    if trailing and frame.iloc[:, -1].isna().all():
        frame = frame.iloc[:, :-1]  # every line ends with a delimiter
    return frame, delimiter


def _utf8(path: Path, raw: bytes) -> tuple[bytes, tuple[str, ...]]:
    """The text as UTF-8 with line ends as \\n, and a warning if it was no Unicode."""
    warnings: tuple[str, ...] = ()
    if raw[:4] in (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE):
        raw = raw.decode("utf-32", "replace").encode()
    elif raw[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        raw = raw.decode("utf-16", "replace").encode(errors="replace")
    elif b"\x00" in raw:
        raise DataError(f"{path}: holds binary data, not text", remedy="Give a .csv, .tsv, .parquet or .npz file.")
    raw = raw.removeprefix(codecs.BOM_UTF8)
    if not _is_utf8(raw):
        encoding = "cp1252"
        try:
            raw = raw.decode("cp1252").encode()
        except UnicodeDecodeError:
            raw, encoding = raw.decode("latin-1").encode(), "latin-1"
        shown = {"cp1252": "Windows-1252", "latin-1": "Latin-1"}[encoding]
        warnings = (f"{path.name} is not UTF-8: read as {shown}.",)
    if b"\r" in raw:
        raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return raw.rstrip(b" \n"), warnings


def _is_utf8(raw: bytes) -> bool:
    """Whether the bytes are UTF-8; looked at in pieces, so that no second copy is made."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(raw), _SAMPLE_BYTES):
            decoder.decode(raw[start : start + _SAMPLE_BYTES])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _sample(text: bytes) -> list[str]:
    """The first lines that hold something, each with its end."""
    # only real line ends: str.splitlines would also split at form feeds and the like, inside of cells
    lines = text[:_SAMPLE_BYTES].decode(errors="ignore").split("\n")
    lines = lines[:-1] if len(text) > _SAMPLE_BYTES and len(lines) > 1 else lines
    return [f"{line}\n" for line in lines if line.strip()][:_SAMPLE_LINES]


def _long_lines(text: bytes) -> bool:
    """Whether some line is longer than a small block."""
    start, block = 0, 1 << 19
    while start + block < len(text):
        end = text.rfind(b"\n", start, start + block)
        if end < 0:
            return True
        start = end + 1
    return False


def _quote(sample: list[str]) -> str:
    """The double quote, unless cells are only ever wrapped in single ones."""
    text = "".join(sample)
    single = re.search(r"(^|[,;\t|])[^\S\n]*'[^'\n]*'[^\S\n]*($|[,;\t|])", text, re.MULTILINE)
    return "'" if single and '"' not in text else '"'


def _delimiter(sample: list[str], quote: str) -> str:
    """The delimiter that splits the lines into equally many cells, and into most; a comma for a single column."""
    best, best_score = ",", (0.0, 0)
    for delimiter in (",", ";", "\t", "|"):
        try:
            widths = Counter(len(row) for row in csv.reader(sample, delimiter=delimiter, quotechar=quote))
        except csv.Error:  # an endless cell: this delimiter doesn't delimit
            continue
        width, agreeing = max(widths.items(), key=lambda item: (item[1], item[0]))
        score = (round(agreeing / sum(widths.values()), 2), width)
        if width > 1 and score > best_score:
            best, best_score = delimiter, score
    if best_score[1] > 1:
        return best
    widths = {len(line.split()) for line in sample}
    return " " if len(widths) == 1 and widths != {1} and quote not in sample[0] else ","


def _check_header(path: Path, header: list[str], body: list[list[str]]) -> tuple[list[str], bool]:
    """The header, with one more, empty name where every line ends with a delimiter; and whether its last is empty."""
    numeric = [re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", cell, re.IGNORECASE) for cell in header]
    counting = header == [str(position) for position in range(len(header))]
    if all(numeric) and not counting:
        remedy = "Add a line with the columns' names."
        raise DataError(f"{path}: the first line must name the columns", ",".join(header), remedy)
    longer = [row for row in body if len(row) == len(header) + 1]
    if body and len(longer) == len(body):
        if any(row[-1].strip() for row in body):
            got = f"{len(header)} names for {len(header) + 1} cells"
            raise DataError(f"{path}: the header must name every column", got, "Name the first column too.")
        header = [*header, ""]
    return header, header[-1] == ""


def _blank_lines(text: bytes) -> int:
    """Blank lines before the header: skipping rows counts them."""
    return re.match(rb"(?:[ \t]*\n)*", text).group().count(b"\n")  # type: ignore[union-attr]


def _ragged(path: Path, text: bytes, delimiter: str, quote: str, width: int, error: Exception) -> DataError:
    reader = csv.reader(_lines(text), delimiter=delimiter, quotechar=quote)
    try:
        for row in reader:
            if row and len(row) != width:
                got = f"{len(row)} in line {reader.line_num}"
                remedy = "Mend that line; a cell that holds the delimiter must be quoted."
                if width == 1:
                    remedy = "The first line must name the columns: take out what stands above it."
                cells = "1 cell" if width == 1 else f"{width} cells"
                return DataError(f"{path}: every line must have {cells}, as the header has", got, remedy)
    except csv.Error as broken:
        return _unreadable(path, broken)
    if "straddling" in str(error):
        remedy = "Check quotes and line ends."
        return DataError(f"{path}: a line must be shorter than {_LONGEST_LINE >> 20} MB", remedy=remedy)
    return _unreadable(path, error)


def _lines(text: bytes) -> Iterator[str]:
    yield from io.TextIOWrapper(io.BytesIO(text), encoding="utf-8", errors="replace", newline="\n")


def _unreadable(path: Path, error: Exception) -> DataError:
    return DataError(f"{path}: can't be read as a table", first_line(error), "Check delimiter and quotes.")

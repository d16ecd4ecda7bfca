"""Table files: delimited text and parquet into a raw frame."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import re
import zlib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from wellposed.data.columns import MISSING
from wellposed.data.source import Source, unique_names
from wellposed.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

DELIMITED = (".csv", ".tsv", ".txt", ".data")
PARQUET = (".parquet", ".pq")

_SAMPLE_LINES, _SAMPLE_CHARACTERS = 200, 1_000_000


def table_source(path: Path, *, na: tuple[str, ...] = (), name: str | None = None) -> Source:
    """A delimited or parquet file (gzipped too) as a source; delimiter, quotes and encoding are found from its text.

    Raises:
        DataError: the file is missing, empty, without rows, ragged, binary, or has repeated column names.
    """
    raw = file_bytes(path)
    digest = hashlib.sha256(raw).hexdigest()
    stem, suffix = stem_and_suffix(path)
    if raw[:2] == b"\x1f\x8b":
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{path}: broken gzip file", str(error), "Fetch or compress it again.") from None
    if suffix in PARQUET:
        frame, delimiter, warnings = _parquet(path, raw), None, ()
    else:
        frame, delimiter, warnings = _delimited(path, raw, na)
    if not len(frame):
        raise DataError(f"{path}: no rows below the header", remedy="Give a table with at least one row.")
    comma = delimiter not in (None, ",")
    return Source(name or stem, frame, str(path), digest, decimal_comma=comma, warnings=warnings)


def file_bytes(path: Path) -> bytes:
    """The bytes of a file that must exist and hold something.

    Raises:
        DataError: it is missing (close names are listed), a directory, unreadable or empty.
    """
    if path.is_dir():
        raise DataError("data must be a file", f"the directory {path}", "Name a file in it.")
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise DataError("no such data file", str(path), _nearby(path)) from None
    except OSError as error:
        raise DataError("data file can't be read", f"{path} ({error.strerror})", "Check its permissions.") from None
    if not raw:
        raise DataError(f"{path}: the file is empty", remedy="Give a table with a header and rows.")
    return raw


def stem_and_suffix(path: Path) -> tuple[str, str]:
    """Name without endings, and the ending that says the kind: ``("adult", ".csv")`` for ``adult.csv.gz``."""
    name = path.name[:-3] if path.name.lower().endswith(".gz") else path.name
    return Path(name).stem, Path(name).suffix.lower()


def _nearby(path: Path) -> str:
    import difflib

    folder = path.parent
    names = sorted(item.name for item in folder.iterdir()) if folder.is_dir() else []
    close = difflib.get_close_matches(path.name, names, n=3, cutoff=0.7)
    if close:
        return f"Did you mean {' or '.join(str(folder / name) for name in close)}?"
    return "Check the path, or list the known data sets with `wellposed datasets`."


def _parquet(path: Path, raw: bytes) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    try:
        table = parquet.read_table(io.BytesIO(raw))
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: not a parquet file", _first_line(error), "Write it again.") from None
    unique_names([str(name) for name in table.column_names], str(path))
    nested = [field.name for field in table.schema if pa.types.is_nested(field.type)]
    if nested:
        remedy = "Spread it over plain columns before reading."
        raise DataError(f"{path}: a column holds lists or records", ", ".join(nested), remedy)
    frame = table.to_pandas(ignore_metadata=True)
    return frame.set_axis([str(name).strip() for name in frame.columns], axis=1)


def _delimited(path: Path, raw: bytes, na: tuple[str, ...]) -> tuple[pd.DataFrame, str, tuple[str, ...]]:
    import pyarrow as pa
    import pyarrow.csv as arrow_csv

    text, warnings = _decode(path, raw)
    # only real line ends: str.splitlines would also split at form feeds and the like, inside of cells
    sample = text[:_SAMPLE_CHARACTERS].split("\n")
    sample = [line for line in (sample[:-1] if len(text) > _SAMPLE_CHARACTERS else sample) if line.strip()]
    sample = sample[:_SAMPLE_LINES]
    if not sample:
        raise DataError(f"{path}: the file is empty", remedy="Give a table with a header and rows.")
    quote = _quote(sample)
    delimiter = _delimiter(sample, quote)
    if delimiter == " ":
        text = "\n".join("\t".join(line.split()) for line in text.split("\n"))
        sample = ["\t".join(line.split()) for line in sample]
        delimiter = "\t"
    reader = csv.reader(sample, delimiter=delimiter, quotechar=quote)
    header = [cell.strip() for cell in next(reader)]
    skipped = reader.line_num + _blank_lines(text)
    header = _check_header(path, header, list(reader))
    markers = sorted(MISSING | set(na))
    try:
        table = arrow_csv.read_csv(
            io.BytesIO(text.encode()),
            read_options=arrow_csv.ReadOptions(column_names=header, skip_rows=skipped),
            parse_options=arrow_csv.ParseOptions(
                delimiter=delimiter, quote_char=quote, newlines_in_values=quote in text
            ),
            convert_options=arrow_csv.ConvertOptions(
                null_values=markers, strings_can_be_null=True, true_values=[], false_values=[]
            ),
        )
    except pa.ArrowInvalid as error:
        if "Empty CSV" in str(error):
            raise DataError(f"{path}: no rows below the header", remedy="Give a table with at least one row.") from None
        raise _ragged(path, text, delimiter, quote, len(header), error) from None
    frame = table.to_pandas(date_as_object=False)
    if header[-1] == "" and frame.iloc[:, -1].isna().all():
        frame = frame.iloc[:, :-1]  # every line ends with a delimiter
    return frame.set_axis(_named(list(frame.columns)), axis=1), delimiter, warnings


def _decode(path: Path, raw: bytes) -> tuple[str, tuple[str, ...]]:
    """The text with line ends as \\n, and a warning if it is not Unicode."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return _line_ends(raw.decode("utf-16", "replace")), ()
    if b"\x00" in raw[:10_000]:
        raise DataError(f"{path}: holds binary data, not text", remedy="Give a .csv, .tsv, .parquet or .npz file.")
    try:
        return _line_ends(raw.decode("utf-8-sig")), ()
    except UnicodeDecodeError:
        return _line_ends(raw.decode("latin-1")), (f"{path.name} is not UTF-8: read as Latin-1.",)


def _line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _quote(sample: list[str]) -> str:
    """The double quote, unless cells are only ever wrapped in single ones."""
    text = "\n".join(sample)
    single = re.search(r"(^|[,;\t|])\s*'[^'\n]*'\s*($|[,;\t|])", text, re.MULTILINE)
    return "'" if single and '"' not in text else '"'


def _delimiter(sample: list[str], quote: str) -> str:
    """The delimiter that splits the lines into equally many cells, and into most; a comma for a single column."""
    best, best_score = ",", (0.0, 0)
    for delimiter in (",", ";", "\t", "|"):
        widths = Counter(len(row) for row in csv.reader(sample, delimiter=delimiter, quotechar=quote))
        width, agreeing = max(widths.items(), key=lambda item: (item[1], item[0]))
        score = (round(agreeing / sum(widths.values()), 2), width)
        if width > 1 and score > best_score:
            best, best_score = delimiter, score
    if best_score[1] > 1:
        return best
    widths = {len(line.split()) for line in sample}
    return " " if len(widths) == 1 and widths != {1} and quote not in sample[0] else ","


def _check_header(path: Path, header: list[str], body: list[list[str]]) -> list[str]:
    """The header with one more, empty name where every line ends with a delimiter."""
    numeric = [re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", cell, re.IGNORECASE) for cell in header]
    counting = header == [str(position) for position in range(len(header))]
    if all(numeric) and not counting:
        remedy = "Add a line with the columns' names."
        raise DataError(f"{path}: the first line must name the columns", ",".join(header), remedy)
    unique_names([cell for cell in header if cell], str(path))
    longer = [row for row in body if len(row) == len(header) + 1]
    if body and len(longer) == len(body):
        if any(row[-1].strip() for row in body):
            got = f"{len(header)} names for {len(header) + 1} cells"
            raise DataError(f"{path}: the header must name every column", got, "Name the first column too.")
        header = [*header, ""]
    return header


def _named(header: list[str]) -> list[str]:
    """Names for nameless columns, as pandas gives them: an index written without a name is the usual case."""
    names = [name or f"Unnamed: {position}" for position, name in enumerate(header)]
    return names


def _blank_lines(text: str) -> int:
    """Blank lines before the header: skipping rows counts them."""
    return len(re.match(r"(?:[ \t]*\n)*", text).group().splitlines())  # type: ignore[union-attr]


def _ragged(path: Path, text: str, delimiter: str, quote: str, width: int, error: Exception) -> DataError:
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, quotechar=quote)
    for row in reader:
        if row and len(row) != width:
            got = f"{len(row)} in line {reader.line_num}"
            remedy = "Mend that line; a cell that holds the delimiter must be quoted."
            return DataError(f"{path}: every line must have {width} cells, as the header has", got, remedy)
    return DataError(f"{path}: can't be read as a table", _first_line(error), "Check delimiter and quotes.")


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__

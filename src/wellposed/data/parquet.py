"""Parquet files into a raw frame."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from wellposed.data.files import first_line, most_inflated, too_large
from wellposed.data.source import column_names
from wellposed.errors import DataError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_ROWS = 65_536  # of a batch


def parquet_frame(path: Path, raw: bytes, memory: int) -> pd.DataFrame:
    """The table of a parquet file; texts stay coded as the file has them, so that repeated ones cost nothing.

    Raises:
        DataError: a broken file, lists or records in a column, repeated names, or more than the memory holds.
    """
    import pyarrow as pa
    import pyarrow.parquet as parquet

    most = most_inflated(len(raw), memory)
    try:
        file = parquet.ParquetFile(pa.BufferReader(raw))
        if file.metadata.num_rows * max(1, file.metadata.num_columns) * 8 > memory // 2:
            raise too_large(path, memory // 2)
        schema = file.schema_arrow
        names = column_names(schema.names, str(path))
        nested = [field.name for field in schema if pa.types.is_nested(field.type)]
        if nested:
            remedy = "Spread it over plain columns before reading."
            raise DataError(f"{path}: a column holds lists or records", ", ".join(nested), remedy)
        coded = [field.name for field in schema if pa.types.is_string(field.type) or pa.types.is_binary(field.type)]
        file = parquet.ParquetFile(pa.BufferReader(raw), read_dictionary=coded)
        table = _bounded(path, file, most + memory // 4)
        frame = table.to_pandas(ignore_metadata=True, split_blocks=True, self_destruct=True)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not a parquet file", first_line(error), "Write it again.") from None
    return frame.set_axis(names, axis=1)


def _bounded(path: Path, file: Any, most: int) -> pa.Table:
    """All batches, as long as they stay below ``most`` bytes: what a file says of its size may be wrong."""
    import pyarrow as pa

    batches, size = [], 0
    for batch in file.iter_batches(batch_size=_ROWS):
        size += batch.nbytes
        if size > most:
            raise too_large(path, most)
        batches.append(batch)
    schema = batches[0].schema if batches else file.schema_arrow
    return pa.Table.from_batches(batches, schema=schema).unify_dictionaries()

"""Raw rows as the exported Keras model takes them, by the table in the file: what a user without wellposed writes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


def inputs_of(table: dict[str, Any], rows: pd.DataFrame) -> Any:
    """A matrix, or a column by name, categories as their codes."""
    if table["inputs"] == "matrix":
        return rows[[column["name"] for column in table["columns"]]].to_numpy(dtype="float32")
    coded = {}
    for column in table["columns"]:
        cells = rows[column["name"]]
        if column["kind"] == "numeric":
            coded[column["input"]] = cells.to_numpy(dtype="float32")[:, None]
        else:
            missing, unknown = column["missing"], column["unknown"]
            numbers = [missing if pd.isna(cell) else column["codes"].get(cell, unknown) for cell in cells]
            coded[column["input"]] = np.array(numbers, dtype="int32")[:, None]
    return coded

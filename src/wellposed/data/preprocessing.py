"""From raw columns to network inputs: what is learned where, so that nothing leaks from validation rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from wellposed.data.columns import series, texts
from wellposed.data.schema import Schema
from wellposed.data.targets import missing_column
from wellposed.errors import DataError, quoted

if TYPE_CHECKING:
    import pandas as pd

    from wellposed.data.dataset import Dataset

_BLOCK_CELLS = 2_000_000
_VERSION = 1


@dataclass(frozen=True, eq=False)
class Preprocessing:
    """What one split's training rows teach: fill = median, x → (fill or x − center) / scale, and target scales.

    Missing numeric cells take the training median; then each numeric column has training mean 0 and variance 1
    (``standard``), or lies in [0, 1] (``unit``: training range; images: full scale 1, 16 or 255), or stays as it
    is (``none``). One-hot and missing-value columns stay 0/1, and are 0 where no training row had them, as nothing
    was learned about them; so are numeric columns that were constant in the training rows (unless ``none``).

    Attributes:
        schema: widths and orders.
        fill, center, scale: float64 ``[width]``; 0, 0, 1 for 0/1 columns.
        seen: bool ``[width]``, False for columns that the training rows say nothing about.
        target_center, target_scale: float64 ``[outputs]``; 0 and 1 for classification or unscaled targets.
        scaling: ``standard``, ``unit`` or ``none``.
    """

    schema: Schema
    fill: np.ndarray
    center: np.ndarray
    scale: np.ndarray
    seen: np.ndarray
    target_center: np.ndarray
    target_scale: np.ndarray
    scaling: Literal["standard", "unit", "none"] = "standard"

    @classmethod
    def fit(
        cls,
        schema: Schema,
        dataset: Dataset,
        rows: np.ndarray,
        *,
        scale_targets: bool | None = None,
        scaling: Literal["standard", "unit", "none"] = "standard",
    ) -> Preprocessing:
        """Learn from the training rows (int ``[n]``) alone.

        Args:
            schema: learned from all rows outside the vault.
            dataset: the dataset that ``rows`` points into.
            rows: training rows.
            scale_targets: standardize regression targets; None: yes.
            scaling: of numeric features.

        Raises:
            DataError: no rows, or an unknown scaling.
        """
        if scaling not in ("standard", "unit", "none"):
            raise DataError("scaling must be known", scaling, "Use standard, unit or none.")
        rows = np.asarray(rows)
        if not len(rows):
            raise DataError("preprocessing needs training rows", "none", "Give at least one row.")
        encoded = schema.encode(dataset.features.iloc[rows])
        numeric = _numeric_positions(schema)
        seen = (encoded != 0).any(axis=0)
        seen[numeric] = True
        fill, center, scale = np.zeros(schema.width), np.zeros(schema.width), np.ones(schema.width)
        if schema.image_shape is None:  # pixels are never missing
            fill[numeric] = _medians(encoded[:, numeric])
        if scaling != "none":
            values = np.where(np.isnan(encoded[:, numeric]), fill[numeric], encoded[:, numeric])
            images = scaling == "unit" and schema.image_shape is not None
            learned = _full_scale(values) if images else _moments(values) if scaling == "standard" else _range(values)
            center[numeric], scale[numeric] = learned
            if not images:
                seen[numeric] = values.min(axis=0) < values.max(axis=0)
        target_center, target_scale = np.zeros(schema.outputs), np.ones(schema.outputs)
        if schema.task == "regression" and scale_targets is not False:
            target_center, target_scale = _moments(dataset.targets.iloc[rows].to_numpy(dtype=np.float64))
        return cls(schema, fill, center, scale, seen, target_center, target_scale, scaling)

    def features(self, frame: pd.DataFrame) -> np.ndarray:
        """Network inputs float32 ``[rows, width]`` of raw columns, in any order and with any further columns.

        Raises:
            DataError: a column is missing, holds text where it held numbers, or infinities.
        """
        self.schema.require(frame)
        inputs = np.empty((len(frame), self.schema.width), dtype=np.float32)
        largest = float(np.finfo(np.float32).max)
        block = max(256, _BLOCK_CELLS // max(1, self.schema.width))
        for start in range(0, len(frame), block):  # in blocks, as all images at once in float64 take too much memory
            values = self.schema.encode(frame.iloc[start : start + block])
            values = np.where(np.isnan(values), self.fill, values)
            values = np.where(self.seen, (values - self.center) / self.scale, 0.0)
            inputs[start : start + block] = np.clip(values, -largest, largest)
        return inputs

    def targets(self, frame: pd.DataFrame, *, onehot: bool) -> np.ndarray:
        """Targets float32 ``[rows, outputs]``: one-hot classes; 0/1 in one column if not ``onehot``; scaled numbers.

        Args:
            frame: target columns as in ``Dataset.targets``.
            onehot: one column a class; False needs two classes, and the second is 1.

        Raises:
            DataError: a column is missing, a label unknown, or there are more than two classes without ``onehot``.
        """
        schema = self.schema
        for name in schema.targets:
            if name not in frame.columns:
                raise missing_column("target", name, [str(column) for column in frame.columns])
        if schema.task == "regression":
            values = frame[list(schema.targets)].to_numpy(dtype=np.float64)
            return ((values - self.target_center) / self.target_scale).astype(np.float32)
        codes = self.labels(frame)
        if onehot:
            return np.eye(len(schema.classes), dtype=np.float32)[codes]
        if len(schema.classes) != 2:
            remedy = "Use a softmax output."
            raise DataError("a single output column needs two classes", f"{len(schema.classes)} classes", remedy)
        return codes[:, None].astype(np.float32)

    def labels(self, frame: pd.DataFrame) -> np.ndarray:
        """Class codes int64 ``[rows]`` of the target column.

        Raises:
            DataError: a label is none of the classes.
        """
        codes = {label: code for code, label in enumerate(self.schema.classes)}
        found = texts(series(frame, self.schema.targets[0]))
        unknown = sorted({str(label) for label in found if label not in codes})
        if unknown:
            remedy = f"The classes are {', '.join(self.schema.classes)}."
            raise DataError(
                f"target {quoted(self.schema.targets[0])} holds an unknown class", ", ".join(unknown), remedy
            )
        return np.array([codes[label] for label in found], dtype=np.int64)

    def to_config(self) -> dict[str, Any]:
        """Everything as JSON values; :meth:`from_config` gives back the same bits."""
        return {
            "version": _VERSION,
            "schema": self.schema.to_config(),
            "scaling": self.scaling,
            "fill": self.fill.tolist(),
            "center": self.center.tolist(),
            "scale": self.scale.tolist(),
            "seen": self.seen.tolist(),
            "target_center": self.target_center.tolist(),
            "target_scale": self.target_scale.tolist(),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Preprocessing:
        """The preprocessing that :meth:`to_config` described.

        Raises:
            DataError: the description is of another version, or incomplete.
        """
        remedy = "Save the model again with this version of wellposed."
        if config.get("version") != _VERSION:
            raise DataError("preprocessing has another version", config.get("version"), remedy)
        try:
            schema = Schema.from_config(config["schema"])
            numeric = ("fill", "center", "scale", "target_center", "target_scale")
            arrays = {name: np.array(config[name], dtype=np.float64) for name in numeric}
            seen = np.array(config["seen"], dtype=bool)
            return cls(schema, seen=seen, scaling=config["scaling"], **arrays)
        except KeyError as error:
            raise DataError("preprocessing is incomplete", f"no {error.args[0]}", remedy) from None


def _numeric_positions(schema: Schema) -> np.ndarray:
    pairs = zip(schema.columns, schema.feature_groups, strict=True)
    return np.array([group[0] for column, group in pairs if column.numeric], dtype=np.int64)


def _medians(values: np.ndarray) -> np.ndarray:
    """Medians of each column's present cells, 0 where there are none.

    Equal to scikit-learn's ``SimpleImputer``, whose masked arrays take twenty times longer.
    """
    medians = np.zeros(values.shape[1])
    for position in range(values.shape[1]):
        column = values[:, position]
        present = column[~np.isnan(column)]
        if len(present):
            medians[position] = np.median(present)
    return medians


def _moments(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation (n, not n − 1) of each column; a constant column's scale is 1."""
    from sklearn.preprocessing import StandardScaler

    if not values.shape[1]:
        return np.zeros(0), np.ones(0)
    # squares of huge or tiny numbers leave float64's range: bring them near 1 by a power of two, which is exact
    largest = np.abs(values).max(axis=0)
    extreme = (largest > 1e100) | ((largest < 1e-100) & (largest > 0))
    power = np.where(extreme, np.exp2(np.floor(np.log2(np.where(extreme, largest, 1.0)))), 1.0)
    scaler = StandardScaler().fit(values / power)
    center, spread = np.asarray(scaler.mean_) * power, np.sqrt(np.asarray(scaler.var_)) * power
    # scikit-learn finds the columns that only rounding keeps from being constant: it gives them the scale 1
    varies = np.asarray(scaler.scale_) * power == spread
    return center, np.where(varies & (spread > 0), spread, np.maximum(1.0, spread))


def _range(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Minimum and range of each column; a constant column's scale is 1."""
    low = values.min(axis=0)
    scale = values.max(axis=0) - low
    return low, np.where(scale > 0, scale, 1.0)


def _full_scale(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """0 and the full scale that the brightest pixel of all suggests: 1, 16, 255; otherwise the range of all pixels."""
    low, high = float(values.min()), float(values.max())
    full = next((scale for scale in (1.0, 16.0, 255.0) if high <= scale), None) if low >= 0 else None
    center, scale = (0.0, full) if full is not None else (low, (high - low) or 1.0)
    return np.full(values.shape[1], center), np.full(values.shape[1], scale)

"""Preprocessing against scikit-learn, and against leaks."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from wellposed.data.dataset import Dataset
from wellposed.data.preprocessing import Preprocessing
from wellposed.data.read import read
from wellposed.data.schema import MAX_CATEGORIES, Schema
from wellposed.errors import DataError

N = 60


def mixed(seed: int = 0) -> Dataset:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "a": random.normal(5.0, 3.0, N),
            "k": random.choice(["u", "v", "w"], N),
            "b": np.where(random.random(N) < 0.2, np.nan, random.normal(size=N)),
            "m": random.choice(np.array(["p", "q", None], dtype=object), N),
            "y": random.choice(["yes", "no"], N),
        }
    )
    return read(frame, "y")


def learned(dataset: Dataset, rows: Any, **options: Any) -> Preprocessing:
    return Preprocessing.fit(Schema.learn(dataset, np.arange(dataset.rows)), dataset, np.asarray(rows), **options)


def test_names_and_groups() -> None:
    schema = Schema.learn(mixed(), np.arange(N))
    assert schema.feature_names == ("a", "k=u", "k=v", "k=w", "b", "b missing", "m=p", "m=q", "m missing")
    assert schema.feature_groups == ((0,), (1, 2, 3), (4, 5), (6, 7, 8))
    assert schema.width == 9
    without = Schema.learn(mixed(), np.arange(N), missing_indicators=False)
    assert without.feature_names == ("a", "k=u", "k=v", "k=w", "b", "m=p", "m=q")


def test_equals_scikit_learn() -> None:
    dataset, training = mixed(), np.arange(0, N, 2)
    numeric = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    oracle = ColumnTransformer(
        [
            ("a", numeric, ["a"]),
            ("k", OneHotEncoder(categories=[["u", "v", "w"]], sparse_output=False), ["k"]),
            ("b", numeric, ["b"]),
            ("b missing", MissingIndicator(), ["b"]),
            ("m", OneHotEncoder(categories=[["p", "q", None]], sparse_output=False), ["m"]),
        ]
    )
    frame = dataset.features.astype({"k": object, "m": object})
    frame["m"] = frame["m"].where(frame["m"].notna(), None)
    oracle.fit(frame.iloc[training])
    inputs = learned(dataset, training).features(dataset.features)
    assert inputs.dtype == np.float32
    np.testing.assert_allclose(inputs, np.asarray(oracle.transform(frame), dtype=np.float64), rtol=2e-7, atol=1e-7)


def test_regression_targets_are_standardized_by_training_rows() -> None:
    frame = pd.DataFrame({"x": np.arange(20.0) % 7, "y": np.linspace(3, 9, 20), "z": np.linspace(0, 1, 20) ** 2})
    dataset = read(frame, ["z", "y"])
    training = np.arange(5, 15)
    preprocessing = learned(dataset, training)
    scaler = StandardScaler().fit(frame.loc[training, ["z", "y"]])
    np.testing.assert_allclose(preprocessing.target_center, scaler.mean_)
    np.testing.assert_allclose(preprocessing.target_scale, scaler.scale_)
    expected = scaler.transform(frame[["z", "y"]])
    np.testing.assert_allclose(preprocessing.targets(dataset.targets, onehot=False), expected, rtol=1e-6, atol=1e-6)
    unscaled = learned(dataset, training, scale_targets=False)
    np.testing.assert_array_equal(unscaled.target_center, [0, 0])
    np.testing.assert_array_equal(unscaled.targets(dataset.targets, onehot=False), dataset.targets.astype(np.float32))


def test_class_targets() -> None:
    dataset = mixed()
    preprocessing = learned(dataset, np.arange(N))
    positive = (dataset.targets["y"] == "yes").to_numpy()
    single = preprocessing.targets(dataset.targets, onehot=False)
    assert (single.shape, single.dtype) == ((N, 1), np.float32)
    np.testing.assert_array_equal(single[:, 0], positive)
    np.testing.assert_array_equal(
        preprocessing.targets(dataset.targets, onehot=True), np.column_stack([~positive, positive])
    )
    assert preprocessing.target_center.tolist() == [0, 0]
    assert preprocessing.target_scale.tolist() == [1, 1]
    with pytest.raises(DataError) as caught:
        preprocessing.targets(pd.DataFrame({"y": ["yes", "perhaps"]}), onehot=True)
    assert str(caught.value) == "target 'y' holds an unknown class, got perhaps. The classes are no, yes."
    three = read("iris")
    with pytest.raises(DataError) as caught:
        learned(three, np.arange(150)).targets(three.targets, onehot=False)
    assert str(caught.value) == "a single output column needs two classes, got 3 classes. Use a softmax output."


@given(seed=st.integers(0, 50), held=st.sets(st.integers(0, N - 1), min_size=1, max_size=N - 5))
@settings(max_examples=40, deadline=None)
def test_values_of_validation_rows_never_reach_training_rows(seed: int, held: set[int]) -> None:
    dataset = mixed(seed)
    training = np.setdiff1d(np.arange(N), list(held))
    before = learned(dataset, training)
    changed = dataset.features.copy()
    random = np.random.default_rng(seed)
    rows = list(held)
    changed.loc[rows, "a"] = random.normal(1e3, 1e3, len(rows))
    changed.loc[rows, "b"] = random.normal(-1e3, 1e3, len(rows))
    changed.loc[rows, "k"] = random.choice(["u", "v", "w"], len(rows))
    changed.loc[rows, "m"] = random.choice(["p", "q"], len(rows))
    after = Preprocessing.fit(before.schema, replace(dataset, features=changed), training)
    part = dataset.features.iloc[training]
    np.testing.assert_array_equal(before.features(part), after.features(part))
    np.testing.assert_array_equal(before.fill, after.fill)


def test_what_training_rows_never_had_is_zero() -> None:
    frame = pd.DataFrame(
        {
            "k": ["u"] * 10 + ["v"] * 10,
            "b": [1.0, 2.0] * 5 + [np.nan] * 10,
            "c": [3.0] * 10 + [4.0] * 10,
            "y": ["no", "yes"] * 10,
        }
    )
    dataset = read(frame, "y")
    inputs = learned(dataset, np.arange(10)).features(dataset.features)
    assert Schema.learn(dataset, np.arange(20)).feature_names == ("k=u", "k=v", "b", "b missing", "c")
    np.testing.assert_array_equal(inputs[10:], np.zeros((10, 5)))
    np.testing.assert_array_equal(inputs[:10, 0], np.ones(10))
    np.testing.assert_array_equal(inputs[:10, 2], [-1.0, 1.0] * 5)
    np.testing.assert_array_equal(inputs[:10, 4], np.zeros(10))


def test_a_column_without_cells_in_training_rows() -> None:
    dataset = read(pd.DataFrame({"x": [1.0, 2.0] * 10, "b": [np.nan] * 10 + [5.0] * 10, "y": [0, 1] * 10}), "y")
    inputs = learned(dataset, np.arange(10)).features(dataset.features)
    assert np.isfinite(inputs).all()
    np.testing.assert_array_equal(inputs[:, 1], np.zeros(20))


def test_new_categories_other_columns_and_any_order() -> None:
    dataset = mixed()
    preprocessing = learned(dataset, np.arange(N))
    frame = pd.DataFrame({"m": ["new", " p "], "extra": [1, 2], "b": ["?", "0.5"], "k": [None, "w"], "a": [5, 6]})
    inputs = preprocessing.features(frame)
    assert inputs[0, 1:4].tolist() == [0, 0, 0]
    assert inputs[0, 5:].tolist() == [1, 0, 0, 0]
    assert inputs[1, 1:4].tolist() == [0, 0, 1]
    assert inputs[1, 5:].tolist() == [0, 1, 0, 0]
    median = np.median(dataset.features["b"].dropna())
    filled = dataset.features["b"].fillna(median)
    assert inputs[0, 4] == pytest.approx((median - filled.mean()) / filled.std(ddof=0), abs=1e-6)


def test_the_users_missing_markers_hold_for_new_rows() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0, -9.0, 3.0] * 5, "k": ["u", "-9", "v", "w"] * 5, "y": [0, 1] * 10})
    dataset = read(frame, "y", na=["-9"])
    preprocessing = learned(dataset, np.arange(20))
    assert preprocessing.schema.feature_names == ("a", "a missing", "k=u", "k=v", "k=w", "k missing")
    after = Preprocessing.from_config(json.loads(json.dumps(preprocessing.to_config())))
    np.testing.assert_array_equal(after.features(frame), preprocessing.features(dataset.features))


def test_frames_that_do_not_fit() -> None:
    dataset = mixed()
    preprocessing = learned(dataset, np.arange(N))
    with pytest.raises(DataError) as caught:
        preprocessing.features(dataset.features.drop(columns="a"))
    assert str(caught.value) == "feature column doesn't exist, got a. The columns are k, b, m."
    with pytest.raises(DataError) as caught:
        preprocessing.features(dataset.features.assign(a="high"))
    assert str(caught.value) == "column 'a' must hold numbers, got high. It did when the model was made."
    with pytest.raises(DataError, match="feature column 'a' has infinite or too large cells"):
        preprocessing.features(dataset.features.assign(a=np.inf))
    with pytest.raises(DataError, match=r"^scaling must be known, got robust\. Use standard, unit or none\.$"):
        learned(dataset, np.arange(N), scaling="robust")


def test_many_categories_share_one_column() -> None:
    labels = [f"c{i:03}" for i in range(150)]
    column = labels + labels[:90] * 2
    dataset = read(pd.DataFrame({"k": column, "x": np.arange(330) % 7, "y": [0, 1] * 165}), "y")
    schema = Schema.learn(dataset, np.arange(330))
    assert len(schema.feature_groups[0]) == MAX_CATEGORIES
    assert schema.feature_names[MAX_CATEGORIES - 1] == "k other"
    assert set(labels[:90]) <= {name.removeprefix("k=") for name in schema.feature_names}
    inputs = learned(dataset, np.arange(330)).features(dataset.features)
    np.testing.assert_array_equal(inputs[:, :MAX_CATEGORIES].sum(axis=1), np.ones(330))


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1.0, 1e30, 1e200, 1e300])
def test_any_scale_of_numbers(scale: float) -> None:
    values = np.random.default_rng(0).normal(size=N)
    dataset = read(pd.DataFrame({"x": values * scale, "y": [0, 1] * (N // 2)}), "y")
    inputs = learned(dataset, np.arange(N)).features(dataset.features)
    np.testing.assert_allclose(inputs[:, 0], (values - values.mean()) / values.std(), rtol=1e-5, atol=1e-6)


def test_a_column_that_only_rounding_keeps_from_being_constant() -> None:
    values = np.full(N, 0.1) * 3
    values[::2] = 0.3
    dataset = read(pd.DataFrame({"x": values, "z": np.arange(N) % 5, "y": [0, 1] * (N // 2)}), "y")
    assert np.abs(learned(dataset, np.arange(N)).features(dataset.features)[:, 0]).max() < 1e-6


@pytest.mark.parametrize(("largest", "full"), [(0.8, 1.0), (14, 16.0), (200, 255.0)])
def test_images_are_scaled_by_their_full_scale(largest: float, full: float) -> None:
    images = np.random.default_rng(0).uniform(0, largest, size=(20, 3, 3))
    images[0, 0, 0] = largest
    dataset = read((images, np.arange(20) % 2))
    inputs = learned(dataset, np.arange(20), scaling="unit").features(dataset.features)
    np.testing.assert_allclose(inputs, images.reshape(20, 9) / full, rtol=1e-6)
    raw = learned(dataset, np.arange(20), scaling="none").features(dataset.features)
    np.testing.assert_allclose(raw, images.reshape(20, 9), rtol=1e-6)


def test_unit_scaling_of_tables_is_the_training_range() -> None:
    dataset = read(pd.DataFrame({"x": [2.0, 4.0, 6.0, 10.0] * 5, "y": [0, 1] * 10}), "y")
    inputs = learned(dataset, [0, 1, 2], scaling="unit").features(dataset.features)
    assert inputs[:4, 0].tolist() == [0.0, 0.5, 1.0, 2.0]


@pytest.mark.parametrize("scaling", ["standard", "unit", "none"])
def test_json_gives_back_the_same_bits(scaling: Literal["standard", "unit", "none"]) -> None:
    dataset = mixed()
    before = learned(dataset, np.arange(0, N, 3), scaling=scaling)
    after = Preprocessing.from_config(json.loads(json.dumps(before.to_config(), allow_nan=False)))
    assert after.schema == before.schema
    assert after.features(dataset.features).tobytes() == before.features(dataset.features).tobytes()
    targets = dataset.targets
    assert after.targets(targets, onehot=True).tobytes() == before.targets(targets, onehot=True).tobytes()
    assert after.to_config() == before.to_config()


def test_configs_of_another_kind_are_refused() -> None:
    config = learned(mixed(), np.arange(N)).to_config()
    remedy = "Save the model again with this version of wellposed."
    with pytest.raises(DataError) as caught:
        Preprocessing.from_config({**config, "version": 7})
    assert str(caught.value) == f"preprocessing has another version, got 7. {remedy}"
    del config["fill"]
    with pytest.raises(DataError) as caught:
        Preprocessing.from_config(config)
    assert str(caught.value) == f"preprocessing is incomplete, got no fill. {remedy}"

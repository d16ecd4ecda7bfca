"""Predictions for new rows, scores, and the words about a model."""

import jax
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score, log_loss, mean_absolute_error, r2_score

from models.making import classifier, made, regressor, table
from wellposed.data.read import read
from wellposed.errors import DataError, StudyError
from wellposed.models.evaluation import _wilson
from wellposed.network.randomness import Rng

ROWS = table(25, seed=5)


@pytest.fixture(scope="module")
def model():
    return classifier()


def by_hand(model, frame):
    """The mean probability over sets, one at a time, through the network itself."""
    found = []
    for number, (weights, state) in enumerate(zip(model.weights, model.state, strict=True)):
        learned = model.preprocessings[number if len(model.preprocessings) > 1 else 0]
        x = learned.features(frame)
        mask, rng = np.ones(len(x), np.float32), Rng(jax.random.key(0))
        logits = model.built.apply(weights, state, x, mask=mask, rng=rng, train=False)[0].logits[0]
        found.append(np.asarray(model.built.predict(logits)) * learned.target_scale + learned.target_center)
    return np.mean(found, 0)


def test_probabilities_are_those_of_the_network(model):
    found = model.predict_proba(ROWS)
    assert list(found.columns) == ["no", "yes"]
    np.testing.assert_allclose(found["yes"], by_hand(model, ROWS)[:, 0], atol=1e-6)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    assert model.predict(ROWS).to_list() == ["yes" if p > 0.5 else "no" for p in found["yes"]]
    assert model.predict(ROWS).name == "y"


def test_a_model_shows_itself_in_a_line_without_its_weights(model):
    line = f"<Model {model.recipe.name}: classification of y; see predict(rows), evaluate(rows), summary(), save(path)>"
    assert repr(model) == line


@pytest.mark.parametrize("folds", [False, True])
def test_several_sets_are_averaged_over_predictions(folds):
    data = read(table(), target="z", drop=["y"])
    model = made(data, sets=3, folds=folds, recipe="batch-norm")
    np.testing.assert_allclose(model.predict(ROWS), by_hand(model, ROWS)[:, 0], rtol=1e-5)


def test_rows_stand_for_themselves(model):
    """Order, further columns and the rows beside it change nothing, to the bit."""
    whole = model.predict_proba(ROWS)
    other = ROWS.assign(more=1)[["more", "kind", "b", "a"]].iloc[::-1]
    pd.testing.assert_frame_equal(model.predict_proba(other), whole.iloc[::-1], check_exact=True)
    pd.testing.assert_frame_equal(model.predict_proba(ROWS.iloc[7:8]), whole.iloc[7:8], check_exact=True)
    many = pd.concat([ROWS] * 400, ignore_index=True)  # more than a block
    assert np.array_equal(model.predict_proba(many).to_numpy(), np.tile(whole.to_numpy(), (400, 1)))


def test_missing_cells_and_new_categories(model):
    rows = ROWS.assign(
        kind=ROWS["kind"].mask(ROWS.index == 3, "never seen").mask(ROWS.index == 4), a=ROWS["a"].mask(ROWS.index == 5)
    )
    found = model.predict_proba(rows)
    assert found.notna().all().all()
    same = [index for index in ROWS.index if index not in (3, 4, 5)]
    pd.testing.assert_frame_equal(found.loc[same], model.predict_proba(ROWS).loc[same], check_exact=True)


def test_an_index_comes_back(model):
    rows = ROWS.set_axis([f"row {i}" for i in range(len(ROWS))], axis=0)
    assert list(model.predict(rows).index) == list(rows.index)
    assert list(model.predict_proba(rows).index) == list(rows.index)


def test_no_rows_give_no_predictions(model):
    assert len(model.predict(ROWS.iloc[:0])) == 0
    assert model.predict_proba(ROWS.iloc[:0]).shape == (0, 2)


def test_files_predict_like_frames(model, tmp_path):
    whole = model.predict(ROWS).to_list()
    ROWS.to_csv(tmp_path / "rows.csv", index=False)
    ROWS.to_csv(tmp_path / "semicolons.csv", index=False, sep=";", decimal=",")
    ROWS.to_parquet(tmp_path / "rows.parquet")
    for name in ("rows.csv", "semicolons.csv", "rows.parquet"):
        assert model.predict(tmp_path / name).to_list() == whole, name


def test_large_files_predict_in_pieces(model, tmp_path, monkeypatch):
    """Quoted line ends, a gzipped file and parquet: pieces give what the whole gives."""
    from wellposed.models import chunks

    rows = pd.concat([ROWS] * 30, ignore_index=True)
    rows.insert(0, "note", ['two\nlines, "quoted"' if i % 7 == 0 else "plain" for i in range(len(rows))])
    whole = model.predict(rows).to_list()
    monkeypatch.setattr(chunks, "LARGE", 100)
    monkeypatch.setattr(chunks, "PIECE", 4000)
    monkeypatch.setattr(chunks, "PART", 100)
    for name in ("rows.csv", "rows.csv.gz", "rows.parquet"):
        (rows.to_parquet if name.endswith("parquet") else rows.to_csv)(tmp_path / name, index=False)
        found = list(chunks.row_chunks(tmp_path / name, model.schema))
        assert len(found) > 5
        assert sum(len(part.frame) for part in found) == len(rows)
        assert [label for part in found for label in model.predict(part.frame)] == whole, name
        assert model.predict(tmp_path / name).to_list() == whole, name


def test_a_bad_cell_in_a_large_file_is_placed(model, tmp_path, monkeypatch):
    from wellposed.models import chunks

    rows = pd.concat([ROWS] * 30, ignore_index=True).astype({"a": object})
    rows.loc[600, "a"] = np.inf
    path = tmp_path / "rows.csv"
    rows.to_csv(path, index=False)
    monkeypatch.setattr(chunks, "LARGE", 100)
    monkeypatch.setattr(chunks, "PIECE", 4000)
    with pytest.raises(DataError) as error:
        model.predict(path)
    assert "column 'a' has infinite" in str(error.value)


def test_arrays_by_position(tmp_path):
    random = np.random.default_rng(0)
    x = random.normal(size=(30, 4))
    x[:, 1] = 1.0  # constant: no feature, but still a column of the array
    model = made(read((x, (x[:, 0] > 0).astype(int))))
    assert [column.name for column in model.schema.columns] == ["x_0", "x_2", "x_3"]
    whole = model.predict(x).to_list()
    assert model.predict(x.tolist()).to_list() == whole
    assert model.predict(pd.DataFrame(x, columns=[f"x_{i}" for i in range(4)])).to_list() == whole
    np.save(tmp_path / "x.npy", x)
    np.savez(tmp_path / "x.npz", x=x)
    np.savez(tmp_path / "both.npz", x=x, y=np.arange(30) % 2)
    for name in ("x.npy", "x.npz", "both.npz"):
        assert model.predict(tmp_path / name).to_list() == whole, name
    with pytest.raises(DataError) as error:
        model.predict(x[:, :3])
    assert (
        str(error.value)
        == "the array's columns don't fit the model's, got 3. It learned from 3 columns: x_0, x_2, x_3."
    )
    with pytest.raises(DataError) as error:
        model.predict(x[0])
    assert str(error.value).startswith("an array of features must have 2 to 4 dimensions, got shape (4,)")


def test_images(tmp_path):
    images = np.random.default_rng(0).integers(0, 255, size=(20, 3, 4), dtype=np.uint8)
    model = made(read((images, np.arange(20) % 3)))
    assert model.schema.image_shape == (3, 4)
    np.save(tmp_path / "images.npy", images)
    assert model.predict(tmp_path / "images.npy").to_list() == model.predict(images).to_list()
    assert model.predict(images.reshape(20, 12)).to_list() == model.predict(images).to_list()


def test_python_objects_in_an_array_file_are_refused(model, tmp_path):
    np.save(tmp_path / "objects.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError) as error:
        model.predict(tmp_path / "objects.npy")
    assert "must be an array of plain numbers or texts, got Python objects, which are never unpickled" in str(
        error.value
    )


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (ROWS.drop(columns="b"), "feature column doesn't exist, got b"),
        (ROWS.rename(columns={"kind": "Kind"}), "feature column doesn't exist, got kind. Did you mean 'Kind'?"),
        (ROWS.assign(a="high"), "column 'a' must hold numbers, got high. It did when the model was made."),
        (ROWS.assign(a=np.inf), "feature column 'a' has infinite or too large cells, got 25 of 25 rows"),
        (pd.concat([ROWS, ROWS[["a"]]], axis=1), "data frame: column names must differ, got a"),
        (3, "data must be something that can be read, got int"),
    ],
)
def test_what_cant_be_predicted_on(model, frame, message):
    with pytest.raises(DataError) as error:
        model.predict(frame)
    assert message in str(error.value)


def test_numbers_have_no_probabilities():
    with pytest.raises(StudyError) as error:
        regressor().predict_proba(ROWS)
    assert str(error.value) == "model: it predicts numbers, not classes. Use predict."


def test_several_targets():
    frame = table().assign(z2=lambda f: f["z"] * 2)
    model = made(read(frame, target=["z", "z2"], drop=["y"]))
    found = model.predict(ROWS)
    assert list(found.columns) == ["z", "z2"]
    np.testing.assert_allclose(found, by_hand(model, ROWS), rtol=1e-5)


# -- scores ----------------------------------------------------------------------------------------------------------


def test_scores_of_classes_are_scikit_learns(model):
    scores, p = model.evaluate(ROWS), model.predict_proba(ROWS)
    truth = (ROWS["y"] == "yes").to_numpy()
    assert scores.index[1] == "accuracy"
    assert scores.loc["accuracy", "score"] == pytest.approx(np.mean(model.predict(ROWS) == ROWS["y"]))
    assert scores.loc["loss", "score"] == pytest.approx(log_loss(truth, p["yes"]), rel=1e-5)
    assert scores.loc["brier", "score"] == pytest.approx(np.mean((p["yes"] - truth) ** 2), rel=1e-5)
    assert scores.loc["balanced_accuracy", "score"] == pytest.approx(balanced_accuracy_score(truth, p["yes"] > 0.5))
    assert (scores["low"] <= scores["score"]).all()
    assert (scores["score"] <= scores["high"]).all()
    assert scores.loc["accuracy", "interval"] == "Wilson"


def test_scores_of_numbers_are_scikit_learns():
    model = regressor()
    scores, found = model.evaluate(ROWS), model.predict(ROWS)
    assert scores.loc["r2", "score"] == pytest.approx(r2_score(ROWS["z"], found), rel=1e-4)
    assert scores.loc["mae", "score"] == pytest.approx(mean_absolute_error(ROWS["z"], found), rel=1e-5)
    scale = model.preprocessing.target_scale[0]
    assert scores.loc["loss", "score"] == pytest.approx(np.mean(((ROWS["z"] - found) / scale) ** 2), rel=1e-5)


def test_a_bootstrap_interval_is_as_wide_as_theory_says():
    """The loss is a mean: its interval is ±1.96 s/√n."""
    model, rows = classifier(), table(600, seed=3)
    p = model.predict_proba(rows)
    losses = -np.log(np.where(rows["y"] == "yes", p["yes"], p["no"]))
    loss = model.evaluate(rows).loc["loss"]
    assert loss["high"] - loss["low"] == pytest.approx(2 * 1.96 * losses.std() / np.sqrt(600), rel=0.1)


def test_wilsons_interval():
    """Values of scipy.stats.binomtest(…).proportion_ci(method="wilson")."""
    from scipy.stats import binomtest

    for right, rows in ((0, 10), (7, 10), (10, 10), (450, 1000)):
        known = binomtest(right, rows).proportion_ci(method="wilson")
        assert _wilson(right / rows, rows) == pytest.approx((known.low, known.high), abs=1e-12)


def test_weights_count_like_repeated_rows():
    frame = table().assign(w=lambda f: 1 + np.arange(len(f)) % 3)
    model = made(read(frame, target="y", drop=["z"], weight="w"))
    weighted = model.evaluate(frame)
    repeated = model.evaluate(frame.loc[np.repeat(frame.index, frame["w"])].drop(columns="w"))
    np.testing.assert_allclose(weighted["score"], repeated["score"], rtol=1e-4)
    assert weighted.loc["accuracy", "interval"] == "bootstrap"


def test_an_expression_is_made_of_the_raw_column():
    data = read(table(), target="z >= 10", drop=["y"])
    model = made(data)
    assert model.target.expression == "z >= 10"
    scores = model.evaluate(ROWS)
    right = np.where(ROWS["z"] >= 10, "z >= 10", "z < 10") == model.predict(ROWS)
    assert scores.loc["accuracy", "score"] == pytest.approx(right.mean())
    again = model.evaluate(read(ROWS, target="z >= 10", drop=["y"]))
    np.testing.assert_allclose(scores["score"], again["score"], rtol=1e-6)


def test_a_target_of_another_name(model):
    renamed = ROWS.rename(columns={"y": "answer"})
    pd.testing.assert_frame_equal(model.evaluate(renamed, target="answer"), model.evaluate(ROWS))
    with pytest.raises(DataError) as error:
        model.evaluate(renamed)
    assert str(error.value).startswith("target column doesn't exist, got y. ")
    with pytest.raises(DataError) as error:
        model.evaluate(ROWS.assign(y="perhaps"))
    assert "perhaps" in str(error.value)
    assert "The classes are no, yes." in str(error.value)


def test_features_and_target_apart(model):
    pd.testing.assert_frame_equal(model.evaluate((ROWS.drop(columns="y"), ROWS["y"])), model.evaluate(ROWS))


def test_the_summary_says_what_it_is():
    words = classifier(recipe="l2=0.001", sets=2).summary()
    for part in (
        "hidden1 dense", "predicts      the class of y: no, yes", "recipe        l2=0.001", "7 epochs of the 20",
        "a, b, kind (2 numeric, 1 categorical; 6 columns when encoded)", "missing numbers become the training median",
        "networks      2, averaged over their predictions", "trained on    data, 40 rows, seed 0",
    ):  # fmt: skip
        assert part in words

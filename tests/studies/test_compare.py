"""The comparison as a Python user runs it: paired differences, verdicts, the vault, predictions by row."""

import json
import math

import numpy as np
import pandas as pd
import pytest

import wellposed as wp
from wellposed.errors import StudyError
from wellposed.records import MemberRecord, Records
from wellposed.studies.predictions import out_of_fold
from wellposed.studies.prepare import prepare

SMALL = {"epochs": 3, "folds": 2, "seeds": 2, "references": False}
SCHEMA = {
    "schema", "data", "network", "training", "splits", "metric", "baseline", "selected", "skipped", "warnings",
    "recipes", "references", "test", "run", "select", "out_of_fold",
}  # fmt: skip


def table(rows=60, seed=0):
    """Two classes that a line separates, with a category and missing cells."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, 2))
    frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "kind": random.choice(["u", "v"], rows)})
    frame.loc[::9, "b"] = np.nan
    frame["y"] = np.where(x[:, 0] + 0.3 * random.normal(size=rows) > 0, "yes", "no")
    return frame


@pytest.fixture(scope="module")
def data():
    return wp.read(table(), target="y")


@pytest.fixture(scope="module")
def study(data):
    return wp.compare(data, (4,), ["l2=0.01|0.1", wp.Dropout(0.2)], predictions=True, test=0.2, **SMALL)


def test_results_have_the_schema_and_survive_json(study):
    assert set(study.results) == SCHEMA
    assert study.results["schema"] == "wellposed.compare/1"
    assert [entry["name"] for entry in study.results["recipes"]] == [
        "baseline", "best-epoch", "l2=0.01", "l2=0.1", "dropout=0.2",
    ]  # fmt: skip
    assert json.loads(json.dumps(study.results, allow_nan=False)) == study.results
    entry = study.results["recipes"][2]
    assert set(entry["delta"]["loss"]) >= {"mean", "low", "high", "p", "p_adjusted", "df", "method", "detectable"}
    assert set(entry["verdict"]) == {"loss", "accuracy"}


def test_findings_say_what_to_do(study):
    assert sum(text.startswith("What to do: ") for text in study.findings()) == 1


def test_the_same_study_twice_gives_the_same_results(data, study):
    again = wp.compare(data, (4,), ["l2=0.01|0.1", wp.Dropout(0.2)], predictions=True, test=0.2, **SMALL)
    first, second = ({key: value for key, value in s.results.items() if key != "run"} for s in (study, again))
    for results in (first, second):
        results["test"] = {key: value for key, value in results["test"].items() if key != "openings"}
    assert first == second
    pd.testing.assert_frame_equal(study.history, again.history)


def test_differences_are_paired_means_of_members(study):
    entries = {entry["name"]: entry for entry in study.results["recipes"]}
    pairs = zip(
        entries["l2=0.1"]["validation"]["per_member"], entries["baseline"]["validation"]["per_member"], strict=True
    )
    differences = []
    for ours, theirs in pairs:
        assert (ours["fold"], ours["seed"]) == (theirs["fold"], theirs["seed"])
        differences.append(ours["loss"] - theirs["loss"])
    assert len(differences) == 4
    assert entries["l2=0.1"]["delta"]["loss"]["mean"] == pytest.approx(np.mean(differences), abs=1e-12)


def test_history_ends_with_the_scores_of_the_results(study):
    last = study.history[(study.history["recipe"] == "baseline") & (study.history["epoch"] == 3)]
    entry = study.results["recipes"][0]
    assert entry["validation"]["loss"]["mean"] == pytest.approx(last["validation_loss"].mean(), rel=1e-6)
    assert len(study.history) == 5 * 4 * 3


def test_predictions_stand_beside_their_rows(data, study):
    frame = study.predictions
    assert frame is not None
    assert list(frame.index) == list(range(data.rows))
    pd.testing.assert_series_equal(frame["a"], data.features["a"])
    seen = frame["baseline p(yes)"].notna()
    assert seen.sum() == data.rows - study.results["splits"]["test"]
    np.testing.assert_allclose(frame["baseline p(yes)"][seen] + frame["baseline p(no)"][seen], 1, atol=1e-6)
    assert set(frame.loc[~seen, "baseline"]) == {""}
    assert ((frame["baseline"] == "yes") == (frame["baseline p(yes)"] > 0.5)).all()


def test_predictions_are_aligned_by_row(data):
    """Members that predict each row's own number put it back into that row, whatever the order of folds."""
    experiment = prepare(data, (4,), ["l2=0.1"], **SMALL).experiment
    members = tuple(
        MemberRecord(0, number, np.zeros((1, 1)), 1, 0, (split.validation[:, None] / 1000).astype(np.float32))
        for number, split in enumerate(experiment.scheme.splits)
    )
    frame = out_of_fold(experiment, Records(("penalty",), members, ("baseline",), tuple(experiment.identities)))
    np.testing.assert_allclose(frame["baseline p(yes)"], np.arange(data.rows) / 1000, atol=1e-7)


def test_the_vault_is_opened_once_for_the_selected_recipe_and_the_baseline(study):
    test = study.results["test"]
    assert len(test["openings"]) == 1
    assert test["baseline"]["name"] == "baseline"
    assert test["selected"]["name"] == study.results["selected"]
    assert study.results["splits"]["test"] == test["rows"] == 12


def test_vault_rows_change_nothing_but_the_test_score(data):
    """Other values in the vault's rows: the same splits, scores and verdicts."""
    options = {"test": 0.2, **SMALL}
    prepared = prepare(data, (4,), ["l2=0.01|0.1", wp.Dropout(0.2)], **options)
    frame = table()
    frame.loc[prepared.vault, "a"] = 1e3
    other = wp.compare(wp.read(frame, target="y"), (4,), ["l2=0.01|0.1", wp.Dropout(0.2)], **options)
    same = wp.compare(data, (4,), ["l2=0.01|0.1", wp.Dropout(0.2)], **options)
    assert other.results["recipes"] == same.results["recipes"]
    assert other.results["test"]["baseline"] != same.results["test"]["baseline"]


def test_a_failed_baseline_gives_no_verdicts(data):
    study = wp.compare(data, (4,), ["l2=0.01|0.1", wp.Dropout(0.2)], training=wp.Training(learning_rate=1e30), **SMALL)
    entries = study.results["recipes"]
    assert entries[0]["failed"] == entries[0]["members"] == 4
    assert entries[0]["failures"][0]["epoch"] >= 1
    assert all(word is None for entry in entries[1:] for word in entry["verdict"].values())
    assert study.results["warnings"][0].startswith("The baseline diverged in 4 of 4 members")


def test_a_network_that_learns_nothing_is_called_collapsed(data):
    network = wp.MLP((4,), kernel_initializer="zeros")
    study = wp.compare(data, network, ["l2=0.1"], training=wp.Training(learning_rate=1e-9), **SMALL)
    assert study.results["recipes"][0]["collapsed"] == 4
    assert study.results["warnings"][0].startswith("The baseline learned nothing")


def test_a_split_that_the_user_fixed_is_compared_row_by_row():
    frame = table()
    frame["part"] = np.where(np.arange(len(frame)) % 3 == 0, "validation", "train")
    data = wp.read(frame, target="y", split_column="part")
    study = wp.compare(data, (4,), ["l2=0.1"], epochs=3, seeds=3, references=False)
    delta = study.results["recipes"][2]["delta"]["accuracy"]
    assert study.results["splits"]["kind"] == "fixed hold-out"
    assert delta["method"] == "crossed seeds x rows"
    entries = study.results["recipes"]
    mean = entries[2]["validation"]["accuracy"]["mean"] - entries[0]["validation"]["accuracy"]["mean"]
    assert delta["mean"] == pytest.approx(mean, abs=1e-6)
    mean = entries[2]["validation"]["loss"]["mean"] - entries[0]["validation"]["loss"]["mean"]
    assert entries[2]["delta"]["loss"]["mean"] == pytest.approx(mean, abs=1e-6)


def test_regression_scores_are_in_the_targets_own_units():
    """Mean absolute error of a network that predicts the mean equals the mean absolute deviation."""
    random = np.random.default_rng(0)
    y = 1000 + 50 * random.normal(size=60)
    data = wp.read((random.normal(size=(60, 2)), y), task="regression")
    network = wp.MLP((), kernel_initializer="zeros")
    study = wp.compare(
        data, network, ["l2=0.1"], metric="mae", training=wp.Training(learning_rate=1e-9), monitor=0, **SMALL
    )
    mean = study.results["recipes"][0]["validation"]["mae"]["mean"]
    assert mean == pytest.approx(np.mean(np.abs(y - y.mean())), rel=0.1)


def test_selection_within_one_standard_error_takes_the_simplest(data):
    study = wp.compare(data, (4,), ["l2=0.01|0.1", wp.Dropout(0.2)], select="one-se", **SMALL)
    entries = [entry for entry in study.results["recipes"] if entry["name"] == study.results["selected"]]
    best = max(study.results["recipes"], key=lambda entry: entry["validation"]["accuracy"]["mean"])
    error = best["validation"]["accuracy"]["sd"] / math.sqrt(best["members"])
    assert entries[0]["validation"]["accuracy"]["mean"] >= best["validation"]["accuracy"]["mean"] - error


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"folds": 3, "validation": 0.2},
            "splits: give either folds or validation, got folds 3 and validation 0.2. Leave one out.",
        ),
        ({"select": "luck"}, "select: must be best or one-se, got luck"),
        (
            {"metric": "r2"},
            "metric: doesn't fit a classification task, got r2. "
            "Choose from accuracy, balanced_accuracy, f1, auc, log_loss, brier.",
        ),
    ],
)
def test_settings_that_contradict_each_other(data, settings, message):
    with pytest.raises(StudyError) as caught:
        prepare(data, (4,), ["l2=0.1"], **settings)
    assert str(caught.value) == message


def test_an_unknown_setting_is_named():
    with pytest.raises(StudyError) as error:
        wp.compare(wp.read("iris"), (4,), ["l2=1e-3"], Epochs=3)  # type: ignore[call-arg]
    assert str(error.value) == "compare: no setting of that name, got Epochs. Did you mean epochs?"

"""From a comparison to a model: the same training, the same predictions, the same rows."""

import jax
import numpy as np
import pandas as pd
import pytest

import wellposed as wp
from wellposed.errors import StudyError
from wellposed.models.model import Model
from wellposed.runners.local import LocalRunner
from wellposed.studies.compare import Comparison
from wellposed.studies.experiment import RowCache
from wellposed.studies.prepare import prepare
from wellposed.studies.refit import WeightKeeper, refit

SMALL = {"epochs": 3, "folds": 2, "seeds": 1, "references": False}
RECIPES = ["snapshots,cycles=2", "ema=0.5", "batch-norm + drop-connect=0.2", "early-stopping=1", "swa"]


def table(rows=48, seed=0):
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(random.normal(size=(rows, 3)), columns=["a", "b", "c"])
    frame["kind"] = random.choice(["u", "v"], rows)
    frame["y"] = np.where(frame["a"] + 0.5 * random.normal(size=rows) > 0, "yes", "no")
    return frame


@pytest.fixture(scope="module")
def prepared():
    return prepare(wp.read(table(), target="y"), (4,), RECIPES, predictions=True, **SMALL)


@pytest.fixture(scope="module")
def study(prepared):
    from wellposed.studies.compare import run

    return run(prepared)


def same(first, second):
    pairs = zip(
        jax.tree.leaves((first.weights, first.state)), jax.tree.leaves((second.weights, second.state)), strict=True
    )
    return all(np.array_equal(a, b) for a, b in pairs)


def test_models_predict_what_the_engine_predicted(prepared):
    """For every recipe: plain arrays, without running techniques, give the members' own validation predictions."""
    experiment = prepared.experiment
    records, _ = LocalRunner().run(prepared.plan, RowCache(experiment), experiment.identities, seed=prepared.seed)
    from wellposed.studies.refit import average_of_folds

    for number, recipe in enumerate(prepared.recipes):
        model = average_of_folds(experiment, recipe, prepared.plan, number, 3, prepared.seed)
        per_member = len(model.weights) // len(records.of(number))
        for member in records.of(number):
            split = experiment.scheme.splits[member.split]
            chosen = slice(member.split * per_member, (member.split + 1) * per_member)
            single = Model(
                **{name: getattr(model, name) for name in model.__dataclass_fields__}
                | {name: getattr(model, name)[chosen] for name in ("weights", "state", "preprocessings")}
            )
            found = single.predict_proba(experiment.data.features.iloc[split.validation])["yes"]
            np.testing.assert_allclose(found, member.predictions[:, 0], atol=2e-6, err_msg=recipe.name)


def test_the_best_model_is_the_selected_recipe_on_all_rows(study):
    model = study.best_model()
    selected = study.results["selected"]
    assert model.facts["recipe"] == selected
    assert model.facts["rows"] == 48
    assert model.epochs == study.refit_epochs[selected]
    assert study.best_model() is model
    again = study.prepared
    experiment = again.experiment
    recipe = next(recipe for recipe in again.recipes if recipe.name == selected)
    assert same(model, refit(experiment, recipe, experiment.development, model.epochs, again.seed))


def test_recipes_that_watch_monitor_rows_train_a_fixed_number_of_epochs(study):
    model = study.model("early-stopping=1")
    assert (model.recipe.name, model.facts["recipe"]) == ("baseline", "early-stopping=1")
    assert 1 <= model.epochs <= 3
    assert model.training.epochs == 3


def test_averages_are_already_in_the_weights(study):
    assert len(study.model("snapshots,cycles=2").weights) == 2
    assert len(study.model("ema=0.5").weights) == 1
    assert not same(study.model("ema=0.5"), study.model("baseline"))


def test_the_fold_model_averages_every_member(study):
    model = study.fold_model()
    assert len(model.preprocessings) == len(model.weights) >= 2
    assert model.facts["members"] == 2


def test_a_study_with_a_vault_trains_its_model_once(monkeypatch):
    from wellposed.studies import compare

    prepared = prepare(wp.read(table(60), target="y"), (4,), ["l2=0.1"], test=0.2, **SMALL)
    monkeypatch.setattr(compare, "refit", lambda *_, **__: pytest.fail("trained twice"))
    found = compare.run(prepared, model=True)
    model = found.best_model()
    assert model.facts["rows"] == 48
    assert model.epochs == found.results["test"]["selected"]["epochs"]


def test_a_comparison_read_from_disk_says_that_it_cant(study):
    read = Comparison(study.results, study.history)
    with pytest.raises(StudyError) as error:
        read.best_model()
    assert str(error.value) == (
        "model: a comparison read from disk has no data to train on, got the comparison. Load the model in its folder "
        "model with Model.load, or compare again."
    )
    with pytest.raises(StudyError) as error:
        study.model("magic")
    assert str(error.value).startswith("model: no recipe of that name was compared, got magic. They are baseline; ")


def test_a_run_directory_holds_the_model(study, tmp_path):
    model = study.best_model()
    study.save(tmp_path / "run")
    loaded = Model.load(tmp_path / "run")
    assert same(model, loaded)
    rows = table(10, seed=1)
    pd.testing.assert_frame_equal(model.predict_proba(rows), loaded.predict_proba(rows), check_exact=True)


def test_a_model_is_trained_again_from_its_own_settings(study):
    model = study.best_model()
    assert same(model.refit(table()), model)
    assert not same(model.refit(table(), seed=1), model)
    more = model.refit(pd.concat([table(), table(seed=2)]), epochs=1)
    assert (more.facts["rows"], more.epochs, more.training.epochs) == (96, 1, 3)
    with pytest.raises(StudyError) as error:
        model.refit(table(), epochs=4)
    assert str(error.value) == "training: epochs must be from 1 to the 3 laid out, got 4"


def test_training_that_diverges_gives_no_model(prepared):
    import dataclasses

    wild = dataclasses.replace(prepared.experiment, training=wp.Training(epochs=3, optimizer="sgd", learning_rate=1e30))
    with pytest.raises(StudyError) as error:
        refit(wild, wp.Recipe(), wild.development, 3, 0)
    assert str(error.value) == (
        "model: training diverged in epoch 1, got baseline. Lower the learning rate, or take another recipe."
    )


def test_a_keeper_takes_over_the_workers():
    assert WeightKeeper(LocalRunner(3))._runner.workers == 3

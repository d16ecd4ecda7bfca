"""The estimate: what makes it larger, and how it is printed."""

import pytest

import wellposed as wp
from wellposed.population import compile as compiling
from wellposed.population.estimate import work_of
from wellposed.studies.estimate import range_text, study_seconds
from wellposed.studies.prepare import prepare


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty compilation cache, as far as estimates look."""
    monkeypatch.setattr(compiling, "use_cache", lambda: None)
    monkeypatch.setattr(compiling, "_folder", lambda: tmp_path)
    return tmp_path


def plan_of(recipes, **settings):
    return prepare(wp.read("iris"), (4,), recipes, **({"epochs": 5, "folds": 2, "seeds": 1} | settings))


def test_epochs_networks_programs_and_references_take_time(cache):
    many = plan_of(["l2=0.1", "sam=0.05"], references=False)
    seconds = plan_of(["l2=0.1"], references=False).seconds()
    assert plan_of(["l2=0.1"], references=False, epochs=5_000_000).seconds() > 10 * seconds
    assert plan_of(["l2=0.1", "sam=0.05", "batch-norm"], references=False).seconds() > 1.5 * seconds
    assert plan_of(["l2=0.1"], references=False, test=0.2).seconds() > 1.5 * seconds
    assert study_seconds(many.experiment, many.plan, references=True, vault=False) > many.seconds()
    assert list(cache.iterdir()) == []  # an estimate compiles nothing and leaves nothing behind


def test_a_program_that_was_compiled_before_takes_less(cache):
    study = plan_of(["l2=0.1"])
    features, outputs = study.experiment.schema.width, study.experiment.target.outputs
    cold = work_of(study.plan, features=features, outputs=outputs)
    (part,) = study.plan.programs
    shape = (part.streams, part.lanes, part.rows, features, outputs)
    assert not compiling.compiled_before(part.program, *shape)
    compiling._remember(part.program, *shape)
    assert compiling.compiled_before(part.program, *shape)
    assert not compiling.compiled_before(part.program, part.streams + 1, *shape[1:])
    warm = work_of(study.plan, features=features, outputs=outputs)
    assert warm.compile_s < cold.compile_s / 2
    assert warm.train_s == cold.train_s
    longer = plan_of(["l2=0.1"], epochs=6)  # the number of epochs is no part of a program
    assert work_of(longer.plan, features=features, outputs=outputs).compile_s == warm.compile_s


def test_without_a_cache_nothing_was_compiled_before(monkeypatch):
    monkeypatch.setattr(compiling, "use_cache", lambda: None)
    monkeypatch.setattr(compiling, "_folder", lambda: None)
    part = plan_of(["l2=0.1"]).plan.programs[0]
    compiling._remember(part.program, 1, 1, part.rows, 4, 3)
    assert not compiling.compiled_before(part.program, 1, 1, part.rows, 4, 3)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "1 s"), (3, "2 to 4 s"), (6, "4 to 8 s"), (10, "7 to 15 s"), (40, "30 to 60 s"), (66, "50 s to 2 min"),
        (90, "60 s to 2 min"), (600, "7 to 15 min"), (4000, "50 min to 2 h"), (30_000, "6 to 12 h"),
    ],
)  # fmt: skip
def test_ranges_in_round_numbers(seconds, text):
    assert range_text(seconds) == text


def test_the_line_holds_the_range():
    study = plan_of(["l2=0.1"])
    assert f", about {range_text(study.seconds())}, " in study.line()

"""The vault: what is trained before it is opened, and on which schedule."""

import re

import numpy as np
import pytest

import wellposed as wp
from wellposed.data.splits import Split, make_splits
from wellposed.errors import StudyError
from wellposed.network.mlp import MLP
from wellposed.recipe import BASELINE, parse
from wellposed.records import MemberRecord, Records
from wellposed.runners.local import LocalRunner
from wellposed.studies.experiment import Experiment, RowCache, Target
from wellposed.studies.vault import open_vault, refit_epochs, without_monitor
from wellposed.training.spec import Training

EPOCHS = 6


@pytest.fixture(scope="module")
def experiment():
    """Noisy classes, two seeds, a schedule that depends on its horizon; the last 20 rows are the vault's."""
    random = np.random.default_rng(0)
    x = random.normal(size=(80, 3))
    y = (x[:, 0] + random.normal(size=80) > 0).astype(int)
    data = wp.read((x, y), name="noisy")
    development = np.arange(60)
    scheme = make_splits(data, development, folds=2, seeds=2, monitor=0.2)
    training = Training(batch_size=10, epochs=EPOCHS, learning_rate=0.1, schedule="cosine")
    target = Target.of(data, MLP((4,)), training)
    return Experiment(data, development, scheme, MLP((4,)), training, target)


def records_of(*result_epochs: int) -> Records:
    """A baseline and a second recipe whose results are of the given epochs."""
    members = tuple(
        MemberRecord(candidate, split, np.zeros((EPOCHS, 1), np.float32), epoch, 0)
        for candidate in (0, 1)
        for split, epoch in enumerate(result_epochs)
    )
    return Records(("train_loss",), members, ("baseline", "early-stopping=2 + l2=0.01"), ((0, 0), (0, 1), (1, 0)))


def test_the_vault_scores_the_whole_schedule_stopped_at_the_median_epoch(experiment):
    """The same rows trained to the end: the curve at the refit's epoch is the vault's score."""
    recipes = (BASELINE, parse("early-stopping=2 + l2=0.01"))
    records, vault = records_of(1, 4, 5), np.arange(60, 80)
    seen = []

    class Spy(LocalRunner):
        def run(self, plan, *args, **settings):
            seen.append(plan)
            return super().run(plan, *args, **settings)

    test = open_vault(
        experiment, records, recipes, 1, vault, runner=Spy(), seed=3, memory=10**9, progress=lambda _: None
    )
    (plan,) = seen
    assert [(c.epochs, c.training.epochs) for c in plan.candidates] == [(4, EPOCHS), (4, EPOCHS)]
    assert (test["selected"]["epochs"], test["baseline"]["epochs"], test["rows"]) == (4, 4, 20)

    splits = tuple(Split(0, seed, np.arange(60), np.zeros(0, int), vault) for seed in range(2))
    scheme = type(experiment.scheme)(**{**vars(experiment.scheme), "folds": 1, "monitor": 0.0, "splits": splits})
    whole = Experiment(**{**vars_of(experiment), "scheme": scheme})
    candidates = [whole.candidate(without_monitor(recipe)) for recipe in recipes]
    planned = whole.plan(candidates, memory=10**9, predictions=False)
    trained, _ = LocalRunner().run(planned, RowCache(whole), whole.identities, seed=3)
    column = trained.columns.index("validation_loss")
    for number, key in enumerate(("baseline", "selected")):
        losses = [member.curves[3, column] for member in trained.of(number)]
        np.testing.assert_allclose(test[key]["loss"]["mean"], np.mean(losses), rtol=1e-6)
        assert abs(np.mean(losses) - np.mean([m.curves[-1, column] for m in trained.of(number)])) > 1e-4


def vars_of(experiment: Experiment) -> dict:
    return {name: getattr(experiment, name) for name in experiment.__dataclass_fields__}


def test_refit_epochs_are_the_median_of_those_that_counted():
    assert refit_epochs(records_of(1, 4, 5), 0) == 4
    assert refit_epochs(records_of(0, 4, 5), 0) == 4  # 4.5, rounded down; nothing was kept of the first
    assert refit_epochs(records_of(0, 0, 0), 0) == 1


@pytest.mark.parametrize("epochs", [0, EPOCHS + 1])
def test_epochs_beyond_the_schedule_are_refused(experiment, epochs):
    message = f"training: epochs must be from 1 to the {EPOCHS} laid out, got {epochs}"
    with pytest.raises(StudyError, match=f"^{re.escape(message)}$"):
        experiment.candidate(BASELINE, epochs=epochs)


def test_without_monitor_leaves_the_rest():
    assert without_monitor(parse("early-stopping=2 + l2=0.01")) == parse("l2=0.01")

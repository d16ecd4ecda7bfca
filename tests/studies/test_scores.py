"""Scores row by row: what rows add to a metric, against the metric itself."""

import numpy as np
import pytest

from wellposed.studies.scores import contributions
from wellposed.training.metrics import METRICS, metric


@pytest.mark.parametrize("name", sorted(METRICS))
@pytest.mark.parametrize("outputs", [1, 2, 3])
def test_rows_contributions_average_to_the_metric(name, outputs):
    random = np.random.default_rng(outputs)
    weight = random.uniform(0.2, 3, 40).astype(np.float32)
    scale = random.uniform(0.5, 20, outputs).astype(np.float32)
    if metric(name).task == "classification":
        scale = np.ones(outputs, np.float32)
        code = random.integers(0, max(outputs, 2), 40)
        y = code[:, None].astype(np.float32) if outputs == 1 else np.eye(outputs, dtype=np.float32)[code]
        predictions = random.dirichlet(np.ones(max(outputs, 2)), 40).astype(np.float32)[:, :outputs]
    else:
        y, predictions = random.normal(size=(2, 40, outputs)).astype(np.float32)
    expected = metric(name).finish(metric(name).sums(predictions, y, weight), scale)
    found = contributions(name, predictions, y, weight, scale)
    assert found.shape == (40,)
    assert found.mean() == pytest.approx(float(expected), rel=2e-5)

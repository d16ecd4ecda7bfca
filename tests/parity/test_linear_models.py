"""A network without hidden layers, trained to convergence by the engine's step, against exact solutions.

With Keras's conventions, λ Σw² beside the mean loss over rows and outputs is ridge regression with α = rows·outputs·λ
and logistic regression with C = 1 / (2·rows·λ); λ Σ|w| beside the mean of squares is the lasso with α = λ / 2.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from sklearn.linear_model import ElasticNet, Lasso, LogisticRegression

from parity.twins import ROWS, problem, walk
from wellposed.techniques.base import Technique
from wellposed.techniques.penalties import L2, ProximalL1
from wellposed.training.spec import Training

AMONG = (L2(), ProximalL1())


def converged(loss: str, outputs: int, techniques: Sequence[Technique], rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Kernel and bias after 3000 steps on all rows at once, by which time they stand still."""
    training = Training(optimizer="sgd", learning_rate=rate)
    ours = walk(
        problem(loss, outputs), techniques, among=AMONG, training=training, hidden=(), sizes=(ROWS,), steps=3000
    )
    kernel, before = ours.path[-1]["output/kernel"], ours.path[-300]["output/kernel"]
    np.testing.assert_allclose(kernel, before, atol=2e-6)
    return kernel, ours.path[-1]["output/bias"]


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("strength", [0.0, 0.01, 0.5])
def test_l2_is_ridge_regression(outputs: int, strength: float) -> None:
    given = problem("mean_squared_error", outputs)
    kernel, bias = converged("mean_squared_error", outputs, (L2(strength),), 0.1)
    x, y = given.x.astype(np.float64), given.y.astype(np.float64)
    centred_x, centred_y = x - x.mean(0), y - y.mean(0)
    ridge = ROWS * outputs * strength * np.eye(x.shape[1])
    exact = np.linalg.solve(centred_x.T @ centred_x + ridge, centred_x.T @ centred_y)
    np.testing.assert_allclose(kernel, exact, atol=1e-5)
    np.testing.assert_allclose(bias, y.mean(0) - x.mean(0) @ exact, atol=1e-5)


@pytest.mark.parametrize(("strength", "zeros"), [(0.5, 0), (1.5, 2), (3.0, 4), (20.0, 5)])
def test_proximal_l1_is_the_lasso_with_its_zeros(strength: float, zeros: int) -> None:
    given = problem("mean_squared_error", 1)
    kernel, bias = converged("mean_squared_error", 1, (ProximalL1(strength),), 0.1)
    exact = Lasso(strength / 2, tol=1e-12, max_iter=100_000).fit(given.x.astype(np.float64), given.y[:, 0])
    np.testing.assert_array_equal(kernel[:, 0] == 0, exact.coef_ == 0)
    assert np.sum(kernel == 0) == zeros
    np.testing.assert_allclose(kernel[:, 0], exact.coef_, atol=1e-5)
    np.testing.assert_allclose(bias, exact.intercept_, atol=1e-5)


def test_proximal_l1_with_l2_is_the_elastic_net() -> None:
    given = problem("mean_squared_error", 1)
    kernel, bias = converged("mean_squared_error", 1, (ProximalL1(1.5), L2(0.3)), 0.1)
    # scikit-learn: ½·mean of squares + α·ρ Σ|w| + ½·α·(1 − ρ) Σw²
    exact = ElasticNet(0.75 + 0.3, l1_ratio=0.75 / 1.05, tol=1e-12, max_iter=100_000)
    exact.fit(given.x.astype(np.float64), given.y[:, 0])
    np.testing.assert_array_equal(kernel[:, 0] == 0, exact.coef_ == 0)
    np.testing.assert_allclose(kernel[:, 0], exact.coef_, atol=1e-5)
    np.testing.assert_allclose(bias, exact.intercept_, atol=1e-5)


@pytest.mark.parametrize(("loss", "outputs"), [("binary_crossentropy", 1), ("categorical_crossentropy", 3)])
def test_l2_is_logistic_regression(loss: str, outputs: int) -> None:
    given, strength = problem(loss, outputs), 0.02
    kernel, bias = converged(loss, outputs, (L2(strength),), 1.0)
    labels = given.y[:, 0] if outputs == 1 else given.y.argmax(1)
    exact = LogisticRegression(C=1 / (2 * ROWS * strength), tol=1e-10, max_iter=10_000)
    exact.fit(given.x.astype(np.float64), labels)
    np.testing.assert_allclose(kernel.T, exact.coef_, atol=1e-5)
    np.testing.assert_allclose(bias - bias.mean() if outputs > 1 else bias, exact.intercept_, atol=1e-5)

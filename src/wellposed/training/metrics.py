"""Metrics of one network over a whole set of rows.

A metric is two pure functions: ``sums`` of a block of rows, which add up over blocks, and ``finish``, from the total
to the score. Rows of weight 0 don't count, whatever they hold; a NaN in other rows' predictions makes the score NaN.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wellposed.textform import Named, build, registry

_BINS = 4096
_LOWEST, _HIGHEST = -5.2, 3.6  # asinh of the logits of the smallest and the largest p below 1 that float32 holds
_SMALLEST = 1.2e-38
_EPSILON = 1.1920929e-07  # float32's: the step from 1 to the next number

Values = np.ndarray | jax.Array
Direction = Literal["max", "min"]
Task = Literal["classification", "regression"]


@dataclass(frozen=True)
class Metric(Named):
    """A score of predictions; ``direction`` says whether ``"max"`` or ``"min"`` is best, ``task`` what it is for."""

    direction: ClassVar[Direction]
    task: ClassVar[Task]

    @abstractmethod
    def sums(
        self, predictions: Float[Array, "rows outputs"], y: Float[Array, "rows outputs"], w: Float[Array, " rows"]
    ) -> Float[Array, " terms"]:
        """Sums over rows, additive over blocks of rows.

        Args:
            predictions: outputs after the activation: probabilities, or scaled target values.
            y: targets of the same shape; classes are one-hot, or 0 and 1 in one column.
            w: weights of the rows, 0 for padding.
        """

    @abstractmethod
    def finish(self, sums: Float[Array, " terms"], scale: Float[Array, " outputs"]) -> Float[Array, ""]:
        """The score.

        Args:
            sums: the total of ``sums`` over all blocks.
            scale: standard deviation by which each target was divided: errors come out in the targets' own units.
        """

    def score(self, predictions: Values, y: Values, w: Values, scale: Values) -> float:
        """The score of one block, from NumPy arrays of the shapes above."""
        return float(_score(self, *_float32(predictions, y, w, scale)))

    def contributions(self, predictions: Values, y: Values, w: Values, scale: Values) -> np.ndarray:
        """What each row adds to the score, so that their mean is the score: s + n·wᵢ·∂s/∂wᵢ, float64 ``[rows]``.

        For a mean over rows that is the row's own value; other scores are linearized in the rows' weights (the
        infinitesimal jackknife, Efron 1982), which for AUC is the decomposition of DeLong et al. 1988.
        """
        arrays = _float32(predictions, y, w, scale)
        score, slopes = float(_score(self, *arrays)), np.asarray(_slopes(self, *arrays), np.float64)
        found = score + len(slopes) * np.asarray(w, np.float64) * slopes
        return np.where(np.isfinite(slopes), found, score)  # a root at zero has no slope


@dataclass(frozen=True)
class Accuracy(Metric):
    """Share of rows classified right: p > ½ for one output, else the largest output."""

    name: ClassVar[str] = "accuracy"
    direction: ClassVar[Direction] = "max"
    task: ClassVar[Task] = "classification"

    def sums(
        self, predictions: Float[Array, "rows outputs"], y: Float[Array, "rows outputs"], w: Float[Array, " rows"]
    ) -> Float[Array, " terms"]:
        right = jnp.sum(_one_hot(predictions) * _one_hot(y), axis=-1)
        return jnp.stack([_weighted(right, w), jnp.sum(w)])

    def finish(self, sums: Float[Array, " terms"], scale: Float[Array, " outputs"]) -> Float[Array, ""]:
        return sums[0] / sums[1]


@dataclass(frozen=True)
class BalancedAccuracy(Metric):
    """Mean over the classes that occur of the share of their rows classified right."""

    name: ClassVar[str] = "balanced_accuracy"
    direction: ClassVar[Direction] = "max"
    task: ClassVar[Task] = "classification"

    def sums(
        self, predictions: Float[Array, "rows outputs"], y: Float[Array, "rows outputs"], w: Float[Array, " rows"]
    ) -> Float[Array, " terms"]:
        truth = _one_hot(y)
        right = _one_hot(predictions) * truth
        return jnp.concatenate([_weighted(right, w), _weighted(truth, w)])

    def finish(self, sums: Float[Array, " terms"], scale: Float[Array, " outputs"]) -> Float[Array, ""]:
        right, total = jnp.split(sums, 2)
        occurs = total > 0
        recall = jnp.where(occurs, right / jnp.where(occurs, total, 1.0), 0.0 * right)  # 0·right: NaN stays NaN
        return jnp.sum(recall) / jnp.sum(occurs.astype(jnp.float32))


@dataclass(frozen=True)
class F1(Metric):
    """F₁ = 2·TP / (2·TP + FP + FN) of the last of two classes; of several, the mean over those that occur (macro)."""

    name: ClassVar[str] = "f1"
    aliases: ClassVar[tuple[str, ...]] = ("f1_score", "macro_f1")
    direction: ClassVar[Direction] = "max"
    task: ClassVar[Task] = "classification"

    def sums(
        self, predictions: Float[Array, "rows outputs"], y: Float[Array, "rows outputs"], w: Float[Array, " rows"]
    ) -> Float[Array, " terms"]:
        guess, truth = _one_hot(predictions), _one_hot(y)
        return jnp.concatenate([_weighted(guess * truth, w), _weighted(guess + truth, w)])

    def finish(self, sums: Float[Array, " terms"], scale: Float[Array, " outputs"]) -> Float[Array, ""]:
        right, total = jnp.split(sums, 2)
        occurs = total != 0
        f1 = jnp.where(occurs, 2.0 * right / jnp.where(occurs, total, 1.0), 0.0)
        return f1[-1] if len(right) == 2 else jnp.sum(f1) / jnp.sum(occurs.astype(jnp.float32))


@dataclass(frozen=True)
class AUC(Metric):
    """Area under the ROC curve, P(score of a positive row > that of a negative one) + ½ P(equal). Hanley, McNeil 1982.

    Of two classes the last is positive; of several, the mean over one class against the rest (those that have both).
    Ranks don't add up over blocks of rows, counts do: probabilities are sorted into 4096 bins, even in asinh of the
    logit (0.002 logits wide at p = ½, 0.2 % of the logit far out), and rows of one bin count as equal. The error is at
    most half the share of (positive, negative) pairs in one bin, and far less where bins are narrow beside the spread.
    """

    name: ClassVar[str] = "auc"
    aliases: ClassVar[tuple[str, ...]] = ("roc_auc", "roc_auc_score")
    direction: ClassVar[Direction] = "max"
    task: ClassVar[Task] = "classification"

    def sums(
        self, predictions: Float[Array, "rows outputs"], y: Float[Array, "rows outputs"], w: Float[Array, " rows"]
    ) -> Float[Array, " terms"]:
        if y.shape[-1] == 2:
            predictions, y = predictions[:, 1:], y[:, 1:]
        classes = y.shape[-1]
        p = jnp.clip(predictions, _SMALLEST, 1.0 - _EPSILON / 2)
        place = (jnp.arcsinh(jnp.log(p) - jnp.log1p(-p)) - _LOWEST) * (_BINS / (_HIGHEST - _LOWEST))
        unknown = jnp.isnan(predictions)
        bins = jnp.clip(jnp.where(unknown, 0.0, place).astype(jnp.int32), 0, _BINS - 1)
        weight = jnp.where(w[:, None] == 0.0, 0.0, jnp.where(unknown, jnp.nan, w[:, None]))
        slot = (2 * jnp.arange(classes, dtype=jnp.int32) + (y > 0.5).astype(jnp.int32)) * _BINS + bins
        return jnp.zeros(2 * classes * _BINS, jnp.float32).at[slot.ravel()].add(weight.ravel())

    def finish(self, sums: Float[Array, " terms"], scale: Float[Array, " outputs"]) -> Float[Array, ""]:
        counts = sums.reshape(-1, 2, _BINS)
        negative, positive = counts[:, 0], counts[:, 1]
        below = jnp.cumsum(negative, -1) - 0.5 * negative
        pairs = jnp.sum(negative, -1) * jnp.sum(positive, -1)
        has_both = pairs != 0
        area = jnp.where(has_both, jnp.sum(positive * below, -1) / jnp.where(has_both, pairs, 1.0), 0.0)
        return jnp.sum(area) / jnp.sum(has_both.astype(jnp.float32))


@dataclass(frozen=True)
class LogLoss(Metric):
    """−mean over rows of log p(the row's class), p kept within [ε, 1 − ε], ε = 1.2e-7, as scikit-learn does."""

    name: ClassVar[str] = "log_loss"
    aliases: ClassVar[tuple[str, ...]] = ("neg_log_loss",)
    direction: ClassVar[Direction] = "min"
    task: ClassVar[Task] = "classification"

    def sums(
        self, predictions: Float[Array, "rows outputs"], y: Float[Array, "rows outputs"], w: Float[Array, " rows"]
    ) -> Float[Array, " terms"]:
        p = jnp.clip(predictions, _EPSILON, 1.0 - _EPSILON)
        if y.shape[-1] == 1:
            p, y = jnp.concatenate([1.0 - p, p], -1), jnp.concatenate([1.0 - y, y], -1)
        return jnp.stack([_weighted(-jnp.sum(y * jnp.log(p), axis=-1), w), jnp.sum(w)])

    def finish(self, sums: Float[Array, " terms"], scale: Float[Array, " outputs"]) -> Float[Array, ""]:
        return sums[0] / sums[1]


@dataclass(frozen=True)
class Brier(Metric):
    """Mean over rows of Σ (p − y)² over classes; halved for two, so that one output agrees with two. Brier 1950."""

    name: ClassVar[str] = "brier"
    direction: ClassVar[Direction] = "min"
    task: ClassVar[Task] = "classification"

    def sums(
        self, predictions: Float[Array, "rows outputs"], y: Float[Array, "rows outputs"], w: Float[Array, " rows"]
    ) -> Float[Array, " terms"]:
        squares = jnp.sum(jnp.square(predictions - y), axis=-1)
        halved = 0.5 * squares if y.shape[-1] == 2 else squares
        return jnp.stack([_weighted(halved, w), jnp.sum(w)])

    def finish(self, sums: Float[Array, " terms"], scale: Float[Array, " outputs"]) -> Float[Array, ""]:
        return sums[0] / sums[1]


@dataclass(frozen=True)
class R2(Metric):
    """R² = 1 − Σw(p − y)² / Σw(y − ȳ)² for each target, averaged over targets.

    A constant target counts 1 if predicted exactly, else 0, as in scikit-learn. The sums are float32: targets are
    expected scaled (mean near 0, standard deviation near 1), else Σ(y − ȳ)² loses digits.
    """

    name: ClassVar[str] = "r2"
    direction: ClassVar[Direction] = "max"
    task: ClassVar[Task] = "regression"

    def sums(
        self, predictions: Float[Array, "rows outputs"], y: Float[Array, "rows outputs"], w: Float[Array, " rows"]
    ) -> Float[Array, " terms"]:
        residual = _weighted(jnp.square(predictions - y), w)
        return jnp.concatenate([residual, _weighted(y, w), _weighted(jnp.square(y), w), jnp.sum(w)[None]])

    def finish(self, sums: Float[Array, " terms"], scale: Float[Array, " outputs"]) -> Float[Array, ""]:
        residual, total, squares = jnp.split(sums[:-1], 3)
        mean = total / sums[-1]
        spread = squares - total * mean
        # Below the rounding of the two terms it is made of, the spread can't be told from 0.
        constant = spread <= 1e-6 * squares
        ratio = residual / jnp.where(constant, 1.0, spread)
        if_constant = jnp.where(residual == 0.0, 1.0, 0.0 * residual)
        return jnp.mean(jnp.where(constant, if_constant, 1.0 - ratio))


@dataclass(frozen=True)
class _MeanError(Metric):
    """Errors summed for each target, then averaged over rows."""

    direction: ClassVar[Direction] = "min"
    task: ClassVar[Task] = "regression"

    def sums(
        self, predictions: Float[Array, "rows outputs"], y: Float[Array, "rows outputs"], w: Float[Array, " rows"]
    ) -> Float[Array, " terms"]:
        return jnp.concatenate([_weighted(self.error(predictions - y), w), jnp.sum(w)[None]])

    @abstractmethod
    def error(self, difference: Float[Array, "rows outputs"]) -> Float[Array, "rows outputs"]: ...


@dataclass(frozen=True)
class MAE(_MeanError):
    """Mean of |p − y| over rows, then over targets, in the targets' units."""

    name: ClassVar[str] = "mae"
    aliases: ClassVar[tuple[str, ...]] = ("mean_absolute_error",)

    def error(self, difference: Float[Array, "rows outputs"]) -> Float[Array, "rows outputs"]:
        return jnp.abs(difference)

    def finish(self, sums: Float[Array, " terms"], scale: Float[Array, " outputs"]) -> Float[Array, ""]:
        return jnp.mean(scale * sums[:-1] / sums[-1])


@dataclass(frozen=True)
class MSE(_MeanError):
    """Mean of (p − y)² over rows, then over targets, in the targets' units squared."""

    name: ClassVar[str] = "mse"
    aliases: ClassVar[tuple[str, ...]] = ("mean_squared_error",)

    def error(self, difference: Float[Array, "rows outputs"]) -> Float[Array, "rows outputs"]:
        return jnp.square(difference)

    def finish(self, sums: Float[Array, " terms"], scale: Float[Array, " outputs"]) -> Float[Array, ""]:
        return jnp.mean(jnp.square(scale) * sums[:-1] / sums[-1])


@dataclass(frozen=True)
class RMSE(_MeanError):
    """sqrt(mean over rows of (p − y)²) for each target, averaged over targets (scikit-learn's order, not Keras's)."""

    name: ClassVar[str] = "rmse"
    aliases: ClassVar[tuple[str, ...]] = ("root_mean_squared_error",)

    def error(self, difference: Float[Array, "rows outputs"]) -> Float[Array, "rows outputs"]:
        return jnp.square(difference)

    def finish(self, sums: Float[Array, " terms"], scale: Float[Array, " outputs"]) -> Float[Array, ""]:
        return jnp.mean(scale * jnp.sqrt(sums[:-1] / sums[-1]))


METRICS: Mapping[str, type[Metric]] = registry(
    (Accuracy, BalancedAccuracy, F1, AUC, LogLoss, Brier, R2, MAE, MSE, RMSE)
)
"""Every metric by name."""


def metric(spec: str | Metric) -> Metric:
    """The metric with this name, e.g. ``"balanced_accuracy"``.

    Raises:
        StudyError: the name is unknown.
    """
    return build("metric", spec, METRICS)


def _float32(*arrays: Values) -> list[np.ndarray]:
    return [np.asarray(array, np.float32) for array in arrays]


@partial(jax.jit, static_argnums=0)
def _score(metric: Metric, predictions: Array, y: Array, w: Array, scale: Array) -> Array:
    return metric.finish(metric.sums(predictions, y, w), scale)


_slopes = jax.jit(jax.grad(_score, argnums=3), static_argnums=0)


def _weighted(values: Float[Array, " rows *terms"], w: Float[Array, " rows"]) -> Float[Array, "*terms"]:
    """Σ w·value over rows. Padding is selected away, not multiplied: 0·NaN would be NaN."""
    w = jnp.reshape(w, w.shape + (1,) * (values.ndim - 1))
    return jnp.sum(jnp.where(w == 0.0, 0.0, w * values), axis=0)


def _one_hot(outputs: Float[Array, "rows outputs"]) -> Float[Array, "rows classes"]:
    """Each row's class, one-hot; NaN where the row holds one. One output means two classes, told apart at ½."""
    if outputs.shape[-1] == 1:
        second = (outputs > 0.5).astype(jnp.float32)
        hot = jnp.concatenate([1.0 - second, second], axis=-1)
    else:
        hot = jax.nn.one_hot(jnp.argmax(outputs, axis=-1), outputs.shape[-1], dtype=jnp.float32)
    return jnp.where(jnp.isnan(outputs).any(axis=-1, keepdims=True), jnp.nan, hot)

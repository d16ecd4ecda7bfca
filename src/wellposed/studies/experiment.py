"""What every study begins with: encoded rows of every split, the output that fits the task, and the plan."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from wellposed.data.columns import listed
from wellposed.data.dataset import Dataset
from wellposed.data.preprocessing import Preprocessing, Schema
from wellposed.data.splits import Split, SplitScheme
from wellposed.errors import StudyError
from wellposed.network.mlp import MLP, Network
from wellposed.population.memory import RowCounts
from wellposed.population.plan import Candidate, Plan, SplitRows, make_plan
from wellposed.recipe import Recipe
from wellposed.techniques.base import Context
from wellposed.training.losses import Loss, loss
from wellposed.training.metrics import METRICS, Metric, metric
from wellposed.training.spec import Training

__all__ = ["Experiment", "RowCache", "Target"]


@dataclasses.dataclass(frozen=True)
class Target:
    """How the network's output meets the targets.

    Attributes:
        outputs: output columns; per_class: one for each class.
        activation: of the output.
        loss: minimized; metric: the main one.
    """

    outputs: int
    per_class: bool
    activation: str
    loss: Loss
    metric: Metric

    @classmethod
    def of(cls, data: Dataset, network: MLP, training: Training, metric_name: str = "auto") -> Target:
        """The output for a task: sigmoid for two classes, softmax for more, linear for regression.

        Raises:
            StudyError: a loss or metric of the other task.
        """
        given = None if training.loss == "auto" else loss(training.loss)
        crossentropy = given is not None and given.name.endswith("crossentropy")
        wanted = network.output_activation
        if data.task == "regression":
            if crossentropy:
                raise StudyError(
                    "loss: doesn't fit a regression task", given.name if given else "", "Use mean_squared_error."
                )
            outputs, per_class = data.targets.shape[1], False
            chosen = given or loss("mean_squared_error")
            activation = chosen.output_activation if wanted == "auto" else wanted
            if chosen.name == "poisson" and bool((data.targets.to_numpy() < 0).any()):
                raise StudyError("loss: poisson needs targets that aren't negative", data.targets.to_numpy().min())
        else:
            softmax = wanted == "softmax" or (given is not None and given.name == "categorical_crossentropy")
            per_class = len(data.classes) > 2 or network.outputs == "per-class" or softmax
            outputs = len(data.classes) if per_class else 1
            sigmoid = not per_class or (given is not None and given.name == "binary_crossentropy")
            activation = ("sigmoid" if sigmoid else "softmax") if wanted == "auto" else wanted
            fitting = {"sigmoid": "binary_crossentropy", "softmax": "categorical_crossentropy"}
            chosen = given or loss(fitting.get(activation, "mean_squared_error"))
        main = metric(
            {"regression": "r2", "classification": "accuracy"}[data.task] if metric_name == "auto" else metric_name
        )
        if main.task != data.task:
            fitting_names = ", ".join(name for name, known in METRICS.items() if known.task == data.task)
            raise StudyError(f"metric: doesn't fit a {data.task} task", main.name, f"Choose from {fitting_names}.")
        return cls(outputs, per_class, activation, chosen, main)


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A dataset, its splits, a network and its training: everything but the recipes.

    Args:
        data: features and targets.
        development: row numbers outside the vault.
        scheme: the splits.
        network, training: as the user gave them.
        target: the output and loss.
        scale_targets: standardize regression targets by training rows (None: yes for regression).
    """

    data: Dataset
    development: np.ndarray
    scheme: SplitScheme
    network: MLP
    training: Training
    target: Target
    scale_targets: bool | None = None

    @cached_property
    def schema(self) -> Schema:
        """Columns, categories and classes, from all rows outside the vault."""
        return Schema.learn(self.data, self.development)

    @cached_property
    def base(self) -> Network:
        """The network without techniques."""
        return self.network.build(
            features=self.schema.width, outputs=self.target.outputs, output_activation=self.target.activation
        )

    @property
    def context(self) -> Context:
        """What techniques may know."""
        return Context(
            features=self.base.features,
            outputs=self.target.outputs,
            task=self.data.task,
            layers=("input", *self.base.hidden_names, "output"),
            widths=(self.base.features, *self.base.widths),
            batch_size=self.training.batch_size,
            feature_groups=self.schema.feature_groups,
            image_shape=self.data.image_shape,
            metric=self.target.metric.name,
            output_activation=self.target.activation,
        )

    @property
    def identities(self) -> list[tuple[int, int]]:
        """(fold, seed) of every split."""
        return [(split.fold, split.seed) for split in self.scheme.splits]

    def candidate(self, recipe: Recipe, name: str | None = None, *, epochs: int | None = None) -> Candidate:
        """The experiment's network and training with a recipe.

        Args:
            name: default: the recipe's.
            epochs: train so many epochs of the schedule that ``training.epochs`` lays out; default: all of them.

        Raises:
            StudyError: more epochs than are laid out, or none.
        """
        if epochs is not None and not 1 <= epochs <= self.training.epochs:
            raise StudyError(f"training: epochs must be from 1 to the {self.training.epochs} laid out", epochs)
        return Candidate(name or recipe.name, recipe.techniques, self.base, self.training, epochs)

    def plan(self, candidates: Sequence[Candidate], *, memory: int, predictions: bool, inside: bool = False) -> Plan:
        """Programs and tiles for the candidates on all splits."""
        sizes = [RowCounts(len(s.training), len(s.monitor), len(s.validation)) for s in self.scheme.splits]
        return make_plan(
            candidates,
            sizes,
            context=self.context,
            loss=self.target.loss,
            metrics=(self.target.metric,),
            memory=memory,
            predictions=predictions,
            inside=inside,
        )

    @property
    def standardized(self) -> bool:
        """Whether the loss is measured on standardized targets."""
        return self.data.task == "regression" and self.scale_targets is not False

    def preprocessing(self, split: Split) -> Preprocessing:
        """Learned from the split's training rows."""
        return Preprocessing.fit(self.schema, self.data, split.training, scale_targets=self.scale_targets)

    def encoded(self, split: Split) -> SplitRows:
        """The split's rows as the network sees them."""
        preprocessing = self.preprocessing(split)
        weights = np.ones(self.data.rows) if self.data.weights is None else self.data.weights

        def part(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            x = preprocessing.features(self.data.features.iloc[rows])
            y = preprocessing.targets(self.data.targets.iloc[rows], onehot=self.target.per_class)
            return x, y, weights[rows].astype(np.float32)

        x, y, weight = part(split.training)
        loss_weight = weight * self._class_weights(self.data.targets.iloc[split.training, 0].to_numpy())
        return SplitRows(
            x,
            y,
            loss_weight.astype(np.float32),
            weight,
            part(split.monitor) if len(split.monitor) else None,
            part(split.validation) if len(split.validation) else None,
            self._scale(preprocessing),
        )

    def _scale(self, preprocessing: Preprocessing) -> np.ndarray:
        """What turns encoded targets back into their units."""
        if self.data.task == "classification":
            return np.ones(self.target.outputs, np.float32)
        return np.asarray(preprocessing.target_scale, np.float32)

    def _class_weights(self, labels: np.ndarray) -> np.ndarray:
        """A weight for each training row."""
        given = self.training.class_weight
        if given is None:
            return np.ones(len(labels))
        if self.data.task == "regression":
            raise StudyError("training: class weights need a classification task", given, "Leave class_weight out.")
        names = labels.astype(str)
        if isinstance(given, str):
            counts = {name: int(np.sum(names == name)) for name in np.unique(names)}
            table = {name: len(names) / (len(counts) * count) for name, count in counts.items()}
        else:
            table = {str(name): float(weight) for name, weight in given.items()}
            unknown = [name for name in table if name not in self.data.classes]
            if unknown:
                raise StudyError(
                    "training: class_weight names a class that isn't there",
                    ", ".join(unknown),
                    f"The classes are {listed(list(self.data.classes), 12)}.",
                )
            missing = [name for name in self.data.classes if str(name) not in table]
            if missing:
                raise StudyError(
                    "training: class_weight lacks a class",
                    ", ".join(map(str, missing)),
                    "Give a weight for every class.",
                )
            if not any(table.values()):
                remedy = "Give some class a weight above 0."
                raise StudyError("training: class_weight must not be 0 for every class", str(dict(given)), remedy)
        return np.array([table[name] for name in names])


class RowCache:
    """Encoded rows by split, made when first asked for; shared between threads."""

    def __init__(self, experiment: Experiment) -> None:
        self._experiment, self._rows, self._lock = experiment, {}, threading.Lock()

    def __call__(self, index: int) -> SplitRows:
        with self._lock:
            if index not in self._rows:
                self._rows[index] = self._experiment.encoded(self._experiment.scheme.splits[index])
            return self._rows[index]

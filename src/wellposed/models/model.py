"""The model: a trained network together with its preprocessing, its classes and the settings that made it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wellposed.data.preprocessing import Preprocessing
from wellposed.data.schema import Schema
from wellposed.errors import printable
from wellposed.network.mlp import MLP, Network
from wellposed.recipe import Recipe
from wellposed.training.losses import Loss
from wellposed.training.metrics import Metric
from wellposed.training.spec import Training

if TYPE_CHECKING:
    import pandas as pd

    from wellposed.models.forward import Forward

__all__ = ["Arrays", "Model", "ModelTarget"]

Arrays = dict[str, dict[str, dict[str, np.ndarray]]]
"""Named float32 arrays by block and layer: ``arrays["hidden1"]["dense"]["kernel"]``."""


@dataclasses.dataclass(frozen=True)
class ModelTarget:
    """What is predicted, and how the network's output means it.

    Attributes:
        columns: names of the target columns; an expression's name is the expression (``quality >= 6``).
        expression: the expression, None if the target is a column.
        task: ``classification`` or ``regression``.
        classes: labels in the order of their probabilities; ``()`` for regression.
        per_class: an output column for each class; False: one column, the probability of the second class.
        activation: of the output layer; loss: that was minimized; metric: the main one.
        scaled: regression targets were standardized (`Preprocessing.target_center` and ``target_scale``).
        weight: the column of sample weights, if there was one.
    """

    columns: tuple[str, ...]
    expression: str | None
    task: str
    classes: tuple[str, ...]
    per_class: bool
    activation: str
    loss: Loss
    metric: Metric
    scaled: bool
    weight: str | None = None

    @property
    def outputs(self) -> int:
        """Output columns of the network."""
        if self.task == "regression":
            return len(self.columns)
        return len(self.classes) if self.per_class else 1


@dataclasses.dataclass(frozen=True, eq=False)
class Model:
    """A trained network with everything that it needs to predict on new rows, and to be trained again.

    Attributes:
        network: as given; `built` is what it became for these columns and this recipe.
        training: as given; its ``epochs`` are the horizon of the learning-rate schedule.
        recipe: that it was trained with.
        epochs: that it was trained for.
        preprocessings: one for all parameter sets, or one for each (members of different folds).
        target: what is predicted.
        weights: the parameter sets that predict, what techniques do to them in inference already done; predictions
            of several are averaged (snapshots, members of folds).
        state: for each parameter set, what inference needs besides (statistics of batch normalization).
        facts: where it comes from: data, seed, study, version.
    """

    network: MLP
    training: Training
    recipe: Recipe
    epochs: int
    preprocessings: tuple[Preprocessing, ...]
    target: ModelTarget
    weights: tuple[Arrays, ...]
    state: tuple[Arrays, ...]
    facts: Mapping[str, Any]

    def __repr__(self) -> str:
        """One line, without the weights; `summary` tells more."""
        what = f"{self.target.task} of {printable(', '.join(self.target.columns), 60)}"
        return f"<Model {self.recipe.name}: {what}; see predict(rows), evaluate(rows), summary(), save(path)>"

    @property
    def preprocessing(self) -> Preprocessing:
        """Of the first parameter set; the only one, unless the model averages members of folds."""
        return self.preprocessings[0]

    @property
    def schema(self) -> Schema:
        """Feature columns, categories and classes; the same for all parameter sets."""
        return self.preprocessing.schema

    @cached_property
    def built(self) -> Network:
        """The layers: the network for these columns, as the recipe's techniques rewrote it."""
        built = self.network.build(
            features=self.schema.width, outputs=self.target.outputs, output_activation=self.target.activation
        )
        for item in self.recipe:
            built = item.network(built)
        return built

    @cached_property
    def forward(self) -> Forward:
        """The compiled network."""
        from wellposed.models.forward import Forward

        return Forward(self)

    # -- on new rows ---------------------------------------------------------------------------------------------

    def predict(self, data: Any) -> pd.Series | pd.DataFrame:
        """The class of every row, or its target's value in the target's own units.

        Rows with missing cells and categories never seen before are fine; columns may stand in any order, with others
        beside them. A row's prediction doesn't depend on the rows beside it.

        Args:
            data: a frame, an array [rows, columns] or [rows, height, width], a Dataset, or a path.

        Returns:
            A Series under the target's name (several regression targets: a frame), with the index of a frame that was
            given. Classes are text, as in `ModelTarget.classes`.

        Raises:
            DataError: a column is missing, or holds text where it held numbers, or infinities.
        """
        from wellposed.models.predicting import predict

        return predict(self, data)

    def predict_proba(self, data: Any) -> pd.DataFrame:
        """The probability of each class, a column a class, for every row.

        Args:
            data: as for `predict`.

        Raises:
            StudyError: the model predicts numbers; DataError: as for `predict`.
        """
        from wellposed.models.predicting import predict_proba

        return predict_proba(self, data)

    # -- on rows whose target is known -----------------------------------------------------------------------------

    def evaluate(self, data: Any, target: str | None = None) -> pd.DataFrame:
        """Loss and all metrics of the task on rows whose target is known, free of penalties, with 95 % intervals.

        Accuracy on unweighted rows has Wilson's interval, everything else the percentiles of 1000 bootstrap samples of
        rows (of groups, where a Dataset has them). Sample weights count if the model was trained with a weight column
        and it is there. Losses of regression are those of the scaled targets, metrics are in the targets' units.

        Args:
            data: as for `predict`, with the target's column; arrays as ``(X, y)``. The expression of a target such as
                ``quality >= 6`` is applied to the raw column.
            target: the column, or expression, that holds the target here, where it has another name than in training.

        Returns:
            A row for each score: ``score``, ``low``, ``high``, ``interval`` (the method).

        Raises:
            DataError: a column is missing, or a label is none of the model's classes.
        """
        from wellposed.models.evaluation import evaluate

        return evaluate(self, data, target)

    def refit(self, data: Any, epochs: int | None = None, *, seed: int = 0, target: str | None = None) -> Model:
        """A new model: the same network, recipe and training settings, trained from the start on these rows.

        Preprocessing is learned anew from them; feature columns, target and classes stay.

        Args:
            data: as for `evaluate`.
            epochs: default: as many as this model was trained for. At most ``training.epochs``, for which the
                learning-rate schedule is laid out.
            seed: of everything random.
            target: as for `evaluate`.

        Raises:
            DataError: as for `evaluate`; StudyError: too many epochs, or training diverged.
        """
        from wellposed.studies.refit import refit_model

        return refit_model(self, data, epochs, seed, target)

    def summary(self) -> str:
        """Layers, training, recipe, preprocessing and origin, for people."""
        from wellposed.models.summary import summary

        return summary(self)

    # -- on disk -------------------------------------------------------------------------------------------------

    def save(self, folder: str | Path) -> Path:
        """Writes the model into a folder, as docs/model-format.md says; returns the folder.

        Raises:
            StudyError: the path is a file or holds something else, or can't be written.
        """
        from wellposed.models.files import save_model

        return save_model(self, folder)

    @classmethod
    def load(cls, folder: str | Path) -> Model:
        """The model in a folder, or in a run directory. Everything is checked, nothing in it is run.

        Raises:
            StudyError: there is none, or any part of it is wrong.
        """
        from wellposed.models.files import load_model

        return load_model(folder)

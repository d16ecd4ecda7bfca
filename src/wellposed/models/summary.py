"""A model in words: layers, training, recipe, preprocessing, origin."""

from __future__ import annotations

from wellposed.models.model import Model

__all__ = ["summary"]


def summary(model: Model) -> str:
    """See `Model.summary`."""
    return "\n\n".join([model.built.summary(), "\n".join(_lines(model))])


def _lines(model: Model) -> list[str]:
    target, training, facts = model.target, model.training, model.facts
    optimizer = training.optimizer if isinstance(training.optimizer, str) else training.optimizer.to_text()
    schedule = training.schedule if isinstance(training.schedule, str) else training.schedule.to_text()
    horizon = "" if model.epochs == training.epochs else f" of the {training.epochs} that the schedule is laid out for"
    predicts = ", ".join(target.columns)
    if target.task == "classification":
        predicts = f"the class of {predicts}: {', '.join(target.classes)}"
    else:
        predicts = f"{predicts}, {'in its own units' if len(target.columns) == 1 else 'each in its own units'}"
    lines = [
        f"predicts      {predicts}",
        f"recipe        {model.recipe.name}",
        f"training      {optimizer}, learning rate {training.rate:g} ({schedule}), batches of {training.batch_size}, "
        f"{model.epochs} epochs{horizon}, loss {target.loss.name}",
        f"features      {_features(model)}",
        f"preprocessing {_preprocessing(model)}",
    ]
    if len(model.weights) > 1:
        lines.append(f"networks      {len(model.weights)}, averaged over their predictions")
    origin = [f"{facts[key]}" for key in ("data",) if key in facts]
    origin += [f"{facts['rows']:,} rows"] if isinstance(facts.get("rows"), int) else []
    origin += [f"seed {facts['seed']}"] if "seed" in facts else []
    origin += [f"wellposed {facts['wellposed']}"] if "wellposed" in facts else []
    lines += [f"trained on    {', '.join(origin)}"] if origin else []
    return lines


def _features(model: Model) -> str:
    schema = model.schema
    if schema.image_shape is not None:
        return f"images of {'×'.join(map(str, schema.image_shape))}"
    names = [column.name for column in schema.columns]
    shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
    categorical = sum(not column.numeric for column in schema.columns)
    kinds = f"{len(names) - categorical} numeric, {categorical} categorical" if categorical else f"{len(names)} numeric"
    encoded = f"; {schema.width} columns when encoded" if schema.width != len(names) else ""
    return f"{shown} ({kinds}{encoded})"


def _preprocessing(model: Model) -> str:
    scaling = {
        "standard": "numbers to mean 0 and standard deviation 1",
        "unit": "numbers to the range 0 to 1",
        "none": "numbers as they are",
    }[model.preprocessing.scaling]
    parts = [scaling]
    columns = model.schema.columns
    if model.schema.image_shape is None:
        parts.append("missing numbers become the training median")
    if any(column.missing for column in columns):
        parts.append(f"a column says where a cell is missing for {sum(column.missing for column in columns)} of them")
    if any(not column.numeric for column in columns):
        parts.append("a column for each category, zeros for one never seen")
    if model.target.scaled:
        parts.append("targets standardized in training")
    return "; ".join(parts)

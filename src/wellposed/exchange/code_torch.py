"""A short PyTorch script that trains a model's network with its recipe."""

from __future__ import annotations

import math
from typing import Any

from wellposed.exchange.code_data import data_code
from wellposed.exchange.sketch import Place, Sketch, sketch
from wellposed.models.model import Model
from wellposed.network.activations import activation_arguments

__all__ = ["torch_code"]

_ACTIVATIONS = {
    "celu": "CELU", "elu": "ELU", "gelu": "GELU", "hard_shrink": "Hardshrink", "hard_sigmoid": "Hardsigmoid",
    "hard_silu": "Hardswish", "hard_swish": "Hardswish", "hard_tanh": "Hardtanh", "leaky_relu": "LeakyReLU",
    "log_sigmoid": "LogSigmoid", "mish": "Mish", "relu": "ReLU", "relu6": "ReLU6", "selu": "SELU",
    "sigmoid": "Sigmoid", "silu": "SiLU", "soft_shrink": "Softshrink", "softplus": "Softplus", "softsign": "Softsign",
    "swish": "SiLU", "tanh": "Tanh", "tanh_shrink": "Tanhshrink",
}  # fmt: skip
_NOISE = {"dropout": "nn.Dropout({rate!r})", "alpha-dropout": "nn.AlphaDropout({rate!r})"}
_OPTIMIZERS = {
    "sgd": ("SGD", {"momentum": "momentum", "nesterov": "nesterov"}),
    "adam": ("Adam", {"epsilon": "eps"}),
    "adamw": ("AdamW", {"epsilon": "eps", "weight_decay": "weight_decay"}),
    "rmsprop": ("RMSprop", {"rho": "alpha", "momentum": "momentum", "epsilon": "eps", "centered": "centered"}),
    "adagrad": ("Adagrad", {"epsilon": "eps", "initial_accumulator_value": "initial_accumulator_value"}),
    "adadelta": ("Adadelta", {"rho": "rho", "epsilon": "eps"}),
    "adamax": ("Adamax", {"epsilon": "eps"}),
    "nadam": ("NAdam", {"epsilon": "eps"}),
}
_LOSSES = {
    "mean_squared_error": "nn.MSELoss()",
    "mean_absolute_error": "nn.L1Loss()",
    "huber": "nn.HuberLoss(delta={delta!r})",
    "poisson": "nn.PoissonNLLLoss(log_input=False, eps=1e-7)",
}
_INITIALIZERS = {
    "glorot_uniform": "nn.init.xavier_uniform_({w})",
    "glorot_normal": "nn.init.xavier_normal_({w})",
    "he_uniform": "nn.init.kaiming_uniform_({w}, nonlinearity='relu')",
    "he_normal": "nn.init.kaiming_normal_({w}, nonlinearity='relu')",
    "random_normal": "nn.init.normal_({w}, {mean!r}, {stddev!r})",
    "random_uniform": "nn.init.uniform_({w}, {minval!r}, {maxval!r})",
    "truncated_normal": "nn.init.trunc_normal_({w}, {mean!r}, {stddev!r}, {mean!r} - 2 * {stddev!r},"
    " {mean!r} + 2 * {stddev!r})",
    "orthogonal": "nn.init.orthogonal_({w}, {gain!r})",
    "constant": "nn.init.constant_({w}, {value!r})",
    "zeros": "nn.init.zeros_({w})",
    "ones": "nn.init.ones_({w})",
}


def torch_code(model: Model, title: str, data: str) -> str:
    """The script as text, ready to paste; what PyTorch has no short words for is named in a comment at its top.

    Args:
        title: of its first line.
        data: path that it reads.
    """
    drawn = sketch(model)
    left_out = list(drawn.left_out)
    network = _network(drawn, left_out)
    optimizer = _optimizer(drawn, model, left_out)
    loss = _loss(drawn, left_out)
    if model.training.class_weight is not None:
        left_out.append(f"class weights {model.training.class_weight!r}")
    loop = _loop(model, drawn, left_out)
    lines = [f'"""{title}"""', ""]
    if left_out:
        lines += [f"# not expressible in a few lines of PyTorch: {', '.join(left_out)}", ""]
    lines += ["import copy", "import math", "", "import numpy as np", "import pandas as pd", "import torch"]
    lines += ["from torch import nn", "", f"DATA = {data!r}"]
    lines += [f"EPOCHS, BATCH_SIZE = {drawn.training.epochs}, {drawn.training.batch_size}", ""]
    lines += [*data_code(model), "x, y = torch.tensor(x), torch.tensor(y)", "train = torch.tensor(train)", ""]
    return "\n".join([*lines, *network, *optimizer, *loss, *loop, ""])


def _network(drawn: Sketch, left_out: list[str]) -> list[str]:
    lines, inputs = ["network = nn.Sequential("], "x.shape[1]"
    names: list[tuple[Place, int]] = []
    layers: list[str] = []
    for place in drawn.places:
        norm: Any = place.norm
        width = inputs if not place.units else str(place.units)
        if place.units:
            names.append((place, len(layers)))
            layers.append(f"nn.Linear({inputs}, {place.units})")
            inputs = str(place.units)
        after = norm is not None and place.units and getattr(norm, "position", "before") == "after"
        made = [] if norm is None else [_norm(norm, width)]
        layers += [] if after else made
        if place.units and place.name != "output":
            layers += _activation(place.activation, left_out)
        layers += made if after else []
        for item in place.noise:
            if item.name in _NOISE:
                layers.append(_NOISE[item.name].format(rate=getattr(item, "rate", 0.0)))
            else:
                left_out.append(item.name)
        if any(on == "activity" for on, _ in place.penalties):
            left_out.append(f"activity penalty of {place.name}")
    output = drawn.places[-1].activation
    fused = (drawn.loss.name, output) in _FUSED
    if not fused:
        layers += _activation(output, left_out)
    lines += [f"    {layer}," for layer in layers] + [")", "with torch.no_grad():"]
    for place, number in names:
        for leaf, item in (("weight", place.kernel), ("bias", place.bias)):
            if item is not None and item.name in _INITIALIZERS:
                line = _INITIALIZERS[item.name].format(w=f"network[{number}].{leaf}", **vars(item))
                lines.append(f"    {line}")
            elif item is not None:
                left_out.append(f"initializer {item.to_text()}")
    return [*lines, *_penalty(names), *_constraint(names)]


_FUSED = {
    ("binary_crossentropy", "sigmoid"): "nn.BCEWithLogitsLoss()",
    ("categorical_crossentropy", "softmax"): "nn.CrossEntropyLoss()",
}


def _norm(item: Any, width: str) -> str:
    if item.name == "layer-norm":
        return f"nn.LayerNorm({width}, eps={item.epsilon!r})"
    return f"nn.BatchNorm1d({width}, eps={item.epsilon!r}, momentum={round(1 - item.momentum, 9)!r})"


def _activation(text: str, left_out: list[str]) -> list[str]:
    word, arguments = activation_arguments(text)
    if word == "linear":
        return []
    if word == "softmax":
        return ["nn.Softmax(-1)"]
    bent = word == "relu" and "(" in text
    if word not in _ACTIVATIONS or (bent and (arguments["threshold"] or not math.isinf(arguments["max_value"]))):
        left_out.append(f"activation {text}")
        return []
    if bent:
        return [f"nn.LeakyReLU({arguments['negative_slope']!r})"]
    shown = f"{next(iter(arguments.values()))!r}" if arguments and word != "relu" else ""
    return [f"nn.{_ACTIVATIONS[word]}({shown})"]


def _penalty(names: list[tuple[Place, int]]) -> list[str]:
    terms = []
    for place, number in names:
        for (on, kind), value in place.penalties.items():
            if on != "activity":
                weights = f"network[{number}].{'weight' if on == 'kernel' else 'bias'}"
                terms.append(f"{value!r} * {weights}.{'abs()' if kind == 'l1' else 'square()'}.sum()")
    if not terms:
        return []
    return ["", "", "def penalty():", "    return (", *[f"        {'+ ' if i else ''}{t}" for i, t in enumerate(terms)],
            "    )", "", ""]  # fmt: skip


def _constraint(names: list[tuple[Place, int]]) -> list[str]:
    lines = []
    for place, number in names:
        item: Any = place.constraint
        weight = f"network[{number}].weight"
        if item is None:
            continue
        if item.name == "non-negative":
            lines.append(f"    {weight}.clamp_(min=0.0)")
            continue
        lines.append(f"    norm = {weight}.norm(dim=1, keepdim=True).clamp(min=1e-12)")
        if item.name == "max-norm":
            wanted = f"norm.clamp(max={item.limit!r})"
        elif item.name == "unit-norm":
            wanted = "1.0"
        else:
            within = f"norm.clamp({item.minimum!r}, {item.maximum!r})"
            wanted = within if item.rate == 1 else f"({item.rate!r} * {within} + {1 - item.rate!r} * norm)"
        lines.append(f"    {weight}.mul_({wanted} / norm)")
    return ["", "", "@torch.no_grad()", "def constrain():", *lines, "", ""] if lines else []


def _optimizer(drawn: Sketch, model: Model, left_out: list[str]) -> list[str]:
    given: Any = drawn.optimizer
    name, words = _OPTIMIZERS.get(given.name, ("Adam", {}))
    if given.name not in _OPTIMIZERS:
        left_out.append(f"optimizer {given.to_text()} (Adam stands for it)")
    arguments = {word: getattr(given, field) for field, word in words.items()}
    if hasattr(given, "beta_1") and given.name in _OPTIMIZERS:
        arguments["betas"] = (given.beta_1, given.beta_2)
    decay: Any = drawn.settings.get("weight-decay")
    parameters, lines = "network.parameters()", []
    if decay is not None and name in ("Adam", "AdamW"):
        name = "AdamW"
        arguments["weight_decay"] = decay.rate
        if decay.on == "kernel":
            arguments.pop("weight_decay")
            lines = ["kernels = [layer.weight for layer in network if isinstance(layer, nn.Linear)]"]
            lines += ["others = [p for p in network.parameters() if all(p is not kernel for kernel in kernels)]"]
            decayed = f'{{"params": kernels, "weight_decay": {decay.rate!r}}}'
            parameters = f'[{decayed}, {{"params": others, "weight_decay": 0.0}}]'
    elif decay is not None:
        left_out.append(f"decoupled weight decay beside {name}")
    written = "".join(f", {key}={value!r}" for key, value in arguments.items())
    lines.append(f"optimizer = torch.optim.{name}({parameters}, lr={drawn.training.rate!r}{written})")
    schedule: Any = drawn.schedule
    factors = {
        "cosine": lambda: f"{schedule.alpha!r} + {1 - schedule.alpha!r} * 0.5 * (1 + math.cos(math.pi * t))",
        "linear": lambda: f"{1 - schedule.end!r} * (1 - t) + {schedule.end!r}",
        "exponential": lambda: f"{schedule.rate!r} ** (t / {schedule.every!r})",
    }
    known = schedule.name in factors and not getattr(schedule, "warmup", 0) and not getattr(schedule, "staircase", 0)
    if known:
        lines += ["steps = EPOCHS * -(-len(train) // BATCH_SIZE)", "", "", "def factor(step):"]
        lines += ["    t = min(step / steps, 1.0)", f"    return {factors[schedule.name]()}", "", ""]
        lines += ["scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)"]
    elif schedule.name != "constant":
        left_out.append(f"schedule {schedule.to_text()}")
    return lines


def _loss(drawn: Sketch, left_out: list[str]) -> list[str]:
    name, output = drawn.loss.name, drawn.places[-1].activation
    smoothing: Any = drawn.settings.get("label-smoothing")
    if (name, output) in _FUSED:
        written = _FUSED[name, output]
        if smoothing is not None and name == "categorical_crossentropy":
            written = f"nn.CrossEntropyLoss(label_smoothing={smoothing.rate!r})"
    elif name == "binary_crossentropy":
        written = "nn.BCELoss()"
    elif name in _LOSSES:
        written = _LOSSES[name].format(delta=getattr(drawn.loss, "delta", 1.0))
    else:
        left_out.append(f"loss {drawn.loss.to_text()} (the squared error stands for it)")
        written = "nn.MSELoss()"
    lines = [f"loss_of = {written}"]
    if smoothing is not None and name != "categorical_crossentropy":
        lines.append(f"smooth = lambda y: y * {1 - smoothing.rate!r} + {smoothing.rate!r} / max(y.shape[1], 2)")
    return lines


def _loop(model: Model, drawn: Sketch, left_out: list[str]) -> list[str]:
    settings: dict[str, Any] = drawn.settings
    stopping = settings.get("early-stopping") or settings.get("best-epoch")
    smooth = "label-smoothing" in settings and drawn.loss.name != "categorical_crossentropy"
    penalized = any(on != "activity" for place in drawn.places for on, _ in place.penalties)
    lines = [""]
    if stopping is not None:
        if stopping.metric != "loss":
            left_out.append("stopping on the metric (the loss is watched)")
        lines += ["watched, train = train[: int(0.15 * len(train))], train[int(0.15 * len(train)) :]"]
        lines += ["best, best_weights, wait = math.inf, None, 0"]
    if "ema" in settings:
        decay = settings["ema"].decay
        lines += ["swa = torch.optim.swa_utils", f"how = swa.get_ema_multi_avg_fn({decay!r})"]
        lines += ["average = swa.AveragedModel(network, multi_avg_fn=how, use_buffers=True)"]
    rows = "train[torch.randperm(len(train))]" if drawn.training.shuffle else "train"
    lines += ["for epoch in range(EPOCHS):", "    network.train()", f"    for rows in torch.split({rows}, BATCH_SIZE):"]
    target = "smooth(y[rows])" if smooth else "y[rows]"
    lines += [f"        loss = loss_of(network(x[rows]), {target}){' + penalty()' if penalized else ''}",
              "        optimizer.zero_grad()", "        loss.backward()"]  # fmt: skip
    if "clip-norm" in settings:
        lines += ["        for weights in network.parameters():",
                  f"            nn.utils.clip_grad_norm_(weights, {settings['clip-norm'].limit!r})"]  # fmt: skip
    if "clip-global-norm" in settings:
        limit = settings["clip-global-norm"].limit
        lines.append(f"        nn.utils.clip_grad_norm_(network.parameters(), {limit!r})")
    if "clip-value" in settings:
        lines.append(f"        nn.utils.clip_grad_value_(network.parameters(), {settings['clip-value'].limit!r})")
    lines.append("        optimizer.step()")
    if drawn.schedule.name in ("cosine", "linear", "exponential") and not any("schedule" in part for part in left_out):
        lines.append("        scheduler.step()")
    if any(place.constraint for place in drawn.places):
        lines.append("        constrain()")
    if "ema" in settings:
        lines.append("        average.update_parameters(network)")
    chosen = "average" if "ema" in settings else "network"
    if stopping is not None:
        lines += _watch(stopping, chosen)
    lines += [f"{chosen}.eval()", "with torch.no_grad():", f"    found = {chosen}(x[held_out])"]
    lines += ['    print("loss on held-out rows:", loss_of(found, y[held_out]).item())']
    return lines


def _watch(stopping: Any, chosen: str) -> list[str]:
    """The end of an epoch: is the loss on watched rows the best so far?"""
    early = stopping.name == "early-stopping"
    least = f" - {stopping.min_delta!r}" if early and stopping.min_delta else ""
    lines = [f"    {chosen}.eval()", "    with torch.no_grad():",
             f"        score = loss_of({chosen}(x[watched]), y[watched]).item()", f"    if score < best{least}:",
             f"        best, best_weights, wait = score, copy.deepcopy({chosen}.state_dict()), 0", "    else:",
             "        wait += 1"]  # fmt: skip
    if early:
        lines += [f"        if wait >= {int(stopping.patience)}:", "            break"]
    if not early or stopping.restore:
        lines += [f"{chosen}.load_state_dict(best_weights)"]
    return lines

"""Draws docs/techniques/FAMILY.svg: from the equations, from the techniques' own code, or from a tiny real run.

    python docs/pictures.py [FAMILY ...]    draws these, or all

Not part of `docs/generate.py --check`: trained pictures differ in their last digits between machines.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from drawing import BLUE, COLOURS, GREEN, GREY, ORANGE, PURPLE, Panel, Picture, legend, shade

FOLDER = Path(__file__).parent / "techniques"
SIZE = (640, 250)
LEFT, RIGHT = (50.0, 34.0, 240.0, 165.0), (370.0, 34.0, 240.0, 165.0)
WIDE = (50.0, 34.0, 400.0, 165.0)


def penalty() -> Picture:
    picture = Picture(*SIZE, "How L1, L2 and the elastic net pull on a weight, and the proximal step of L1")
    w = np.linspace(-2, 2, 201)
    pulls = {"L1": np.sign(w), "L2": 2 * w, "elastic net, half of each": 0.5 * np.sign(w) + w}
    ticks = ([-2, -1, 0, 1, 2], [-2, 0, 2])
    panel = Panel(picture, LEFT, (-2, 2), (-4, 4), title="pull towards zero, in λ", across="weight", ticks=ticks)
    for colour, pull in zip(COLOURS, pulls.values(), strict=False):
        panel.line(w, pull, colour=colour)
    legend(picture, 62, 50, list(pulls))
    shrunk = {"no penalty": w, "proximal-l1": np.sign(w) * np.maximum(np.abs(w) - 0.5, 0), "l2": w / (1 + 0.5)}
    title = "weight after a step of threshold 0.5"
    panel = Panel(picture, RIGHT, (-2, 2), (-2, 2), title=title, across="weight before", ticks=ticks)
    for colour, after in zip((GREY, ORANGE, BLUE), shrunk.values(), strict=True):
        panel.line(w, after, colour=colour)
    legend(picture, 382, 50, list(shrunk), (GREY, ORANGE, BLUE))
    return picture


def decay() -> Picture:
    from wellposed.training.schedules import schedule

    picture = Picture(*SIZE, "How fast a weight without a gradient decays")
    panel = Panel(
        picture, WIDE, (0, 1000), (0, 1), title="weight that began at 1", across="updates",
        ticks=([0, 250, 500, 750, 1000], [0, 0.5, 1]),
    )  # fmt: skip
    steps = np.arange(1000)
    fading = np.asarray(schedule("flat_cosine(flat=0.5)").factor(steps, 1000))
    curves = {
        "weight-decay=0.01": np.cumprod(1 - 0.01 * 0.01 * np.ones(1000)),
        "weight-decay=0.1": np.cumprod(1 - 0.01 * 0.1 * np.ones(1000)),
        "… schedule=flat-cosine": np.cumprod(1 - 0.01 * 0.1 * fading),
        "weight-decay=0.5": np.cumprod(1 - 0.01 * 0.5 * np.ones(1000)),
    }
    for colour, curve in zip(COLOURS, curves.values(), strict=False):
        panel.line(steps[::10], curve[::10], colour=colour)
    legend(picture, 465, 60, list(curves))
    return picture


def constraint() -> Picture:
    picture = Picture(*SIZE, "Lengths and weights after a projection, against those before it")
    n = np.linspace(0.01, 5, 200)
    lengths = {
        "max-norm=3": np.minimum(n, 3),
        "unit-norm": np.ones_like(n),
        "min-max-norm=0.5,high=2": np.clip(n, 0.5, 2),
    }
    ticks = ([0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4])
    title = "length of a unit's weights after"
    panel = Panel(picture, LEFT, (0, 5), (0, 4.5), title=title, across="length before", ticks=ticks)
    for colour, after in zip(COLOURS, lengths.values(), strict=False):
        panel.line(n, after, colour=colour)
    legend(picture, 60, 50, list(lengths))
    w = np.linspace(-2, 2, 101)
    ticks = ([-2, -1, 0, 1, 2], [-2, -1, 0, 1, 2])
    panel = Panel(picture, RIGHT, (-2, 2), (-2, 2), title="weight after", across="weight before", ticks=ticks)
    panel.line(w, np.maximum(w, 0), colour=PURPLE)
    legend(picture, 382, 50, ["non-negative"], (PURPLE,))
    return picture


def noise() -> Picture:
    from wellposed.techniques.shapes import SHAPES, shares

    picture = Picture(640, 340, "What dropout, Gaussian dropout and DropConnect do to values, and dropout's shapes")
    rng = np.random.default_rng(3)
    rows, units, p = 8, 24, 0.3
    kept = (rng.uniform(size=(rows, units)) >= p) / (1 - p)
    spread = 1 + np.sqrt(p / (1 - p)) * rng.normal(size=(rows, units))
    weights = (rng.uniform(size=(1, units, 24)) >= p) / (1 - p)
    lost = np.repeat(np.mean(weights, -1), rows, 0)
    for number, (name, values) in enumerate(
        {"dropout=0.3": kept, "gaussian-dropout=0.3": spread, "drop-connect=0.3": lost}.items()
    ):
        left = 24 + 208 * number
        picture.text(left, 22, name)
        for row, unit in np.ndindex(rows, units):
            picture.box(left + 8 * unit, 32 + 10 * row, 7.5, 9.5, fill=shade(2.5 * (values[row, unit] - 1)))
    picture.text(
        24,
        132,
        "a row of the minibatch in each line, a unit in each column · white: 1, blue: less, orange: more",
        colour=GREY,
    )
    for number, shape in enumerate(SHAPES):
        left = 24 + 88 * number
        picture.text(left, 168, shape)
        for layer, share in enumerate(shares(shape, 8)):
            picture.box(left + 9 * layer, 290 - 100 * share, 8, 100 * share, fill=BLUE)
    picture.text(24, 312, "share of the rate in each of eight layers, from the input to the output", colour=GREY)
    return picture


def augmentation() -> Picture:
    from sklearn.datasets import load_digits

    import wellposed as wp

    digits = load_digits()
    small = np.stack([digits.images[i] for i in (2, 0, 0, 0, 0, 0)]) / 16.0
    images = np.stack([_enlarged(image) for image in small])
    kinds: list[Any] = [
        wp.Rotation(20.0), wp.Shear(0.3), wp.Shift(0.12), wp.Zoom(0.2), wp.Elastic(4.0), wp.Flip(0.5),
        wp.Brightness(0.3), wp.RandomErasing(1.0), wp.Mixup(1.0), wp.CutMix(1.0), wp.Cutout(1.0),
    ]  # fmt: skip
    side, draws = 34, 6
    picture = Picture(640, 8 + 6 * (side + 6), "A digit and what each technique of augmentation makes of it")
    picture.text(8, 22, "as it is")
    picture.image(104, 6, side, images[0])
    for number, kind in enumerate(kinds):
        column, row = divmod(number + 1, 6)
        left, top = 8 + 318 * column, 6 + row * (side + 6)
        picture.text(left, top + 15, type(kind).name)
        picture.text(left, top + 30, f"({str(wp.Recipe((kind,))).partition('=')[2].removesuffix('.0')})", colour=GREY)
        for draw, pixels in enumerate(_augmented(kind, images, draws)):
            picture.image(left + 96 + side * draw, top, side, pixels)
    return picture


def _enlarged(image: np.ndarray) -> np.ndarray:
    from scipy.ndimage import zoom

    return np.clip(zoom(np.pad(image, 1), 2.8, order=3), 0, 1)


def _augmented(kind: Any, images: np.ndarray, draws: int) -> list[np.ndarray]:
    """The first image as the technique's own hook changes it in a minibatch of all of them."""
    import jax

    from wellposed.network.randomness import Rng, study_key
    from wellposed.techniques.base import Batch, Context, Own

    shape = images.shape[1:]
    features = int(np.prod(shape))
    groups = tuple((number,) for number in range(features))
    count = len(images)
    context = Context(features, 1, "classification", ("input", "output"), (features, 1), count, groups, (*shape, 1))
    flat, ones = images.reshape(count, -1).astype(np.float32), np.ones(count, np.float32)
    rows = {"x": flat, "y": ones[:, None]}
    own = Own(prepared=jax.tree.map(np.asarray, kind.prepare(context, rows)))
    batch = Batch(flat, rows["y"], ones, ones, {})
    found = []
    for draw in range(draws):
        rng = Rng(jax.random.fold_in(study_key(1), draw), type(kind).__name__)
        found.append(np.asarray(kind.augment(jax.tree.map(jax.numpy.asarray, batch), own, rng).x[0]).reshape(shape))
    return found


def normalization() -> Picture:
    picture = Picture(640, 230, "Over which values batch, ghost batch and layer normalization take their statistics")
    rng = np.random.default_rng(5)
    h = rng.normal(size=(16, 12)) * rng.uniform(0.2, 2.0, 12) + rng.normal(size=12)

    def scaled(values: np.ndarray, axis: int) -> np.ndarray:
        return (values - values.mean(axis, keepdims=True)) / values.std(axis, keepdims=True)

    ghosts = np.concatenate([scaled(h[:8], 0), scaled(h[8:], 0)])
    pictures = {
        "as they are": (h, []),
        "batch-norm: by column": (scaled(h, 0), [(0, 0, 1, 16)]),
        "ghost-batch-norm: halves": (ghosts, [(0, 0, 1, 8), (0, 8, 1, 8)]),
        "layer-norm: by row": (scaled(h, 1), [(0, 0, 12, 1)]),
    }
    for number, (name, (values, frames)) in enumerate(pictures.items()):
        left = 16 + 158 * number
        picture.text(left, 20, name)
        for row, unit in np.ndindex(16, 12):
            picture.box(left + 11 * unit, 32 + 11 * row, 10, 10, fill=shade(values[row, unit]))
        for unit, row, wide, high in frames:
            picture.box(left + 11 * unit - 1, 31 + 11 * row, 11 * wide + 1, 11 * high + 1, stroke="#222")
    return picture


def structure() -> Picture:
    picture = Picture(640, 190, "What stands around a pair of hidden layers under each technique of structure")

    def unit(left: float, top: float, words: str, dash: str = "") -> None:
        picture.box(left, top, 34, 24, fill="#eef4f9", stroke=BLUE, dash=dash)
        picture.text(left + 17, top + 16, words, anchor="middle")

    def way(*points: tuple[float, float], dash: str = "", colour: str = GREY) -> None:
        picture.line(points, colour=colour, width=1.5, dash=dash)

    names = ("plain", "skip-connections", "stochastic-depth", "shake-shake", "shake-drop", "k-heads")
    for number, name in enumerate(names):
        left = 14 + 105 * number
        middle = left + 38
        picture.text(left, 22, name)
        if name not in ("shake-shake", "k-heads"):
            dash = "3 3" if name in ("stochastic-depth", "shake-drop") else ""
            way((middle, 36), (middle, 70), dash=dash)
            unit(middle - 17, 70, "F", dash)
            way((middle, 94), (middle, 140), dash=dash)
        if name in ("skip-connections", "stochastic-depth", "shake-drop"):
            way((middle, 46), (middle + 34, 46), (middle + 34, 128), (middle, 128), colour=ORANGE)
            picture.text(middle - 4, 132, "+", anchor="end")
        if name == "shake-drop":
            picture.text(middle - 6, 114, "× α", anchor="end", colour=ORANGE)
        if name == "shake-shake":
            for side, words in ((-1, "α"), (1, "1 − α")):
                way((middle, 36), (middle, 46), (middle + 22 * side, 46), (middle + 22 * side, 70))
                unit(middle + 22 * side - 17, 70, "F₁" if side < 0 else "F₂")
                way((middle + 22 * side, 94), (middle + 22 * side, 128), (middle, 128), (middle, 140), dash="3 3")
                picture.text(middle + 26 * side, 114, words, colour=ORANGE, anchor="end" if side < 0 else "start")
        if name == "k-heads":
            unit(middle - 17, 70, "W")
            for head, colour in zip((-16, 0, 16), (BLUE, ORANGE, GREEN), strict=True):
                way((middle + head, 36), (middle + head / 2, 70), colour=colour)
                way((middle + head / 2, 94), (middle + head, 140), colour=colour)
    picture.text(14, 178, "k-heads: one kernel W, other scales, biases and outputs for every head", colour=GREY)
    return picture


def targets() -> Picture:
    picture = Picture(*SIZE, "Losses under label smoothing, the confidence penalty and flooding")
    p = np.linspace(0.005, 0.995, 199)
    entropy = -(p * np.log(p) + (1 - p) * np.log(1 - p))
    losses = {
        "cross-entropy": -np.log(p),
        "label-smoothing=0.1": -0.95 * np.log(p) - 0.05 * np.log(1 - p),
        "confidence-penalty=0.3": -np.log(p) - 0.3 * entropy,
    }
    title = "loss of a row, two classes"
    panel = Panel(
        picture, LEFT, (0, 1), (-0.2, 2), title=title, across="probability of its class",
        ticks=([0, 0.25, 0.5, 0.75, 1], [0, 1, 2]),
    )  # fmt: skip
    for colour, loss in zip(COLOURS, losses.values(), strict=False):
        shown = loss < 2
        panel.line(p[shown], loss[shown], colour=colour)
    legend(picture, 130, 50, list(losses))
    loss = np.linspace(0, 0.5, 101)
    panel = Panel(
        picture, RIGHT, (0, 0.5), (0, 0.5), title="loss that is minimized", across="loss of the minibatch",
        ticks=([0, 0.1, 0.2, 0.3, 0.4, 0.5], [0, 0.1, 0.2, 0.3, 0.4, 0.5]),
    )  # fmt: skip
    panel.line(loss, loss, colour=GREY)
    panel.line(loss, np.abs(loss - 0.1) + 0.1, colour=ORANGE)
    legend(picture, 382, 50, ["as it is", "flooding=0.1"], (GREY, ORANGE))
    return picture


def gradients() -> Picture:
    picture = Picture(*SIZE, "Lengths of clipped gradients; a loss and the worst loss nearby")
    n = np.linspace(0, 4, 101)
    panel = Panel(
        picture, LEFT, (0, 4), (0, 4), title="length after", across="length before",
        ticks=([0, 1, 2, 3, 4], [0, 1, 2, 3, 4]),
    )  # fmt: skip
    panel.line(n, n, colour=GREY)
    panel.line(n, np.minimum(n, 1), colour=BLUE)
    panel.line(n, np.minimum(n, np.sqrt(2)), colour=ORANGE, dash="5 3")
    names = ["as it is", "clip-norm=1", "clip-value=1, at 45°"]
    legend(picture, 60, 50, names, (GREY, BLUE, ORANGE))
    w = np.linspace(-3, 3, 601)
    loss = 1.2 - 1.1 * np.exp(-((w + 1.5) ** 2) / 0.02) - 0.9 * np.exp(-((w - 1.2) ** 2) / 0.9)
    worst = np.array([loss[np.abs(w - at) <= 0.3].max() for at in w])
    ticks = ([-3, -1.5, 0, 1.5, 3], [0, 0.5, 1, 1.5])
    panel = Panel(picture, RIGHT, (-3, 3), (0, 1.6), title="loss", across="weight", ticks=ticks)
    panel.line(w, loss, colour=GREY)
    panel.line(w[::4], worst[::4], colour=ORANGE)
    legend(picture, 382, 46, ["loss", "worst loss within ρ = 0.3 (sam)"], (GREY, ORANGE))
    return picture


def averaging() -> Picture:
    picture = Picture(*SIZE, "The path of a weight under noisy gradients, and three averages of it")
    rng = np.random.default_rng(11)
    steps, w, slow = 200, 2.0, 2.0
    path, ahead, average, mean = [], [], [w], []
    fast = w
    for step in range(steps):
        draw = rng.normal()
        w -= 0.05 * (w + 3.0 * draw)
        fast -= 0.05 * (fast + 3.0 * draw)
        if (step + 1) % 5 == 0:
            slow += 0.5 * (fast - slow)
            fast = slow
        path.append(w)
        ahead.append(slow)
        average.append(0.95 * average[-1] + 0.05 * w)
        mean.append(float(np.mean(path[150:])) if step >= 150 else np.nan)
    ticks = ([0, 50, 100, 150, 200], [-1, 0, 1, 2])
    panel = Panel(
        picture, WIDE, (0, 200), (-1.2, 2.2), title="weight (the minimum is at 0)", across="updates", ticks=ticks
    )
    at = np.arange(1, steps + 1)
    panel.line(at, path, colour="#b5b5b5", width=1.5)
    panel.line(at, average[1:], colour=BLUE)
    panel.line(at, ahead, colour=GREEN, width=1.5)
    panel.line(at[150:], mean[150:], colour=ORANGE, width=3)
    names = ["its path", "ema=0.95", "lookahead=0.5", "swa=0.25"]
    legend(picture, 465, 60, names, ("#b5b5b5", BLUE, GREEN, ORANGE))
    return picture


def stopping() -> Picture:
    import wellposed as wp

    study = wp.compare(wp.read("diabetes"), (32, 32), ["l2=0"], folds=3, seeds=2, epochs=150, references=False)
    history = study.history[study.history["recipe"] == "baseline"]
    picture = Picture(*SIZE, "Training and monitor loss of six networks, and the epochs with the lowest monitor loss")
    ticks = ([0, 50, 100, 150], [0, 0.5, 1])
    panel = Panel(picture, WIDE, (0, 150), (0, 1.4), title="loss", across="epochs", ticks=ticks)
    for _, curve in history.groupby(["fold", "seed"]):
        panel.line(curve["epoch"], curve["train_loss"], colour=BLUE, width=1)
        panel.line(curve["epoch"], curve["monitor_loss"], colour=ORANGE, width=1)
        best = curve.loc[curve["monitor_loss"].idxmin()]
        panel.dots([best["epoch"]], [best["monitor_loss"]], colour="#222", radius=3.5)
    legend(picture, 465, 60, ["training rows", "monitor rows"], (BLUE, ORANGE))
    picture.dot(473, 94, colour="#222", radius=3.5)
    picture.text(487, 98, "best-epoch")
    return picture


def capacity() -> Picture:
    import wellposed as wp

    factors = (0.0625, 0.125, 0.25, 0.5, 2.0)
    recipes = [wp.Width(factor) for factor in factors]
    study = wp.compare(wp.read("diabetes"), (32, 32), recipes, folds=4, seeds=2, epochs=200, references=False)
    shown = [recipe for recipe in study.results["recipes"] if recipe["name"] != "best-epoch"]
    width = {"baseline": 1.0, **{str(wp.Recipe((wp.Width(factor),))): factor for factor in factors}}
    shown.sort(key=lambda recipe: width[recipe["name"]])
    at = np.log2([width[recipe["name"]] for recipe in shown])
    picture = Picture(*SIZE, "R² on training and validation rows by the width of the network")
    panel = Panel(picture, WIDE, (-4.3, 1.3), (0, 1), title="R²", across="width, factor", ticks=([], [0, 0.5, 1]))
    for value in (0.0625, 0.125, 0.25, 0.5, 1, 2):
        across, _ = panel.at(float(np.log2(value)), 0)
        picture.text(across, 215, f"{value:g}", colour=GREY, anchor="middle")
    for part, colour in (("train", BLUE), ("validation", ORANGE)):
        scores = [recipe[part]["r2"]["mean"] for recipe in shown]
        panel.line(at, scores, colour=colour)
        panel.dots(at, scores, colour=colour)
    legend(picture, 465, 60, ["training rows", "validation rows"], (BLUE, ORANGE))
    return picture


def optimization() -> Picture:
    from wellposed.training.schedules import SCHEDULES, schedule

    picture = Picture(*SIZE, "Learning-rate schedules")
    ticks = ([0, 0.25, 0.5, 0.75, 1], [0, 0.5, 1])
    title = "factor of the learning rate"
    panel = Panel(picture, WIDE, (0, 1), (0, 1.05), title=title, across="share of the updates", ticks=ticks)
    steps = np.arange(0, 401)
    names = [name for name in SCHEDULES if name != "constant"]
    for colour, name in zip(COLOURS, names, strict=True):
        panel.line(steps / 400, np.asarray(schedule(name).factor(steps, 400)), colour=colour, width=1.7)
    legend(picture, 465, 50, names)
    return picture


PICTURES: dict[str, Callable[[], Picture]] = {
    "penalty": penalty, "decay": decay, "constraint": constraint, "noise": noise, "augmentation": augmentation,
    "normalization": normalization, "structure": structure, "targets": targets, "gradients": gradients,
    "averaging": averaging, "stopping": stopping, "capacity": capacity, "optimization": optimization,
}  # fmt: skip


def main(names: list[str]) -> None:
    """Draws the families of these names, or all."""
    for name in names or PICTURES:
        path = FOLDER / f"{name}.svg"
        path.write_text(PICTURES[name]().svg(), encoding="utf-8")
        print(f"wrote {path.name}, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])

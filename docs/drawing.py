"""Small SVG pictures: panels with axes, lines, dots, bars, tiles and grey images. Text is text, sizes are pixels."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

BLUE, ORANGE, GREEN, PURPLE, GREY, RED = "#0072b2", "#d55e00", "#009e73", "#a3539a", "#767676", "#b03030"
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, GREY, RED, "#8a6d00")
FONT = "font-family='Helvetica, Arial, sans-serif' font-size='12'"


class Picture:
    """A white canvas; its title is what a screen reader says."""

    def __init__(self, width: int, height: int, title: str) -> None:
        self.width, self.height, self.title = width, height, title
        self.parts: list[str] = []

    def text(self, x: float, y: float, words: str, *, colour: str = "#222", anchor: str = "start") -> None:
        at = f"x='{x:.1f}' y='{y:.1f}' fill='{colour}' text-anchor='{anchor}'"
        self.parts.append(f"<text {at}>{escape(words)}</text>")

    def line(self, points: Any, *, colour: str = "#222", width: float = 2.0, dash: str = "") -> None:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        dashed = f" stroke-dasharray='{dash}'" if dash else ""
        stroke = f"fill='none' stroke='{colour}' stroke-width='{width:g}'{dashed}"
        self.parts.append(f"<polyline points='{path}' {stroke}/>")

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        *,
        fill: str = "none",
        stroke: str = "none",
        dash: str = "",
    ) -> None:
        dashed = f" stroke-dasharray='{dash}'" if dash else ""
        edge = f" stroke='{stroke}'{dashed}" if stroke != "none" else ""
        self.parts.append(f"<rect x='{x:g}' y='{y:g}' width='{width:g}' height='{height:g}' fill='{fill}'{edge}/>")

    def dot(self, x: float, y: float, *, colour: str = "#222", radius: float = 3.0) -> None:
        self.parts.append(f"<circle cx='{x:.1f}' cy='{y:.1f}' r='{radius:g}' fill='{colour}'/>")

    def image(self, x: float, y: float, side: float, pixels: np.ndarray) -> None:
        """A square grey image; pixels [height, width] from 0 (white) to 1 (black)."""
        data = base64.b64encode(png(np.clip(255.0 * (1.0 - pixels), 0, 255).astype(np.uint8))).decode()
        size = f"x='{x:.1f}' y='{y:.1f}' width='{side:g}' height='{side:g}'"
        self.parts.append(f"<image {size} href='data:image/png;base64,{data}'/>")

    def svg(self) -> str:
        head = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {self.width} {self.height}' width='{self.width}'"
        head += f" height='{self.height}' role='img' {FONT}><title>{escape(self.title)}</title>"
        white = f"<rect width='{self.width}' height='{self.height}' fill='#fff'/>"
        return "\n".join([head, white, *self.parts, "</svg>"]) + "\n"


class Panel:
    """Axes on a picture: data coordinates, ticks, a title above, labels of lines where they end."""

    def __init__(
        self, picture: Picture, place: tuple[float, float, float, float], x: tuple[float, float],
        y: tuple[float, float], *, title: str, across: str, ticks: tuple[Sequence[float], Sequence[float]],
    ) -> None:  # fmt: skip
        self.picture, self.place, self.x, self.y = picture, place, x, y
        left, top, width, height = place
        picture.text(left, top - 10, title)
        for value in ticks[0]:
            place_x, _ = self.at(value, y[0])
            picture.text(place_x, top + height + 16, f"{value:g}", colour=GREY, anchor="middle")
        for value in ticks[1]:
            _, place_y = self.at(x[0], value)
            picture.line([(left, place_y), (left + width, place_y)], colour="#e2e2e2", width=1)
            picture.text(left - 6, place_y + 4, f"{value:g}", colour=GREY, anchor="end")
        picture.text(left + width / 2, top + height + 33, across, colour=GREY, anchor="middle")
        picture.line([(left, top + height), (left + width, top + height)], colour=GREY, width=1)

    def at(self, x: float, y: float) -> tuple[float, float]:
        left, top, width, height = self.place
        across = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        return left + width * across, top + height * (1.0 - min(max(up, 0.0), 1.0))

    def line(self, x: Any, y: Any, *, colour: str = BLUE, width: float = 2.0, dash: str = "") -> None:
        self.picture.line([self.at(a, b) for a, b in zip(x, y, strict=True)], colour=colour, width=width, dash=dash)

    def dots(self, x: Any, y: Any, *, colour: str = BLUE, radius: float = 3.0) -> None:
        for a, b in zip(x, y, strict=True):
            self.picture.dot(*self.at(a, b), colour=colour, radius=radius)

    def label(self, x: float, y: float, words: str, *, colour: str, anchor: str = "start") -> None:
        across, down = self.at(x, y)
        self.picture.text(across, down, words, colour=colour, anchor=anchor)


def legend(picture: Picture, x: float, y: float, names: Sequence[str], colours: Sequence[str] = COLOURS) -> None:
    """Names below one another, each beside a stroke of its colour."""
    for number, (name, colour) in enumerate(zip(names, colours, strict=False)):
        down = y + 17 * number
        picture.line([(x, down - 4), (x + 16, down - 4)], colour=colour, width=3)
        picture.text(x + 22, down, name)


def shade(value: float) -> str:
    """Blue below zero, orange above, white at zero; full at −2 and 2."""
    share = min(abs(value) / 2.0, 1.0)
    target = (213, 94, 0) if value > 0 else (0, 114, 178)
    return "#" + "".join(f"{round(255 + share * (part - 255)):02x}" for part in target)


def png(grey: np.ndarray) -> bytes:
    """An 8-bit grey PNG of pixels [height, width]."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = grey.shape
    rows = b"".join(b"\0" + grey[row].tobytes() for row in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")

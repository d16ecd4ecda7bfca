"""What people see: lines and tables, progress with the time left, and where each of them goes."""

from __future__ import annotations

import contextlib
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from wellposed.errors import printable

if TYPE_CHECKING:
    from rich.console import Console

    from wellposed.cli.options import RunOptions
    from wellposed.runners.base import Progress

__all__ = ["Terminal", "console"]


def console(*, error: bool = False) -> Console:
    """A console that shows text as it is; into a file or pipe as wide as the terminal behind it, or 100 columns."""
    from rich.console import Console

    class Plain(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # rich would end the process with status 1

        def render(self, renderable: Any, options: Any = None) -> Iterator[Any]:
            # names and labels come from files: a terminal must not obey what stands in them
            for piece in super().render(renderable, options):
                clean = piece.control or piece.text.isprintable()
                yield piece if clean else piece._replace(text="\n".join(map(printable, piece.text.split("\n"))))

    stream = sys.stderr if error else sys.stdout
    width = None if stream.isatty() else shutil.get_terminal_size((100, 24)).columns
    return Plain(file=stream, width=width, highlight=False, markup=False, emoji=False)


class Terminal:
    """Where a study's words go: standard output; with ``--json`` standard error; with ``--quiet`` nowhere."""

    def __init__(self, options: RunOptions) -> None:
        self._shown = None if options.quiet else console(error=options.json)
        self._progress = None if options.quiet or not sys.stderr.isatty() else console(error=True)

    def line(self, text: str, style: str | None = None) -> None:
        """A line, wrapped at words on a terminal and left whole in a file."""
        if self._shown is not None:
            self._shown.print(text, style=style, soft_wrap=not self._shown.is_terminal)

    def item(self, text: str, style: str | None = None) -> None:
        """An entry of a list."""
        if self._shown is None:
            return
        if self._shown.is_terminal:
            text = textwrap.fill(
                text, self._shown.width, initial_indent="• ", subsequent_indent="  ", break_on_hyphens=False
            )
            self._shown.print(text, style=style, soft_wrap=True)
        else:
            self._shown.print(f"• {text}", style=style, soft_wrap=True)

    def show(self, thing: Any) -> None:
        """A table."""
        if self._shown is not None:
            self._shown.print(thing)

    @property
    def width(self) -> int:
        """Columns."""
        return 80 if self._shown is None else self._shown.width

    @contextlib.contextmanager
    def progress(self) -> Iterator[Callable[[Progress], None]]:
        """A bar on standard error while the block runs, if that is a terminal."""
        if self._progress is None:
            yield lambda state: None
            return
        from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        columns = (
            TextColumn("{task.description:<9}"),
            BarColumn(None),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
        )
        with Bar(*columns, console=self._progress, transient=True, expand=True) as bar:
            task = bar.add_task("starting", total=None, left="")
            eta = _TimeLeft()

            def show(state: Progress) -> None:
                done = state.done >= state.total > 0
                words = "scoring" if done else "compiling" if state.done == 0 else "training"
                bar.update(
                    task,
                    description=words,
                    total=state.total if state.done else None,
                    completed=state.done,
                    left=eta.text(state),
                )

            yield show


class _TimeLeft:
    """The time left, from the pace since the first member trained; compilation before it doesn't count as pace."""

    def __init__(self) -> None:
        self._start: tuple[float, int] | None = None
        self._last = 0

    def text(self, state: Progress) -> str:
        """``about 12 s left``."""
        if state.done < self._last:  # another population began
            self._start = None
        self._last = state.done
        if state.done == 0 or state.done >= state.total:
            return ""
        if self._start is None:
            self._start = (state.seconds, state.done)
        seconds, done = state.seconds - self._start[0], state.done - self._start[1]
        if done <= 0 or seconds < 0.5:
            return ""
        return f"about {_duration((state.total - state.done) * seconds / done)} left"


def _duration(seconds: float) -> str:
    whole = max(1, round(seconds))
    if whole < 100:
        return f"{whole} s"
    return f"{round(whole / 60)} min" if whole < 6000 else f"{whole / 3600:.1f} h"

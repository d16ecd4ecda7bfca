"""Techniques from a user's own Python file: ``--techniques FILE.py``.

The file is run, like any script that its user starts. Only a person names one: no model, run or result ever does.
"""

from __future__ import annotations

import sys
import types
import zlib
from pathlib import Path

from wellposed.errors import TechniqueError, WellposedError
from wellposed.techniques.base import Technique
from wellposed.techniques.catalog import register

__all__ = ["load_techniques"]


def load_techniques(path: str | Path) -> tuple[type[Technique], ...]:
    """Runs a file and registers the techniques that it defines.

    Args:
        path: of a ``.py`` file; it may import installed packages.

    Returns:
        The techniques, in the file's order.

    Raises:
        TechniqueError: no such file, it fails, it defines no technique, or a name is taken.
    """
    file = Path(path)
    if file.suffix != ".py" or not file.is_file():
        raise TechniqueError("techniques: no such Python file", str(path), "Write e.g. --techniques mine.py.")
    # one name for one file, whatever the folder it is called from: equal classes then replace each other
    module = types.ModuleType(f"wellposed_user_{zlib.crc32(str(file.resolve()).encode()):08x}")
    module.__file__ = str(file)
    sys.modules[module.__name__] = module  # dataclasses look annotations up there
    try:
        exec(compile(file.read_bytes(), str(file), "exec", dont_inherit=True), vars(module))
    except WellposedError:
        raise
    except (Exception, SystemExit) as error:
        what = f"techniques: {file.name} fails{_line(error, str(file))}"
        raise TechniqueError(what, f"{type(error).__name__}: {error}".rstrip(": "), "Mend the file.") from error
    found = tuple(
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Technique) and value.__module__ == module.__name__
        if "__dataclass_fields__" in vars(value)
    )
    if not found:
        remedy = "Write @technique above a class with a name, as in docs/writing-a-technique.md."
        raise TechniqueError("techniques: the file defines none", str(path), remedy)
    for cls in found:
        register(cls)
    return found


def _line(error: BaseException, file: str) -> str:
    """`` at line N``: the last line of the file that was at work."""
    if isinstance(error, SyntaxError):
        return f" at line {error.lineno}" if error.lineno else ""
    number, trace = 0, error.__traceback__
    while trace is not None:
        number = trace.tb_lineno if trace.tb_frame.f_code.co_filename == file else number
        trace = trace.tb_next
    return f" at line {number}" if number else ""

"""One process at a time writes a folder: a lock that the system takes away when its process dies, however it dies."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path

__all__ = ["hold", "is_held", "release"]

_NAME = ".lock"
_held: dict[str, int] = {}  # folder -> open file; a process may hold one as often as it likes
_guard = threading.Lock()


def hold(folder: Path) -> bool:
    """Holds the folder for this process, until :func:`release` or its end; False if another process holds it.

    Raises:
        OSError: the folder can't be written.
    """
    path, key = folder / _NAME, str(folder.resolve())
    with _guard:
        while key not in _held:
            file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
            if not _lock(file) and not _lock_soon(file):
                os.close(file)
                return False
            # whoever held it before may have removed the file between our opening and locking it
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file), os.stat(path)):
                    _held[key] = file
                    continue
            os.close(file)
    return True


def release(folder: Path) -> None:
    """Lets others write the folder."""
    with _guard:
        file = _held.pop(str(folder.resolve()), None)
        if file is not None:
            with contextlib.suppress(OSError):  # Windows removes no open file; an unlocked one does no harm
                os.unlink(folder / _NAME)
            os.close(file)


def is_held(folder: Path) -> bool:
    """Whether another process holds the folder."""
    if str(folder.resolve()) in _held:
        return False
    try:
        file = os.open(folder / _NAME, os.O_RDWR)
    except OSError:
        return False
    try:
        return not _lock(file)
    finally:
        os.close(file)


def _lock_soon(file: int) -> bool:
    """A second try: who only looks whether the folder is held locks it for a moment too."""
    time.sleep(0.05)
    return _lock(file)


def _lock(file: int) -> bool:
    """Whether the file could be locked; on file systems without locks everything can be."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError:
            return False
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True

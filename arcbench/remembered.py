"""What was read from files, read again only when a file is another one than before."""

import threading
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
Stamp = tuple[tuple[int, int, int] | None, ...]


def stamp(*files: Path) -> Stamp:
    """Tells files from what they were earlier; a file that is not there counts as well."""
    found: list[tuple[int, int, int] | None] = []
    for file in files:
        try:
            facts = file.stat()
        except OSError:
            found.append(None)
        else:
            found.append((facts.st_mtime_ns, facts.st_size, facts.st_ino))
    return tuple(found)


class Remembered:
    """Values by key, each with the stamp of the files that it follows from. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[Hashable, tuple[Stamp, Any]] = {}

    def get(self, key: Hashable, read: Callable[[], T], *files: Path) -> T:
        """The value of `key`: that of last time while no file has changed, else what `read` says.

        What `read` raises is raised, and nothing is kept.
        """
        now = stamp(*files)  # before reading: what changes meanwhile is read again next time
        with self._lock:
            there = self._kept.get(key)
        if there is not None and there[0] == now:
            known: T = there[1]
            return known
        value = read()
        with self._lock:
            self._kept[key] = (now, value)
        return value

    def forget(self, keep: set[Any]) -> None:
        """Drop the values of all other keys: what they were read from is gone."""
        with self._lock:
            self._kept = {key: value for key, value in self._kept.items() if key in keep}

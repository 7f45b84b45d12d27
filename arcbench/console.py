"""What long work prints, to the terminal and into its log.txt, and the signals that end it."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TextIO

from rich.console import Console, RenderableType


class RunLog:
    """Prints to the terminal and into log.txt (once, where the terminal is that very file).

    A `silent` one prints nowhere.
    """

    def __init__(self, path: Path, stream: TextIO | None = None) -> None:
        stream = sys.stdout if stream is None else stream
        self.terminal = Console(file=stream, soft_wrap=True, highlight=False)
        self._file: TextIO | None = None
        self._to_file: Console | None = None
        if not _is_file(stream, path):
            self._file = path.open("a", encoding="utf-8")
            self._to_file = Console(file=self._file, width=110, soft_wrap=True, highlight=False)

    @classmethod
    def silent(cls) -> "RunLog":
        """For the processes of a run of which another one speaks."""
        nowhere = Path(os.devnull)
        return cls(nowhere, nowhere.open("w", encoding="utf-8"))

    def print(self, *what: RenderableType) -> None:
        """Print rich text or tables."""
        self.terminal.print(*what)
        self.terminal.file.flush()
        if self._to_file is not None:
            self._to_file.print(*what)
            self._to_file.file.flush()

    def write_file(self, text: str) -> None:
        """Write into log.txt only, or to the terminal where that is log.txt."""
        out = self.terminal.file if self._file is None else self._file
        out.write(text)
        out.flush()

    def close(self) -> None:
        """Close log.txt."""
        if self._file is not None:
            self._file.close()


def _is_file(stream: TextIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except (OSError, ValueError):  # no such file; a stream without a descriptor
        return False


@contextmanager
def taking_signals(take: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Give SIGTERM and Ctrl-C to `take` inside the block."""
    # Python takes signals in its main thread only; elsewhere the `stop` file is the way.
    in_main = threading.current_thread() is threading.main_thread()
    numbers = (signal.SIGTERM, signal.SIGINT) if in_main else ()
    old = {n: signal.signal(n, take) for n in numbers}
    try:
        yield
    finally:
        for n, handler in old.items():
            signal.signal(n, handler)

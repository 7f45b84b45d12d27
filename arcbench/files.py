"""Writing files so that a kill at any instant leaves the old or the new whole one; full disks."""

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from arcbench.errors import UserError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# safetensors and Arrow put the system's words into errors without a number.
_FULL_WORDS = tuple(os.strerror(number) for number in _FULL)
# torch's writer of archives says only that it failed.
_WRITER_WORDS = ("PytorchStreamWriter failed", "inline_container.cc", "iostream error")
_NO_ROOM = 1 << 20  # bytes free below which a failed write is put down to the disk
_RESERVE = 1 << 16  # bytes: enough for a status and a traceback


def user_cache() -> Path:
    """The folder for what can be made again: `$XDG_CACHE_HOME/arcbench`, or `~/.cache/arcbench`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "arcbench"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it takes the place of `path`.

    If the body raises, the temporary file is removed and `path` is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        with partial.open("rb") as handle:
            os.fsync(
                handle.fileno()
            )  # the name must not point at blocks that never reached the disk
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; on success it takes the name `path`.

    If the body raises nothing is left. UserError where `path` is there already, or the disk does
    not take it.
    """
    if path.exists():
        raise UserError(f"{path} is there already: name a new folder")
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        yield partial
        for file in partial.rglob("*"):
            if file.is_file():
                with file.open("rb") as handle:
                    os.fsync(handle.fileno())
        partial.rename(path)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write the whole of a text file, or nothing of it."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file, indented, whole or not at all."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def append_whole(handle: IO[bytes], data: bytes) -> None:
    """Add `data` at the end of an unbuffered file, all of it or (on a full disk) nothing."""
    whole = handle.seek(0, os.SEEK_END)
    rest = data
    try:
        # A write on a full disk may take a part and say nothing until the next one.
        while rest:
            rest = rest[handle.write(rest) :]
    except OSError:
        handle.truncate(whole)
        raise


@dataclass(frozen=True, kw_only=True, slots=True)
class Reserve:
    """Room on the disk that is given back when the disk is full: for a run's last words."""

    path: Path

    def take(self) -> None:
        """Occupy it. OSError if there is none."""
        # Not zeros, which a file system may keep in no room at all.
        self.path.write_bytes(os.urandom(_RESERVE))

    def give_back(self) -> None:
        """Free it; doing so again changes nothing."""
        self.path.unlink(missing_ok=True)


def disk_is_full(error: BaseException, where: Path) -> bool:
    """Whether an error says that the disk, on which `where` lies, is full."""
    said = str(error)
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    if any(words in said for words in _FULL_WORDS):
        return True
    wrote = any(words in said for words in _WRITER_WORDS)
    return wrote and shutil.disk_usage(where).free < _NO_ROOM

"""Writing files so that a kill at any instant leaves the old or the new whole one."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from arcbench.errors import UserError


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

"""A run to take away: its metrics as a table, its folder as an archive."""

import csv
import io
import os
import stat
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from arcbench.files import replacing
from arcbench.runs import Metrics, RunStore

LEFT_OUT = "checkpoints"  # weights are larger than all the rest, and `arcbench export` writes them
_PACKED = (".parquet", ".png", ".gz", ".zip")  # are compressed already
_CHUNK = 1 << 20


def metrics_csv(metrics: Sequence[Metrics]) -> str:
    """A line for each step and a column for each metric; what a step lacks is empty."""
    names = sorted({name for line in metrics for name in line} - {"step"})
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(["step", *names])
    for line in metrics:
        values = (line.get(name) for name in ("step", *names))
        table.writerow(["" if v is None else f"{v:.10g}" for v in values])
    return out.getvalue()


def write_zip(store: RunStore, path: Path) -> None:
    """The run's folder without its checkpoints as a zip, whole or not at all.

    Only regular files of the folder itself get in: links, which may lead elsewhere, are not
    followed, also where one takes the place of a file meanwhile.
    """
    with replacing(path) as partial, zipfile.ZipFile(partial, "w", allowZip64=True) as archive:
        for name, handle in _files(store.path):
            with os.fdopen(handle, "rb") as source:
                facts = os.fstat(handle)
                if not stat.S_ISREG(facts.st_mode):
                    continue
                written = max(facts.st_mtime, 315_619_200.0)  # a zip knows no time before 1980
                entry = zipfile.ZipInfo(
                    f"{store.name}/{name}", date_time=time.localtime(written)[:6]
                )
                entry.external_attr = 0o644 << 16
                if not name.endswith(_PACKED):
                    entry.compress_type = zipfile.ZIP_DEFLATED
                with archive.open(entry, "w", force_zip64=True) as packed:
                    while chunk := source.read(_CHUNK):
                        packed.write(chunk)


def _files(folder: Path) -> Iterator[tuple[str, int]]:
    """Everything below `folder` that opens without following a link: (name, file descriptor)."""
    for root, folders, files, at in os.fwalk(folder, follow_symlinks=False):
        place = Path(root).relative_to(folder)
        if place == Path():
            folders[:] = [f for f in folders if f != LEFT_OUT]
        folders.sort()
        for name in sorted(files):
            if name.endswith(".partial"):  # half of a file that is being written
                continue
            try:
                # A pipe would wait for its writer.
                handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=at)
            except OSError:  # a link, or gone since it was listed
                continue
            yield str(place / name), handle

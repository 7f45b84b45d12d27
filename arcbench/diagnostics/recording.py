"""A recorded run: what its diagnosis needs, in one small file.

Gzipped JSON: the figures of all steps as columns rounded to 4 significant digits, the settings of
the run, what the diagnosis has to find in it, and a few of its completions to look at.
"""

import gzip
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arcbench.diagnostics.finding import Kind
from arcbench.errors import UserError
from arcbench.files import replacing
from arcbench.runs import Metrics

SCHEMA = 1
DIGITS = 4
SUFFIX = ".json.gz"


@dataclass(frozen=True, kw_only=True, slots=True)
class Recording:
    """One run of the zoo."""

    name: str
    expected: tuple[Kind, ...]  # any of them is right; empty: the run is healthy
    about: str  # what was done to it
    config: Mapping[str, Any]
    lines: Sequence[Metrics]  # one for each step, with "step"
    samples: Sequence[Mapping[str, Any]] = ()  # {"step", "text", "outcome", "reward"}
    seconds: float = 0.0  # that the run took
    held_back: bool = False  # no threshold was chosen with sight of it

    @property
    def healthy(self) -> bool:
        """Whether nothing was done to it."""
        return not self.expected


def save(recording: Recording, path: Path) -> None:
    """Write it, whole or not at all; the same recording gives the same bytes."""
    names = sorted({name for line in recording.lines for name in line} - {"step"})
    data = {
        "schema": SCHEMA,
        "name": recording.name,
        "expected": [k.value for k in recording.expected],
        "about": recording.about,
        "held_back": recording.held_back,
        "seconds": round(recording.seconds, 1),
        "config": recording.config,
        "steps": [line["step"] for line in recording.lines],
        # A figure that a step lacks is "": null is one that was not finite.
        "columns": {n: [_rounded(line.get(n, "")) for line in recording.lines] for n in names},
        "samples": list(recording.samples),
    }
    packed = json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()
    with replacing(path) as partial:
        partial.write_bytes(gzip.compress(packed, mtime=0))


def load(path: Path) -> Recording:
    """Read one file. UserError for what is none."""
    try:
        data = json.loads(gzip.decompress(path.read_bytes()))
    except (OSError, EOFError, ValueError) as error:
        raise UserError(f"{path} is no recorded run: {error}") from error
    if data.get("schema") != SCHEMA:
        raise UserError(f"{path} has schema {data.get('schema')!r}, not {SCHEMA}")
    lines: list[Metrics] = [
        {"step": step}
        | {name: column[i] for name, column in data["columns"].items() if column[i] != ""}
        for i, step in enumerate(data["steps"])
    ]
    return Recording(
        name=data["name"],
        expected=tuple(Kind(k) for k in data["expected"]),
        about=data["about"],
        config=data["config"],
        lines=lines,
        samples=data["samples"],
        seconds=data["seconds"],
        held_back=data.get("held_back", False),
    )


def load_zoo(folder: Path) -> list[Recording]:
    """All recorded runs of a folder by name. UserError where there is none."""
    found = [load(path) for path in sorted(folder.glob(f"*{SUFFIX}"))]
    if not found:
        raise UserError(f"no recorded run in {folder}: make some with tests/record_zoo.py")
    return found


def _rounded(value: float | str | None) -> float | str | None:
    if not isinstance(value, int | float):
        return value
    if not math.isfinite(value):
        return None
    return float(f"{value:.{DIGITS}g}")

"""A sweep: the same run with other values of one or more settings, and with several seeds.

    runs/<name>/
      sweep.json            the plan: every point, its changes, its run
      results.json          a line of figures and a verdict for each value
      sweep.png             one chart
      table.md              a line for each value and each run, with what was measured
      log.txt               what was printed, if it was started in the background
      00-learning_rate-1e-5-seed-0/ …   ordinary runs

The folder has no config.json, so it is not a run itself; its runs are listed with
`--runs runs/<name>`. Every value of a sweep is wanted in the picture, bad ones too, so it is a grid
and not a search: Optuna would leave out what shows where a policy is destroyed.
"""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from arcbench.errors import UserError
from arcbench.files import write_json
from arcbench.runs import RunStore, free_name
from arcbench.training.config import TrainConfig, overfit_config
from arcbench.training.config_build import Text, read_settings, with_changes
from arcbench.training.data import check_names

SCHEMA = 1
LEARNING_RATE = "grpo.learning_rate"
VARIANT = "variant"  # the axis of `variant_axis`


@dataclass(frozen=True, kw_only=True, slots=True)
class Axis:
    """A setting and the values that it is given, as they were written."""

    name: str  # grpo.learning_rate
    values: tuple[str, ...]
    # Of an axis that is no setting: by value the words (grpo.beta=0.1) that make it.
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def changes(self, value: str) -> tuple[str, ...]:
        """The words that give a run this value."""
        return self.words[value] if self.words else (f"{self.name}={_plain(value)}",)

    @property
    def short(self) -> str:
        """The last part of the name."""
        return self.name.rpartition(".")[2]


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One run of a sweep."""

    run: str  # the name of its folder
    values: tuple[str, ...]  # one an axis
    seed: int
    config: Mapping[str, Any]  # all settings, as in the run's config.json


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepPlan:
    """All that a sweep will run. Points with the same values stand together, in order."""

    axes: tuple[Axis, ...]
    points: tuple[Point, ...]

    @property
    def values(self) -> dict[tuple[str, ...], list[Point]]:
        """The points of each value (a value for each axis), in the order of the plan."""
        found: dict[tuple[str, ...], list[Point]] = {}
        for point in self.points:
            found.setdefault(point.values, []).append(point)
        return found

    @property
    def total_steps(self) -> int:
        """Optimiser steps of all runs together."""
        return sum(int(p.config["steps"]) for p in self.points)

    def to_dict(self) -> dict[str, Any]:
        """The content of sweep.json."""
        return {"schema": SCHEMA, **asdict(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "SweepPlan":
        """The plan in sweep.json; UserError for one of another version of arcbench."""
        if data.get("schema") != SCHEMA:
            raise UserError(f"sweep.json has schema {data.get('schema')!r}, not {SCHEMA}")
        axes = (
            Axis(
                name=a["name"],
                values=tuple(a["values"]),
                words={v: tuple(w) for v, w in a.get("words", {}).items()},
            )
            for a in data["axes"]
        )
        points = (Point(**{**p, "values": tuple(p["values"])}) for p in data["points"])
        return cls(axes=tuple(axes), points=tuple(points))


@dataclass(frozen=True, slots=True)
class SweepFolder:
    """The folder of a sweep."""

    path: Path

    @classmethod
    def create(cls, root: Path, name: str, plan: SweepPlan) -> "SweepFolder":
        """Make `root/name` with its sweep.json, whole or not at all. UserError if it is taken."""
        path = root / name
        if free_name(root, name) != name:
            raise UserError(
                f"{path} exists: go on with arcbench sweep --resume {path}, or choose another name"
            )
        partial = root / f".{name}.{os.getpid()}.partial"
        write_json(partial / "sweep.json", plan.to_dict())
        partial.rename(path)
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> "SweepFolder":
        """The sweep in `path`; UserError if there is none."""
        if not (path / "sweep.json").is_file():
            raise UserError(f"no sweep in {path}: it has no sweep.json")
        return cls(path)

    def plan(self) -> SweepPlan:
        """What is to be run."""
        return SweepPlan.from_dict(read_settings(self.path / "sweep.json"))

    def run(self, point: Point) -> RunStore | None:
        """The run of a point, None if it has not begun."""
        path = self.path / point.run
        return RunStore.open(path) if (path / "config.json").is_file() else None

    @property
    def lock_file(self) -> Path:
        """Held by the process that runs the sweep; its content tells which one that is."""
        return self.path / ".lock"

    @property
    def log(self) -> Path:
        """What that process printed, where it was started in the background."""
        return self.path / "log.txt"

    @property
    def results_file(self) -> Path:
        """Figures and verdicts."""
        return self.path / "results.json"

    @property
    def table_file(self) -> Path:
        """The table in Markdown."""
        return self.path / "table.md"

    @property
    def chart_file(self) -> Path:
        """The chart."""
        return self.path / "sweep.png"


def overfit_base(task_id: str) -> dict[str, Any]:
    """Settings for the points of a sweep on one task: the overfit preset.

    It is not measured before and after: before is the same for every value.
    """
    settings = overfit_config(task_id).to_dict()
    del settings["measure"]
    return settings


def axis(text: str) -> Axis:
    """`grpo.num_generations=4,8` as an axis; a list among the values stands in brackets.

    UserError for a word without "=", without values, or with a value twice.
    """
    name, separator, written = text.partition("=")
    name = name.strip().replace("-", "_")
    values = tuple(v.strip() for v in re.findall(r"\[[^\]]*\]|[^,\[\]]+", written) if v.strip())
    if not separator or not name or not values:
        raise UserError(f"--over {text}: write it as name=value,value")
    if twice := [v for i, v in enumerate(values) if v in values[:i]]:
        raise UserError(f"--over {name} has the value {twice[0]} twice")
    return Axis(name=name, values=values)


def variant_axis(texts: Sequence[str]) -> Axis | None:
    """`base`, `lora: policy.lora.rank=16 grpo.learning_rate=1e-3` … as one axis; None: no text.

    UserError for a variant without a name, for one named twice, and for words that are no settings.
    """
    words: dict[str, tuple[str, ...]] = {}
    for text in texts:
        name, _, changes = text.partition(":")
        name, found = name.strip(), tuple(changes.split())
        if not name or "=" in name or any("=" not in word for word in found):
            raise UserError(f"--variant {text}: write it as 'name: setting=value setting=value'")
        if name in words:
            raise UserError(f"--variant {name} is there twice")
        words[name] = found
    return Axis(name=VARIANT, values=tuple(words), words=words) if words else None


def make_plan(
    base: Mapping[str, Any],
    axes: Sequence[Axis],
    *,
    changes: Iterable[str] = (),
    seeds: Sequence[int] = (),
) -> SweepPlan:
    """All points of the grid of `axes`, each with every seed; no seeds: that of the settings.

    Every point's settings are built and looked up (tasks, template, policy). UserError names the
    point that cannot be run.
    """
    names = [a.name for a in axes]
    if not axes:
        raise UserError(
            "nothing to sweep: give --lr 1e-5 1e-4 …, --over name=value,value, or "
            "--variant 'name: setting=value …'"
        )
    if twice := [n for i, n in enumerate(names) if n in names[:i]]:
        raise UserError(f"{twice[0]} is swept twice")
    if "seed" in names:
        raise UserError("--over seed: seeds are no values to compare, give --seeds 0 1 2")
    if len(set(seeds)) != len(seeds):
        raise UserError("--seeds names a seed twice")
    shared = with_changes(base, changes)
    grid = list(product(*(a.values for a in axes)))
    found: list[tuple[tuple[str, ...], TrainConfig]] = []
    for values in grid:
        for seed in seeds or (None,):
            words = [w for a, v in zip(axes, values, strict=True) for w in a.changes(v)]
            words += [] if seed is None else [f"seed={seed}"]
            try:
                config = TrainConfig.from_dict(with_changes(shared, words))
                check_names(config)
            except UserError as error:
                raise UserError(f"point {' '.join(words)}: {error}") from error
            same = [v for v, c in found if c == config]
            if same:
                raise UserError(f"{' '.join(values)} and {' '.join(same[0])} are the same settings")
            found.append((values, config))
    width = len(str(len(found) - 1))
    points = (
        Point(
            run=_run_name(i, width, axes, values, config.seed),
            values=values,
            seed=config.seed,
            config=config.to_dict(),
        )
        for i, (values, config) in enumerate(found)
    )
    return SweepPlan(axes=tuple(axes), points=tuple(points))


def _plain(value: str) -> Text:
    """The value without the brackets of a list."""
    return Text(value[1:-1] if value.startswith("[") else value)


def _run_name(
    index: int, width: int, axes: Sequence[Axis], values: Sequence[str], seed: int
) -> str:
    """`03-learning_rate-1e-5-seed-0`: the number makes it unique, the rest readable."""
    words = [f"{a.short}-{v}" for a, v in zip(axes, values, strict=True)]
    text = re.sub(r"[^A-Za-z0-9._-]+", "-", "-".join(words)).strip("-")
    return f"{index:0{width}}-{text[:70]}-seed-{seed}"

"""What `arcbench compare` reads: the folder of an evaluation, or that of a training run."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from arcbench.errors import UserError
from arcbench.evaluation.compare import Side
from arcbench.evaluation.pass_at_k import TaskCount
from arcbench.evaluation.results import Results, read_results
from arcbench.rewards import Pairs

BEFORE, AFTER = "before", "after"  # what a training run measures, in its eval/

# What a measurement of a run was made with, by the names that an evaluation has for it.
_AS_EVALUATION = {
    "policy": ("policy", "model"),
    "template": ("policy", "template"),
    "dataset": ("data", "dataset"),
    "split": ("data", "split"),
    "temperature": ("measure", "temperature"),
    "max_new_tokens": ("lengths", "max_completion_tokens"),
    "timeout_s": ("sandbox", "timeout_s"),
}


def read_sides(first: Path, second: Path | None = None) -> tuple[Side, Side]:
    """Both sides of a comparison: two folders, or the before and after of one training run.

    A training run that is compared with another folder stands for its state after training.
    """
    if second is None:
        if _results_file(first) is not None or first.is_file():
            raise UserError(
                f"{first} is one evaluation: name a second one, or the folder of a training run "
                "alone to compare its before and after"
            )
        return run_side(first, BEFORE), run_side(first, AFTER)
    found = [_results(path) for path in (first, second)]
    pairs: Pairs | None = "train" if any(r and r.pairs == "train" for r in found) else None
    names = _names(first, second)
    both_runs = found == [None, None]
    a, b = (
        run_side(path, AFTER, name, training=both_runs)
        if results is None
        else Side.of(results, name, pairs)
        for path, results, name in zip((first, second), found, names, strict=True)
    )
    if a.pairs != b.pairs:
        raise UserError(
            f"{a.name if a.pairs == 'train' else b.name} knows no test outputs, and a training "
            "run does not keep what solves the train pairs alone: nothing to compare"
        )
    return a, b


def run_side(path: Path, which: str, name: str = "", *, training: bool = False) -> Side:
    """What a training run measured of its tasks; UserError where it did not.

    The settings are those of the measurement, with `training` also those of the training.
    """
    file = path / "eval" / f"{which}.json"
    if not file.is_file():
        raise UserError(_why_not(path, which))
    data = json.loads(file.read_text(encoding="utf-8"))
    samples = data["samples"]
    counts = {t: TaskCount(samples=samples, solved=n) for t, n in data["solved"].items()}
    shown = {n: v for n, v in data["figures"].items() if n not in ("pass rate", "tasks solved")}
    return Side(
        name=name or which,
        counts=counts,
        settings=_run_settings(_config(path), training),
        totals=shown,
    )


def _why_not(path: Path, which: str) -> str:
    if not path.exists():
        return f"no such folder: {path}"
    if not (path / "config.json").is_file():
        return f"{path} is neither an evaluation (no results.json) nor a training run"
    if (path / "eval" / f"{BEFORE}.json").is_file():
        return f"{path} has not measured its tasks {which} training: it has not finished"
    if _config(path).get("evaluation") is not None:
        return f"{path} has no results.json: the evaluation has not finished"
    return (
        f"{path} has not measured its tasks: train with measure.samples above 0, or evaluate the "
        "policies and compare the evaluations"
    )


def _results_file(path: Path) -> Path | None:
    file = path / "results.json" if path.is_dir() else path
    return file if file.is_file() else None


def _results(path: Path) -> Results | None:
    return None if _results_file(path) is None else read_results(path)


def _run_settings(config: Mapping[str, Any], training: bool) -> dict[str, Any]:
    measured = {
        name: config[part][key]
        for name, (part, key) in _AS_EVALUATION.items()
        if key in config.get(part, {})
    }
    if not training:
        return measured
    moved = set(_AS_EVALUATION.values())
    rest = {
        part: {k: v for k, v in value.items() if (part, k) not in moved}
        if isinstance(value, Mapping)
        else value
        for part, value in config.items()
    }
    return measured | rest


def _config(path: Path) -> dict[str, Any]:
    file = path / "config.json"
    value: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return value


def _names(first: Path, second: Path) -> tuple[str, str]:
    """The last parts of the paths, as many as tell them apart."""
    a, b = ((p if p.is_dir() else p.parent).resolve().parts for p in (first, second))
    for length in range(1, max(len(a), len(b)) + 1):
        if a[-length:] != b[-length:]:
            return "/".join(a[-length:]), "/".join(b[-length:])
    return "first", "second"

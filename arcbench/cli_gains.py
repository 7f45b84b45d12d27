"""The command that tells what training brought, from evaluations before and after."""

from pathlib import Path

import numpy as np

from arcbench.cli_common import OUT
from arcbench.errors import UserError
from arcbench.evaluation.gains import Evaluated, gains
from arcbench.evaluation.gains_table import markdown
from arcbench.files import replacing, write_json, write_text


def tell_gains(
    before: tuple[Path, ...],
    after: tuple[Path, ...],
    out: Path | None = None,
    json: Path | None = None,
    plots: Path | None = None,
    seed: int = 0,
) -> None:
    """Tell what training brought, by seed and together, on trained, held-out and other tasks.

    Args:
        before: evaluations of the policy before: one of each data set.
        after: evaluations of what the runs made of it, one of each run and data set, drawn in the
            same way.
        out: a file for the tables, in Markdown.
        json: a file for all figures and task ids.
        plots: a folder for the charts: courses of the runs, each task before and after.
        seed: of the bootstrap.
    """
    if not before or not after:
        raise UserError("gains needs --before EVALUATION … and --after EVALUATION …")
    found = gains(before, after, rng=np.random.default_rng(seed))
    text = markdown(found)
    OUT.print(text, markup=False, highlight=False)
    if out is not None:
        write_text(out, text)
    if json is not None:
        write_json(json, [g.to_dict() for g in found])
    if plots is not None:
        _draw(before, after, plots)


def _draw(before: tuple[Path, ...], after: tuple[Path, ...], folder: Path) -> None:
    from matplotlib.figure import Figure

    from arcbench.evaluation.compare import compare
    from arcbench.plots_evaluation import before_against_after
    from arcbench.plots_gains import run_courses
    from arcbench.runs import RunStore

    folder.mkdir(parents=True, exist_ok=True)
    starts = {e.data: e for e in map(Evaluated.read, before)}
    ends = [Evaluated.read(path) for path in after]
    charts: dict[str, Figure] = {}
    courses = {e.run.name: RunStore.open(e.run).metrics() for e in ends if e.run is not None}
    if courses:
        charts["reward_curve"] = run_courses(courses)
    for e in ends:
        data = e.config.split or Path(e.config.dataset).stem
        if f"before_after_{data}" not in charts:  # one run stands for all of them
            names = ("before", "after" if e.run is None else e.run.name)
            both = starts[e.data].results, e.results
            found = compare(*both, rng=np.random.default_rng(0), names=names)
            charts[f"before_after_{data}"] = before_against_after(found)
    for name, figure in charts.items():
        with replacing(folder / f"{name}.png") as partial:
            figure.savefig(partial, format="png", dpi=140)
    OUT.print(f"{folder}: {', '.join(charts)}", markup=False)

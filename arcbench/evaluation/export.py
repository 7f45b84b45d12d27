"""The files of an evaluation that other programs and people read, each written whole or not."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from arcbench import plots_evaluation
from arcbench.evaluation.results import Results
from arcbench.evaluation.table import summary_rows, tasks_rows
from arcbench.files import replacing, write_json, write_text


def export(folder: Path, results: Results) -> None:
    """Write tasks.csv, summary.csv, plots/*.png and results.json into the folder.

    Each file replaces its predecessor; results.json is the last, so where it is new all are.
    """
    write_text(folder / "tasks.csv", csv_text(tasks_rows(results)))
    write_text(folder / "summary.csv", csv_text(summary_rows(results)))
    for name, figure in plots_evaluation.charts(results).items():
        with replacing(folder / "plots" / f"{name}.png") as partial:
            figure.savefig(partial, format="png", dpi=150)
    write_json(folder / "results.json", results.to_dict())


def csv_text(rows: Sequence[Mapping[str, object]]) -> str:
    """Lines of equal keys as CSV with a header; None is an empty cell."""
    sink = io.StringIO()
    writer = csv.DictWriter(sink, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return sink.getvalue()

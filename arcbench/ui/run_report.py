"""The inner tab "Report" of the tab Runs: a run on one page, and files to take away."""

import tempfile
from collections.abc import Callable
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

from arcbench.errors import UserError
from arcbench.files import write_text
from arcbench.report import files, gather
from arcbench.report.picture import write_picture
from arcbench.ui import html
from arcbench.ui.events import QUIET, guarded, noted
from arcbench.workbench import Workbench

VIEW = "report"  # the name of the inner tab in addresses
NO_RUN = "Choose a run above."
# Called with the file that was just made; the browser is told to keep it, not to open it.
KEEP_JS = """
(file) => {
  if (!file || !file.url) return;
  const link = document.createElement('a');
  link.href = file.url;
  link.download = file.orig_name || '';
  link.click();
}
"""


def framed(bench: Workbench, run: str) -> str:
    """The report in a frame of its own, which may run nothing and ask nobody."""
    if not run:
        return html.note(NO_RUN)
    text = bench.report(run)
    return (
        f'<iframe class="ab-report" sandbox="" title="report of run {escape(run)}" '
        f'srcdoc="{escape(text)}"></iframe>'
    )


def write_html(bench: Workbench, run: str, path: Path) -> None:
    """The report as a page for itself."""
    write_text(path, bench.report(run))


def write_png(bench: Workbench, run: str, path: Path) -> None:
    """The essence of the report as a picture."""
    write_picture(gather(bench.run(run), load=bench.tasks), path)


def write_csv(bench: Workbench, run: str, path: Path) -> None:
    """The metrics of all steps."""
    write_text(path, files.metrics_csv(bench.metrics(run)))


def write_zip(bench: Workbench, run: str, path: Path) -> None:
    """The run's folder without its checkpoints."""
    files.write_zip(bench.run(run), path)


DOWNLOADS: dict[str, tuple[str, Callable[[Workbench, str, Path], None]]] = {
    "report.html": ("Page", write_html),
    "report.png": ("Picture", write_png),
    "metrics.csv": ("Metrics (CSV)", write_csv),
    "run.zip": ("Run without checkpoints (zip)", write_zip),
}


def made(bench: Workbench, run: str, what: str, folder: Path) -> Path:
    """The file `what` of DOWNLOADS, in `folder`. UserError without a run."""
    if not run:
        raise UserError("choose a run first: there is nothing to take away yet")
    path = folder / f"{bench.run(run).name}-{what}"
    DOWNLOADS[what][1](bench, run, path)
    return path


def build(bench: Workbench, run: Any, view: Any) -> None:
    """Lay out the inner tab; `run` and `view` are the chosen run and the inner tab in sight."""
    import gradio as gr

    scratch = tempfile.TemporaryDirectory(prefix="arcbench-report-")
    with gr.Row(elem_id="ab-report-row"):
        again = gr.Button("Read again", size="sm", min_width=90)
        buttons = {
            what: gr.Button(f"↓ {words}", size="sm", min_width=90)
            for what, (words, _) in DOWNLOADS.items()
        }
    frame = gr.HTML(html.note(NO_RUN), elem_id="ab-report-box")
    file = gr.DownloadButton("", visible="hidden", elem_id="ab-report-file")

    def show(name: str | None, seen: str) -> Any:
        if seen != VIEW:  # reading takes seconds
            return gr.skip()
        return noted(framed, bench, name or "")

    def make(what: str, name: str | None) -> Any:
        return gr.DownloadButton(value=guarded(made, bench, name or "", what, Path(scratch.name)))

    gr.on(
        [run.change, view.change, again.click], show, [run, view], frame, trigger_mode="always_last"
    )
    for what, button in buttons.items():
        button.click(partial(make, what), run, file, **QUIET).success(None, file, None, js=KEEP_JS)

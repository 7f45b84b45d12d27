"""The command that writes a run's report: one page, or one picture, for who has a minute."""

from pathlib import Path

import tyro
from rich.console import Console

from arcbench.files import write_text
from arcbench.runs import RunStore

OUT = Console(soft_wrap=True, highlight=False)


def report(
    run: tyro.conf.Positional[Path], /, out: Path | None = None, png: Path | None = None
) -> None:
    """Write what a run was, what it learned, what was found in it and how its completions changed.

    Works on runs of any age and state, also while they go on.

    Args:
        run: the folder of the run.
        out: the HTML page to write, which needs no other file and no network; left out:
            report.html in the run's folder, unless only --png is given.
        png: a picture of the essence to write.
    """
    from arcbench.report import gather, page
    from arcbench.report.page import headline, summary
    from arcbench.report.picture import write_picture

    store = RunStore.open(run)
    found = gather(store)
    if out is None and png is None:
        out = store.path / "report.html"
    if out is not None:
        write_text(out, page(found))
    if png is not None:
        write_picture(found, png)
    _, sign, words = headline(found)
    OUT.print(f"{sign} {words}", markup=False, style="bold")
    for line in summary(found):
        OUT.print(f"  {line}", markup=False)
    for file in (out, png):
        if file is not None:
            OUT.print(str(file), markup=False)

"""Notebooks as pages: run from a clean copy, and written as HTML that needs no network.

`python -m arcbench.notebook.docs notebooks --out build/docs/notebooks`
"""

import argparse
import re
import shutil
from html import escape
from pathlib import Path
from typing import Any

from arcbench.errors import MissingExtra, UserError
from arcbench.files import write_text

CELL_S = 3600  # the longest that one cell may take
_NO_SCRIPT = re.compile(r'<script src="">\s*</script>\s*')
# The static form of a widget before the widget, which a page without a kernel cannot show.
PRIORITY = (
    "text/html", "image/svg+xml", "image/png", "image/jpeg", "text/markdown", "text/plain",
)  # fmt: skip


def build(notebooks: Path, out: Path, *, run: bool = True) -> list[Path]:
    """Write a page for each notebook of a folder, and `index.html`; returns the pages.

    Where they are `run`, it is in a copy below `out`, so that runs and diary of the reader stay as
    they are. UserError for a folder without notebooks; what a notebook raises is raised.
    """
    try:
        import nbformat
        from nbclient import NotebookClient
        from nbconvert import HTMLExporter
    except ModuleNotFoundError as error:
        raise MissingExtra("pages of notebooks", "lab") from error

    sources = sorted(notebooks.glob("*.ipynb"))
    if not sources:
        raise UserError(f"no notebook in {notebooks}")
    work = out / ".run" / "notebooks"
    shutil.rmtree(work.parent, ignore_errors=True)
    work.mkdir(parents=True)
    exporter = HTMLExporter(  # type: ignore[no-untyped-call]
        mathjax_url="", require_js_url="", jquery_url="", mermaid_js_url="",
        exclude_input_prompt=True, exclude_output_prompt=True,
    )  # fmt: skip
    titles: dict[Path, str] = {}
    for source in sources:
        book: Any = nbformat.read(source, as_version=4)  # type: ignore[no-untyped-call]
        if run:
            NotebookClient(
                book, timeout=CELL_S, kernel_name="python3", resources={"metadata": {"path": work}}
            ).execute()
        book.metadata.pop("widgets", None)  # or the page would load a library to show them
        for cell in book.cells:
            for output in cell.get("outputs", ()):
                if "data" in output:
                    output["data"] = preferred(output["data"])
        title = heading(book)
        html, _ = exporter.from_notebook_node(book, resources={"metadata": {"name": title}})
        page = out / f"{source.stem}.html"
        write_text(page, _NO_SCRIPT.sub("", html))
        titles[page] = title
    shutil.rmtree(work.parent)
    links = "".join(f'<li><a href="{p.name}">{escape(t)}</a></li>' for p, t in titles.items())
    write_text(out / "index.html", _INDEX.format(links=links))
    return list(titles)


_INDEX = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Notebooks of arcbench</title>
<style>body {{ font: 16px/1.7 system-ui, sans-serif; max-width: 46em; margin: 3em auto; padding: 0 1em }}
ul {{ list-style: none; padding: 0 }}</style></head>
<body><h1>Notebooks of arcbench</h1><ul>{links}</ul></body></html>
"""  # noqa: E501


def preferred(data: dict[str, Any]) -> dict[str, Any]:
    """The one form of an output that a page shows best."""
    kind = next((kind for kind in PRIORITY if kind in data), None)
    return dict(data) if kind is None else {kind: data[kind]}


def heading(book: Any) -> str:
    """The notebook's own title."""
    first = book.cells[0].source.splitlines()[0] if book.cells else ""
    return str(first.lstrip("# ").strip()) or "notebook"


def main() -> None:
    """Build the pages of a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebooks", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    pages = build(args.notebooks, args.out)
    print(f"{args.out / 'index.html'}: {len(pages)} pages")  # noqa: T201


if __name__ == "__main__":
    main()

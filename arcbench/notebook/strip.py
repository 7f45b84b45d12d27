"""Takes out of notebooks what a run has left, so that git keeps questions and no answers.

`python -m arcbench.notebook.strip notebooks/*.ipynb`
"""

import argparse
import json
from pathlib import Path
from typing import Any

from arcbench.files import write_text

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def stripped(text: str) -> str:
    """The notebook without outputs, counts and what an editor notes for itself."""
    book: dict[str, Any] = json.loads(text)
    for cell in book["cells"]:
        tags = cell.get("metadata", {}).get("tags")
        cell["metadata"] = {"tags": tags} if tags else {}
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    book["metadata"] = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    return json.dumps(book, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def main() -> None:
    """Strip the files that are named, where there is something to take out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    for file in parser.parse_args().files:
        old = file.read_text(encoding="utf-8")
        new = stripped(old)
        if new != old:
            write_text(file, new)


if __name__ == "__main__":
    main()

"""`python -m arcbench.reference --out library.html`: the reference as one HTML file."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path


def main(argv: Sequence[str] | None = None) -> None:
    """Write the page and say how large it is."""
    from arcbench.ui.library_page import page

    parser = argparse.ArgumentParser(prog="python -m arcbench.reference", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the file to write")
    out: Path = parser.parse_args(argv).out
    text = page()
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{out}: {len(text.encode()) / 1e6:.1f} MB\n")


if __name__ == "__main__":
    main()

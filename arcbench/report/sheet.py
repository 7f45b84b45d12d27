"""The style of a report: the app's own pieces, without the app, in the reader's light or dark."""

import re
from functools import lru_cache
from pathlib import Path

from arcbench.ui import html

_DARK = re.compile(r"^\.dark \{(.*?)^\}\n", re.DOTALL | re.MULTILINE)
_APP = re.compile(r"^(#ab-|\.gradio-container).*\n", re.MULTILINE)  # rules of the app's layout


@lru_cache(maxsize=1)
def sheet() -> str:
    """All of it. On paper it is always light."""
    text = Path(html.__file__).with_name("style.css").read_text(encoding="utf-8")
    text = _APP.sub("", text) + Path(__file__).with_name("report.css").read_text(encoding="utf-8")
    code = html.highlight_css().splitlines()
    light = "\n".join(line for line in code if not line.startswith(".dark"))
    dark = "\n".join(line.removeprefix(".dark ") for line in code if line.startswith(".dark"))
    colors = "".join(_DARK.findall(text))
    return (
        f"{_DARK.sub('', text)}\n{light}\n"
        f"@media screen and (prefers-color-scheme: dark) {{\n:root {{{colors}}}\n{dark}\n}}\n"
    )

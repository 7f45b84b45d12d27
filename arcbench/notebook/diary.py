"""The iteration diary: question, settings, figure and conclusion of each experiment, in one file.

The file is Markdown, the newest entry first. Entries look so:

    ## 2026-12-01 · Does the policy learn a task that it solves sometimes?

    ```json
    {"task": "67a3c6ac", "learning_rate": 0.0001}
    ```

    ![Does the policy learn a task that it solves sometimes?](figures/2026-12-01-does-the.png)

    The reward rose from 5.8 to 8.8 in 30 steps; all completions are one program in the end.

Settings and figure may be missing; what else stands in the file is left as it is.
"""

import fcntl
import json
import re
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arcbench.errors import UserError
from arcbench.files import replacing, write_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEAD = """# Diary

What was asked, with which settings, what came out and what follows; newest first. An entry is a
heading (`## date · question`), the settings as JSON, a figure and a conclusion, and may be changed
by hand. New ones are put before the first line that begins with "## ".
"""
FIGURES = "figures"  # the folder beside the file
DPI = 130
_IMAGES = (".png", ".svg", ".jpg", ".jpeg", ".gif", ".webp")


def log_entry(
    file: Path,
    question: str,
    *,
    conclusion: str,
    config: Mapping[str, Any] | Any = None,
    figure: "Figure | str | Path | None" = None,
    date: str | None = None,
) -> Path:
    """Add an entry to the diary `file`, which is made if it is not there; returns `file`.

    `config` is a mapping or a dataclass; `figure` a Figure or an image file, of which a copy is
    kept beside the diary. `date` is today where it is None. The figure is there before the entry
    that shows it, and a kill at any instant leaves the old or the new whole diary. UserError for
    an empty question or conclusion, and for a figure or settings that cannot be written.
    """
    title = " ".join(question.split())
    if not title or not conclusion.strip():
        raise UserError("an entry of the diary has a question and a conclusion, not empty ones")
    settings = "" if config is None else f"```json\n{_json(config)}\n```\n\n"
    day = date or time.strftime("%Y-%m-%d")
    file.parent.mkdir(parents=True, exist_ok=True)
    with (file.parent / f".{file.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        shown = ""
        if figure is not None:
            image = _keep(figure, file.parent / FIGURES, f"{day}-{_slug(title)}")
            words = title.replace("[", "(").replace("]", ")")
            shown = f"![{words}]({FIGURES}/{image.name})\n\n"
        entry = f"## {day} · {title}\n\n{settings}{shown}{conclusion.strip()}\n\n"
        old = file.read_text(encoding="utf-8") if file.is_file() else HEAD + "\n"
        first = re.search(r"^## ", old, re.MULTILINE)
        at = len(old) if first is None else first.start()
        gap = "" if old[:at].endswith("\n\n") or not at else "\n"
        write_text(file, (old[:at] + gap + entry + old[at:]).rstrip("\n") + "\n")
    return file


def _json(config: Any) -> str:
    value = asdict(config) if is_dataclass(config) and not isinstance(config, type) else config
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise UserError(f"settings of a diary entry must be plain JSON values: {error}") from error


def _keep(figure: "Figure | str | Path", folder: Path, name: str) -> Path:
    """The image in `folder` under a name that was free."""
    source = Path(figure) if isinstance(figure, str | Path) else None
    if source is not None and (not source.is_file() or source.suffix.lower() not in _IMAGES):
        raise UserError(f"no figure in {source}: it is a Figure, or a file of {', '.join(_IMAGES)}")
    ending = ".png" if source is None else source.suffix.lower()
    number, path = 1, folder / f"{name}{ending}"
    while path.exists():
        number += 1
        path = folder / f"{name}-{number}{ending}"
    with replacing(path) as partial:
        if source is not None:
            shutil.copyfile(source, partial)
        elif not isinstance(figure, str | Path):
            figure.savefig(partial, dpi=DPI, format="png", facecolor="white")
    return path


def _slug(title: str) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    return words[:48].rstrip("-") or "entry"

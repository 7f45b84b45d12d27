"""The reference of the libraries as HTML: for the tab and for the page that stands alone."""

import re
from collections.abc import Sequence
from functools import cache
from html import escape
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt

from arcbench.grids import COLOR_HEX
from arcbench.reference import Choices, Entry, Example, entries
from arcbench.render import LINE_HEX, grid_svg
from arcbench.ui.html import highlight

PICTURE_PX = 140  # the longest side of the largest grid of an example
CELL_PX = 19.0
MANY_WORDS = 14  # more than these are folded away
AXES = (
    "In `common` cells are addressed as grid[x, y]: on these pictures, as in ARC's files, x counts "
    "rows from the top and y columns from the left. `concepts` speaks of rows and columns."
)

# Works on `element`, what the library stands in: in the app and on the page alike.
SEARCH_JS = """
const filter = () => {
  const box = element.querySelector('.lib-search');
  if (!box) return;
  const typed = box.value.trim().toLowerCase().replace(/\\s+/g, '_');
  const words = typed.split(/[^a-z0-9]+/).filter(Boolean);
  const library = element.querySelector('.lib-choice input:checked').value;
  let found = 0;
  for (const group of element.querySelectorAll('.lib-group')) {
    const part = element.querySelector('#' + group.dataset.part);
    let here = 0;
    let best = 0;
    for (const card of group.querySelectorAll('.lib-card')) {
      const name = card.id.toLowerCase();
      // A word may begin anywhere in the name, in the text only where a word begins.
      const hit = (!library || group.dataset.library === library) && (!typed || words.length)
        && words.every(word => name.includes(word) || card.dataset.words.includes(' ' + word));
      const rank = !hit || !typed ? 0 : name === typed ? -2 : name.includes(typed) ? -1 : 0;
      card.hidden = !hit;
      card.style.order = rank;
      const link = part.querySelector('[href="#' + card.id + '"]');
      link.hidden = !hit;
      best = Math.min(best, rank);
      here += hit;
    }
    // What has the word in its name stands before what only speaks of it.
    for (const shown of [group, part]) {
      shown.hidden = !here;
      shown.style.order = best;
    }
    found += here;
  }
  const none = element.querySelector('.lib-none');
  none.hidden = found > 0;
  element.querySelector('.lib-axes').hidden = !found;
  none.textContent = 'No name or text ' + (library ? 'in ' + library + ' ' : '')
    + 'matches “' + box.value.trim() + '”.';
  element.querySelector('.lib-count').textContent =
    found + (found === 1 ? ' name' : ' names');
};
element.addEventListener('input', (event) => {
  if (!event.target.closest('.lib-search, .lib-choice')) return;
  filter();
  element.querySelector('.lib-cards').scrollTop = 0;
});
"""


@cache
def library() -> str:
    """Search, index and a card for every name."""
    found = entries()
    by_group = [(group, list(members)) for group, members in groupby(found, lambda e: e.group)]
    index, cards = [], []
    for group, members in by_group:
        part = f"part-{group.library}-{group.name}"
        title = f"<span>{group.library}</span> {group.name}"
        links = "".join(f'<a href="#{e.name}">{e.name}</a>' for e in members)
        index.append(f'<section id="{part}"><h5>{title}</h5>{links}</section>')
        cards.append(
            f'<section class="lib-group" data-library="{group.library}" data-part="{part}">'
            f"<h3>{title} <small>{_prose(group.summary)}</small></h3>"
            f'<div class="lib-grid">{"".join(map(card, members))}</div></section>'
        )
    counts = {name: sum(e.library == name for e in found) for name in ("common", "concepts")}
    options = (("", "both", len(found)), *((n, n, c) for n, c in counts.items()))
    radios = "".join(
        f'<label><input type="radio" name="lib-library" value="{value}"'
        f"{'' if value else ' checked'}><span>{words} <small>{count}</small></span></label>"
        for value, words, count in options
    )
    return (
        '<div class="lib"><div class="lib-head">'
        '<input class="lib-search" type="search" placeholder="Search names and text" '
        'aria-label="Search the library" autocomplete="off" spellcheck="false">'
        f'<div class="lib-choice" role="radiogroup" aria-label="Library">{radios}</div>'
        f'<span class="lib-count" role="status">{len(found)} names</span></div>'
        f'<div class="lib-body"><nav class="lib-index" aria-label="Names">{"".join(index)}</nav>'
        f'<div class="lib-cards" tabindex="0" aria-label="Library">'
        f'<p class="lib-axes">{_prose(AXES)}</p>'
        f'<p class="lib-none" hidden></p>{"".join(cards)}</div></div></div>'
    )


def card(entry: Entry) -> str:
    """One name: signature, text and examples."""
    text = f"{entry.name} {entry.summary} {entry.details}".lower()
    words = " " + re.sub(r"[\W_]+", " ", text)
    details = "".join(
        f'<p class="lib-dim">{_prose(p)}</p>' for p in entry.details.split("\n\n") if p
    )
    return (
        f'<article class="lib-card" id="{entry.name}" data-words="{words}">'
        f'<h4 class="ab-code">{_signature(entry)}</h4><p>{_prose(entry.summary)}</p>{details}'
        f"{''.join(map(_choices, entry.choices))}{''.join(map(example, entry.examples))}</article>"
    )


def _signature(entry: Entry) -> str:
    taken, arrow, result = entry.signature.removeprefix(entry.name).partition(" -> ")
    gives = f' <span class="lib-gives">{arrow.strip()} {escape(result)}</span>' if result else ""
    return f'<code><b>{entry.name}</b><span class="lib-dim">{escape(taken)}{gives}</span></code>'


def _choices(choices: Choices) -> str:
    name, words = f"<code>{choices.parameter}</code>", escape(", ".join(choices.words))
    if len(choices.words) > MANY_WORDS:
        head = f"<summary>{name} one of {len(choices.words)} words</summary>"
        return f'<details class="lib-words">{head}{words}</details>'
    return f'<p class="lib-words">{name} {words}</p>'


def _prose(text: str) -> str:
    """Text in which `code` is marked as in docstrings."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def example(shown: Example) -> str:
    """The code and what it made of what."""
    grids = [v for _, v in (*shown.before, *shown.after)]
    sides = [side for g in _arrays(grids) for side in g.shape]
    cell = min(CELL_PX, PICTURE_PX / max(sides, default=1))
    # `grid` needs no caption where there is nothing else.
    captions = {n for n, _ in (*shown.before, *shown.after)} != {"grid"}
    before = "".join(_figure(n, v, cell, captions) for n, v in shown.before)
    # Pictures stand beside what they were made of, words below.
    drawn = sorted(shown.after, key=lambda item: not _arrays([item[1]]))
    after = "".join(_figure(n, v, cell, captions) for n, v in drawn)
    if shown.printed:
        after += f'<pre class="lib-printed">{printed(shown.printed)}</pre>'
    arrow = '<span class="lib-arrow" aria-hidden="true">→</span>'
    note = f'<p class="lib-dim">{_prose(shown.note)}</p>' if shown.note else ""
    return (
        f'<div class="lib-example"><pre class="ab-code">{highlight(shown.code)}</pre>'
        f'<div class="lib-picture">{before}{arrow if before else ""}{after}</div>{note}</div>'
    )


def _arrays(values: Sequence[Any]) -> list[npt.NDArray[Any]]:
    """The two-dimensional arrays among the values, and in lists among them."""
    flat = [item for v in values for item in (v if isinstance(v, list) else [v])]
    return [v for v in flat if isinstance(v, np.ndarray) and v.ndim == 2]


def _figure(name: str, value: Any, cell: float, caption: bool) -> str:
    """A value as a picture where it has one, as text otherwise."""
    if isinstance(value, dict):
        return palette(value)
    objects = _arrays(value) if isinstance(value, list) else []
    if objects:
        return "".join(
            _figure(f"{name}[{i}]", grid, cell, caption) for i, grid in enumerate(objects)
        )
    if isinstance(value, np.ndarray) and value.ndim == 2:
        label = f"<figcaption>{escape(name)}</figcaption>" if caption else ""
        if value.dtype.kind == "b":
            return f"<figure>{mask_svg(value, cell, name)}{label}</figure>"
        # The same scale for all grids of an example shows which one is larger.
        picture = grid_svg(value.astype(np.int8), max_px=round(cell * max(value.shape)), label=name)
        return f"<figure>{picture}{label}</figure>"
    return f'<code class="lib-value">{escape(f"{name} = {plain(value)!r}")}</code>'


def plain(value: Any) -> Any:
    """The value with Python's own numbers in place of numpy's."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list | tuple):
        return type(value)(plain(item) for item in value)
    return value


def mask_svg(mask: npt.NDArray[np.bool_], cell: float, label: str) -> str:
    """A bool array: cells that are True are white with a dot."""
    rows, columns = mask.shape
    places = np.argwhere(mask).tolist()
    cells = "".join(f"M{x} {y}h1v1h-1z" for y, x in places)
    dots = "".join(f"M{x + 0.5} {y + 0.5}h0" for y, x in places)
    lines = "".join(f"M0 {y}h{columns}" for y in range(rows + 1))
    lines += "".join(f"M{x} 0v{rows}" for x in range(columns + 1))
    text = f"{label}, mask {rows}×{columns}, {len(places)} cells are True"
    return (
        f'<svg class="ab-grid" role="img" aria-label="{escape(text)}" '
        f'width="{columns * cell:.1f}" height="{rows * cell:.1f}" '
        f'viewBox="0 0 {columns} {rows}" overflow="visible">'
        f'<path fill="#3a3a41" d="M0 0h{columns}v{rows}h-{columns}z"/>'
        f'<path fill="#fff" d="{cells}"/>'
        f'<path d="{dots}" stroke="#222" stroke-width=".26" stroke-linecap="round"/>'
        f'<path d="{lines}" fill="none" stroke="{LINE_HEX}" stroke-width="1" '
        'vector-effect="non-scaling-stroke"/></svg>'
    )


def palette(names: dict[str, int]) -> str:
    """Names of colours, those of one colour together."""
    rows = []
    for value in sorted(set(names.values())):
        words = ", ".join(name for name, v in names.items() if v == value)
        rows.append(
            f'<li><i style="background:{COLOR_HEX[value]}"></i>{value} <span>{words}</span></li>'
        )
    return f'<ul class="lib-palette">{"".join(rows)}</ul>'


def printed(text: str) -> str:
    """What a program printed; digits that a terminal would colour have ARC's colours."""

    def paint(found: re.Match[str]) -> str:
        color = COLOR_HEX[int(found[1])] if found[1] != "0" else "#77777f"  # black is not seen
        return f'<span style="color:{color}">{found[1]}</span>'

    return re.sub(r"\x1b\[[\d;]+m(\d)\x1b\[0m", paint, escape(text.rstrip("\n")))

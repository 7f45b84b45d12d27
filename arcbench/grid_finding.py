"""Finding grids in text whose way of writing them is not known yet."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

from arcbench.errors import UserError
from arcbench.grids import COLOR_NAMES, MAX_SIDE, NUM_COLORS
from arcbench.prompts import GridFormat

# Sets of colour words in use, the likeliest first. BARC renamed three of its first set.
WORD_SETS: tuple[tuple[str, ...], ...] = (
    COLOR_NAMES,
    ("Black", "Blue", "Red", "Green", "Yellow", "Grey", "Pink", "Orange", "Teal", "Maroon"),
    ("Black", "Blue", "Red", "Green", "Yellow", "Grey", "Fuchsia", "Orange", "Teal", "Brown"),
    ("Black", "Blue", "Red", "Green", "Yellow", "Gray", "Magenta", "Orange", "Cyan", "Brown"),
    ("Black", "Blue", "Red", "Green", "Yellow", "Gray", "Magenta", "Orange", "Azure", "Maroon"),
)
DIGITS = tuple("0123456789")
NUM_TRIED = 20  # texts that every way of writing is tried on

_CELLS = (" ", ", ", ",", "\t", "|", "")
# Rows end with their line, or, as JSON and Python write lists, with brackets.
_LINE_ROWS = ("\n", " \n", "\r\n", ",\n")
_LIST_ROWS = ("], [", "],\n [", "],\n[", "],[")


@dataclass(frozen=True, kw_only=True, slots=True)
class GridFinder:
    """Finds what is written in one of several words a colour, with one pair of separators."""

    words: tuple[tuple[str, ...], ...]  # (10, ...) the spellings of each colour
    cell: str
    row: str
    pattern: re.Pattern[str]

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where grids stand, as (start, end)."""
        return [m.span() for m in self.pattern.finditer(text)]

    def size(self, text: str) -> tuple[int, int] | None:
        """(rows, columns) of a found grid; None where its rows are unequal or it is too large."""
        widths = {self._width(row) for row in text.split(self.row)}
        height = text.count(self.row) + 1
        if len(widths) != 1 or max(height, *widths) > MAX_SIDE:
            return None
        return height, widths.pop()

    def _width(self, row: str) -> int:
        return row.count(self.cell) + 1 if self.cell else len(row)

    def cells(self, text: str) -> list[str]:
        """All words of a found grid."""
        rows = text.split(self.row)
        return [w for row in rows for w in (row.split(self.cell) if self.cell else row)]


def finder(words: Sequence[Sequence[str]], cell: str, row: str) -> GridFinder:
    """A finder for these spellings and separators."""
    spellings = sorted({w for same in words for w in same}, key=len, reverse=True)
    word = f"(?:{'|'.join(map(re.escape, spellings))})"
    if row in _LIST_ROWS:
        start, row_end, end = r"(?<=\[\[)", r"(?=\])", r"(?=\]\])"
    else:
        start, row_end, end = r"(?<![^\n])", r"(?=[ \t,]*\r?(?:\n|\Z))", ""
    # A row counts only if it ends well, so that a grid goes up to its first damaged row.
    line = f"{word}(?:{re.escape(cell)}{word})*+{row_end}"
    pattern = f"{start}{line}(?:{re.escape(row)}{line})*+{end}"
    same = tuple(tuple(w) for w in words)
    return GridFinder(words=same, cell=cell, row=row, pattern=re.compile(pattern))


def exact_finder(form: GridFormat) -> GridFinder:
    """The finder of one known format."""
    return finder([(word,) for word in form.colors], form.cell, form.row)


def find_format(texts: Sequence[str], colors: Sequence[str] | None = None) -> GridFormat:
    """The format in which most of `texts` write an odd number of grids, at least three.

    `colors` are the ten words from 0 to 9 where they are none of the known ones. Raises
    UserError if no text has such grids.
    """
    best: GridFinder | None = None
    best_score = (0, 0)
    for candidate in _candidates(colors):
        good = cells = 0
        for text in texts[:NUM_TRIED]:
            found = [text[a:b] for a, b in candidate.spans(text)]
            sizes = [candidate.size(grid) for grid in found]
            if len(found) >= 3 and len(found) % 2 == 1 and None not in sizes:
                good += 1
                cells += sum(h * w for h, w in (s for s in sizes if s is not None))
        if (good, cells) > best_score:
            best, best_score = candidate, (good, cells)
    if best is None:
        raise UserError(
            "no grids found: none of the user turns has input and output grids and a test grid in "
            "colour words or digits; name the ten words if they are others"
        )
    seen = Counter(
        word for text in texts for a, b in best.spans(text) for word in best.cells(text[a:b])
    )
    return GridFormat(colors=_choose_words(best.words, seen), cell=best.cell, row=best.row)


def _candidates(colors: Sequence[str] | None) -> Iterable[GridFinder]:
    spellings: list[list[tuple[str, ...]]]
    if colors is not None:
        if len(colors) != NUM_COLORS:
            raise UserError(f"colors are {NUM_COLORS} words, not {len(colors)}: {list(colors)}")
        spellings = [[(c,) for c in colors]]
    else:
        cased = [[f(w) for w in s] for s in WORD_SETS for f in (str, str.lower, str.upper)]
        named = [tuple(dict.fromkeys(s[i] for s in cased)) for i in range(NUM_COLORS)]
        spellings = [named, [(d,) for d in DIGITS]]
    for words, cell, row in product(spellings, _CELLS, (*_LINE_ROWS, *_LIST_ROWS)):
        if cell or all(len(w) == 1 for same in words for w in same):
            yield finder(words, cell, row)


def _choose_words(words: Sequence[Sequence[str]], seen: Counter[str]) -> tuple[str, ...]:
    """One spelling a colour: the most frequent, or where none was seen one that suits the rest."""
    chosen = [max(same, key=lambda w: seen[w]) for same in words]
    unseen = [i for i, word in enumerate(chosen) if not seen[word]]
    if unseen and len(words[0]) > 1:
        cased = [tuple(f(w) for w in s) for s in WORD_SETS for f in (str, str.lower, str.upper)]
        like = max(cased, key=lambda s: sum(a == b for a, b in zip(s, chosen, strict=True)))
        for i in unseen:
            chosen[i] = like[i]
    return tuple(chosen)

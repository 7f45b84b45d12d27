"""Two completions side by side: their figures, their programs line by line, what they drew."""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from html import escape
from itertools import pairwise, zip_longest

from arcbench.grids import Grid, same_grid
from arcbench.render import difference, difference_svg, grid_svg, size_text
from arcbench.rollouts import Rollout
from arcbench.sandbox.types import Failure
from arcbench.tasks import Task
from arcbench.ui import html

Span = tuple[int, int]  # from one character of a line to before another
Piece = tuple[str, str]  # class of the style and text
GRID_PX = 104
ALIKE = 0.4  # of two changed lines that are shown as one beside the other


def page(task: Task, one: Rollout, other: Rollout, names: tuple[str, str], best: float) -> str:
    """Both beside each other; `best` is the reward that fills a bar."""
    first, second = map(escape, names)
    return (
        f'<article class="ab-detail" data-keep="{first} {second}" '
        f'aria-label="{first} beside {second}">{_facts(one, other, names, best)}'
        f"{_programs(one, other, names)}{_pairs(task, one, other, names)}</article>"
    )


def _facts(one: Rollout, other: Rollout, names: tuple[str, str], best: float) -> str:
    """A line for each figure; ≠ where they differ."""

    def advantage(r: Rollout) -> str:
        return "–" if r.advantage is None else html.signed(r.advantage)

    def likelihood(r: Rollout) -> str:
        mean = r.completion.logprob_mean
        return "–" if mean is None else html.signed(mean)

    lines = [
        ("Outcome", html.badge(one), html.badge(other)),
        ("Reward", html.reward_bar(one.reward, best), html.reward_bar(other.reward, best)),
        ("Advantage", advantage(one), advantage(other)),
        ("Tokens", *(str(len(r.completion.token_ids) or "–") for r in (one, other))),
        ("Log-probability a token", likelihood(one), likelihood(other)),
        ("Lines of code", *(str(len(_lines(r))) for r in (one, other))),
        ("Message", *(escape(html.last_line(r.execution.message)) for r in (one, other))),
        ("Printed", *(escape(html.short(r.execution.stdout, 80)) for r in (one, other))),
    ]
    rows = "".join(
        f'<tr><th scope="row">{what}</th><td>{a}</td><td>{b}</td>'
        f'<td class="ab-dim">{"≠" if a != b else ""}</td></tr>'
        for what, a, b in lines
        if {a, b} not in ({""}, {"–"})
    )
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    return (
        '<table class="ab-versus" aria-label="figures"><thead><tr><th></th>'
        f'{heads}<th><span class="ab-sr">differ</span></th></tr></thead><tbody>{rows}</tbody>'
        "</table>"
    )


def _lines(rollout: Rollout) -> list[str]:
    """The lines of a program, or of the text where there is none."""
    text = rollout.completion.text if rollout.code is None else rollout.code
    return text.strip("\n").split("\n")


def _programs(one: Rollout, other: Rollout, names: tuple[str, str]) -> str:
    left, right = _lines(one), _lines(other)
    if left == right:
        return (
            '<h4>Programs</h4><p class="ab-dim">The same, character by character.</p>'
            + html.code_block("\n".join(left), html.failing_line(one.execution.message))
        )
    colours = (_coloured(left), _coloured(right))
    bad = tuple(html.failing_line(r.execution.message) for r in (one, other))
    rows = []
    differing = 0
    for i, j in aligned(left, right):
        kind = "same" if i is not None and j is not None and left[i] == right[j] else "change"
        if i is None or j is None:
            kind = "only"
        differing += kind != "same"
        spans: tuple[list[Span], list[Span]] = ([], [])
        if kind == "change" and i is not None and j is not None:
            spans = changed(left[i], right[j])
        cells = "".join(
            _cell(colours[side], at, spans[side], kind, bad[side], names[1 - side])
            for side, at in enumerate((i, j))
        )
        rows.append(f'<tr class="ab-diff-{kind}">{cells}</tr>')
    heads = "".join(f'<th scope="col" colspan="2">{escape(name)}</th>' for name in names)
    return (
        f'<h4>Programs</h4><p class="ab-dim ab-legend">{differing} of {len(rows)} lines differ. '
        "≠ a changed line, with what changed underlined; + a line that only this one has; ▸ where "
        "it failed.</p>"
        '<div class="ab-diff-box"><table class="ab-diff" aria-label="programs side by side">'
        '<col class="ab-diff-no"><col><col class="ab-diff-no"><col><thead>'
        f"<tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _cell(
    lines: Sequence[Sequence[Piece]],
    at: int | None,
    spans: Sequence[Span],
    kind: str,
    bad: int | None,
    missing_in: str,
) -> str:
    if at is None:
        return '<td class="ab-no"></td><td class="ab-diff-none"></td>'
    sign, said = {"change": ("≠", "changed: "), "only": ("+", f"not in {missing_in}: ")}.get(
        kind, ("", "")
    )
    failing = '<span class="ab-failed-here">▸</span>' if at + 1 == bad else ""
    sr = f'<span class="ab-sr">{escape(said)}</span>' if said else ""
    return (
        f'<td class="ab-no">{failing}{at + 1} <b>{sign}</b></td>'
        f'<td class="ab-code">{sr}{"".join(_marked(lines[at], spans)) or " "}</td>'
    )


def aligned(left: Sequence[str], right: Sequence[str]) -> Iterator[tuple[int | None, int | None]]:
    """Lines that belong together, by number; None where one side has no such line."""
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "replace":
            yield from _replaced(left, right, range(a, b), range(c, d))
        else:
            yield from zip_longest(range(a, b), range(c, d))


def _replaced(
    left: Sequence[str], right: Sequence[str], ours: range, theirs: range
) -> Iterator[tuple[int | None, int | None]]:
    """Lines in the place of others: those that are alike beside each other."""
    j = theirs.start
    for i in ours:
        twin = next((k for k in range(j, theirs.stop) if _alike(left[i], right[k]) >= ALIKE), None)
        if twin is None:
            yield i, None
            continue
        yield from ((None, k) for k in range(j, twin))
        yield i, twin
        j = twin + 1
    yield from ((None, k) for k in range(j, theirs.stop))


def _alike(one: str, other: str) -> float:
    return SequenceMatcher(None, one.strip(), other.strip(), autojunk=False).ratio()


def changed(one: str, other: str) -> tuple[list[Span], list[Span]]:
    """Which characters of two lines differ, by whole words."""
    words = [re.findall(r"\w+|\s+|.", line) for line in (one, other)]
    starts = []
    for row in words:
        at = [0]
        for word in row:
            at.append(at[-1] + len(word))
        starts.append(at)
    found: tuple[list[Span], list[Span]] = ([], [])
    matcher = SequenceMatcher(None, words[0], words[1], autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            continue
        for side, (first, last) in enumerate(((a, b), (c, d))):
            if last > first:
                found[side].append((starts[side][first], starts[side][last]))
    return found


def _coloured(lines: Sequence[str]) -> list[list[Piece]]:
    """The pieces of each line of Python with the classes of the highlighting."""
    from pygments.lexers import PythonLexer
    from pygments.token import STANDARD_TYPES

    found: list[list[Piece]] = [[]]
    lexer = PythonLexer(stripnl=False, ensurenl=False)
    for kind, text in lexer.get_tokens("\n".join(lines)):
        while kind not in STANDARD_TYPES:
            kind = kind.parent
        for i, part in enumerate(text.split("\n")):
            if i:
                found.append([])
            if part:
                found[-1].append((STANDARD_TYPES[kind], part))
    return found


def _marked(pieces: Sequence[Piece], spans: Sequence[Span]) -> Iterator[str]:
    """HTML of a line; what lies in a span is marked."""
    at = 0
    for kind, text in pieces:
        edges = {0, len(text)}
        for span in spans:
            edges |= {edge - at for edge in span if 0 < edge - at < len(text)}
        cuts = sorted(edges)
        for a, b in pairwise(cuts):
            inside = any(start <= at + a and at + b <= end for start, end in spans)
            piece = f'<span class="{kind}">{escape(text[a:b])}</span>'
            yield f"<mark>{piece}</mark>" if inside else piece
        at += len(text)


def _pairs(task: Task, one: Rollout, other: Rollout, names: tuple[str, str]) -> str:
    """Each pair with what both drew."""
    rows = []
    counts = {"train": 0, "test": 0}
    both = zip(one.execution.outputs, other.execution.outputs, strict=True)
    for (split, pair), (mine, theirs) in zip(task.pairs, both, strict=True):
        counts[split] += 1
        label = f"{split} {counts[split]}"
        alike = (
            not isinstance(mine, Failure)
            and not isinstance(theirs, Failure)
            and same_grid(mine, theirs)
        )
        expected = (
            '<span class="ab-missing">not known</span>'
            if pair.output is None
            else grid_svg(pair.output, max_px=GRID_PX, label=f"{label}, expected")
        )
        cells = "".join(
            f"<td>{cell}</td>"
            for cell in (
                grid_svg(pair.input, max_px=GRID_PX, label=f"{label}, input"),
                expected,
                drawn(mine, pair.output, f"{label}, {names[0]}"),
                drawn(theirs, pair.output, f"{label}, {names[1]}"),
                '<span class="ab-dim">=<span class="ab-sr"> both drew the same</span></span>'
                if alike
                else "",
            )
        )
        rows.append(f'<tr><th scope="row">{label.capitalize()}</th>{cells}</tr>')
    heads = "".join(
        f'<th scope="col">{head}</th>' for head in ("", "Input", "Expected", *map(escape, names))
    )
    return (
        f'<h4>Pairs</h4><table class="ab-table"><thead><tr>{heads}<th></th></tr></thead><tbody>'
        f'{"".join(rows)}</tbody></table><p class="ab-dim ab-legend">What both drew: × another '
        "colour than expected, + a cell too many, − a cell missing; = both drew the same.</p>"
    )


def drawn(output: Grid | Failure, expected: Grid | None, label: str) -> str:
    """What came out, with the cells that are wrong marked."""
    if isinstance(output, Failure):
        why = html.short(html.last_line(output.message), 80) or html.OUTCOME_TEXT[output.outcome]
        return f'<span class="ab-missing"><b>no output</b><br>{escape(why)}</span>'
    if expected is None:
        return grid_svg(output, max_px=GRID_PX, label=label)
    if same_grid(output, expected):
        return (
            f'{grid_svg(output, max_px=GRID_PX, label=label)}<span class="ab-right">✓ exact</span>'
        )
    wrong = int((difference(output, expected) != 0).sum())
    words = f"{wrong} cell{'' if wrong == 1 else 's'} differ{'s' if wrong == 1 else ''}"
    if output.shape != expected.shape:
        words = f"{size_text(output)}, expected {size_text(expected)}"
    return (
        f"{difference_svg(output, expected, max_px=GRID_PX)}"
        f'<span class="ab-dim ab-legend">✗ {words}</span>'
    )

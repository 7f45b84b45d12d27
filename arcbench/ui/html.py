"""Pieces of the page: values → HTML strings. Everything that comes from outside is escaped."""

import re
from collections.abc import Sequence
from functools import lru_cache
from html import escape

from arcbench.policies.base import Message
from arcbench.reference import summaries
from arcbench.render import difference_svg, grid_png_uri, grid_svg, size_text
from arcbench.rewards import RewardBreakdown
from arcbench.rollouts import Rollout
from arcbench.sandbox.types import Failure, Outcome
from arcbench.scoring import PairScore
from arcbench.tasks import Task

OUTCOME_TEXT = {
    Outcome.OK: "ran",
    Outcome.NO_CODE: "no program",
    Outcome.SYNTAX_ERROR: "syntax error",
    Outcome.NO_TRANSFORM: "no transform function",
    Outcome.RAISED: "error while running",
    Outcome.TIMEOUT: "took too long",
    Outcome.OUT_OF_MEMORY: "out of memory",
    Outcome.BAD_OUTPUT: "returned no valid grid",
    Outcome.FORBIDDEN: "stopped: not allowed",
    Outcome.DIED: "process ended",
}
PART_TEXT = {"code": "code", "ran": "runs", "exact": "exact", "pixel": "pixels", "length": "length"}
CARD_CODE_LINES = 6
THUMB_PX = 40


def note(text: str, kind: str = "empty") -> str:
    """A sentence in place of content: an empty state, or what went wrong ("error")."""
    role = ' role="alert"' if kind == "error" else ""
    return f'<div class="ab-note ab-note-{kind}"{role}>{escape(text)}</div>'


def thumbnail(task: Task, caption: str = "") -> str:
    """A button that shows the first pair of a task, with a few words below its name."""
    pair = task.train[0]
    grids = [grid for grid in (pair.input, pair.output) if grid is not None]
    cell = THUMB_PX / max(max(grid.shape) for grid in grids)  # both grids to the same scale
    images = "".join(
        f'<img src="{grid_png_uri(grid)}" alt="" '
        f'style="width:{grid.shape[1] * cell:.0f}px;height:{grid.shape[0] * cell:.0f}px">'
        for grid in grids
    )
    name = escape(task.id)
    words = f'<span class="ab-thumb-words">{escape(caption)}</span>' if caption else ""
    return (
        f'<button type="button" class="ab-thumb" data-task="{name}" '
        f'aria-label="task {name} {escape(caption)}">'
        f'<span class="ab-thumb-grids">{images}</span><span class="ab-id">{name}</span>{words}'
        "</button>"
    )


def task_page(task: Task) -> str:
    """All pairs of a task, input beside output."""
    parts = []
    counts = {"train": 0, "test": 0}
    for split, pair in task.pairs:
        counts[split] += 1
        name = f"{split} {counts[split]}"
        out = (
            note("answer not known")
            if pair.output is None
            else grid_svg(pair.output, max_px=190, label=f"{name}, output")
        )
        sizes = size_text(pair.input)
        if pair.output is not None:
            sizes += f" → {size_text(pair.output)}"
        parts.append(
            f'<figure class="ab-pair ab-pair-{split}"><figcaption><b>{name.capitalize()}</b> '
            f'<span class="ab-dim">{sizes}</span></figcaption><div class="ab-pair-grids">'
            f"{grid_svg(pair.input, max_px=190, label=f'{name}, input')}"
            f'<span class="ab-arrow" aria-hidden="true">→</span>{out}</div></figure>'
        )
    return f'<div class="ab-pairs">{"".join(parts)}</div>'


def prompt_text(messages: Sequence[Message]) -> str:
    """The chat messages of a prompt as the policy gets them."""
    turns = "".join(
        f'<div class="ab-turn"><div class="ab-role">{escape(m["role"])}</div>'
        f"<pre>{escape(m['content'])}</pre></div>"
        for m in messages
    )
    return f'<div class="ab-prompt">{turns}</div>'


def verdict(rollout: Rollout) -> tuple[str, str]:
    """What became of a rollout: (kind for the style, words)."""
    if rollout.solved:
        return "solved", "✓ solved"
    outcome = rollout.execution.outcome
    exact = sum(p.exact for p in rollout.score.pairs)
    if outcome.ok or exact:
        words = f"{exact} of {len(rollout.score.pairs)} pairs"
        return ("partly", f"◐ {words}") if exact else ("wrong", f"✗ {words}")
    return "failed", f"! {OUTCOME_TEXT[outcome]}"


def badge(rollout: Rollout) -> str:
    """The verdict as a small label."""
    kind, words = verdict(rollout)
    return f'<span class="ab-badge ab-badge-{kind}">{escape(words)}</span>'


def reward_bar(reward: RewardBreakdown, best: float) -> str:
    """The parts of a reward as one bar (`best` fills it) and as numbers."""
    full = max(best, 1e-9)
    bars = "".join(
        f'<i class="ab-part-{name}" style="width:{100 * value / full:.1f}%"></i>'
        for name, value in reward.parts.items()
        if value > 0
    )
    numbers = " ".join(
        f'<span class="ab-num"><i class="ab-dot ab-part-{name}"></i>{PART_TEXT[name]} '
        f"{value:.2f}</span>"
        for name, value in reward.parts.items()
        if value
    )
    return (
        f'<span class="ab-reward"><span class="ab-bar" aria-hidden="true">{bars}</span>'
        f'<span class="ab-nums"><b>{reward.total:.2f}</b> {numbers}</span></span>'
    )


def pair_marks(pairs: Sequence[PairScore]) -> str:
    """One sign a pair: ✓ exact, ✗ wrong, ! no grid."""
    signs = []
    for i, p in enumerate(pairs):
        sign, words = (
            ("✓", "exact")
            if p.exact
            else ("✗", f"{p.pixel:.0%} of the cells right")
            if p.valid
            else ("!", "no grid")
        )
        signs.append(
            f'<span class="ab-mark" title="{p.split} pair {i + 1}: {words}">'
            f'<span class="ab-sr">{p.split} pair: {words}</span>'
            f'<span aria-hidden="true">{sign}</span></span>'
        )
    return "".join(signs)


def card(rollout: Rollout, best_reward: float, *, name: str = "", current: bool = False) -> str:
    """A button with the essence of one rollout; `current` is the one that is open."""
    message = rollout.execution.message if not rollout.execution.outcome.ok else ""
    said = (
        f'<span class="ab-message">{escape(short(last_line(message), 90))}</span>'
        if message
        else ""
    )
    mark = ' aria-current="true"' if current else ""
    return (
        f'<button type="button" class="ab-card" data-index="{rollout.index}"{mark}>'
        f'<span class="ab-card-head"><span class="ab-dim">{escape(name or number(rollout))}</span>'
        f'{badge(rollout)}<span class="ab-marks">{pair_marks(rollout.score.pairs)}</span></span>'
        f"{reward_bar(rollout.reward, best_reward)}{said}"
        f'<code class="ab-code ab-snippet">{_snippet(rollout)}</code></button>'
    )


def number(rollout: Rollout) -> str:
    """What a rollout is called among those of its group."""
    return f"#{rollout.index + 1}"


def signed(value: float) -> str:
    """A number with its sign, and a real minus."""
    return f"{value:+.2f}".replace("-", "−")


def figures(rollout: Rollout) -> str:
    """Advantage, length and log-probability in a line of text; what is not known is left out."""
    c = rollout.completion
    parts = []
    if rollout.advantage is not None:
        parts.append(f"advantage {signed(rollout.advantage)} in its group")
    if count := len(c.token_ids) or len(c.logprobs):
        parts.append(f"{count:,} token{'' if count == 1 else 's'}")
    if c.logprob_sum is not None and c.logprob_mean is not None:
        parts.append(f"log-probability {signed(c.logprob_sum)}, {signed(c.logprob_mean)} a token")
    return " · ".join(parts)


def _snippet(rollout: Rollout) -> str:
    """The first lines of the program's function, or of the text where there is no program."""
    if rollout.code is None:
        return escape(short(rollout.completion.text.strip() or "(empty completion)", 160))
    lines = rollout.code.strip().splitlines()
    start = next(
        (i + 1 for i, line in enumerate(lines) if re.match(r"def (transform|main)\b", line)), 0
    )
    body = [line for line in lines[start:] if line.strip()] or lines
    shown = body[:CARD_CODE_LINES]
    if len(body) > len(shown):
        shown.append(f"    … {len(body) - len(shown)} more lines")
    return highlight("\n".join(line.removeprefix("    ") for line in shown))


def last_line(message: str) -> str:
    """What went wrong, without the line of the program where it did."""
    return message.strip().rpartition("\n")[2]


def short(text: str, limit: int) -> str:
    """The text on one line of at most `limit` characters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def detail(
    task: Task | None, rollout: Rollout, best_reward: float, name: str = "", tools: str = ""
) -> str:
    """Everything about one rollout. `task` is the one that the program ran on; None: no grids.

    `tools` is HTML that stands below the head.
    """
    e = rollout.execution
    name = name or number(rollout)
    message = (
        ""
        if e.outcome.ok
        else f'<p class="ab-message"><b>{escape(OUTCOME_TEXT[e.outcome].capitalize())}.</b> '
        f"{escape(e.message)}</p>"
    )
    cut = (
        note("The length limit cut this completion.", "warning")
        if rollout.completion.truncated
        else ""
    )
    if rollout.code is None:
        text = escape(rollout.completion.text) or "(empty)"
        program = f'<h4>Completion</h4><pre class="ab-code">{text}</pre>'
    else:
        program = f"<h4>Program</h4>{code_block(rollout.code, failing_line(e.message))}"
    printed = (
        f'<h4>Printed output</h4><pre class="ab-code">{escape(e.stdout)}</pre>' if e.stdout else ""
    )
    pairs = "" if task is None else pair_table(task, rollout)
    return framed(rollout, best_reward, name, f"{tools}{message}{cut}{program}{printed}{pairs}")


def framed(rollout: Rollout, best_reward: float, name: str, inner: str) -> str:
    """HTML about a rollout, below its head."""
    return (
        f'<article class="ab-detail" data-keep="{escape(name)}" aria-label="completion '
        f'{escape(name)}">{head(rollout, best_reward, name)}{inner}</article>'
    )


def head(rollout: Rollout, best_reward: float, name: str = "") -> str:
    """What became of a rollout, its reward by parts, and its figures."""
    told = figures(rollout)
    return (
        f'<header><span class="ab-dim">{escape(name or number(rollout))}</span>{badge(rollout)}'
        f'<span class="ab-dim">{rollout.execution.seconds * 1000:.0f} ms</span>'
        f"{reward_bar(rollout.reward, best_reward)}</header>"
        + (f'<p class="ab-dim ab-facts">{told}</p>' if told else "")
    )


def failing_line(message: str) -> int | None:
    """The line of the program that a message speaks of."""
    found = re.search(r"\bline (\d+)", message)
    return int(found[1]) if found else None


def pair_table(task: Task, rollout: Rollout) -> str:
    """Input, expected, predicted and difference of each pair."""
    rows = []
    counts = {"train": 0, "test": 0}
    for (split, pair), output in zip(task.pairs, rollout.execution.outputs, strict=True):
        counts[split] += 1
        name = f"{split} {counts[split]}"
        expected = (
            '<span class="ab-missing">not known</span>'
            if pair.output is None
            else grid_svg(pair.output, max_px=140, label=f"{name}, expected")
        )
        if isinstance(output, Failure):
            why = short(last_line(output.message), 120) or OUTCOME_TEXT[output.outcome]
            predicted = f'<span class="ab-missing"><b>no output</b><br>{escape(why)}</span>'
            compared = '<span class="ab-missing">nothing to compare</span>'
        else:
            predicted = grid_svg(output, max_px=140, label=f"{name}, predicted")
            if pair.output is None:
                compared = '<span class="ab-missing">nothing to compare</span>'
            elif output.shape == pair.output.shape and bool((output == pair.output).all()):
                compared = '<span class="ab-right">✓ exact</span>'
            else:
                compared = difference_svg(output, pair.output, max_px=140)
                if output.shape != pair.output.shape:
                    compared += (
                        f'<span class="ab-dim">{size_text(output)}, expected '
                        f"{size_text(pair.output)}</span>"
                    )
        cells = "".join(
            f"<td>{cell}</td>"
            for cell in (
                grid_svg(pair.input, max_px=140, label=f"{name}, input"),
                expected,
                predicted,
                compared,
            )
        )
        rows.append(f'<tr><th scope="row">{name.capitalize()}</th>{cells}</tr>')
    heads = "".join(
        f'<th scope="col">{h}</th>' for h in ("", "Input", "Expected", "Predicted", "Difference")
    )
    legend = (
        '<p class="ab-dim ab-legend">In the difference: × another colour, + a cell too many, '
        "− a cell missing.</p>"
    )
    return (
        f'<h4>Pairs</h4><table class="ab-table"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>{legend}"
    )


def code_block(code: str, bad_line: int | None = None) -> str:
    """Python with line numbers; `bad_line` (from 1) is marked."""
    lines = []
    shown = _explained(code, highlight(code.strip("\n")))
    for i, line in enumerate(shown.split("\n"), start=1):
        kind, sign = (" ab-line-bad", "▸") if i == bad_line else ("", "")
        place = f'<span class="ab-no" aria-hidden="true">{sign}{i}</span>'
        said = '<span class="ab-sr">it failed here: </span>' if i == bad_line else ""
        lines.append(f'<span class="ab-line{kind}">{place}{said}{line or " "}</span>')
    return f'<pre class="ab-code ab-program">{"".join(lines)}</pre>'


def _explained(code: str, highlighted: str) -> str:
    """Names of the libraries get their signature and summary as tooltips."""
    known = summaries()
    own = set(re.findall(r"\bdef\s+(\w+)|^\s*(\w+)\s*=[^=]", code, re.MULTILINE))
    bound = {name for pair in own for name in pair}

    def explain(found: re.Match[str]) -> str:
        name = found[1]
        if name not in known or name in bound:
            return found[0]
        text = escape(known[name]).replace("\n", "&#10;")  # the code is split into lines later
        return f'<span class="n ab-known" title="{text}">{name}</span>'

    return re.sub(r'<span class="n">(\w+)</span>', explain, highlighted)


def highlight(code: str) -> str:
    """Python as HTML spans with Pygments' class names, line by line."""
    from pygments import highlight as pygmentize
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    lexer = PythonLexer(stripnl=False, ensurenl=False)
    return str(pygmentize(code, lexer, HtmlFormatter(nowrap=True))).rstrip("\n")


@lru_cache(maxsize=1)
def highlight_css() -> str:
    """The colours of highlighted code, on light and on dark ground."""
    from pygments.formatters import HtmlFormatter

    light = HtmlFormatter(style="xcode").get_style_defs(".ab-code")
    dark = HtmlFormatter(style="github-dark").get_style_defs(".dark .ab-code")
    # Only the colours of tokens: the ground is the page's own.
    return "\n".join(
        line
        for line in f"{light}\n{dark}".splitlines()
        if re.match(r"(\.dark )?\.ab-code \.", line)
    )

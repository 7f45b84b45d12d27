"""The part of a report's page that shows completions: the extremes, and how they changed."""

from collections.abc import Sequence
from dataclasses import replace
from html import escape

from arcbench.report.content import Report, Shown, ShownCourse, ShownPart
from arcbench.report.courses import Groups, TaskCourse
from arcbench.report.facts import signed
from arcbench.rollouts import Rollout
from arcbench.sandbox.types import Failure
from arcbench.ui import html

MOST_CHARACTERS = 6000  # of a program, of a completion
MOST_SAID = 1500  # of a message, of what was printed
MOST_BYTES = 400_000  # of one rollout with its grids
MOST_TASKS = 40  # lines of the table


def extremes(report: Report) -> str:
    """The best and the worst rollouts, with their grids."""
    if not report.rollouts:
        return (
            f"<section><h2>Rollouts</h2>{html.note('This run has no rollouts on disk.')}</section>"
        )
    parts = "".join(
        f'<h3>{title}</h3><div class="rp-two">'
        + "".join(_rollout(shown, report.best_reward) for shown in some)
        + "</div>"
        for title, some in (("Best", report.best), ("Worst", report.worst))
        if some
    )
    return f"<section><h2>Best and worst of {report.rollouts:,} rollouts</h2>{parts}</section>"


def completions(report: Report) -> str:
    """How completions changed over the run, of a few tasks, and figures of all of them."""
    if not report.rollouts:
        return ""
    if len(report.courses) > len(report.shown_courses):
        which = (
            f"The {len(report.shown_courses)} of {len(report.courses):,} tasks whose reward "
            "changed most"
        )
    else:
        which = "Every task" if len(report.courses) > 1 else "The task"
    said = (
        f"<p>{which}: the completion that most were like, early, in the middle and late in the "
        "steps that sampled it.</p>"
    )
    courses = "".join(_course(c, report.best_reward) for c in report.shown_courses)
    table = _tasks(report.courses) if len(report.courses) > 1 else ""
    return (
        f"<section><h2>How completions changed</h2>{said}{courses}{_groups(report.groups)}{table}"
        "</section>"
    )


def _rollout(shown: Shown, best_reward: float) -> str:
    r = clipped(shown.rollout)
    name = f"{r.task_id}, step {r.step:,}, group {r.group + 1}, #{r.index + 1}"
    drew = any(not isinstance(output, Failure) for output in r.execution.outputs)
    task = shown.task if drew else None  # without any output the grids say nothing of the program
    told = html.detail(task, r, best_reward, name=name)
    note = ""
    if len(told) > MOST_BYTES:
        told = html.detail(None, r, best_reward, name=name)
        note = html.note("Its grids are too large for this page.", "warning")
    elif task is not None and r.augmentation is not None and not r.augmentation.is_identity:
        note = (
            '<p class="ab-dim ab-legend">The policy saw this task turned, mirrored or recoloured, '
            "as it is here.</p>"
        )
    return f"<div>{told}{note}</div>"


def clipped(rollout: Rollout) -> Rollout:
    """The rollout with its texts cut to what a reader will read."""
    e = rollout.execution
    return replace(
        rollout,
        code=None if rollout.code is None else _cut(rollout.code, MOST_CHARACTERS),
        completion=replace(rollout.completion, text=_cut(rollout.completion.text, MOST_CHARACTERS)),
        execution=replace(
            e, message=_cut_front(e.message, MOST_SAID), stdout=_cut(e.stdout, MOST_SAID)
        ),
    )


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    return f"{text[:limit]}\n… {len(text) - limit:,} more characters"


def _cut_front(text: str, limit: int) -> str:
    """The end of a message is what says what went wrong."""
    return text if len(text) <= limit else f"… {text[-limit:]}"


def _course(shown: ShownCourse, best_reward: float) -> str:
    c = shown.course
    parts = "".join(_part(part, best_reward) for part in shown.parts)
    first, last = (signed(f"{part.reward:.2f}") for part in (c.parts[0], c.parts[-1]))
    change = f", reward {first} → {last}" if c.change else ""
    return (
        f'<h3>Task <span class="ab-id">{escape(c.task_id)}</span> <span class="ab-dim">'
        f"{c.rollouts:,} completions{change}</span></h3>"
        f'<div class="rp-three">{parts}</div>'
    )


def _part(shown: ShownPart, best_reward: float) -> str:
    p = shown.part
    steps = (
        f"step {p.first_step:,}"
        if p.first_step == p.last_step
        else f"steps {p.first_step:,}–{p.last_step:,}"
    )
    loop = "" if shown.loop is None else f", {shown.loop:.0%} of a completion in a loop"
    programs = {0: "no program", 1: "one program"}.get(
        p.programs, f"{p.programs:,} different programs"
    )
    figures = (
        f"{p.rollouts:,} completions, {p.solved:.0%} solved, reward {signed(f'{p.reward:.2f}')}; "
        f"{programs}, {p.tokens:.0f} tokens on average{loop}"
    )
    head = f'<h4>{p.name.capitalize()}, {steps}</h4><p class="ab-legend">{figures}</p>'
    if shown.shown is None:
        return f'<div class="rp-course">{head}{html.note("Its file is gone.")}</div>'
    r = clipped(shown.shown.rollout)
    what = "hold no program" if r.code is None else "have this program"
    alike = f"{p.alike:,} of {p.rollouts:,} {what}" if p.alike > 1 else "No two programs were equal"
    if p.rollouts == 1:
        alike = "The only one"
    message = r.execution.message if not r.execution.outcome.ok else ""
    said = f'<p class="ab-message">{escape(message)}</p>' if message else ""
    body = (
        f'<pre class="ab-code">{escape(r.completion.text) or "(empty)"}</pre>'
        if r.code is None
        else html.code_block(r.code, html.failing_line(r.execution.message))
    )
    return (
        f'<div class="rp-course">{head}<div class="ab-card-head">{html.badge(r)}'
        f'<span class="ab-dim">{alike} (step {r.step:,})</span>'
        f'<span class="ab-marks">{html.pair_marks(r.score.pairs)}</span></div>'
        f"{html.reward_bar(r.reward, best_reward)}{said}{body}</div>"
    )


def _groups(g: Groups) -> str:
    if not g.total:
        return ""
    equal = g.silent - g.all_solved - g.none_solved
    kinds = ", ".join(
        f"{n:,} {words}"
        for n, words in (
            (g.all_solved, "all solved"),
            (g.none_solved, "none solved"),
            (equal, "solved in part"),
        )
        if n
    )
    if not g.silent:
        return (
            f"<h3>Groups without a signal</h3><p>None: the rewards of each of the {g.total:,} "
            "groups differed.</p>"
        )
    return (
        f"<h3>Groups without a signal</h3><p>{g.silent:,} of {g.total:,} groups "
        f"({g.silent / g.total:.0%}) had equal rewards and moved nothing"
        f"{f': {kinds}' if kinds else ''}. In the first steps it was {g.early:.0%}, "
        f"in the last {g.late:.0%}.</p>"
    )


def _tasks(courses: Sequence[TaskCourse]) -> str:
    shown = courses[:MOST_TASKS]
    heads = ("Task", "Rollouts", "Solved, first", "last", "Reward, first", "last", "Silent groups")
    head = "".join(f'<th scope="col">{h}</th>' for h in heads)
    rows = "".join(
        f'<tr><th scope="row"><span class="ab-id">{escape(c.task_id)}</span></th>'
        f"<td>{c.rollouts:,}</td>"
        f"<td>{c.parts[0].solved:.0%}</td><td>{c.parts[-1].solved:.0%}</td>"
        f"<td>{signed(f'{c.parts[0].reward:.2f}')}</td>"
        f"<td>{signed(f'{c.parts[-1].reward:.2f}')}</td>"
        f"<td>{c.silent:.0%}</td></tr>"
        for c in shown
    )
    left = len(courses) - len(shown)
    more = f'<p class="ab-dim">{left:,} more tasks changed less.</p>' if left else ""
    return (
        '<h3>Tasks, those that changed most first</h3><div class="rp-scroll">'
        f'<table class="rp-table" aria-label="tasks"><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>{more}"
    )

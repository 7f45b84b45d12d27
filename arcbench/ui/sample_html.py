"""Pieces of the tab "Sample": the summary, the cards, and one completion in each of its views."""

import traceback
from html import escape

from arcbench.errors import UserError
from arcbench.policies.worker import WorkerCrashed
from arcbench.rollouts import Rollout
from arcbench.tasks import Task
from arcbench.ui import html, sample_compare, tokens_html
from arcbench.ui.sample_batch import EDITED, Batch, CardFilter, looked_at, rival, sifted
from arcbench.ui.sample_copy import as_test

DETAILS, TOKENS, BESIDE, TEST = VIEWS = ("details", "tokens", "side by side", "as a test")
KEYS = "j and k: next and previous · arrows: within the cards · c: keep to compare"
EMPTY = (
    "Choose a task and a policy above, and press Sample. A policy may also be typed: a model's "
    "folder, a run, a hub id (owner/name), or a server's address (http://host:port/v1). Each "
    "completion appears here as soon as its program has run."
)
NO_FIT = "No completion fits these filters. Take one of them away."


def name_of(rollout: Rollout) -> str:
    """What a completion is called on the page."""
    return "edited program" if rollout.index == EDITED else html.number(rollout)


def summary(batch: Batch) -> str:
    """How far the sampling is and how well it went."""
    if batch.task is None:
        return ""
    done = len(batch.rollouts)
    parts = [f"<b>{escape(batch.task.id)}</b>"]
    if batch.policy:
        parts.append(f'<span class="ab-ellipsis">{escape(batch.policy)}</span>')
    if done:
        programs = len({r.code for r in batch.rollouts if r.code is not None})
        reward = sum(r.reward.total for r in batch.rollouts) / done
        parts += [
            f"<span>{sum(r.solved for r in batch.rollouts)} of {done} solved</span>",
            f"<span>{programs} different program{'' if programs == 1 else 's'}</span>",
            f"<span>mean reward {reward:.2f}</span>",
        ]
        if done > 1 and len({r.reward.total for r in batch.rollouts}) == 1:
            parts.append('<span class="ab-dim">equal rewards: no advantage, no signal</span>')
    if batch.finished:
        early = f", stopped after {done} of {batch.wanted}" if done < batch.wanted else ""
        parts.append(f'<span class="ab-dim">{batch.seconds:.1f} s{early}</span>')
    elif done:
        width = 100 * done / batch.wanted
        parts.append(
            f'<span class="ab-dim">{done} of {batch.wanted} finished</span>'
            '<span class="ab-progress" aria-hidden="true">'
            f'<i style="width:{width:.0f}%"></i></span>'
        )
    else:
        first = " (the first time, the policy is loaded)" if batch.seconds > 1 else ""
        parts.append(f'<span class="ab-dim">sampling{first} … {batch.seconds:.0f} s</span>')
    return f'<div class="ab-summary" role="status">{"".join(parts)}</div>'


def cards(
    batch: Batch,
    order: str,
    wanted: CardFilter | None = None,
    chosen: int | None = None,
) -> str:
    """One card a completion that passes the filter; the open one is marked."""
    if not batch.rollouts:
        words = "The first completion is on its way …"
        if batch.finished:
            words = EMPTY if batch.task is None else "Stopped before the first completion."
        return html.note(words)
    found = sifted(batch, wanted or CardFilter(), order)
    own = sum(r.index != EDITED for r in found)
    count = ""
    if own < len(batch.rollouts):
        count = f'<p class="ab-dim ab-count" role="status">{own} of {len(batch.rollouts)} shown</p>'
    if not found:
        return html.note(NO_FIT)
    at = looked_at(batch, chosen)
    inner = "".join(
        html.card(r, batch.best_reward, name=name_of(r), current=r.index == at) for r in found
    )
    return (
        f'{count}<div class="ab-cards" data-keep="cards" role="group" aria-label="samples">'
        f'{inner}</div><p class="ab-dim ab-keys">{KEYS}</p>'
    )


def detail(batch: Batch, chosen: int | None, view: str = DETAILS, kept: int | None = None) -> str:
    """The completion that is open, in one of its views."""
    rollout = batch.by_index(looked_at(batch, chosen))
    if rollout is None or batch.task is None:
        if not batch.finished:
            return html.note("The first completion opens here by itself.")
        return html.note("Click a completion to see its program and what it drew.")
    marks = _mark(rollout.index) + ("" if batch.by_index(kept) is None else _kept(kept))
    if view == BESIDE:
        return marks + _beside(batch, batch.task, rollout, kept)
    if view == TOKENS:
        return marks + _framed(batch, rollout, tokens_html.page(rollout.completion, batch.policy))
    if view == TEST:
        return marks + _framed(batch, rollout, _test(batch, batch.task, rollout))
    code = "" if rollout.code is None else _copy(rollout.code, "Copy the program")
    tools = f'<p class="ab-tools">{code}{_copy(written_test(batch, rollout), "Copy as a test")}</p>'
    return marks + html.detail(batch.task, rollout, batch.best_reward, name_of(rollout), tools)


def keep_label(batch: Batch, chosen: int | None, kept: int | None) -> str:
    """What the button that keeps a completion would do."""
    rollout = batch.by_index(looked_at(batch, chosen))
    if rollout is None:
        return "Keep to compare"
    name = "the edit" if rollout.index == EDITED else html.number(rollout)
    return f"Let {name} go" if rollout.index == kept else f"Keep {name} to compare"


def program(batch: Batch, chosen: int | None) -> str:
    """The chosen completion's program, for the editor."""
    rollout = batch.by_index(chosen)
    return "" if rollout is None or rollout.code is None else rollout.code


def written_test(batch: Batch, rollout: Rollout) -> str:
    """The completion as a file for pytest."""
    if batch.task is None:
        raise UserError("sample a task first; then its completions can be copied as tests")
    name = f"completion {html.number(rollout)}" if rollout.index != EDITED else name_of(rollout)
    return as_test(rollout, batch.task, dataset=batch.dataset, split=batch.split, name=name)


def problem(error: UserError | RuntimeError) -> str:
    """What went wrong in plain words; what a process said on its way out only when asked for."""
    first, _, rest = str(error).strip().partition("\n")
    if isinstance(error, UserError):
        return html.note(f"{first}\n{rest}".strip(), "error")
    if isinstance(error, WorkerCrashed):
        first = (
            f"{first.rstrip(':')}. Mostly it lacked memory: take fewer completions or tokens, or a "
            "smaller model. It starts anew when Sample is pressed."
        )
    said = rest or "".join(traceback.format_exception(error))
    return (
        f'<div class="ab-note ab-note-error" role="alert">{escape(first)}'
        f"<details><summary>Technical details</summary><pre>{escape(said)}</pre></details></div>"
    )


def _mark(index: int) -> str:
    """A rule that marks the open card, so that the cards need not be sent again."""
    return (
        f'<style>.ab-card[data-index="{index}"]{{border-color:var(--color-accent)'
        " !important;box-shadow:inset 3px 0 0 var(--color-accent) !important}</style>"
    )


def _kept(index: int | None) -> str:
    return (
        f'<style>.ab-card[data-index="{index}"]{{border-style:dashed !important}}'
        f'.ab-card[data-index="{index}"] .ab-card-head::after{{content:"⇄ kept";'
        "font-weight:600;font-size:12px}</style>"
    )


def _framed(batch: Batch, rollout: Rollout, inner: str) -> str:
    return html.framed(rollout, batch.best_reward, name_of(rollout), inner)


def _test(batch: Batch, task: Task, rollout: Rollout) -> str:
    text = written_test(batch, rollout)
    return (
        '<p class="ab-dim">A file for pytest: it runs this program in the sandbox again and '
        "expects the same outcome and the same grids. Save it as "
        f"<code>test_{escape(task.id)}.py</code>.</p>"
        f'<p class="ab-tools">{_copy(text, "Copy as a test")}</p>'
        f'<pre class="ab-code ab-test-text">{html.highlight(text)}</pre>'
    )


def _beside(batch: Batch, task: Task, rollout: Rollout, kept: int | None) -> str:
    other = batch.by_index(rival(batch, rollout.index, kept))
    if other is None:
        return html.note("There is nothing to compare with yet: sample two completions or more.")
    how = (
        ""
        if other.index == kept
        else '<p class="ab-dim ab-facts">Compared with the best of the others. To compare with '
        "another one, open it and press Keep.</p>"
    )
    names = (name_of(other), name_of(rollout))
    return how + sample_compare.page(task, other, rollout, names, batch.best_reward)


def _copy(text: str, label: str) -> str:
    """A button that puts a text into the clipboard."""
    return (
        f'<button type="button" class="ab-copy" data-copy="{escape(text)}">'
        f'<span aria-live="polite">{label}</span></button>'
    )

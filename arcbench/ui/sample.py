"""Tab "Sample": draw completions for the chosen task and see what became of each."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from html import escape
from typing import Any

from arcbench.background import gathered
from arcbench.errors import UserError
from arcbench.policies.base import Policy, SamplingConfig
from arcbench.policies.worker import WorkerCrashed
from arcbench.rewards import scheme
from arcbench.rollouts import Rollout
from arcbench.tasks import Task
from arcbench.ui import html
from arcbench.ui.events import PICK_JS, number, warn, whole
from arcbench.ui.picker import Picker
from arcbench.workbench import Workbench

ORDERS = ("best first", "as they came")
TICK_S = 0.25
MAX_COMPLETIONS = 256  # on one page
EMPTY = "Choose a task above and press Sample. Each completion appears here as soon as it has run."


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """What one press of the button has brought so far."""

    task: Task | None = None
    wanted: int = 0
    seconds: float = 0.0
    finished: bool = True
    reward: str = ""  # the scheme
    best_reward: float = 1.0  # the highest that the scheme can give
    rollouts: tuple[Rollout, ...] = ()

    def by_index(self, index: int | None) -> Rollout | None:
        """The rollout with that index."""
        return next((r for r in self.rollouts if r.index == index), None)


def draw(
    bench: Workbench, policy: str | Policy, task: Task, config: SamplingConfig, reward: str
) -> Iterator[Batch]:
    """Sample and judge; yield the batch whenever it has grown, and as the clock goes on."""
    started = time.monotonic()
    best_reward = scheme(reward).range[1]
    batch = Batch(
        task=task, wanted=config.n, finished=False, reward=reward, best_reward=best_reward
    )
    yield batch
    make = partial(bench.sample, policy, task, config, reward=reward)
    for news in gathered(make, TICK_S):
        rollouts = (*batch.rollouts, *(rollout for _, rollout in news))
        batch = replace(batch, rollouts=rollouts, seconds=time.monotonic() - started)
        yield batch
    yield replace(batch, seconds=time.monotonic() - started, finished=True)


def summary(batch: Batch) -> str:
    """How far the sampling is and how well it went."""
    if batch.task is None:
        return ""
    done = len(batch.rollouts)
    parts = [f"<b>{escape(batch.task.id)}</b>"]
    if done:
        programs = len({r.code for r in batch.rollouts if r.code is not None})
        reward = sum(r.reward.total for r in batch.rollouts) / done
        parts += [
            f"<span>{sum(r.solved for r in batch.rollouts)} of {done} solved</span>",
            f"<span>{programs} different program{'' if programs == 1 else 's'}</span>",
            f"<span>mean reward {reward:.2f}</span>",
        ]
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
        parts.append(f'<span class="ab-dim">sampling{first} …</span>')
    return f'<div class="ab-summary" role="status">{"".join(parts)}</div>'


def cards(batch: Batch, order: str) -> str:
    """One card a completion."""
    if not batch.rollouts:
        words = "The first completion is on its way …"
        if batch.finished:
            words = EMPTY if batch.task is None else "Stopped before the first completion."
        return html.note(words)
    rollouts = list(batch.rollouts)
    if order == ORDERS[0]:
        rollouts.sort(key=lambda r: (-r.reward.total, r.index))
    inner = "".join(html.card(r, batch.best_reward) for r in rollouts)
    return f'<div class="ab-cards" role="group" aria-label="samples">{inner}</div>'


def detail(batch: Batch, chosen: int | None) -> str:
    """Everything about the chosen completion."""
    rollout = batch.by_index(chosen)
    if rollout is None or batch.task is None:
        return html.note("Click a completion to see its program and what it drew.")
    # The rule marks the card, so that the cards need not be sent again.
    mark = (
        f'<style>.ab-card[data-index="{rollout.index}"]{{border-color:var(--color-accent)'
        " !important;box-shadow:inset 3px 0 0 var(--color-accent) !important}</style>"
    )
    return mark + html.detail(batch.task, rollout, batch.best_reward)


def program(batch: Batch, chosen: int | None) -> str:
    """The chosen completion's program, for the editor."""
    rollout = batch.by_index(chosen)
    return "" if rollout is None or rollout.code is None else rollout.code


def best(batch: Batch) -> int | None:
    """The completion with the highest reward, the first of equals."""
    if not batch.rollouts:
        return None
    return min(batch.rollouts, key=lambda r: (-r.reward.total, r.index)).index


def rerun(bench: Workbench, batch: Batch, code: str) -> str:
    """Run an edited program on the batch's task and show what becomes of it."""
    if batch.task is None:
        raise UserError("sample a task first; then its programs can be edited and run again")
    rollout = bench.judge(batch.task, code, reward=batch.reward)
    return html.detail(batch.task, rollout, batch.best_reward, name="edited program")


def specs(bench: Workbench) -> list[str]:
    """The policies to offer: what was trained here after what was there before."""
    return [*bench.policies(), *bench.trained()]


def build(bench: Workbench, picker: Picker) -> None:
    """Lay out the tab and wire it."""
    import gradio as gr

    batch_state = gr.State(Batch())
    chosen_state = gr.State(None)  # the index that the reader clicked
    with gr.Row(elem_id="ab-sample-form"):
        policy = gr.Dropdown(
            specs(bench),
            value=bench.policies()[0],
            label="Policy",
            allow_custom_value=True,
            min_width=170,
            scale=2,
            elem_id="ab-policy",
        )
        count = gr.Number(8, label="Completions", precision=0, min_width=100)
        heat = gr.Number(0.8, label="Temperature", step=0.1, min_width=100)
        limit = gr.Number(192, label="Max new tokens", precision=0, min_width=120)
        seed = gr.Number(0, label="Seed", precision=0, min_width=80)
        reward = gr.Dropdown(
            list(bench.rewards()),
            value=bench.reward.name,
            label="Reward",
            min_width=135,
            elem_id="ab-reward",
        )
        go = gr.Button("Sample", variant="primary", min_width=110, scale=0, elem_id="ab-go")
        halt = gr.Button("Stop", min_width=80, scale=0, interactive=False, elem_id="ab-halt")
    with gr.Row():
        numbers = gr.HTML(summary(Batch()), elem_id="ab-summary")
        order = gr.Radio(
            list(ORDERS), value=ORDERS[0], show_label=False, container=False, scale=0, min_width=250
        )
    with gr.Row():
        with gr.Column(scale=5, min_width=380):
            listed = gr.HTML(cards(Batch(), ORDERS[0]), js_on_load=PICK_JS, elem_id="ab-cards")
        with gr.Column(scale=9, min_width=520):
            opened = gr.HTML(detail(Batch(), None), elem_id="ab-detail")
            with gr.Accordion("Edit the program and run it again", open=False, elem_id="ab-edit"):
                editor = gr.Code(language="python", show_label=False, max_lines=24)
                again = gr.Button("Run in the sandbox", size="sm", elem_id="ab-again")

    def run(
        dataset: str,
        split: str,
        task_id: str | None,
        spec: str,
        n: float | None,
        temperature: float | None,
        max_new_tokens: float | None,
        start_seed: float | None,
        scheme_name: str,
        by: str,
    ) -> Iterator[Any]:
        try:
            if not task_id:
                raise UserError("choose a task first")
            task = bench.tasks(dataset, split).task(task_id)
            config = SamplingConfig(
                n=whole(n, "Completions", 1, MAX_COMPLETIONS),
                temperature=number(temperature, "Temperature", 0, 10),
                max_new_tokens=whole(max_new_tokens, "Max new tokens", 1),
                seed=whole(start_seed, "Seed", 0),
            )
            shown = -1
            for batch in draw(bench, spec, task, config, scheme_name):
                grown, first = len(batch.rollouts) != shown, shown < 1 <= len(batch.rollouts)
                index = batch.rollouts[0].index if batch.rollouts else None
                # The first completion opens by itself; after that the reader chooses.
                open_it, fresh = first or shown < 0, shown < 0
                shown = len(batch.rollouts)
                yield (
                    batch,
                    None if fresh else gr.skip(),
                    summary(batch),
                    cards(batch, by) if grown else gr.skip(),
                    detail(batch, index) if open_it else gr.skip(),
                    gr.Button(interactive=batch.finished),
                    gr.Button(interactive=not batch.finished),
                )
        except (UserError, WorkerCrashed) as error:
            warn(error)
            yield (*[gr.skip()] * 5, gr.Button(interactive=True), gr.Button(interactive=False))

    def stopped(batch: Batch, by: str) -> Any:
        kept = replace(batch, finished=True)
        return (
            kept,
            summary(kept),
            cards(kept, by),
            gr.Button(interactive=True),
            gr.Button(interactive=False),
        )

    def pick(batch: Batch, event: gr.EventData) -> Any:
        index = int(event.index)
        return index, detail(batch, index), program(batch, index)

    def settle(batch: Batch, chosen: int | None) -> Any:
        if chosen is not None:
            return gr.skip(), gr.skip()
        return detail(batch, best(batch)), program(batch, best(batch))

    def repeat(batch: Batch, code: str) -> Any:
        try:
            return rerun(bench, batch, code)
        except UserError as error:
            warn(error)
            return gr.skip()

    # Runs end while the page is open.
    policy.focus(lambda: gr.Dropdown(specs(bench)), None, policy, show_progress="hidden")
    running = go.click(
        run,
        [*picker.inputs, policy, count, heat, limit, seed, reward, order],
        [batch_state, chosen_state, numbers, listed, opened, go, halt],
        show_progress="hidden",
    )
    halt.click(
        stopped,
        [batch_state, order],
        [batch_state, numbers, listed, go, halt],
        cancels=[running],
        show_progress="hidden",
    )
    running.then(settle, [batch_state, chosen_state], [opened, editor], show_progress="hidden")
    again.click(repeat, [batch_state, editor], opened, show_progress="hidden")
    listed.click(pick, batch_state, [chosen_state, opened, editor], show_progress="hidden")
    order.change(cards, [batch_state, order], listed, show_progress="hidden")

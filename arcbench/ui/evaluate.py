"""Tab "Evaluate": measure policies, compare them, and make a submission of what they drew."""

import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from arcbench import jobs
from arcbench.errors import UserError
from arcbench.evaluation import EvalConfig
from arcbench.evaluation.compare import compare
from arcbench.evaluation.store import EvalStore
from arcbench.remembered import stamp
from arcbench.submission.build import Source, build_submission, write_submission
from arcbench.submission.challenges import read_challenges
from arcbench.submission.gather import gather
from arcbench.submission.validate import validate_submission
from arcbench.ui import evaluate_html, html
from arcbench.ui.evaluate_html import EvalLine
from arcbench.ui.events import (
    LOOK,
    PICK_JS,
    QUIET,
    guarded,
    noted,
    number,
    picked,
    say_which,
    whole,
)
from arcbench.ui.picker import Picker
from arcbench.ui.sample_form import specs
from arcbench.workbench import Workbench

TICK_S = 3.0
NO_EVALUATION = "Choose an evaluation above."
CHALLENGES = "Challenges of the competition (JSON) …"
MINE = "A submission to check (JSON) …"

VIEWS = ("figures", "comparison", "submission")


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluateTab:
    """The components of the tab that an address sets."""

    evaluation: Any  # gr.Dropdown of str
    other: Any  # gr.Dropdown of str: what it is compared with
    view: Any  # the inner tab that is shown, one of VIEWS, as a hidden gr.Textbox


def lines(bench: Workbench) -> list[EvalLine]:
    """What the table says of each evaluation, the newest first; read again where files changed."""
    return [_line(bench, store) for store in bench.evaluations()]


def _line(bench: Workbench, store: EvalStore) -> EvalLine:
    status = store.path / "status.json"
    known = bench.remembered.get(("status", store.path), store.status, status)
    config, info = store.path / "config.json", store.path / "info.json"
    return EvalLine(
        name=store.name,
        # A process may be gone without a word in the file.
        status=known if known.state.over else store.status(),
        config=bench.remembered.get(("config", store.path), lambda: _config(store), config),
        created=info.stat().st_mtime,
        results=bench.results(store.name),
    )


def _config(store: EvalStore) -> EvalConfig | None:
    try:
        return store.config()
    except UserError:  # of another version: its name and figures can be shown all the same
        return None


def figures(bench: Workbench, name: str) -> str:
    """An evaluation's figures."""
    if not name:
        return html.note(NO_EVALUATION)
    results = bench.results(name)
    if results is None:
        status = bench.evaluation(name).status()
        if status.state.over:
            return html.note(f"It has no figures: {status.reason or status.state.value}.", "error")
        return html.note("The figures come when all samples are judged.", "busy")
    return evaluate_html.figures(results)


def charts(bench: Workbench, name: str) -> str:
    """pass@k over k, and the pass rate of each task."""
    from arcbench import plots, plots_evaluation

    results = bench.results(name) if name else None
    if results is None:
        return ""
    curve = plots_evaluation.pass_at_k_curve({"": results})
    bars = plots_evaluation.task_bars(results)
    return (
        f'<div class="ab-charts">{plots.figure_svg(curve, f"pass@k of {name}")}'
        f"{plots.figure_svg(bars, f'pass rates of the tasks of {name}')}</div>"
    )


def compared(bench: Workbench, first: str, second: str) -> str:
    """How the second evaluation differs from the first."""
    from arcbench import plots, plots_evaluation

    if not first or not second:
        return html.note("Choose two evaluations to see what changed from the one to the other.")
    a, b = bench.results(first), bench.results(second)
    for name, results in ((first, a), (second, b)):
        if results is None:
            return html.note(f"{name} has no figures yet.")
    assert a is not None
    assert b is not None
    found = compare(a, b, rng=np.random.default_rng(0), names=(first, second))
    chart = plots.figure_svg(
        plots_evaluation.before_against_after(found), f"pass rates of {first} against {second}"
    )
    return f'{evaluate_html.comparison(found)}<div class="ab-charts">{chart}</div>'


def start(
    bench: Workbench,
    dataset: str,
    split: str,
    task_id: str | None,
    *,
    policy: str,
    only: bool,
    samples: float | None,
    views: float | None,
    temperature: float | None,
    max_new_tokens: float | None,
    seed: float | None,
) -> str:
    """Evaluate in the background, all tasks or the chosen one; the evaluation's name."""
    if only and not task_id:
        raise UserError("choose a task first")
    if not policy:
        raise UserError("choose a policy first")
    config = EvalConfig(
        policy=policy,
        dataset=dataset,
        split=split or None,
        tasks=(str(task_id),) if only else (),
        n=whole(samples, "Samples a task", 1),
        views=whole(views, "Views", 1),
        temperature=number(temperature, "Temperature", 0, 10),
        max_new_tokens=whole(max_new_tokens, "Max new tokens", 1),
        seed=whole(seed, "Seed", 0),
    )
    return bench.start_evaluation(config)


def submission(
    bench: Workbench, name: str, challenges: str | None, folder: Path | None = None
) -> tuple[str, str | None]:
    """Build the submission for an uploaded file of challenges; words, and the file to download.

    It is written into the evaluation's folder, and into `folder` for the download.
    """
    if not name:
        return html.note(NO_EVALUATION), None
    if not challenges:
        return html.note("Upload the competition's challenges (a JSON file) first."), None
    wanted = read_challenges(Path(challenges))
    store = bench.evaluation(name)
    found = gather(store, wanted)
    built = build_submission(wanted, found.ballots)
    write_submission(store.path / "submission.json", built)
    copy = None if folder is None else folder / f"{store.name}-submission.json"
    if copy is not None:
        write_submission(copy, built)
    words = [
        f"{len(built.tasks)} tasks, {built.num_test_inputs} test inputs, two attempts each.",
        f"{built.count(Source.RIGHT)} by a program that is right on all train pairs, "
        f"{built.count(Source.PARTIAL)} by one that is not, {built.count(Source.FALLBACK)} by a "
        "guess: no program drew a grid.",
    ]
    if found.unjudged:
        words.append(f"{found.unjudged:,} samples are not judged yet.")
    return html.note(" ".join(words)), None if copy is None else str(copy)


def checked(challenges: str | None, file: str | None) -> str:
    """Every defect of an uploaded submission, or that it has none."""
    if not challenges or not file:
        return html.note("Upload the challenges and a submission to check it.")
    wanted = read_challenges(Path(challenges))
    report = validate_submission(Path(file), wanted.num_tests)
    if report.valid:
        return html.note(f"✓ valid: {len(wanted.num_tests)} tasks, {wanted.num_test_inputs} inputs")
    named = "".join(html.note(str(defect), "error") for defect in report.defects)
    return f"{html.note(f'✗ not valid, {report.total:,} defects', 'warning')}{named}"


def named(label: str, file: str | None) -> str:
    """What the button of an upload says: the file that it holds."""
    return label if file is None else f"{label.partition(' (')[0]}: {Path(file).name}"


def relabelled(label: str, file: str | None) -> Any:
    """The button of an upload, saying which file it holds."""
    import gradio as gr

    return gr.UploadButton(named(label, file))


def build(bench: Workbench, picker: Picker, tab: Any) -> EvaluateTab:
    """Lay out the tab and wire it; it is filled when it is first looked at."""
    import gradio as gr

    timer = gr.Timer(TICK_S, active=False)
    scratch = tempfile.TemporaryDirectory(prefix="arcbench-submission-")
    with gr.Row(elem_id="ab-eval-form"):
        policy = gr.Dropdown(
            specs(bench), value=bench.policies()[0], label="Policy", allow_custom_value=True,
            min_width=170, scale=2, elem_id="ab-eval-policy",
        )  # fmt: skip
        count = gr.Number(16, label="Samples a task", precision=0, min_width=100)
        views = gr.Number(1, label="Views", precision=0, min_width=70)
        heat = gr.Number(0.8, label="Temperature", step=0.1, min_width=90)
        limit = gr.Number(192, label="Max new tokens", precision=0, min_width=110)
        seed = gr.Number(0, label="Seed", precision=0, min_width=70)
        only = gr.Checkbox(False, label="only the chosen task", min_width=120)
        go = gr.Button("Evaluate", variant="primary", min_width=110, scale=0, elem_id="ab-eval-go")
    listed = gr.HTML(
        evaluate_html.evaluation_table([], 0.0), js_on_load=PICK_JS, elem_id="ab-evals"
    )
    with gr.Row(elem_id="ab-eval-row"):
        chosen = gr.Dropdown([], label="Evaluation", min_width=240, elem_id="ab-eval")
        other = gr.Dropdown([], label="Compare with (before)", min_width=240, elem_id="ab-eval-b")
        halt = gr.Button("Stop", interactive=False, min_width=80, scale=0, elem_id="ab-eval-stop")
    view = gr.Textbox("", visible="hidden")
    with gr.Tabs(elem_id="ab-eval-views"):
        with gr.Tab("Figures", id="figures") as in_figures, gr.Row():
            with gr.Column(scale=4, min_width=300):
                shown = gr.HTML(html.note(NO_EVALUATION), elem_id="ab-eval-figures")
            with gr.Column(scale=8, min_width=480):
                drawn = gr.HTML("", elem_id="ab-eval-charts")
        with gr.Tab("Comparison", id="comparison") as in_comparison:
            change = gr.HTML(compared(bench, "", ""), elem_id="ab-comparison")
        with gr.Tab("Submission", id="submission") as in_submission, gr.Row():
            with gr.Column():
                challenges = gr.UploadButton(
                    CHALLENGES, file_types=[".json"], size="sm", elem_id="ab-challenges"
                )
                make = gr.Button("Build the submission", variant="primary", elem_id="ab-submit")
                built = gr.HTML(submission(bench, "", None)[0], elem_id="ab-submitted")
                take = gr.DownloadButton(
                    "Download submission.json", interactive=False, elem_id="ab-take"
                )
            with gr.Column():
                mine = gr.UploadButton(MINE, file_types=[".json"], size="sm", elem_id="ab-mine")
                report = gr.HTML(checked(None, None), elem_id="ab-checked")
    say_which(dict(zip(VIEWS, (in_figures, in_comparison, in_submission), strict=True)), view)

    def fill(current: str | None, seen: str) -> Any:
        found = lines(bench)
        names = [line.name for line in found]
        kept = current in names
        live = any(not line.status.state.over for line in found)
        table = evaluate_html.evaluation_table(found, time.time())
        choices = gr.Dropdown(names) if kept else gr.Dropdown(names, value=next(iter(names), None))
        # What stands there already is not sent again: a table that is replaced loses its focus.
        same = table == seen
        return (
            gr.skip() if same else table,
            gr.skip() if same and kept else choices,
            gr.skip() if same else gr.Dropdown(names),
            gr.Timer(active=live),
            table,
        )

    def choose(name: str | None, drawn: str) -> Any:
        def all_of_it() -> Any:
            store = bench.evaluation(name) if name else None
            live = store is not None and not store.status().state.over
            now = "" if store is None else f"{name} {live} {stamp(store.path / 'results.json')}"
            if now == drawn:
                return (gr.skip(),) * 4
            pieces = figures(bench, name or ""), charts(bench, name or "")
            return *pieces, gr.Button(interactive=live), now

        return guarded(all_of_it)

    def begin(
        dataset: str, split: str, task_id: str | None, spec: str, one: bool, *rest: Any
    ) -> Any:
        def started() -> Any:
            n, v, t, tokens, first = rest
            name = start(
                bench, dataset, split, task_id, policy=spec, only=one, samples=n, views=v,
                temperature=t, max_new_tokens=tokens, seed=first,
            )  # fmt: skip
            return gr.Dropdown([store.name for store in bench.evaluations()], value=name)

        return guarded(started)

    def end(name: str | None) -> Any:
        if name:
            guarded(lambda: jobs.stop(bench.evaluation(name)))
        return gr.Button(interactive=False)

    def submit(name: str | None, uploaded: str | None) -> Any:
        def made() -> Any:
            words, file = submission(bench, name or "", uploaded, Path(scratch.name))
            return words, gr.DownloadButton(value=file, interactive=file is not None)

        return guarded(made)

    begun = go.click(
        begin, [*picker.inputs, policy, only, count, views, heat, limit, seed], chosen, **QUIET
    )
    stood = gr.State("")  # the table as it was sent last
    drawn_of = gr.State("")  # what the figures were drawn of
    panels = [shown, drawn, halt, drawn_of]
    refreshed = [listed, chosen, other, timer, stood]
    begun.then(fill, [chosen, stood], refreshed, **LOOK)
    refresh = gr.on([tab.select, timer.tick], fill, [chosen, stood], refreshed, **LOOK)
    refresh.then(choose, [chosen, drawn_of], panels, **QUIET)
    policy.focus(lambda: gr.Dropdown(specs(bench)), None, policy, **LOOK)

    listed.click(None, None, chosen, js=picked("ab-evals", "run"))
    chosen.change(choose, [chosen, drawn_of], panels, **QUIET)
    gr.on(
        [chosen.change, other.change],
        lambda b, a: noted(compared, bench, a or "", b or ""), [chosen, other], change, **LOOK,
    )  # fmt: skip
    halt.click(end, chosen, halt, **QUIET).then(fill, [chosen, stood], refreshed, **LOOK)
    make.click(submit, [chosen, challenges], [built, take], **QUIET)
    gr.on(
        [challenges.upload, mine.upload],
        lambda a, b: guarded(checked, a, b), [challenges, mine], report, **QUIET,
    )  # fmt: skip
    for button, label in ((challenges, CHALLENGES), (mine, MINE)):
        button.upload(partial(relabelled, label), button, button, **LOOK)
    return EvaluateTab(evaluation=chosen, other=other, view=view)

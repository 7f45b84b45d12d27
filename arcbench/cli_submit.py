"""The commands that make, check and score the file for ARC Prize's Kaggle competition."""

import sys
from collections.abc import Sequence
from pathlib import Path

import tyro
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from arcbench.errors import UserError
from arcbench.evaluation.config import EvalConfig
from arcbench.evaluation.store import EvalStore
from arcbench.policies import Engine
from arcbench.submission import (
    Ballots,
    Challenges,
    Source,
    Submission,
    build_submission,
    read_challenges,
    read_solutions,
    score_submission,
    validate_submission,
    write_submission,
)

OUT = Console(soft_wrap=True, highlight=False)
ERR = Console(stderr=True, soft_wrap=True, highlight=False)

_MOST_IDS = 6  # that a line names


def submit(
    evaluation: tyro.conf.Positional[Path],
    /,
    challenges: Path,
    out: Path = Path("submission.json"),
    policy: str | None = None,
    adapter: str | None = None,
    engine: Engine | None = None,
    template: str | None = None,
    n: int | None = None,
    views: int | None = None,
    temperature: float | None = None,
    top_p: float | None = None,
    max_new_tokens: int | None = None,
    seed: int | None = None,
    timeout_s: float | None = None,
    workers: int | None = None,
    minutes: float | None = None,
    memory_gb: float | None = None,
) -> None:
    """Make the submission of an evaluation; with --policy, of one that is run here and now.

    The file has two attempts for every test input of every challenge, whatever happens: where no
    program drew a grid, a guess by the shapes of the task. Without --policy it is built from the
    judged samples that are there, also while the evaluation runs or after it was killed.

    With --policy the evaluation is run, or gone on with, on the challenges: a whole file is there
    before the policy is loaded, and is replaced by better ones every few seconds. It ends before
    --minutes are over, counted from the start of this process, and within --memory-gb.

    Args:
        evaluation: the folder of an evaluation; with --policy it is made if it is not there.
        challenges: Kaggle's file of challenges.
        out: the file to hand in.
        policy: embedded, barc, a folder or hub id, the folder of a run (its newest checkpoint) or
            of an adapter, or addresses of servers (http://host:port/v1,http://…).
        adapter: a run or a folder whose LoRA adapter is put on top of the policy.
        engine: what runs the policy here; auto (default) takes the fastest that is installed.
        template: a template's name or TOML file; left out, that of the policy, else arcbench.
        n: samples a task, 64 by default.
        views: show each task turned, recoloured and reordered in so many ways, 1 by default.
        temperature: 0.8 by default; 0 is greedy.
        top_p: share of the likeliest tokens that are drawn from, 1 by default.
        max_new_tokens: longer completions are cut, 192 by default.
        seed: of the sampling and of the views, 0 by default.
        timeout_s: wall clock for one program on all its inputs, 5 by default.
        workers: processes that run programs; one a core where it is left out.
        minutes: the wall clock that there is; without it all n samples are drawn.
        memory_gb: main memory (GiB) for this process and its children, e.g. 28 of a machine's 30.
    """
    settings = {
        "adapter": adapter, "engine": engine, "template": template, "n": n, "views": views,
        "temperature": temperature, "top_p": top_p, "max_new_tokens": max_new_tokens,
        "seed": seed, "timeout_s": timeout_s,
    }  # fmt: skip
    settings = {name: value for name, value in settings.items() if value is not None}
    wanted = _read_challenges(challenges)
    if policy is None:
        rest = {"workers": workers, "minutes": minutes, "memory_gb": memory_gb}
        for name in [*settings, *(n for n, value in rest.items() if value is not None)]:
            raise UserError(f"--{name.replace('_', '-')} does nothing without --policy")
        _build(evaluation, wanted, out)
    else:
        _run(
            evaluation, wanted, out, {"policy": policy, **settings},
            workers=workers, minutes=minutes, memory_gb=memory_gb,
        )  # fmt: skip


def _read_challenges(path: Path) -> Challenges:
    found = read_challenges(path)
    for problem in found.problems:
        ERR.print(f"cannot be read, so it gets a guess: {problem}", markup=False, style="yellow")
    return found


def _build(evaluation: Path, challenges: Challenges, out: Path) -> None:
    from arcbench.submission.gather import gather

    store = EvalStore.open(evaluation)
    found = gather(store, challenges)
    submission = build_submission(challenges, found.ballots)
    _write(out, submission)
    for ids, what in (
        (found.others, "not among the challenges, so of no use here"),
        (found.changed, "other grids in the evaluation, whose samples do not count"),
    ):
        if ids:
            ERR.print(f"{what}: {_named(ids)}", markup=False, style="yellow")
    if found.uncompared:
        told = f"only the ids of the tasks were compared: {found.uncompared}"
        ERR.print(told, markup=False, style="yellow")
    status = store.status()
    OUT.print(
        f"{store.path}: {found.samples:,} judged samples of {store.config().policy}"
        + ("" if status.state.value == "finished" else f"; the evaluation is {status.state.value}"),
        markup=False,
    )
    if found.unjudged:
        OUT.print(
            f"  {found.unjudged:,} more are drawn, not judged: arcbench eval --resume {store.path}",
            markup=False,
        )
    _tell(out, submission, found.ballots)


def _run(
    evaluation: Path,
    challenges: Challenges,
    out: Path,
    settings: dict[str, object],
    *,
    workers: int | None,
    minutes: float | None,
    memory_gb: float | None,
) -> None:
    from arcbench.sandbox.pool import usable_cores
    from arcbench.submission.guard import process_started
    from arcbench.submission.live import LiveSubmission
    from arcbench.submission.run import Clock, CompetitionRun, judged_before

    # A mistake in the settings must not cost the file that the competition asks for.
    if out.is_file() and validate_submission(out, challenges.num_tests).valid:
        OUT.print(
            f"{out}: a valid file is there; it stays until there is a better one", markup=False
        )
    else:
        _write(out, build_submission(challenges, Ballots()))
        OUT.print(
            f"{out}: valid from now on; {len(challenges.num_tests)} tasks, a guess for each",
            markup=False,
        )
    clock = None if minutes is None else Clock(started=process_started(), minutes=minutes)
    if memory_gb is not None and memory_gb <= 0:
        raise UserError(f"--memory-gb must be positive, not {memory_gb:g}")
    if workers is not None and workers < 1:
        raise UserError(f"--workers must be at least 1, not {workers}")
    config = EvalConfig(dataset=str(challenges.path.resolve()), **settings).resolved()  # type: ignore[arg-type]
    store = EvalStore.start(evaluation.parent, evaluation.name, config)
    live = LiveSubmission(out, challenges, views=config.views, known=judged_before(store))

    def finish() -> None:
        _tell(out, live.latest, live.ballots, live.trouble)

    run = CompetitionRun(
        config=config,
        store=store,
        live=live,
        clock=clock,
        memory_bytes=None if memory_gb is None else int(memory_gb * 2**30),
        workers=workers or usable_cores(),
        say=lambda message: OUT.print(message, markup=False, style="yellow"),
        finish=finish,
    )
    run.run()
    finish()
    if live.trouble:
        sys.exit(1)


def _write(out: Path, submission: Submission) -> None:
    try:
        write_submission(out, submission)
    except OSError as error:
        raise UserError(f"{out} cannot be written: {error.strerror}") from error


def _tell(out: Path, submission: Submission, ballots: Ballots, trouble: str = "") -> None:
    """What the file has."""
    tasks = submission.tasks
    if trouble:
        ERR.print(f"error: {trouble}; an older whole file is there", markup=False, style="red")
    else:
        OUT.print(
            f"{out}: {len(tasks)} tasks, {submission.num_test_inputs} test inputs, 2 attempts each",
            markup=False,
        )
    width = len(str(len(tasks)))
    for source, what in (
        (Source.RIGHT, "by a program that is right on all train pairs"),
        (Source.PARTIAL, "by programs that are not, or not for all test inputs"),
        (Source.FALLBACK, "by a guess from their shapes: no program drew a grid"),
    ):
        OUT.print(f"  {submission.count(source):{width}} {what}", markup=False)
    if unsampled := [task_id for task_id in tasks if not ballots.samples(task_id)]:
        OUT.print(f"no sample of {_named(unsampled)}", markup=False)
    sys.stdout.flush()


def _named(ids: Sequence[str]) -> str:
    """How many tasks, and the first of them by id."""
    if len(ids) == 1:
        return f"task {ids[0]}"
    more = f" and {len(ids) - _MOST_IDS} more" if len(ids) > _MOST_IDS else ""
    return f"{len(ids)} tasks: {', '.join(ids[:_MOST_IDS])}{more}"


def validate(
    file: tyro.conf.Positional[Path],
    /,
    challenges: Path,
    solutions: Path | None = None,
    per_task: bool = False,
    most: int = 50,
) -> None:
    """Check a submission against its challenges; with --solutions, tell its score as well.

    Every defect is named with its place. Exit code 1 where there is one.

    Args:
        file: the submission.
        challenges: Kaggle's file of challenges that it answers.
        solutions: Kaggle's file of solutions of these challenges.
        per_task: print a line for each task: how many of its test outputs are right.
        most: so many defects are named, all are counted.
    """
    if per_task and solutions is None:
        raise UserError("--per-task needs --solutions: it shows which tasks are right")
    wanted = read_challenges(challenges)
    answers = None if solutions is None else read_solutions(solutions, challenges)
    report = validate_submission(file, wanted.num_tests, limit=max(1, most))
    for defect in report.defects:
        OUT.print(str(defect), markup=False)
    if not report.valid:
        if more := report.total - len(report.defects):
            OUT.print(f"… and {more:,} more", markup=False)
        count = f"{report.total:,} defect{'' if report.total == 1 else 's'}"
        OUT.print(f"{file}: not valid, {count}", markup=False, style="red")
        sys.exit(1)
    OUT.print(
        f"{file}: valid; {len(wanted.num_tests)} tasks, {wanted.num_test_inputs} test inputs",
        markup=False,
        style="green",
    )
    if answers is None:
        return
    score = score_submission(report.content, answers)
    if per_task:
        table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        table.add_column("task")
        table.add_column("right test outputs", justify="right")
        for task_id, right in score.right.items():
            style = "green" if all(right) else "yellow" if any(right) else "dim"
            table.add_row(task_id, f"{sum(right)}/{len(right)}", style=style)
        OUT.print(table)
    OUT.print(
        f"score {score.score:.2%} (mean over {len(score.right)} tasks of the share of right "
        f"outputs)\nwhole tasks right: {score.whole_tasks} of {len(score.right)}\n"
        f"test outputs right: {score.right_outputs} of {score.num_outputs} "
        f"({score.output_rate:.2%})",
        markup=False,
    )

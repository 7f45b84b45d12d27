"""What stands below a task: how long its prompt is, and the programs that are known to solve it."""

from html import escape
from urllib.parse import urlencode

from arcbench.errors import UserError
from arcbench.solutions import Solution
from arcbench.ui import html
from arcbench.workbench import Workbench

NONE_KNOWN = (
    "No program on this machine solves this task yet. Those that do in a run or an evaluation are "
    "listed here."
)


def token_counts(bench: Workbench, dataset: str, split: str, task_id: str | None) -> str:
    """The length of the prompt by each tokenizer that is here."""
    if not task_id:
        return html.note("No task is chosen.")
    try:
        messages = bench.prompt(bench.tasks(dataset, split).task(task_id))
        counts = {name: bench.count_tokens(name, messages) for name in bench.tokenizers()}
    except UserError as error:
        return html.note(str(error), "error")
    told = "".join(
        f'<span class="ab-num"><b>{count:,}</b> tokens by {escape(name)}</span>'
        for name, count in counts.items()
    )
    return f'<p class="ab-nums ab-tokens" role="status">{told}</p>'


def programs(bench: Workbench, dataset: str, split: str, task_id: str | None) -> str:
    """The programs that solve the task, each with a link to where it was found."""
    if not task_id:
        return html.note("No task is chosen.")
    try:
        bench.tasks(dataset, split).task(task_id)
        found = bench.solutions(task_id, dataset)
    except UserError as error:
        return html.note(str(error), "error")
    if not found:
        return html.note(NONE_KNOWN)
    return "".join(_program(solution) for solution in found)


def _program(solution: Solution) -> str:
    times = f", {solution.times:,} times" if solution.times > 1 else ""
    view = " · for the task turned, mirrored or recoloured" if solution.augmented else ""
    return (
        f'<section class="ab-known-program"><p class="ab-dim">{origin(solution)}{times}{view}</p>'
        f"{html.code_block(solution.code)}</section>"
    )


def origin(solution: Solution) -> str:
    """Where a program came from, as a link where the app can show it."""
    name = escape(solution.name)
    if solution.kind == "shipped":
        return f"comes with arcbench: <code>{name}</code>"
    if solution.kind == "evaluation":
        return f"evaluation {_link(name, {'tab': 'evaluate', 'eval': solution.name})}"
    at = {"tab": "runs", "view": "rollouts", "rollout": f"{solution.name}/{solution.place}"}
    step = solution.place.partition(".")[0]
    return f"run {_link(f'{name}, step {step}', at)}"


def _link(words: str, query: dict[str, str]) -> str:
    return f'<a href="?{escape(urlencode(query))}">{words}</a>'

"""The form of the tab "Train": its fields, what is wrong with them in plain words, its settings."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from arcbench.errors import UserError
from arcbench.policies.sources import is_server, resolve, run_of
from arcbench.rewards import scheme
from arcbench.runs import RunStore
from arcbench.training.config import (
    DataConfig,
    EngineConfig,
    GrpoConfig,
    LengthConfig,
    LoraConfig,
    MeasureConfig,
    PolicyConfig,
    TrainConfig,
    TransformersEngine,
    VllmAdapters,
    VllmColocate,
    VllmServer,
    overfit_config,
)
from arcbench.ui.events import number, whole
from arcbench.workbench import Workbench

CHOSEN, NAMED, ALL = "chosen task", "tasks by id", "whole data set"
SCOPES = (CHOSEN, NAMED, ALL)
WEIGHTS, ADAPTER = "all weights", "an adapter (LoRA)"
METHODS = (WEIGHTS, ADAPTER)
ENGINES = {
    "trainer itself": "transformers",
    "vLLM on the same GPU": "vllm-colocate",
    "a server, adapters by name": "vllm-adapters",
    "a vLLM server, all weights": "vllm-server",
}
WITH_SERVER = ("vllm-adapters", "vllm-server")
SHORT_STEPS = 100  # runs up to so many steps leave a checkpoint each 10, longer ones each 50
MAX_SHOWN = 5  # unknown ids that are named


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """What stands in the fields, as it is."""

    dataset: str = "arc-agi-1"
    split: str = "training"
    task: str | None = None  # that is chosen at the head of the page
    scope: str = CHOSEN
    ids: str = ""
    policy: str = "embedded"
    method: str = WEIGHTS
    engine: str = "transformers"
    steps: float | None = 30
    group: float | None = 16
    rate: str = "1e-4"
    reward: str = "arc25-v2"
    tokens: float | None = 96
    rank: float | None = 16
    prompts: float | None = 1
    url: str = "http://127.0.0.1:8000"
    measured: float | None = 32
    seed: float | None = 0


def form_of(values: Sequence[Any]) -> Form:
    """The fields' values, in the order of `Form`."""
    return Form(**dict(zip((f.name for f in fields(Form)), values, strict=True)))


class FormError(UserError):
    """What is wrong, field by field."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def policies(bench: Workbench) -> list[str]:
    """The policies to offer: what was trained here after what was there before."""
    return [*bench.policies(), *bench.trained()]


def first_form(bench: Workbench) -> Form:
    """The fields as they are before anybody has changed one."""
    config: TrainConfig = bench.overfit_defaults()
    return Form(
        policy=bench.policies()[0],
        steps=config.steps,
        group=config.grpo.num_generations,
        rate=f"{config.grpo.learning_rate:g}",
        reward=config.reward.name,
        tokens=config.lengths.max_completion_tokens,
        measured=config.measure.samples,
        seed=config.seed,
    )


def settings(bench: Workbench, form: Form) -> TrainConfig:
    """The run that the form asks for. FormError with everything that is wrong with it."""
    readers: dict[str, Callable[[], Any]] = {
        "steps": lambda: whole(form.steps, "Steps", 1),
        "group": lambda: whole(form.group, "Group size", 2, 1024),
        "prompts": lambda: whole(form.prompts, "Prompts a step", 1),
        "rate": lambda: _rate(form.rate),
        "tokens": lambda: whole(form.tokens, "Max new tokens", 1),
        "measured": lambda: whole(form.measured, "Measured samples", 0),
        "seed": lambda: whole(form.seed, "Seed", 0),
        "reward": lambda: scheme(form.reward),
        "data": lambda: _data(bench, form),
        "policy": lambda: _policy(form),
        "engine": lambda: _engine(form),
    }
    problems: list[str] = []
    found: dict[str, Any] = {}
    for name, read in readers.items():
        try:
            found[name] = read()
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise FormError(problems)
    try:
        return replace(
            overfit_config(""),
            **{
                name: found[name]
                for name in ("steps", "seed", "reward", "data", "policy", "engine")
            },
            checkpoint_every=10 if found["steps"] <= SHORT_STEPS else 50,
            grpo=GrpoConfig(
                num_generations=found["group"],
                prompts_per_step=found["prompts"],
                learning_rate=found["rate"],
            ),
            lengths=LengthConfig(max_completion_tokens=found["tokens"]),
            measure=MeasureConfig(samples=found["measured"]),
        )
    except UserError as error:  # settings that contradict each other
        raise FormError([str(error)]) from error


def _rate(text: str) -> float:
    rate = number(text, "Learning rate", 0, 1)
    if not rate:
        raise UserError("Learning rate must be above 0: with 0 nothing is learned")
    return rate


def _data(bench: Workbench, form: Form) -> DataConfig:
    split = form.split or None
    tasks: tuple[str, ...] = ()
    if form.scope == CHOSEN:
        if not form.task:
            raise UserError("choose a task at the head of the page first")
        tasks = (form.task,)
    elif form.scope == NAMED:
        tasks = tuple(dict.fromkeys(form.ids.replace(",", " ").split()))
        if not tasks:
            raise UserError("Task ids needs ids with blanks or commas between, as in 67a3c6ac")
    known = bench.tasks(form.dataset, split)
    unknown = [t for t in tasks if t not in known]
    if unknown:
        more = f" and {len(unknown) - MAX_SHOWN} more" if len(unknown) > MAX_SHOWN else ""
        raise UserError(
            f"no task {', '.join(unknown[:MAX_SHOWN])}{more} in {form.dataset}"
            f"{f', {form.split}' if form.split else ''}: look at the ids in the tab Tasks"
        )
    # One task alone is for seeing that it learns: it comes as it is.
    return DataConfig(dataset=form.dataset, split=split, tasks=tasks, augment=form.scope != CHOSEN)


def _policy(form: Form) -> PolicyConfig:
    if not form.policy:
        raise UserError("Policy is empty: choose one")
    if is_server(form.policy):
        raise UserError(
            f"{form.policy} is a server, which writes completions but cannot be trained: name the "
            "model as Policy, and the server under Written by"
        )
    source = resolve(form.policy)
    if source.adapter is None:
        lora = None
        if form.method == ADAPTER:
            rank = whole(form.rank, "Rank of the adapter", 1)
            lora = LoraConfig(rank=rank, alpha=2.0 * rank)
        return PolicyConfig(model=form.policy, lora=lora)
    if form.method != ADAPTER:
        raise UserError(
            f"{form.policy} is an adapter and goes on as one: choose {ADAPTER} as Weights trained"
        )
    run = run_of(source.adapter)
    base = source.model
    if run is not None:
        base = TrainConfig.from_dict(RunStore.open(run).config()).policy.model
    return PolicyConfig(model=base, adapter=str(source.adapter))


def _engine(form: Form) -> EngineConfig:
    made: dict[str, Callable[[], EngineConfig]] = {
        "transformers": TransformersEngine,
        "vllm-colocate": VllmColocate,
        "vllm-adapters": lambda: VllmAdapters(
            urls=tuple(u.strip() for u in form.url.split(",") if u.strip())
        ),
        "vllm-server": lambda: VllmServer(url=form.url.strip()),
    }
    return made[form.engine]()


def words(config: TrainConfig) -> str:
    """What a run will be, in a sentence."""
    data, grpo, policy = config.data, config.grpo, config.policy
    count = len(data.tasks)
    what = f"task {data.tasks[0]}" if count == 1 else f"{count} tasks" if count else "all tasks"
    method = "all weights" if policy.lora is None else f"an adapter of rank {policy.lora.rank}"
    return (
        f"{config.steps:,} steps on {what} of {config.data_name}, each learns from "
        f"{grpo.completions_per_step} completions; trains {method} of "
        f"{policy.model.rpartition('/')[2]}"
    )


def shown_fields(scope: str, method: str, engine: str) -> dict[str, Any]:
    """Which of the fields that only matter sometimes matter now."""
    return {"ids": scope == NAMED, "rank": method == ADAPTER, "url": engine in WITH_SERVER}

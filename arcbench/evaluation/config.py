"""What an evaluation does: which policy, which tasks, how many samples, how they are judged."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from arcbench.errors import UserError, unknown
from arcbench.parts import Part, check_part, in_part
from arcbench.policies import ENGINES, Engine
from arcbench.policies.base import SamplingConfig
from arcbench.policies.sources import is_server, pinned, resolve, template_of
from arcbench.prompts import PromptTemplate
from arcbench.rewards import SCHEMES, RewardScheme
from arcbench.sandbox.types import Limits
from arcbench.tasks import DATASETS, TaskSet, load_tasks

SCHEMA = 2  # of config.json; raise it with every change of the fields
MARK = "evaluation"  # the key of config.json that tells an evaluation from a run

_KS = (1, 8, 64, 512)
DRAWS = 4  # pass@k is steady where there are so many times k samples


@dataclass(frozen=True, kw_only=True, slots=True)
class EvalConfig:
    """The settings of an evaluation. Two with equal settings have the same samples and figures."""

    policy: str = "embedded"
    adapter: str | None = None
    engine: Engine = "auto"
    dataset: str = "arc-agi-1"
    split: str | None = None  # None: training where the data set has splits
    tasks: tuple[str, ...] = ()  # ids; empty: all
    part: Part = "all"  # of the tasks: those to learn from, or the third that is held out
    template: str | None = None  # None: that which the policy was trained with, else arcbench
    n: int = 64  # samples a task
    k: tuple[int, ...] = ()  # of pass@k; empty: those of 1, 8, 64, 512 that n is steady for
    views: int = 1  # of each task that the policy sees; 1: the task as it is
    temperature: float = 0.8
    top_p: float = 1.0
    max_new_tokens: int = 192
    seed: int = 0  # of the views and of the sampling
    reward: RewardScheme = SCHEMES["arc25-v2"]
    timeout_s: float = 5.0  # wall clock of one program on all its inputs

    def __post_init__(self) -> None:
        _ = self.sampling, self.limits  # each checks its own part
        if self.engine not in ENGINES:
            raise unknown("engine", self.engine, ENGINES)
        check_part(self.part, self.tasks)
        if not 1 <= self.views <= self.n:
            raise UserError(
                f"views must be between 1 and n, so that each has a sample, not {self.views}: "
                f"n is {self.n}"
            )
        ks = self.k or tuple(k for k in _KS if k == 1 or DRAWS * k <= self.n)
        if wrong := [k for k in ks if not 1 <= k <= self.n]:
            raise UserError(
                f"k must be between 1 and n, not {wrong[0]}: n is {self.n}; leave that k out, or "
                f"draw more samples ({DRAWS} times k make pass@k steady)"
            )
        if self.split is None and self.dataset in DATASETS:
            object.__setattr__(self, "split", "training")
        object.__setattr__(self, "k", tuple(sorted(set(ks))))
        object.__setattr__(self, "tasks", tuple(dict.fromkeys(self.tasks)))

    @property
    def sampling(self) -> SamplingConfig:
        """How completions are drawn."""
        return SamplingConfig(
            n=self.n,
            temperature=self.temperature,
            top_p=self.top_p,
            max_new_tokens=self.max_new_tokens,
            seed=self.seed,
        )

    @property
    def limits(self) -> Limits:
        """What a program may use."""
        return Limits(timeout_s=self.timeout_s)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What makes the figures less telling than they could be."""
        found = []
        if wide := [k for k in self.k if k > 1 and DRAWS * k > self.n]:
            found.append(
                f"{', '.join(f'pass@{k}' for k in wide)} of {self.n} samples varies much from one "
                f"evaluation to the next: --n {DRAWS * max(wide)} makes it steady"
            )
        if self.temperature == 0 and self.n > self.views:
            found.append(
                f"at temperature 0 all samples of a view are the same: {self.n} samples of "
                f"{self.views} view{'s' if self.views > 1 else ''} tell no more than {self.views}"
            )
        return tuple(found)

    @property
    def data_name(self) -> str:
        """The data set with its split and part, for people."""
        name = self.dataset if self.split is None else f"{self.dataset}/{self.split}"
        return name if self.part == "all" else f"{name}, {self.part} part"

    @property
    def policy_name(self) -> str:
        """The policy for people, without loading it: runs/x@20 for a checkpoint of a run."""
        name = self.policy if self.adapter is None else f"{self.adapter} on {self.policy}"
        return name.replace("/checkpoints/checkpoint-", "@")

    def resolved(self) -> "EvalConfig":
        """The same with the very checkpoint in place of a run, and with the template's name.

        UserError for a run without a checkpoint and for a template that is not there.
        """
        template = self.template or template_of(self.policy, adapter=self.adapter) or "arcbench"
        PromptTemplate.load(template)
        adapter = None if self.adapter is None else pinned(self.adapter)
        return replace(self, policy=pinned(self.policy), adapter=adapter, template=template)

    def check(self) -> None:
        """UserError for a policy or tasks that are not there. Loads no heavy library."""
        if not is_server(self.policy):
            resolve(self.policy, adapter=self.adapter)
        self.chosen(self.load_tasks())

    def load_tasks(self) -> TaskSet:
        """All tasks of the data set and its split; UserError if there are none.

        The place of a task among them, whatever `tasks` leaves out, chooses what is drawn for it.
        """
        return load_tasks(self.dataset, self.split)

    def chosen(self, tasks: TaskSet) -> TaskSet:
        """The tasks to evaluate, in the order of the data set; UserError for an unknown id."""
        wanted = {tasks.task(t).id for t in self.tasks} or set(in_part(tasks, self.part))
        return TaskSet(
            name=tasks.name,
            tasks={i: t for i, t in tasks.items() if i in wanted},
            problems=tasks.problems,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able values; `from_dict` is the exact inverse."""
        values = {**asdict(self), "tasks": list(self.tasks), "k": list(self.k)}
        return {MARK: SCHEMA, **values}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "EvalConfig":
        """Rebuild the settings; UserError for an unknown one and for a newer arcbench's."""
        values = dict(data)
        schema = values.pop(MARK, None)
        if not isinstance(schema, int) or schema > SCHEMA:
            raise UserError(
                f"these settings of an evaluation have schema {schema!r}, this arcbench reads up "
                f"to {SCHEMA}"
            )
        names = [f.name for f in fields(cls)]
        for name in values:
            if name not in names:
                raise unknown("setting of an evaluation", name, names)
        for name in ("tasks", "k"):
            if name in values:
                values[name] = tuple(values[name])
        if "reward" in values:
            values["reward"] = RewardScheme(**values["reward"])
        return cls(**values)

    def changed_from(self, other: "EvalConfig") -> list[str]:
        """The names of the settings that differ."""
        return [f.name for f in fields(self) if getattr(self, f.name) != getattr(other, f.name)]

    def first_difference(self, other: "EvalConfig") -> str | None:
        """The first setting that differs, with both values; None: all are equal."""
        for name in self.changed_from(other):
            mine, theirs = (_shown(getattr(config, name)) for config in (self, other))
            if mine == theirs:
                mine, theirs = repr(getattr(self, name)), repr(getattr(other, name))
            return f"{name} is {mine} there and {theirs} here"
        return None


def _shown(value: object) -> str:
    """A setting's value for people."""
    if isinstance(value, RewardScheme):
        return repr(value.name)
    if value == ():  # of tasks
        return "all"
    if isinstance(value, tuple) and len(value) > 3:
        return f"{value[0]}, {value[1]} … ({len(value)})"
    return repr(value)

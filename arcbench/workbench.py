"""The one façade that notebooks and the app call.

Importing this module loads no torch, no transformers and no gradio: models live in child
processes, training in runs of their own, and everything about a run is read from its folder.
"""

import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from arcbench.background import gathered
from arcbench.errors import unknown
from arcbench.judge import Attempt, Judge
from arcbench.policies.base import Completion, Message, Policy, SamplingConfig
from arcbench.policies.worker import WorkerPolicy
from arcbench.prompts import PromptTemplate, messages_hash
from arcbench.rewards import RewardScheme, scheme
from arcbench.rollouts import Rollout
from arcbench.runs import Metrics, MetricsReader, RunStore, list_runs
from arcbench.sandbox import SandboxPool
from arcbench.tasks import DATASETS, Task, TaskSet, load_tasks


class Workbench:
    """Tasks, sampling, judging and runs, behind plain calls.

    Policies and sandbox workers start when they are first needed and stay until `close`. All
    calls may come from several threads at once.
    """

    def __init__(
        self,
        runs_root: str | Path = "runs",
        *,
        template: str | Path = "arcbench",
        reward: str | RewardScheme = "staged",
        workers: int | None = None,
    ) -> None:
        self.runs_root = Path(runs_root)
        self.template = PromptTemplate.load(template)
        self.scheme = scheme(reward) if isinstance(reward, str) else reward
        self._workers = workers
        self._lock = threading.Lock()
        self._tasks: dict[tuple[str, str | None], TaskSet] = {}
        self._policies: dict[str, WorkerPolicy] = {}
        self._pool: SandboxPool | None = None
        self._readers: dict[str, MetricsReader] = {}

    def __enter__(self) -> "Workbench":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the policies' and the sandbox's processes. Runs go on."""
        with self._lock:
            policies, self._policies = self._policies, {}
            pool, self._pool = self._pool, None
        for policy in policies.values():
            policy.close()
        if pool is not None:
            pool.close()

    # Tasks

    def datasets(self) -> tuple[str, ...]:
        """The data sets that are known by name; a path is one, too."""
        return tuple(DATASETS)

    def tasks(self, dataset: str = "arc-agi-1", split: str | None = None) -> TaskSet:
        """The tasks of a data set, read once. Without `split`, all of its splits."""
        key = (dataset, split or None)
        with self._lock:
            if key not in self._tasks:
                self._tasks[key] = load_tasks(*key)
            return self._tasks[key]

    def task(self, task_id: str, dataset: str | None = None) -> Task:
        """A task by its id; without `dataset`, from the first named data set that has it."""
        names = self.datasets() if dataset is None else (dataset,)
        for name in names:
            if task_id in self.tasks(name):
                return self.tasks(name)[task_id]
        return self.tasks(names[0]).task(task_id)

    def prompt(self, task: Task, test_index: int = 0) -> list[Message]:
        """The chat messages that a policy gets for the task."""
        return self.template.messages(task, test_index)

    # Sampling and judging

    def policies(self) -> tuple[str, ...]:
        """Policies to offer; any other spec of `load_policy` may be used as well."""
        return ("embedded",)

    @property
    def best_reward(self) -> float:
        """The highest reward that the scheme can give."""
        return self.scheme.range[1]

    def sample(
        self, policy: str | Policy, task: Task, config: SamplingConfig | None = None
    ) -> Iterator[tuple[int, Rollout]]:
        """Draw completions and judge them; yield (index, rollout) as they finish.

        Completions are drawn while earlier ones are being judged. Closing the iterator ends the
        sampling at the next completion.
        """
        config = config or SamplingConfig()
        source = self._policy(policy) if isinstance(policy, str) else policy
        messages = self.prompt(task)
        name = messages_hash(messages)
        judge = self._judge()
        for news in gathered(lambda: source.stream([messages], config)):
            attempts = [
                Attempt(
                    task=task,
                    completion=s.completion,
                    index=s.sample_index,
                    messages_hash=name,
                )
                for s in news
            ]
            for _, rollout in judge.stream(attempts):
                yield rollout.index, rollout

    def judge(self, task: Task, code: str) -> Rollout:
        """Run and score a program that somebody wrote, or edited, for the task."""
        text = self.template.completion(code)
        attempt = Attempt(task=task, completion=Completion(text=text))
        return self._judge().judge([attempt])[0]

    # Runs

    def runs(self) -> list[RunStore]:
        """All runs, the newest first."""
        return list_runs(self.runs_root)

    def run(self, name: str) -> RunStore:
        """The run of that name: its status, configuration, rollouts."""
        runs = {store.name: store for store in self.runs()}
        if name not in runs:
            raise unknown(f"run in {self.runs_root}", name, list(runs)[:8] or ["(there is none)"])
        return runs[name]

    def metrics(self, run: str, since: int = 0) -> list[Metrics]:
        """The metrics of the steps after `since`. Only what is new is read from disk."""
        store = self.run(run)
        with self._lock:
            reader = self._readers.setdefault(run, store.metrics_reader())
            reader.poll()
            return [m for m in reader.metrics if (m["step"] or 0) > since]

    def _judge(self) -> Judge:
        with self._lock:
            if self._pool is None:
                self._pool = SandboxPool(workers=self._workers)
            return Judge(pool=self._pool, scheme=self.scheme)

    def _policy(self, spec: str) -> WorkerPolicy:
        with self._lock:
            if spec not in self._policies:
                self._policies[spec] = WorkerPolicy(spec)
            return self._policies[spec]

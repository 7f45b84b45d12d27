"""The one façade that notebooks and the app call.

Importing this module loads no torch, no transformers and no gradio: models live in child
processes, training in runs of their own, and everything about a run is read from its folder.
"""

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from arcbench import jobs, solutions
from arcbench.background import gathered
from arcbench.diagnostics import Finding, diagnose_run
from arcbench.errors import UserError, unknown
from arcbench.evaluation import EvalConfig, EvalStore, Results, evaluations, read_results
from arcbench.evaluation.config import MARK
from arcbench.evaluation.job import start_evaluation
from arcbench.folders import find_folder
from arcbench.judge import Attempt, Judge
from arcbench.notebook.calls import NotebookCalls
from arcbench.policies import model_path
from arcbench.policies.base import Completion, Message, Policy, SamplingConfig
from arcbench.policies.counting import TokenCounter, known_tokenizers
from arcbench.policies.sources import newest_checkpoint, template_of
from arcbench.prompts import PromptTemplate, messages_hash
from arcbench.remembered import Remembered
from arcbench.rewards import SCHEMES, RewardScheme, scheme
from arcbench.rollout_index import RolloutFilter, RolloutIndex, RolloutPage
from arcbench.rollouts import Rollout
from arcbench.runs import (
    Metrics,
    MetricsReader,
    RunStatus,
    RunStore,
    free_name,
    list_runs,
)
from arcbench.solutions import Solution, TaskTally
from arcbench.tasks import DATASETS, Task, TaskSet, load_tasks
from arcbench.training.config import TrainConfig, overfit_config
from arcbench.workbench_control import Control
from arcbench.workers import Workers


class Workbench(NotebookCalls, Control):
    """Tasks, sampling, judging and runs, behind plain calls.

    Policies and sandbox workers start when they are first needed and stay until `close`. All
    calls may come from several threads at once.
    """

    def __init__(
        self,
        runs_root: str | Path = "runs",
        *,
        evals_root: str | Path | None = None,  # None: the folder "evals" beside that of the runs
        data_roots: Sequence[Path] | None = None,  # where data sets may lie; None: anywhere
        template: str | Path = "arcbench",
        reward: str | RewardScheme = "arc25-v2",  # that of a training run's default
        workers: int | None = None,
    ) -> None:
        self.runs_root = Path(runs_root)
        self.evals_root = (
            self.runs_root.parent / "evals" if evals_root is None else Path(evals_root)
        )
        self.data_roots = None if data_roots is None else [r.resolve() for r in data_roots]
        self.template = PromptTemplate.load(template)
        self.reward = scheme(reward) if isinstance(reward, str) else reward
        self._workers = Workers(workers)
        self._lock = threading.Lock()
        self._tasks: dict[tuple[str, str | None], TaskSet] = {}
        self._readers: dict[str, MetricsReader] = {}
        self._indexes: dict[str, RolloutIndex] = {}
        self.remembered = Remembered()  # what files say that seldom change
        self._counter = TokenCounter()

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
        self._workers.close()
        self._counter.close()

    # Tasks

    def datasets(self) -> tuple[str, ...]:
        """The data sets that are known by name; a path is one, too."""
        return tuple(DATASETS)

    def tasks(self, dataset: str = "arc-agi-1", split: str | None = None) -> TaskSet:
        """The tasks of a data set, read once. Without `split`, all of its splits.

        UserError for one that is not there, or that lies outside `data_roots`.
        """
        self._check_place(dataset)
        return self._tasks_of(dataset, split)

    def _tasks_of(self, dataset: str, split: str | None = None) -> TaskSet:
        """Also those that a run on disk was trained on, wherever they lie."""
        key = (dataset, split or None)
        with self._lock:
            if key not in self._tasks:
                self._tasks[key] = load_tasks(*key)
            return self._tasks[key]

    def _check_place(self, dataset: str) -> None:
        if self.data_roots is None or dataset in DATASETS:
            return
        place = Path(dataset).resolve()
        if not any(place.is_relative_to(root) for root in self.data_roots):
            roots = " and ".join(str(root) for root in self.data_roots)
            raise UserError(
                f"data set {dataset!r} lies outside {roots}, where data is read from: name another "
                "folder at the start (arcbench app --data FOLDER), or one of "
                f"{', '.join(DATASETS)}"
            )

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

    def tokenizers(self) -> tuple[str, ...]:
        """The tokenizers that `count_tokens` offers: each is here without a download."""
        return known_tokenizers()

    def count_tokens(self, tokenizer: str, messages: Sequence[Message]) -> int:
        """Length of a prompt in tokens, counted by a child; the first count takes seconds."""
        return self._counter.count(tokenizer, messages)

    def tallies(self, evaluation: str) -> Mapping[str, TaskTally]:
        """How often an evaluation solved each task so far."""
        store = self.evaluation(evaluation)
        return self.remembered.get(
            ("tallies", evaluation),
            lambda: solutions.tallies(store.shards()),
            store.path / "rollouts",
        )

    def solutions(self, task_id: str, dataset: str = "arc-agi-1", limit: int = 6) -> list[Solution]:
        """Programs that solve a task: the shipped one, then those of evaluations and runs."""
        found = solutions.shipped(task_id) if dataset in DATASETS else []
        for store in self.evaluations():
            if store.settings().get("dataset") == dataset:
                found += solutions.in_evaluation(store.name, store.shards(), task_id)
        seen: set[str] = set()
        for run in self.runs():
            if run.config().get("data", {}).get("dataset") == dataset and len(seen) < limit:
                with self._lock:
                    index = self._index(run.name)
                found += solutions.in_run(run, index, task_id, seen=seen)
        return solutions.distinct(found, limit)

    # Sampling and judging

    def policies(self) -> tuple[str, ...]:
        """Policies to offer; any other spec of `load_policy` may be used as well."""
        return ("embedded",)

    def trained(self) -> tuple[str, ...]:
        """The folders of runs with a whole checkpoint, which are policies, too; newest first."""
        return tuple(str(r.path) for r in self.runs() if newest_checkpoint(r.checkpoints))

    def rewards(self) -> tuple[str, ...]:
        """The named reward schemes."""
        return tuple(SCHEMES)

    def sample(
        self,
        policy: str | Policy,
        task: Task,
        config: SamplingConfig | None = None,
        *,
        reward: str | RewardScheme | None = None,
    ) -> Iterator[tuple[int, Rollout]]:
        """Draw completions and judge them; yield (index, rollout) as they finish.

        Completions are drawn while earlier ones are being judged, by `reward` where it is given.
        Closing the iterator ends the sampling at the next completion.
        """
        config = config or SamplingConfig()
        source = self._workers.policy(policy) if isinstance(policy, str) else policy
        # What was trained here knows the wording that it was trained with.
        own = template_of(policy) if isinstance(policy, str) else None
        wording = self.template if own is None else PromptTemplate.load(own)
        messages = wording.messages(task)
        name = messages_hash(messages)
        judge = self._judge(reward)
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

    def judge(self, task: Task, code: str, *, reward: str | RewardScheme | None = None) -> Rollout:
        """Run and score a program that somebody wrote, or edited, for the task."""
        text = self.template.completion(code)
        attempt = Attempt(task=task, completion=Completion(text=text))
        return self._judge(reward).judge([attempt])[0]

    # Runs

    def overfit_defaults(self) -> TrainConfig:
        """The settings of a run on one task, before anything is changed."""
        return overfit_config("")

    def runs(self) -> list[RunStore]:
        """All runs, the newest first."""
        return list_runs(self.runs_root)

    def start_overfit(
        self,
        task_id: str,
        *,
        dataset: str = "arc-agi-1",
        split: str | None = "training",
        policy: str = "embedded",
        steps: int | None = None,
        group_size: int | None = None,
        learning_rate: float | None = None,
        seed: int | None = None,
    ) -> str:
        """Train the policy on one task, in a process of its own; returns the run's name.

        Runs that are started here go one after the other, in whatever page or notebook.
        What is left out has the value of `overfit_defaults`. Raises UserError, before anything
        starts, for a task or policy that is not there and for values that do not fit.
        """
        self.tasks(dataset, split).task(task_id)
        model_path(policy)
        base = self.overfit_defaults()
        grpo = base.grpo
        config = overfit_config(
            task_id,
            policy=replace(base.policy, model=policy),
            data=replace(base.data, dataset=dataset, split=split or None, tasks=(task_id,)),
            grpo=replace(
                grpo,
                num_generations=grpo.num_generations if group_size is None else group_size,
                learning_rate=grpo.learning_rate if learning_rate is None else learning_rate,
            ),
            steps=base.steps if steps is None else steps,
            seed=base.seed if seed is None else seed,
        )
        wanted = "overfit-" + re.sub(r"[^A-Za-z0-9._-]", "-", task_id)[:60]
        with self._lock:
            return jobs.start(
                config,
                root=self.runs_root,
                name=free_name(self.runs_root, wanted),
                in_turn=True,
            ).name

    def stop(self, run: str) -> RunStatus:
        """Ask a run to save and end after its current step; wait until it has."""
        return jobs.stop(self.run(run))

    def tail(self, run: str, lines: int = 20) -> str:
        """The end of what a run printed."""
        return jobs.tail(self.run(run), lines)

    def run(self, name: str) -> RunStore:
        """The run of that name: its status, configuration, rollouts."""
        found = find_folder(self.runs_root, name, RunStore)
        if found is None:
            there = [store.name for store in self.runs()][:8] or ["(there is none)"]
            raise unknown(f"run in {self.runs_root}", name, there)
        return found

    def metrics(self, run: str, since: int = 0) -> list[Metrics]:
        """The metrics of the steps after `since`. Only what is new is read from disk."""
        store = self.run(run)
        with self._lock:
            reader = self._readers.setdefault(run, store.metrics_reader())
            reader.poll()
            return [m for m in reader.metrics if (m["step"] or 0) > since]

    def rollouts(
        self,
        run: str,
        wanted: RolloutFilter | None = None,
        *,
        order: str = "newest",
        offset: int = 0,
        limit: int | None = 50,
    ) -> RolloutPage:
        """Some of a run's rollouts as lines of a table; none of them is opened."""
        with self._lock:
            index = self._index(run)
            return index.page(wanted, order=order, offset=offset, limit=limit)

    def sampled_tasks(self, run: str) -> list[str]:
        """The tasks that a run has sampled so far, by id."""
        with self._lock:
            return self._index(run).tasks()

    def rollout(self, run: str, step: int, group: int, index: int) -> Rollout:
        """One rollout of a run, whole. UserError where there is none."""
        return self.run(run).rollout(step, group, index)

    def seen_task(self, run: str, rollout: Rollout) -> Task:
        """The task of a run's rollout as its program got it: augmented where that was done."""
        data = TrainConfig.from_dict(self.run(run).config()).data
        task = self._tasks_of(data.dataset, data.split).task(rollout.task_id)
        return task if rollout.augmentation is None else rollout.augmentation.apply(task)

    def findings(self, run: str) -> list[Finding]:
        """What is found in a run's metrics, worst first; also while it goes on."""
        return diagnose_run(self.run(run))

    def report(self, run: str) -> str:
        """One HTML page on a run, which needs no other file and no network."""
        from arcbench.report import gather, page

        return page(gather(self.run(run), load=self._tasks_of))

    # Evaluations

    def evaluations(self) -> list[EvalStore]:
        """All evaluations, the newest first."""
        return evaluations(self.evals_root)

    def evaluation(self, name: str) -> EvalStore:
        """The evaluation of that name. UserError where there is none."""
        found = find_folder(self.evals_root, name, EvalStore)
        if found is None or MARK not in found.settings():
            there = [store.name for store in self.evaluations()][:8] or ["(there is none)"]
            raise unknown(f"evaluation in {self.evals_root}", name, there)
        return found

    def start_evaluation(self, config: EvalConfig, name: str | None = None) -> str:
        """Sample and judge in a process of its own; returns the evaluation's name.

        UserError, before anything starts, for a policy or task that is not there.
        """
        self._check_place(config.dataset)
        config.check()
        with self._lock:
            return start_evaluation(config, self.evals_root, name).name

    def results(self, name: str) -> Results | None:
        """The figures of an evaluation; None where it has none yet."""
        file = self.evaluation(name).path / "results.json"
        return self.remembered.get(
            ("results", name), lambda: read_results(file) if file.is_file() else None, file
        )

    def _index(self, run: str) -> RolloutIndex:
        """The index of a run's rollouts as they are now; for who holds the lock."""
        folder = self.run(run).path / "rollouts"
        index = self._indexes.setdefault(run, RolloutIndex(folder=folder))
        index.refresh()
        return index

    def _judge(self, reward: str | RewardScheme | None) -> Judge:
        chosen = scheme(reward) if isinstance(reward, str) else reward or self.reward
        return self._workers.judge(chosen)

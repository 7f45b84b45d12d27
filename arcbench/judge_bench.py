"""`python -m arcbench.judge_bench`: what judging many completions costs, from text to reward.

Many completions of every ARC-AGI-1 training task are judged in one flow, in two mixtures:

- different ones: completions that the embedded policy wrote for a few tasks, programs as it was
  trained on, and in a checkout known good programs of the task itself, each run anew;
- as a policy repeats itself: all that the embedded policy wrote for one task, given to each task,
  with equal programs run once, as an evaluation does.

Most are of other tasks, so they fail as a policy's do: a wrong grid, a wrong shape, an error. None
hangs: one that does costs a core its whole deadline, whatever runs it. A full evaluation is
`--completions 204800 --samples 512`.
"""

import argparse
import os
import resource
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from arcbench.judge import Attempt, Judge
from arcbench.policies.base import Completion, sample
from arcbench.prompts import PromptTemplate
from arcbench.rewards import SCHEMES
from arcbench.sandbox.bench import KNOWN_GOOD, say
from arcbench.sandbox.pool import SandboxPool, usable_cores
from arcbench.tasks import Task, load_tasks

_SAMPLED_TASKS = 8
_OWN = 8  # one in so many is the task's own program, where there is one


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """What this process and those below it use at a moment, and what they have used."""

    parent_mb: float
    workers_mb: float
    parent_cpu_s: float
    workers_cpu_s: float  # with that of the programs that have ended

    @classmethod
    def now(cls) -> "Usage":
        """At this moment."""
        me = os.getpid()
        workers = _below(me)
        return cls(
            parent_mb=_own_mb(me),
            workers_mb=sum(map(_own_mb, workers)),
            parent_cpu_s=time.process_time(),
            workers_cpu_s=sum(map(_cpu_s, workers)),
        )


def _below(pid: int) -> list[int]:
    """All processes that descend from this one."""
    found: list[int] = []
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(child) for child in file.read_text().split()]
        except OSError:  # the thread has ended
            continue
        for child in children:
            found += [child, *_below(child)]
    return found


def _own_mb(pid: int) -> float:
    """Memory of a process that is its own: shared pages count once, for who made them."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text().split()
    except OSError:  # it has ended
        return 0.0
    return (int(pages[1]) - int(pages[2])) * resource.getpagesize() / 2**20


def _cpu_s(pid: int) -> float:
    """Processor time of a process and of its children that have ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has ended
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def sampled(tasks: Sequence[Task], num: int) -> list[list[str]]:
    """`num` completions that the embedded policy writes for each of these tasks."""
    from arcbench.policies import SamplingConfig, load_policy

    template = PromptTemplate.load()
    config = SamplingConfig(n=num, temperature=0.8)
    prompts = [template.messages(task) for task in tasks]
    drawn = sample(load_policy("embedded"), prompts, config)
    return [[completion.text for completion in row] for row in drawn]


def trained_on(num: int) -> list[str]:
    """Answers as the embedded policy was trained to give them."""
    from arcbench.synth import generate

    template = PromptTemplate.load()
    return [template.completion(generate(1, i).code) for i in range(num)]


def known_good() -> dict[str, str]:
    """A right answer of some tasks; none outside a checkout."""
    template = PromptTemplate.load()
    files = sorted(KNOWN_GOOD.glob("*.py"))
    return {file.stem: template.completion(file.read_text()) for file in files}


def different(
    tasks: Sequence[Task], num: int, texts: Sequence[str], good: dict[str, str]
) -> Iterator[Attempt]:
    """`num` attempts, those of a task one after the other."""
    rng = np.random.default_rng(0)
    per_task = -(-num // len(tasks))
    for i in range(num):
        task = tasks[i // per_task]
        text = texts[int(rng.integers(len(texts)))]
        if i % _OWN == 0:
            text = good.get(task.id, text)
        yield Attempt(task=task, completion=Completion(text=text), index=i % per_task)


def repeated(tasks: Sequence[Task], num: int, drawn: Sequence[Sequence[str]]) -> Iterator[Attempt]:
    """`num` attempts: to each task in turn all that was drawn for one."""
    for i in range(num):
        place, j = divmod(i, len(drawn[0]))
        text = drawn[place % len(drawn)][j]
        yield Attempt(task=tasks[place % len(tasks)], completion=Completion(text=text), index=j)


def measure(name: str, found: Iterator[Attempt], num: int, workers: int, *, reuse: bool) -> None:
    """Judge the attempts and print what it took."""
    outcomes: Counter[str] = Counter()
    marks: list[Usage] = []
    with SandboxPool(workers) as pool:
        pool.features()  # it is up
        start, before = time.perf_counter(), Usage.now()
        judge = Judge(pool=pool, scheme=SCHEMES["staged"])
        with closing(judge.flow(found, reuse=reuse)) as rollouts:
            for i, rollout in enumerate(rollouts, start=1):
                outcomes[rollout.execution.outcome.value] += 1
                if i in (max(1, num // 10), num):
                    marks.append(Usage.now())
        seconds = time.perf_counter() - start
    early, late = marks[0], marks[-1]
    parent_s = late.parent_cpu_s - before.parent_cpu_s
    workers_s = late.workers_cpu_s - before.workers_cpu_s
    say(f"{name}: judged", num / seconds, "programs/s")
    say(f"{name}: processor time of one", 1000 * (parent_s + workers_s) / num, "ms", 2)
    say(f"{name}: of it in this process", 1000 * parent_s / num, "ms", 2)
    say(f"{name}: cores in use", (parent_s + workers_s) / seconds, "", 2)
    say(f"{name}: this process at 10 % of them", early.parent_mb, "MB", 1)
    say(f"{name}: this process at the end", late.parent_mb, "MB", 1)
    say(f"{name}: workers at 10 % of them", early.workers_mb, "MB", 1)
    say(f"{name}: workers at the end", late.workers_mb, "MB", 1)
    ends = ", ".join(f"{outcome} {n / num:.1%}" for outcome, n in outcomes.most_common())
    print(f"{name}: {ends}", flush=True)  # noqa: T201


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=usable_cores())
    parser.add_argument("--completions", type=int, default=4096)
    parser.add_argument("--samples", type=int, default=32, help="of a task, from the policy")
    parser.add_argument("--only-repeated", action="store_true", help="only the second mixture")
    options = parser.parse_args()
    num, workers = options.completions, options.workers
    tasks = list(load_tasks("arc-agi-1", "training").values())
    shown = tasks[:: len(tasks) // _SAMPLED_TASKS][:_SAMPLED_TASKS]
    drawn = sampled(shown, options.samples)
    if not options.only_repeated:
        written = [text for row in drawn for text in row]
        texts = [*written, *trained_on(len(written))]
        found = different(tasks, num, texts, known_good())
        measure("different ones", found, num, workers, reuse=False)
    measure("as a policy repeats itself", repeated(tasks, num, drawn), num, workers, reuse=True)


if __name__ == "__main__":
    main()

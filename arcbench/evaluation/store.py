"""The folder of an evaluation: what is kept of it, and how it is read while it is written.

    evals/<name>/
      config.json   settings, resolved          info.json   versions, device, how its prompts read
      status.json   state, pid, done, eta       log.txt     what it printed
      completions.jsonl          each sample the moment it came, one a line
      rollouts/000000.parquet    the judged ones, a file whole or not at all
      results.json  tasks.csv  plots/           figures

A line of completions.jsonl is {"task_id", "index", "completion", "finish_reason", "token_ids",
"logprobs"}. What a kill left half-written is dropped: a last line without its end, a file without
its name.
"""

import fcntl
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite, nan
from pathlib import Path
from typing import IO, ClassVar, Self

import numpy as np
import numpy.typing as npt

from arcbench.errors import UserError
from arcbench.evaluation.config import MARK, EvalConfig
from arcbench.files import append_whole
from arcbench.folders import Status, WorkFolder, folder_path, list_folders
from arcbench.policies.base import Completion
from arcbench.rollouts import Rollout, read_rollouts, write_rollouts
from arcbench.tasks import TaskSet

LOGPROB_DIGITS = 5  # a log-probability of an engine is not more exact than that

_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, slots=True)
class EvalStatus(Status):
    """The content of status.json. Samples are those of all tasks together."""

    total: int = 0  # samples wanted; 0: not known yet
    sampled: int = 0
    done: int = 0  # judged
    solved_tasks: int = 0  # with a sample that solves them
    tokens_per_s: float = 0.0  # written by the policy
    sandbox_share: float = 0.0  # of the workers' time that programs ran in, 0–1
    eta_s: float | None = None  # seconds that are left; None: nobody can tell

    @property
    def share(self) -> float:
        """How much of it is done, 0–1."""
        return self.done / self.total if self.total else 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """A line of completions.jsonl."""

    task_id: str
    index: int  # which of the task's samples
    completion: Completion


@dataclass(frozen=True, slots=True)
class EvalStore(WorkFolder[EvalStatus]):
    """One evaluation's folder. Made by `start` or `open`; one writer, many readers."""

    KIND: ClassVar[str] = "evaluation"
    STATUS: ClassVar[type[EvalStatus]] = EvalStatus

    @classmethod
    def start(cls, root: Path, name: str, config: EvalConfig) -> Self:
        """The folder `root/name` for these settings, which are resolved; made if it is not there.

        UserError naming the first setting that differs where it is there with others, and for a
        policy or tasks that are not there.
        """
        if not folder_path(root, name, cls.KIND).exists():
            config.check()
            return cls.create(root, name, config.to_dict())
        store = cls.open(root / name)
        if difference := store.config().first_difference(config):
            raise UserError(
                f"evaluation {name!r} exists in {root} with other settings: {difference}; "
                "choose another name, or the same settings to go on with it"
            )
        return store

    @classmethod
    def open(cls, path: Path) -> Self:
        """The evaluation in the folder `path`; UserError if there is none."""
        if not path.is_dir():
            raise UserError(f"no evaluation in {path}: there is no such folder")
        try:
            settings = json.loads((path / "config.json").read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise UserError(f"no evaluation in {path}: it has no config.json") from error
        except ValueError as error:
            raise UserError(f"no evaluation in {path}: its config.json is not JSON") from error
        if not isinstance(settings, dict) or MARK not in settings:
            raise UserError(f"no evaluation in {path}: its config.json is that of something else")
        return cls(path)

    def config(self) -> EvalConfig:
        """The settings."""
        return EvalConfig.from_dict(self.settings())

    def tasks(self) -> TaskSet:
        """The tasks that are evaluated, in the order of their data set."""
        config = self.config()
        return config.chosen(config.load_tasks())

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Be the only process that writes the samples; UserError if another one is at it."""
        with (self.path / ".writer").open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                pid = self.status().pid
                raise UserError(
                    f"evaluation {self.name} is running (process {pid}): wait for it, or stop it"
                ) from error
            yield

    # Samples

    @property
    def completions_file(self) -> Path:
        """One JSON object a line, one line a sample, in the order in which they came."""
        return self.path / "completions.jsonl"

    def completions(self) -> Iterator[Written]:
        """All samples that were drawn, read line by line; not a last line without its end."""
        if not self.completions_file.is_file():
            return
        with self.completions_file.open("rb") as lines:
            for line in lines:
                if line.endswith(b"\n"):
                    yield _from_line(line)

    @contextmanager
    def appending(self) -> Iterator["CompletionWriter"]:
        """Add samples at the end of completions.jsonl, after what a kill left torn is cut off."""
        with self.completions_file.open("ab+", buffering=0) as handle:
            _drop_torn(handle)
            yield CompletionWriter(handle)

    # Judged ones

    def shards(self) -> list[Path]:
        """The files of judged samples, in the order in which they were written."""
        return sorted(p for p in (self.path / "rollouts").glob("*.parquet") if p.stem.isdecimal())

    def write_shard(self, rollouts: Iterable[Rollout]) -> Path:
        """Write one more file of judged samples, whole or not at all."""
        there = self.shards()
        number = int(there[-1].stem) + 1 if there else 0
        path = self.path / "rollouts" / f"{number:06d}.parquet"
        write_rollouts(path, rollouts)
        return path

    def rollouts(self) -> Iterator[Rollout]:
        """All judged samples, one file in memory at a time."""
        for shard in self.shards():
            yield from read_rollouts(shard)

    def drop_leftovers(self) -> None:
        """Remove what a kill left half-written; only for who writes."""
        for leftover in [*self.path.glob(".*.partial"), *self.path.glob("*/.*.partial")]:
            leftover.unlink()


@dataclass(frozen=True, slots=True)
class CompletionWriter:
    """Appends to completions.jsonl: a sample is on record when `add` returns."""

    handle: IO[bytes]

    def add(self, written: Written) -> None:
        """Add a line, all of it or (on a full disk, which raises OSError) nothing."""
        append_whole(self.handle, _to_line(written))


def as_kept(completion: Completion) -> Completion:
    """The completion as a line of completions.jsonl keeps it.

    Log-probabilities are rounded, and what is no character (half of a pair, from a server) is "?".
    """
    text, logprobs = completion.text, completion.logprobs
    if isfinite(sum(logprobs)):
        kept = [round(p, LOGPROB_DIGITS) for p in logprobs]
    else:
        kept = [round(p, LOGPROB_DIGITS) if isfinite(p) else p for p in logprobs]
    return Completion(
        text=text if text.isascii() else text.encode(errors="replace").decode(),
        token_ids=completion.token_ids,
        logprobs=tuple(kept),
        finish_reason=completion.finish_reason,
    )


def evaluations(root: Path | str = "evals") -> list[EvalStore]:
    """All evaluations under `root`, the newest first."""
    found = list_folders(Path(root), EvalStore)
    return [store for store in found if MARK in store.settings()]


class Drawn:
    """Which samples of which task there are: one flag a sample."""

    def __init__(self, tasks: Sequence[str], n: int) -> None:
        self._place = {task_id: i for i, task_id in enumerate(tasks)}
        self._flags_TN: Flags = np.zeros((len(tasks), n), dtype=np.bool_)

    def add(self, task_id: str, index: int) -> bool:
        """Note a sample; whether it is wanted, and is the first of its kind."""
        place = self._place.get(task_id)
        if place is None or not 0 <= index < self._flags_TN.shape[1]:
            return False
        new = not self._flags_TN[place, index]
        self._flags_TN[place, index] = True
        return bool(new)

    def __contains__(self, sample: tuple[str, int]) -> bool:
        return bool(self._flags_TN[self._place[sample[0]], sample[1]])

    def __len__(self) -> int:
        return int(self._flags_TN.sum())

    def copy(self) -> "Drawn":
        """Another one that goes on from here."""
        other = Drawn(tuple(self._place), self._flags_TN.shape[1])
        other._flags_TN[:] = self._flags_TN
        return other

    def missing(self, task_id: str, below: int) -> list[int]:
        """The samples of a task with numbers under `below` that are not there."""
        return [int(j) for j in np.flatnonzero(~self._flags_TN[self._place[task_id], :below])]


def _to_line(written: Written) -> bytes:
    c = written.completion
    logprobs: Sequence[float | None] = c.logprobs
    if not isfinite(sum(c.logprobs)):
        logprobs = [p if isfinite(p) else None for p in c.logprobs]
    line = {
        "task_id": written.task_id,
        "index": written.index,
        "completion": c.text,
        "finish_reason": c.finish_reason,
        "token_ids": c.token_ids,
        "logprobs": logprobs,
    }
    return _JSON.encode(line).encode() + b"\n"


def _from_line(line: bytes) -> Written:
    data = json.loads(line)
    return Written(
        task_id=data["task_id"],
        index=data["index"],
        completion=Completion(
            text=data["completion"],
            token_ids=tuple(data["token_ids"]),
            logprobs=tuple(nan if p is None else p for p in data["logprobs"]),
            finish_reason=data["finish_reason"],
        ),
    )


def _drop_torn(handle: IO[bytes]) -> None:
    """Cut the file after its last whole line."""
    end = handle.seek(0, 2)
    step = 1 << 16
    start = end
    while start:
        start = max(0, start - step)
        handle.seek(start)
        if (found := handle.read(min(step, end - start)).rfind(b"\n")) >= 0:
            start += found + 1
            break
    if start < end:
        handle.truncate(start)

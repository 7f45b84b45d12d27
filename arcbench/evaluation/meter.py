"""How fast an evaluation is, and what holds it up: the policy, the sandbox, or the machine."""

import importlib
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from arcbench.policies.base import Completion
from arcbench.training.usage import descendants

T = TypeVar("T")

LOOK_S = 2.0  # between two looks at the GPU and at the memory


@dataclass(frozen=True, kw_only=True, slots=True)
class Speed:
    """Sums of an evaluation's sittings; rates follow from them."""

    seconds: float = 0.0  # wall clock of sampling and judging, loading left out
    samples: int = 0
    tokens: int = 0  # of completions; 0 where the policy does not tell
    prompt_tokens: int = 0  # each prompt once, however many samples it has
    judged: int = 0
    policy_seconds: float = 0.0  # in which the policy was asked for a sample and had not given it
    program_seconds: float = 0.0  # of all programs
    worker_seconds: float = 0.0  # sandbox workers × wall clock
    gpu_seconds: float = 0.0  # GPUs × wall clock × how busy they were; 0 without GPU
    gpus: int = 0  # that could be watched
    peak_memory_bytes: int = 0  # of the main memory, by this process and its children together

    @property
    def tokens_per_s(self) -> float:
        """Tokens that the policy wrote a second of wall clock."""
        return self.tokens / self.seconds if self.seconds else 0.0

    @property
    def prompt_tokens_per_s(self) -> float:
        """Tokens of prompts that the policy read a second of wall clock."""
        return self.prompt_tokens / self.seconds if self.seconds else 0.0

    @property
    def samples_per_s(self) -> float:
        """Completions a second of wall clock."""
        return self.samples / self.seconds if self.seconds else 0.0

    @property
    def policy_share(self) -> float:
        """Share of the wall clock in which the policy was at work, 0–1."""
        return self.policy_seconds / self.seconds if self.seconds else 0.0

    @property
    def sandbox_share(self) -> float:
        """Share of the sandbox workers' time in which programs ran, 0–1."""
        return self.program_seconds / self.worker_seconds if self.worker_seconds else 0.0

    @property
    def gpu_share(self) -> float | None:
        """How busy the GPUs were by NVML, 0–1; None where none could be watched."""
        return self.gpu_seconds / (self.gpus * self.seconds) if self.gpus and self.seconds else None

    def plus(self, other: "Speed") -> "Speed":
        """Both sittings together."""
        values = {f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)}
        for name in ("gpus", "peak_memory_bytes"):
            values[name] = max(getattr(self, name), getattr(other, name))
        return Speed(**values)

    def to_dict(self) -> dict[str, Any]:
        """The sums, and the rates for other readers."""
        rates = (
            "tokens_per_s", "prompt_tokens_per_s", "samples_per_s", "policy_share", "sandbox_share",
            "gpu_share",
        )  # fmt: skip
        return {**asdict(self), **{name: getattr(self, name) for name in rates}}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Speed":
        """The inverse of `to_dict`."""
        return cls(**{f.name: data[f.name] for f in fields(cls) if f.name in data})

    def __str__(self) -> str:
        parts = [f"{self.samples:,} samples in {duration(self.seconds)}"]
        if self.tokens:
            parts.append(f"{self.tokens_per_s:,.0f} tokens/s written")
        if self.prompt_tokens:
            parts.append(f"{self.prompt_tokens_per_s:,.0f} tokens/s of prompts read")
        parts.append(f"policy at work {self.policy_share:.0%} of the time")
        if self.gpu_share is not None:
            parts.append(f"GPU {self.gpu_share:.0%} busy")
        parts.append(f"sandbox workers {self.sandbox_share:.0%} used")
        parts.append(f"peak memory {self.peak_memory_bytes / 1e9:.1f} GB")
        return "; ".join(parts)


def duration(seconds: float) -> str:
    """A time for people: 8.3 s, 2 min 05 s, 3 h 20 min."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


class Meter:
    """Counts while it is entered. The counting methods may come from several threads."""

    def __init__(self, *, workers: int) -> None:
        self._workers = workers
        self._lock = threading.Lock()
        self._sums: dict[str, float] = {f.name: 0 for f in fields(Speed)}
        self._gpus: Sequence[Any] = ()
        self._looks: list[float] = []  # how busy the GPUs were, 0–1
        self._started: float | None = None
        self._asked: float | None = None  # since when the policy is at work
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._started = time.perf_counter()
        self._watcher.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._started is not None:
            self._sums["seconds"] = time.perf_counter() - self._started
        self._ended.set()
        self._watcher.join()

    def at_work(self, items: Iterable[T]) -> Iterator[T]:
        """The items of a policy's stream; the time that it takes to give them counts as its own."""
        source = iter(items)
        while True:
            self._asked = time.perf_counter()
            try:
                item = next(source)
            except StopIteration:
                return
            finally:
                self._add(policy_seconds=time.perf_counter() - self._asked)
                self._asked = None
            yield item

    def sampled(self, completion: Completion) -> None:
        """A sample came."""
        self._add(samples=1, tokens=len(completion.token_ids) or len(completion.logprobs))

    def prompts(self, tokens: int) -> None:
        """So many tokens of prompts will be read."""
        self._add(prompt_tokens=tokens)

    def judged(self, seconds: float) -> None:
        """A program ran so long."""
        self._add(judged=1, program_seconds=seconds)

    def speed(self) -> Speed:
        """What was counted until now."""
        with self._lock:
            sums = dict(self._sums)
        if self._started is not None and not self._ended.is_set():
            now = time.perf_counter()
            sums["seconds"] = now - self._started
            if (asked := self._asked) is not None:
                sums["policy_seconds"] += now - asked
        sums["worker_seconds"] = self._workers * sums["seconds"]
        sums["gpus"] = len(self._gpus)
        if self._looks:
            sums["gpu_seconds"] = sum(self._looks) / len(self._looks) * sums["seconds"]
        whole = {f.name for f in fields(Speed) if f.type is int}
        return Speed(**{k: int(v) if k in whole else v for k, v in sums.items()})  # type: ignore[arg-type]

    def _add(self, **amounts: float) -> None:
        with self._lock:
            for name, amount in amounts.items():
                self._sums[name] += amount

    def _watch(self) -> None:
        nvml, self._gpus = _visible_gpus()
        while True:
            memory = memory_bytes()
            with self._lock:
                self._sums["peak_memory_bytes"] = max(self._sums["peak_memory_bytes"], memory)
            try:
                busy = [nvml.nvmlDeviceGetUtilizationRates(gpu).gpu / 100 for gpu in self._gpus]
            except nvml.NVMLError:  # not told of a part of a card
                self._gpus = ()
            else:
                self._looks.append(sum(busy))
            if self._ended.wait(LOOK_S):
                return


def memory_bytes(pid: int | None = None) -> int:
    """Main memory of a process (this one by default) and of all that descend from it.

    What several of them share counts once, where the kernel tells that.
    """
    first = os.getpid() if pid is None else pid
    return sum(_own_bytes(Path(f"/proc/{one}")) for one in (first, *descendants(first)))


def _own_bytes(proc: Path) -> int:
    """Its proportional set size, else its resident set; 0 for a process that has ended."""
    with suppress(OSError):  # another user namespace's is not shown
        for line in (proc / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    with suppress(OSError):
        return int((proc / "statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
    return 0


def _visible_gpus() -> tuple[Any, list[Any]]:
    """NVML and its handles of the GPUs that this process may use; none without a driver."""
    try:
        nvml = importlib.import_module("pynvml")
    except ModuleNotFoundError:
        return None, []
    try:
        nvml.nvmlInit()
        names = os.environ.get("CUDA_VISIBLE_DEVICES")
        if names is None:
            return nvml, [
                nvml.nvmlDeviceGetHandleByIndex(i) for i in range(nvml.nvmlDeviceGetCount())
            ]
        return nvml, [
            nvml.nvmlDeviceGetHandleByIndex(int(name))
            if name.isdecimal()
            else nvml.nvmlDeviceGetHandleByUUID(name)
            for name in names.split(",")
            if name.strip()
        ]
    except nvml.NVMLError:
        return None, []

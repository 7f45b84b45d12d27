"""Reads what the header of each program asks for, runs all among honest neighbours, checks."""

import itertools
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from arcbench.grids import Grid, as_grid
from arcbench.sandbox import Execution, Failure, Limits, Outcome, Program, SandboxPool

FOLDERS = ("cheating", "stalling", "escaping", "exhausting", "honest")
KEYS = ("expect", "message", "outputs", "stdout", "needs", "xfail")
ROOT = Path(__file__).parents[2]

INPUTS = (as_grid([[1, 2, 3], [4, 5, 6]]), as_grid([[7, 0], [0, 7]]))
DEADLINE_S = 0.7  # of the programs that are known to stall
PATIENCE_S = 10.0  # of all others: some load scipy on a busy machine
SLACK_S = 3.0  # what a busy machine may add
MEMORY_MB = 256
LEFT = "left-by-a-program"  # all files, processes and names that programs make are called so

# The neighbours use what some programs patch; each has an answer of its own.
_NEIGHBOUR = """\
import numpy as np
from common import Color

MARK = "a neighbour of the catalogue"


def transform(grid):
    assert len(grid) == grid.shape[0] and isinstance(grid, np.ndarray) and Color.RED == 2
    return np.flip(np.where(grid == 0, {color}, (grid + {step}) % 10), axis=1)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """A program of the catalogue and what must happen to it."""

    name: str  # folder/file
    code: str
    attempt: str  # what it tries, a sentence
    expect: frozenset[Outcome]
    message: str  # stands in the message; several to choose from after `|`
    outputs: str  # `same`, `none`, `any` or a grid; one for all inputs or one each, after `;`
    stdout: str  # stands in what was printed
    needs: str  # `namespaces`: all layers; `isolation`: all others than these; or a machine
    xfail: str  # why it is known to fail

    @property
    def stalls(self) -> bool:
        """Whether it may run into its deadline."""
        return Outcome.TIMEOUT in self.expect

    @property
    def deadline_s(self) -> float:
        """Wall clock that the pool gives to it."""
        return DEADLINE_S if self.stalls else PATIENCE_S


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """What happened to a program and to the honest ones before and after it."""

    execution: Execution
    harmed: tuple[str, ...]  # what is wrong with the neighbours


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """One run of the catalogue."""

    records: dict[str, Record]  # by name of the case; of those that could be run
    features: dict[str, bool]
    elapsed_s: float
    workers_seen: int  # processes of the pools while they ran
    left: tuple[str, ...]  # processes, descriptors and files that were there at the end


def load_cases() -> dict[str, Case]:
    """All programs by name; ValueError if a header is not understood."""
    paths = [path for folder in FOLDERS for path in sorted((Path(__file__).parent / folder).glob("*.py"))]  # fmt: skip  # noqa: E501
    cases = [_case(path) for path in paths]
    return {case.name: case for case in cases}


def _case(path: Path) -> Case:
    code = path.read_bytes().decode()
    name = f"{path.parent.name}/{path.stem}"
    attempt: list[str] = []
    found: dict[str, str] = {}
    for line in code.splitlines():
        if not line.startswith("#"):
            break
        key, colon, value = line[1:].strip().partition(":")
        if colon and key in KEYS:
            found[key] = value.strip()
        elif found:
            raise ValueError(f"{name}: {line!r} is none of {KEYS}")
        else:
            attempt.append(line[1:].strip())
    if not attempt or "expect" not in found:
        raise ValueError(f"{name}: it says not what it tries, or not what to expect")
    return Case(
        name=name,
        code=code.replace("@CHECKOUT@", str(ROOT)),
        attempt=" ".join(attempt),
        expect=frozenset(Outcome[outcome.strip()] for outcome in found.pop("expect").split("|")),
        outputs=found.pop("outputs", "same"),
        **{key: found.get(key, "") for key in ("message", "stdout", "needs", "xfail")},
    )


def _neighbour(rng: np.random.Generator) -> tuple[Program, tuple[Grid, ...]]:
    """An honest program with inputs of its own, and its right answers."""
    color, step = (int(n) for n in rng.integers(1, 10, 2))
    shapes = rng.integers(1, 12, (2, 2))
    inputs = tuple(as_grid(rng.integers(0, 10, shape)) for shape in shapes)
    answers = tuple(
        as_grid(np.flip(np.where(grid == 0, color, (grid + step) % 10), axis=1)) for grid in inputs
    )
    return Program(code=_NEIGHBOUR.format(color=color, step=step), inputs=inputs), answers


def _wrong(execution: Execution, answers: Sequence[Grid]) -> str:
    """What is wrong with an honest program's execution, "" if nothing."""
    if execution.outcome is not Outcome.OK:
        return f"{execution.outcome}: {execution.message}"
    pairs = zip(execution.grids, answers, strict=True)
    right = all(grid is not None and np.array_equal(grid, answer) for grid, answer in pairs)
    return "" if right else "a wrong answer"


def run_catalogue(cases: Sequence[Case], workers: int = 2) -> Report:
    """Run all, each between two honest neighbours: one batch of what stalls, one of the rest.

    What this machine misses something for is not run at all: without isolation a fork bomb takes
    the machine, and what changes files changes them.
    Those that are known to fail may harm others, and run in batches of their own.
    """
    rng = np.random.default_rng(0)
    # The seed stands in the command line of a pool's processes: so they are told from others.
    seed = int.from_bytes(os.urandom(4), "little") % 10**9 + 10**9
    descriptors = _descriptors()
    records: dict[str, Record] = {}
    with SandboxPool(workers=1, seed=seed) as pool:
        features = pool.features()
    cases = [case for case in cases if not missing(case, features)]
    workers_seen = 0
    start = time.monotonic()
    kinds = itertools.product((PATIENCE_S, DEADLINE_S), (False, True))
    for deadline_s, known_to_fail in kinds:
        kind = (deadline_s, known_to_fail)
        batch = [case for case in cases if (case.deadline_s, bool(case.xfail)) == kind]
        if not batch:
            continue
        neighbours = [_neighbour(rng) for _ in range(len(batch) + 1)]
        programs = [neighbours[0][0]]
        for case, (neighbour, _) in zip(batch, neighbours[1:], strict=True):
            programs += [Program(code=case.code, inputs=INPUTS), neighbour]
        limits = Limits(timeout_s=deadline_s, memory_mb=MEMORY_MB)
        with SandboxPool(workers=workers, limits=limits, seed=seed) as pool:
            # A worker may come up with less than the first did: then nothing is run.
            if pool.features() != features:
                raise RuntimeError(f"the isolation changed from {features} to {pool.features()}")
            executions = pool.run(programs)
            workers_seen = max(workers_seen, len(_processes(seed)))
        wrong = [_wrong(e, a) for e, (_, a) in zip(executions[::2], neighbours, strict=True)]
        for i, (case, execution) in enumerate(zip(batch, executions[1::2], strict=True)):
            harmed = tuple(why for why in wrong[i : i + 2] if why)
            records[case.name] = Record(execution=execution, harmed=harmed)
    elapsed_s = time.monotonic() - start
    left = [f"process {pid}" for pid in _gone_in_time(seed)]
    left += [f"descriptor {fd}" for fd in sorted(_descriptors() - descriptors)]
    left += [f"file {path}" for path in _files_left()]
    return Report(
        records=records,
        features=features,
        elapsed_s=elapsed_s,
        workers_seen=workers_seen,
        left=tuple(left),
    )


def mistakes(case: Case, record: Record) -> list[str]:
    """In words, all that went otherwise than the header of a program says."""
    execution = record.execution
    found = [f"a neighbour was harmed: {why}" for why in record.harmed]
    if execution.outcome not in case.expect:
        found.append(f"{execution.outcome.name} ({execution.message})")
    if not any(text.strip() in execution.message for text in case.message.split(" | ")):
        found.append(f"the message is {execution.message!r}")
    if case.stdout not in execution.stdout:
        found.append(f"it printed {execution.stdout[:200]!r}")
    wanted = [w.strip() for w in case.outputs.split(";")]
    wanted = wanted * len(INPUTS) if len(wanted) == 1 else wanted
    for given, want, output in zip(INPUTS, wanted, execution.outputs, strict=True):
        if want != "any" and not _as_wanted(given, want, output):
            found.append(f"an output is {output}")
    if not execution.seconds < case.deadline_s + SLACK_S:
        found.append(f"it took {execution.seconds:.1f} s")
    if execution.outcome is Outcome.TIMEOUT and execution.seconds < case.deadline_s:
        found.append(f"its time was up after {execution.seconds:.2f} s already")
    return found


def _as_wanted(given: Grid, want: str, output: Grid | Failure) -> bool:
    """`same` allows for failures: whether there may be any is a matter of the outcome."""
    if isinstance(output, Failure):
        return want in ("same", "none")
    if want == "none":
        return False
    return np.array_equal(output, given if want == "same" else np.array(json.loads(want)))


def missing(case: Case, features: dict[str, bool]) -> str:
    """Why a case cannot be judged on this machine, "" if it can."""
    off = [name for name, on in features.items() if not on]
    if case.needs == "isolation":
        off = [name for name in off if "namespace" not in name]
    if case.needs in ("isolation", "namespaces"):
        return f"off here: {', '.join(off)}" if off else ""
    return "" if case.needs in ("", platform.machine()) else f"it is for {case.needs}"


def _descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))  # noqa: PTH208


def _processes(seed: int) -> list[int]:
    """Processes in whose command line the seed stands."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(seed).encode() in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
        except OSError:  # it has ended
            continue
    return found


def _gone_in_time(seed: int, patience_s: float = 2.0) -> list[int]:
    """The processes of closed pools that are still there after a moment."""
    end = time.monotonic() + patience_s
    while (found := _processes(seed)) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def _files_left() -> list[Path]:
    places = {Path(os.environ.get("TMPDIR", "/tmp")), Path("/tmp"), Path("/dev/shm"), Path.home()}
    places |= {Path.cwd(), ROOT, Path("/")}
    return sorted(path for place in places if place.is_dir() for path in place.glob(f"*{LEFT}*"))


def main() -> int:
    """Run all and print a line for each; 1 if something went otherwise than it must."""
    cases = load_cases()
    report = run_catalogue(list(cases.values()))
    say = sys.stdout.write
    say(f"as user {os.getuid()} of group {os.getgid()}\n")
    for layer, on in report.features.items():
        say(f"  {'on ' if on else 'OFF'} {layer}\n")
    num_wrong = num_known = num_skipped = 0
    for name, case in cases.items():
        why = missing(case, report.features)
        if why:
            num_skipped += 1
            say(f"skip           {name:50} {why}\n")
            continue
        record = report.records[name]
        wrong = [] if case.xfail else mistakes(case, record)
        num_wrong += bool(wrong)
        num_known += bool(case.xfail)
        state = "WRONG" if wrong else "known" if case.xfail else "ok"
        execution = record.execution
        say(f"{state:5} {execution.seconds:6.2f} s  {name:50} {execution.outcome}\n")
        for line in wrong or [case.xfail] * bool(case.xfail):
            say(f"      {line}\n")
    for line in report.left:
        say(f"LEFT  {line}\n")
    say(
        f"{len(cases)} programs, {num_wrong} wrong, {num_known} known to fail, "
        f"{num_skipped} skipped, "
        f"{len(report.left)} left over, {report.elapsed_s:.1f} s\n"
    )
    return 1 if num_wrong or report.left else 0

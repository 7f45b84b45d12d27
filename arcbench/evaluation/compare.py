"""Two evaluations of the same tasks: what was gained, what was lost, and how sure that is."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from arcbench.errors import UserError
from arcbench.evaluation.differences import (
    Difference,
    fisher,
    mcnemar,
    paired,
    rate_interval,
    rate_test,
)
from arcbench.evaluation.pass_at_k import FEW_TASKS, TaskCount, pass_at_ks
from arcbench.evaluation.results import FIGURES, Results
from arcbench.rewards import Pairs

SURE = 0.05  # a change with a smaller q (a p corrected for the number of tasks) is told
SOLVED = "tasks solved"  # pass@k at the samples that all tasks of both sides have

# Settings that change what a sample is, or what counts as solved: not those of the policy itself.
SAMPLING = frozenset(
    ("dataset", "split", "template", "temperature", "top_p", "max_new_tokens", "views", "timeout_s")
)
# What the facts of results tell beside the settings: they differ always, or are told otherwise.
NOT_SETTINGS = frozenset(("evaluation", "name", "complete", "left_out", "speed"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One of the two evaluations: what is known of it."""

    name: str
    counts: Mapping[str, TaskCount]  # tasks that have samples
    pairs: Pairs = "all"  # which pairs "solved" is about
    settings: Mapping[str, Any] = field(default_factory=dict)
    complete: bool = True  # whether it was not stopped before its end
    figures: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)  # of each task
    totals: Mapping[str, float] = field(default_factory=dict)  # figures known only in total
    ks: tuple[int, ...] = ()

    @classmethod
    def of(cls, results: Results, name: str, pairs: Pairs | None = None) -> "Side":
        """The side of an evaluation; `pairs` "train" judges by the train pairs alone."""
        pairs = pairs or results.pairs
        judged = results.tasks if pairs == "train" else results.judged
        return cls(
            name=name,
            counts={t.task_id: t.count(pairs) for t in judged if t.samples},
            pairs=pairs,
            settings={k: v for k, v in results.facts.items() if k not in NOT_SETTINGS},
            complete=bool(results.facts.get("complete", True)),
            figures={t.task_id: t.figures() for t in results.tasks},
            ks=tuple(p.k for p in results.pass_at_k),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskChange:
    """One task on both sides."""

    task_id: str
    a: TaskCount
    b: TaskCount
    p: float  # Fisher's exact test, two-sided, of the two pass rates
    q: float  # p after Benjamini and Hochberg: the share of false alarms among those up to it

    @property
    def change(self) -> float:
        """Of the pass rate."""
        return self.b.rate - self.a.rate

    @property
    def gained(self) -> bool:
        """Solved by the second side only."""
        return self.b.solved > 0 == self.a.solved

    @property
    def lost(self) -> bool:
        """Solved by the first side only."""
        return self.a.solved > 0 == self.b.solved


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """A setting in which the two differ; None: one has no such setting."""

    name: str
    a: Any
    b: Any

    @property
    def matters(self) -> bool:
        """Whether the samples are not of the same kind because of it."""
        return self.name in SAMPLING


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Two evaluations on the tasks that both have. Rates are 0–1."""

    a: str
    b: str
    samples: int  # the fewest that a task has on either side: pass@k and solved tasks are at it
    equal_samples: bool  # whether all tasks of both sides have so many
    pairs: Pairs
    tasks: tuple[TaskChange, ...]
    differences: tuple[Difference, ...]  # pass rate, pass@k, solved tasks, then other figures
    mcnemar: float | None  # exact, two-sided, on solved tasks; None: the samples are not equal
    settings: tuple[Setting, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def gained(self) -> tuple[TaskChange, ...]:
        """Tasks that only the second side solves, the largest change first."""
        return tuple(sorted((t for t in self.tasks if t.gained), key=lambda t: -t.change))

    @property
    def lost(self) -> tuple[TaskChange, ...]:
        """Tasks that only the first side solves, the largest change first."""
        return tuple(sorted((t for t in self.tasks if t.lost), key=lambda t: t.change))

    @property
    def changed(self) -> tuple[TaskChange, ...]:
        """Tasks whose pass rate surely changed, the surest first."""
        return tuple(sorted((t for t in self.tasks if t.q < SURE), key=lambda t: t.p))

    @property
    def pass_rate(self) -> Difference:
        """The difference of the pass rates."""
        return self.differences[0]

    @property
    def verdict(self) -> str:
        """The comparison in a sentence."""
        rate = self.pass_rate
        assert rate.low is not None
        assert rate.high is not None
        word = "better" if rate.low > 0 else "worse" if rate.high < 0 else "no clear difference"
        text = (
            f"{word}: pass rate {100 * rate.a:.1f} → {100 * rate.b:.1f} %, "
            f"{100 * rate.change:+.1f} points (95 % {100 * rate.low:.1f} to {100 * rate.high:.1f})"
        )
        if len(self.tasks) < FEW_TASKS and rate.p is not None:
            text += f", {p_text(rate.p)}"
        solved = next((d for d in self.differences if d.name == SOLVED), None)
        if len(self.tasks) > 1 and not self.equal_samples and solved is not None:
            text += (
                f", tasks solved in {_count(self.samples, 'sample')} {100 * solved.a:.1f} → "
                f"{100 * solved.b:.1f} %"
            )
        elif len(self.tasks) > 1:
            text += f", {_count(len(self.gained), 'task')} gained, {len(self.lost)} lost"
            if self.mcnemar is not None:
                text += f", McNemar {p_text(self.mcnemar)}"
        return text.replace("-", "−")

    def to_dict(self) -> dict[str, Any]:
        """JSON-able values, with what follows from them."""
        return {
            **{n: getattr(self, n) for n in ("verdict", "a", "b", "samples", "equal_samples")},
            "judged_by": self.pairs,
            "mcnemar_p": self.mcnemar,
            "differences": [{**asdict(d), "change": d.change} for d in self.differences],
            "gained": [t.task_id for t in self.gained],
            "lost": [t.task_id for t in self.lost],
            "tasks": [{**asdict(t), "change": t.change} for t in self.tasks],
            "settings": [{**asdict(s), "matters": s.matters} for s in self.settings],
            "warnings": list(self.warnings),
        }


def p_text(p: float) -> str:
    """A p value as it is written."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def compare(
    a: Results,
    b: Results,
    *,
    rng: np.random.Generator,
    names: tuple[str, str] = ("A", "B"),
    ks: Sequence[int] = (),
) -> Comparison:
    """Compare two evaluations, on the tasks that both have; `ks`: of pass@k, else a few.

    Where only the train outputs of one are known both are judged by their train pairs. Raises
    UserError where they share no task, or a task has fewer than k samples.
    """
    pairs: Pairs = "train" if "train" in (a.pairs, b.pairs) else "all"
    return compare_sides(Side.of(a, names[0], pairs), Side.of(b, names[1], pairs), rng=rng, ks=ks)


def compare_sides(
    a: Side, b: Side, *, rng: np.random.Generator, ks: Sequence[int] = ()
) -> Comparison:
    """`compare` for what is known of any two evaluations."""
    common = [t for t in a.counts if t in b.counts and a.counts[t].samples and b.counts[t].samples]
    if not common:
        raise UserError(
            f"{a.name} and {b.name} have no task in common: there is nothing to compare"
        )
    counts_a, counts_b = ([side.counts[t] for t in common] for side in (a, b))
    sizes = {c.samples for c in (*counts_a, *counts_b)}
    least = min(sizes)
    if wrong := [k for k in ks if not 1 <= k <= least]:
        raise UserError(
            f"k must be between 1 and the fewest samples of a task ({least}), not {wrong[0]}"
        )
    drawn = sorted({*(ks or _usual_ks(a, b, least)), 1, least})
    equal = len(sizes) == 1
    settings = differing(a.settings, b.settings)
    return Comparison(
        a=a.name,
        b=b.name,
        samples=least,
        equal_samples=equal,
        pairs=a.pairs,
        tasks=_task_changes(common, counts_a, counts_b),
        differences=(
            *_rate_differences(counts_a, counts_b, drawn, rng),
            *_figure_differences(a, b, common, equal, rng),
        ),
        mcnemar=mcnemar(counts_a, counts_b) if equal else None,
        settings=settings,
        warnings=tuple(_warnings(a, b, common, sizes, settings)),
    )


def _usual_ks(a: Side, b: Side, least: int) -> list[int]:
    """Those that both were asked for, else some that the samples are enough for."""
    shared = [k for k in a.ks if k in b.ks and k <= least]
    return shared or [k for k in (8, 64, 512) if 4 * k <= least]


def _rate_differences(
    a: Sequence[TaskCount], b: Sequence[TaskCount], ks: Sequence[int], rng: np.random.Generator
) -> list[Difference]:
    """The pass rate, pass@k, and the solved tasks, which are pass@k at the largest k."""
    names = ["pass rate", *(f"pass@{k}" for k in ks[1:-1]), *([SOLVED] if ks[1:] else [])]
    first, *others = paired(names, pass_at_ks(a, ks), pass_at_ks(b, ks), rng)
    if first.low is None:  # the tasks do not tell how sure it is; their samples do
        low, high = rate_interval(a, b)
        alike = 1.0 if not first.change else 0.5 ** (len(a) - 1)  # the sign test
        p = rate_test(a, b) if len(a) < FEW_TASKS else alike
        first = replace(first, low=min(low, first.change), high=max(high, first.change), p=p)
    return [first, *others]


def _figure_differences(
    a: Side, b: Side, common: Sequence[str], equal_samples: bool, rng: np.random.Generator
) -> list[Difference]:
    """The other figures, each on the tasks where both have it."""
    found: list[Difference] = []
    for name in FIGURES:
        # What `_rate_differences` has; and what more samples alone change.
        if name in ("n_preds", "pass_rate", "is_correct") or (
            not equal_samples and (name == "unique_outputs" or name.endswith("is_correct"))
        ):
            continue
        values = [
            (x, y)
            for t in common
            if (x := a.figures.get(t, {}).get(name)) is not None
            and (y := b.figures.get(t, {}).get(name)) is not None
        ]
        if values:
            both = np.array(values)
            found += paired([name.replace("_", " ")], both[:, :1], both[:, 1:], rng)
    found += [Difference(name=n, a=a.totals[n], b=b.totals[n]) for n in a.totals if n in b.totals]
    return found


def _task_changes(
    names: Sequence[str], a: Sequence[TaskCount], b: Sequence[TaskCount]
) -> tuple[TaskChange, ...]:
    from scipy.stats import false_discovery_control

    known: dict[tuple[TaskCount, TaskCount], float] = {}
    for pair in zip(a, b, strict=True):
        if pair not in known:
            known[pair] = fisher(*pair)
    ps = [known[pair] for pair in zip(a, b, strict=True)]
    qs = false_discovery_control(ps)
    return tuple(
        TaskChange(task_id=t, a=x, b=y, p=p, q=float(q))
        for t, x, y, p, q in zip(names, a, b, ps, qs, strict=True)
    )


def differing(a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[Setting, ...]:
    """The settings that are not equal, by their dotted names, those that matter first."""
    flat_a, flat_b = _flat(a), _flat(b)
    names = list(dict.fromkeys((*flat_a, *flat_b)))
    found = [
        Setting(name=n, a=flat_a.get(n), b=flat_b.get(n))
        for n in names
        if flat_a.get(n) != flat_b.get(n)
    ]
    return tuple(sorted(found, key=lambda s: not s.matters))


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = list(value) if isinstance(value, tuple) else value
    return found


def _warnings(
    a: Side, b: Side, common: Sequence[str], sizes: set[int], settings: Sequence[Setting]
) -> Iterator[str]:
    for side in (a, b):
        if not side.complete:
            yield f"{side.name} was stopped before its end: some tasks may lack samples"
        if missing := sum(c.samples > 0 for c in side.counts.values()) - len(common):
            whom = "it" if missing == 1 else "them"
            yield f"{_count(missing, 'task')} of {side.name} left out: the other has none of {whom}"
    if len(sizes) > 1:
        told = " and ".join(
            f"{side.name} {_range([side.counts[t].samples for t in common])}" for side in (a, b)
        )
        yield (
            f"{told} samples a task: solved tasks and pass@k are what {min(sizes)} samples are "
            "expected to give, and McNemar's test is left out; gained and lost tasks are those of "
            "all samples, which favours the side with more"
        )
    if unlike := [s for s in settings if s.matters]:
        told = ", ".join(f"{s.name} {shown(s.a)} against {shown(s.b)}" for s in unlike)
        yield f"the samples are not of the same kind: {told}"
    if a.pairs == "train":
        yield "solved means here that all train pairs are exact: test outputs are not known"
    if len(common) < FEW_TASKS:
        whose = (
            "one task: interval and p are those of its samples"
            if len(common) == 1
            else (f"only {len(common)} tasks: interval and p are those of their samples")
        )
        yield f"{whose} and tell nothing of other tasks"


def shown(value: Any) -> str:
    """A setting in a few letters."""
    if isinstance(value, list) and len(value) > 3:
        return f"{len(value)} values"
    return "none" if value is None else str(value)


def _range(numbers: Sequence[int]) -> str:
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low}–{high}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"

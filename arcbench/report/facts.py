"""What a run was, in a dozen words, and its first steps against its last; of any version."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from arcbench import series
from arcbench.runs import Metrics, RunStatus
from arcbench.training.sweep_verdict import Verdict

SHARE = 10  # the first and the last steps are that fraction of all
VERDICTS = {  # the kind for the style, a sign, words
    Verdict.LEARNING: ("solved", "✓", "It learned"),
    Verdict.FLAT: ("wrong", "–", "No clear change"),
    Verdict.UNSTABLE: ("partly", "!", "It was unstable"),
    Verdict.DESTROYED: ("failed", "✗", "The policy was destroyed"),
    Verdict.UNDECIDED: ("wrong", "?", "Too few steps to say"),
}
# The figures of the first and the last steps: metric, words, form, and which way is better.
COMPARED = (
    (series.REWARD_MEAN, "reward", "{:.2f}"),
    (series.SOLVE_RATE, "solve rate", "{:.1%}"),
    (series.GROUP_NO_SIGNAL, "groups without signal", "{:.0%}"),
    (series.GROUP_UNIQUE_PROGRAMS, "different programs in a group", "{:.0%}"),
    (series.NO_PROGRAM, "completions without a program", "{:.0%}"),
    (series.FAILED, "programs that fail", "{:.0%}"),
    (series.LENGTH_MEAN, "completion length, tokens", "{:.0f}"),
    (series.LENGTH_TRUNCATED, "cut by the limit", "{:.0%}"),
    (series.LOOP, "share in a loop", "{:.0%}"),
    (series.ENTROPY, "entropy of a token, nats", "{:.3f}"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """One figure at two times; None where it is not known."""

    name: str
    first: float | None
    last: float | None
    form: str
    first_spread: float | None = None  # standard deviation within a step
    last_spread: float | None = None

    @property
    def change(self) -> str:
        """With its sign, or nothing."""
        if self.first is None or self.last is None:
            return ""
        told = self.form.format(abs(self.last - self.first))
        if not any(d in told for d in "123456789"):
            return "±0"
        return ("+" if self.last > self.first else "−") + told

    def told(self, value: float | None, spread: float | None = None) -> str:
        """A value as it is written, with its spread."""
        if value is None:
            return "–"
        around = "" if spread is None else f" ± {self.form.format(spread)}"
        return signed(self.form.format(value)) + around


def signed(number: str) -> str:
    """A written number with a minus sign instead of a hyphen."""
    return number.replace("-", "−")


def at(config: Mapping[str, Any], path: str) -> Any:
    """A setting by its name, None where the settings (of whatever version) have none."""
    value: Any = config
    for name in path.split("."):
        if not isinstance(value, Mapping) or name not in value:
            return None
        value = value[name]
    return value


def edge(steps: int) -> int:
    """How many steps are the first, and how many the last."""
    return max(1, min(3, steps // 2), steps // SHARE)


def comparisons(metrics: Sequence[Metrics]) -> Iterator[Comparison]:
    """The first steps against the last, of what was recorded and is not 0 at both."""
    lines = [m for m in metrics if m.get(series.REWARD_MEAN) is not None]
    if not lines:
        return
    size = edge(len(lines))
    for metric, name, form in COMPARED:
        first = _mean(lines[:size], metric)
        last = _mean(lines[-size:], metric) if len(lines) > 1 else None
        if first is None and last is None:
            continue
        shown = metric in (series.REWARD_MEAN, series.SOLVE_RATE)
        if not shown and not first and not last:
            continue
        spread = metric == series.REWARD_MEAN
        yield Comparison(
            name=name,
            first=first,
            last=last,
            form=form,
            first_spread=_mean(lines[:size], series.REWARD_STD) if spread else None,
            last_spread=_mean(lines[-size:], series.REWARD_STD) if spread else None,
        )


def _mean(lines: Sequence[Metrics], name: str) -> float | None:
    values = [v for m in lines if (v := m.get(name)) is not None and isfinite(v)]
    return sum(values) / len(values) if values else None


def facts(
    config: Mapping[str, Any],
    info: Mapping[str, Any],
    status: RunStatus,
    metrics: Sequence[Metrics],
) -> Iterator[tuple[str, str]]:
    """What the run was; a part that its settings do not tell is left out."""
    told = {
        "Model": _model(config),
        "Data": _data(config),
        "Algorithm": _algorithm(config),
        "Reward": _text(at(config, "reward.name")),
        "Engine": _text(at(config, "engine.kind")),
        "Ran on": _machine(info),
        "Started": _text(info.get("created")).replace("T", " ")[:16],
        "Time": _time(info, status, metrics),
        "Versions": _versions(info),
    }
    yield from ((name, text) for name, text in told.items() if text)


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _model(config: Mapping[str, Any]) -> str:
    name = _text(at(config, "policy.model")).rstrip("/").rpartition("/")[2]
    rank, kind = at(config, "policy.lora.rank"), at(config, "policy.quantization")
    parts = [name, f"LoRA rank {rank}" if rank else "all weights" if name else ""]
    parts.append(_text(kind) if kind not in (None, "none") else "")
    return ", ".join(p for p in parts if p)


def _data(config: Mapping[str, Any]) -> str:
    tasks = at(config, "data.tasks") or ()
    name = " ".join(p for p in (_text(at(config, f"data.{n}")) for n in ("dataset", "split")) if p)
    if isinstance(tasks, list | tuple) and tasks:
        few = ", ".join(map(str, tasks[:3]))
        name += f": {few}" if len(tasks) <= 3 else f": {len(tasks):,} tasks"
    return name + (", augmented" if at(config, "data.augment") else "")


def _algorithm(config: Mapping[str, Any]) -> str:
    loss, rate = at(config, "grpo.loss_type"), at(config, "grpo.learning_rate")
    n, prompts = at(config, "grpo.num_generations"), at(config, "grpo.prompts_per_step")
    beta = at(config, "grpo.beta")
    parts = [
        f"GRPO ({loss})" if loss else "",
        f"{prompts} × {n} completions a step" if n and prompts else "",
        f"learning rate {rate:g}" if isinstance(rate, int | float) else "",
        f"KL weight {beta:g}" if isinstance(beta, int | float) and beta else "",
    ]
    return ", ".join(p for p in parts if p)


def _machine(info: Mapping[str, Any]) -> str:
    device, count = _text(info.get("device")), info.get("processes") or 1
    return f"{device} × {count}" if device and count != 1 else device


def _time(info: Mapping[str, Any], status: RunStatus, metrics: Sequence[Metrics]) -> str:
    in_steps = [v for m in metrics if (v := m.get(series.SECONDS_STEP)) is not None]
    parts = [f"{status.step:,}" + (f" of {status.total_steps:,}" if status.total_steps else "")]
    parts[0] += " steps"
    if in_steps:
        mean = sum(in_steps) / len(in_steps)
        parts.append(f"{duration(sum(in_steps))} in steps ({mean:.2g} s each)")
    if status.updated:
        last = datetime.fromtimestamp(status.updated, UTC).strftime("%Y-%m-%d %H:%M UTC")
        parts.append(f"last sign of life {last}")
    return ", ".join(parts)


def _versions(info: Mapping[str, Any]) -> str:
    packages = info.get("packages")
    named = packages if isinstance(packages, Mapping) else {}
    parts = [f"arcbench {info['arcbench']}" if info.get("arcbench") else ""]
    parts.append(f"({info['git']})" if info.get("git") else "")
    parts += [f"{name} {named[name]}" for name in ("torch", "trl", "transformers") if name in named]
    return " ".join(parts).strip()


def duration(seconds: float) -> str:
    """A time in its two largest units."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.0f} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"

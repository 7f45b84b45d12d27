"""What training brought, in Markdown."""

from collections.abc import Sequence

from arcbench.evaluation.gains import BELOW, SEEDS, Figure, Gain, Sometimes

_MINUS = "−"


def markdown(found: Sequence[Gain]) -> str:
    """Two tables: the figures of all tasks, and those of the tasks that are solved sometimes."""
    lines = [
        "| tasks | run | figure | before (95 %) | after (95 %) | change (95 %) |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for gain in found:
        for i, figure in enumerate(gain.figures):
            whose = (f"{gain.part}, {gain.tasks}", gain.run) if i == 0 else ("", "")
            lines.append(_row((*whose, figure.name, *_cells(figure))))
        count = len(gain.gained), len(gain.lost)
        most = " by most seeds" if gain.run == SEEDS else ""
        lines.append(_row(("", "", f"tasks{most}", "", "", f"{count[0]} new, {count[1]} lost")))
    n = found[0].samples if found else 0
    lines += [
        "",
        f"Tasks with a pass rate above 0 and below {BELOW:g} before: chosen by every second of the "
        f"{n} samples before, their rate before is that of the other {n // 2} (in brackets: all "
        "samples choose and tell, which compares with luck).",
        "",
        "| tasks | run | sometimes solved | pass rate before | after | times (95 %) |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for gain in found:
        s = gain.sometimes
        lines.append(
            _row(
                (
                    gain.part,
                    gain.run,
                    f"{s.tasks} ({s.tasks_chosen})",
                    f"{_percent(s.before)} ({_percent(s.before_chosen)})",
                    f"{_percent(s.after)} ({_percent(s.after_chosen)})",
                    _times(s),
                )
            )
        )
    return "\n".join(lines) + "\n"


def _cells(f: Figure) -> tuple[str, str, str]:
    change = f"{100 * (f.after - f.before):+.1f}"
    if f.change_interval is not None:
        change += " ({:+.1f} to {:+.1f})".format(*(100 * x for x in f.change_interval))
    if f.name == "pass@1" and f.ratio is not None:
        change += f", × {f.ratio:.2f}"
    return (
        _with_interval(f.before, f.before_interval),
        _with_interval(f.after, f.after_interval),
        change.replace("-", _MINUS),
    )


def _with_interval(value: float, interval: tuple[float, float] | None) -> str:
    told = _percent(value)
    if interval is not None:
        told += " ({:.1f}–{:.1f})".format(*(100 * x for x in interval))
    return told


def _times(s: Sometimes) -> str:
    if not s.before:
        return ""
    told = f"× {s.after / s.before:.1f}"
    if s.ratio_interval is not None:
        told += " ({:.1f}–{:.1f})".format(*s.ratio_interval)
    if s.before_chosen:
        told += f" [× {s.after_chosen / s.before_chosen:.1f}]"
    return told


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"

"""Figures on the health of a set-up: where GPU memory goes, and whether a server follows."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from arcbench.plots import BLUE, GREEN, INK, ORANGE, PURPLE, RED, SKY, calm, empty
from arcbench.training.check_sync import ServerSync
from arcbench.training.memory import GB, MemoryPlan, Part

# A part is told by colour and hatching, so that it can be told without colours, too.
_LOOKS = tuple(
    (color, hatch)
    for hatch in ("", "///", "...")
    for color in (BLUE, ORANGE, GREEN, PURPLE, SKY, RED)
)
_GREY = "#9a9aa2"
FIRST_STEP = 3  # checks before it: at rest, changed on purpose, put back
STAGES = ("before", "changed", "put back")


def memory_bars(plan: MemoryPlan) -> Figure:
    """A stacked bar for each phase of a step, what stays at the left, against the card.

    The parts below 1 % of the largest bar are drawn as one.
    """
    names = list(plan.phases)
    figure = Figure(figsize=(10.4, 0.42 * len(names) + 1.55), layout="constrained")
    axes = figure.subplots()
    calm(axes)
    rest = plan.needed_bytes - plan.peak_bytes
    small = 0.01 * plan.needed_bytes
    looks: dict[str, tuple[str, str]] = {}
    for row, name in enumerate(names):
        left = 0.0
        parts = _merged([*plan.resident, *plan.phases[name]], small)
        if name == plan.peak_phase and rest:
            parts.append(Part(name="blocks that cannot be used, CUDA", bytes=rest))
        for part in parts:
            color, hatch = looks.setdefault(part.name, _look(part.name, len(looks)))
            width = part.bytes / GB
            axes.barh(
                row, width, left=left, height=0.62, color=color, hatch=hatch, edgecolor="white",
                linewidth=0.6, label=part.name,
            )  # fmt: skip
            left += width
        peak = name == plan.peak_phase
        axes.text(
            left, row, f" {left:.1f} GB{', the peak' if peak else ''}", va="center", fontsize=8.5,
            color=INK, fontweight="bold" if peak else "normal",
        )  # fmt: skip
    card = plan.card_bytes / GB
    axes.axvline(card, color=INK if plan.fits else RED, lw=1.6, ls="--")
    axes.text(
        card, -0.52, f"the card: {card:g} GB ", ha="right", va="bottom", fontsize=8.5,
        color=INK if plan.fits else RED,
    )  # fmt: skip
    axes.set_yticks(range(len(names)), names, fontsize=9, color=INK)
    axes.set_ylim(len(names) - 0.5, -0.95)
    axes.set_xlim(0, 1.14 * max(card, plan.needed_bytes / GB))
    axes.set_xlabel("GB", fontsize=9, color=INK)
    axes.grid(axis="y", visible=False)
    handles, words = axes.get_legend_handles_labels()
    named = dict(zip(words, handles, strict=True))
    figure.legend(
        named.values(), named.keys(), loc="outside lower center", ncols=5, fontsize=8,
        frameon=False, labelcolor=INK, handlelength=1.3, columnspacing=1.2,
    )  # fmt: skip
    return figure


def _merged(parts: Sequence[Part], small: float) -> list[Part]:
    """Parts of one name together, and the small ones as one."""
    sizes: dict[str, int] = {}
    for part in parts:
        name = part.name if part.bytes >= small else "small parts"
        sizes[name] = sizes.get(name, 0) + part.bytes
    last = sizes.pop("small parts", 0)
    found = [Part(name=name, bytes=size) for name, size in sizes.items()]
    return [*found, Part(name="small parts", bytes=last)] if last else found


def _look(name: str, place: int) -> tuple[str, str]:
    return (_GREY, "") if name == "small parts" else _LOOKS[place % len(_LOOKS)]


def sync_course(server: ServerSync) -> Figure:
    """The gap of trainer and server at every check, against what is allowed; marks say who follows.

    Beside it the share of the trainer's movement that the server made.
    """
    figure = Figure(figsize=(9.4, 2.9), layout="constrained")
    gaps, shares = figure.subplots(1, 2, width_ratios=(1.5, 1))
    for axes, title in (
        (gaps, "difference of a token's log-probability, trainer and server, nats"),
        (shares, "share of the trainer's change that the server made"),
    ):
        calm(axes)
        axes.set_title(title, fontsize=9.5, loc="left", color=INK)
        axes.set_xlabel("")
    checks = server.checks
    if not checks:
        for axes in (gaps, shares):
            empty(axes, "no check was made")
        return figure
    places = range(len(checks))
    values = [max(c.gap, 1e-9) for c in checks]
    gaps.plot(places, values, color=BLUE, lw=1.2, alpha=0.6)
    gaps.plot(places, [c.threshold for c in checks], color=RED, lw=1.3, ls="--", label="limit")
    for healthy, marker, color, word in (
        (True, "o", GREEN, "follows"),
        (False, "X", RED, "does not follow"),
    ):
        at = [i for i in places if checks[i].verdict.healthy is healthy]
        if at:
            gaps.scatter(at, [values[i] for i in at], marker=marker, s=42, color=color,
                         label=word, zorder=3)  # fmt: skip
    gaps.set_yscale("log")
    gaps.legend(fontsize=8, frameon=False, labelcolor=INK, loc="best")
    moved = [(i, c.followed) for i, c in enumerate(checks) if c.followed is not None]
    if moved:
        bars = shares.bar([i for i, _ in moved], [s for _, s in moved], color=BLUE, width=0.55)
        shares.bar_label(bars, [f"{s:.0%}" for _, s in moved], fontsize=8, color=INK, padding=2)
        shares.axhline(1, color=INK, lw=0.8, alpha=0.5)
        shares.set_ylim(min(0.0, *(s for _, s in moved)), 1.25)
        shares.yaxis.set_major_formatter(lambda y, _: f"{y:.0%}")
    else:
        empty(shares, "nothing moved far enough")
    for axes in (gaps, shares):
        if axes is gaps or moved:
            _stages(axes, len(checks))
    return figure


def _stages(axes: Axes, count: int) -> None:
    """The three stages of the proof by name, the checks after it by number."""
    words = [*STAGES[:count], *(f"step {i}" for i in range(1, count - FIRST_STEP + 1))]
    every = max(1, -(-len(words) // 10))
    places = [i for i in range(count) if i < FIRST_STEP or (i - FIRST_STEP) % every == 0]
    axes.set_xticks(places, [words[i] for i in places], fontsize=8, color=INK)
    axes.set_xlim(-0.6, count - 0.4)
    if count > 6:
        for label in axes.get_xticklabels():
            label.set_rotation(30)
            label.set_horizontalalignment("right")

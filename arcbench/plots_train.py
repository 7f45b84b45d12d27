"""What one watches while a run goes on: a handful of panels, redrawn with every step."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from arcbench import series
from arcbench.plots import INK, PARTS, Line, calm, empty
from arcbench.plots_run import Mark, Panel, draw_panel, recorded

PANELS: tuple[Panel, ...] = (
    Panel(
        title="reward, and its parts",
        curves={"total": series.REWARD_MEAN, **{label: n for n, (_, label, _) in PARTS.items()}},
    ),
    Panel(title="solve rate", curves={"": series.SOLVE_RATE}, share=True),
    Panel(
        title="completion length, tokens",
        curves={"mean": series.LENGTH_MEAN, "longest": series.LENGTH_MAX},
    ),
    Panel(title="entropy of a token, nats", curves={"": series.ENTROPY}),
    Panel(
        title="sync gap: trainer − engine, nats",
        curves={"sampled": series.SAMPLED_GAP, "probes": series.SYNC_GAP},
        log=True,
    ),
    Panel(
        title="memory, GB",
        curves={
            "trainer": series.RSS_GB,
            "what it started": series.CHILDREN_GB,
            "GPU, tensors": series.GPU_ALLOCATED_GB,
            "GPU, peak": series.GPU_PEAK_GB,
        },
    ),
)


def live_page(metrics: Sequence[Line], marks: Sequence[Mark] = ()) -> Figure:
    """Reward with its parts, solve rate, length, entropy, sync gap and memory over the steps.

    `metrics` are lines of metrics.jsonl; `marks` are drawn as lines through all panels.
    """
    figure = Figure(figsize=(10.2, 4.5), layout="constrained")
    for axes, panel in zip(figure.subplots(2, 3).ravel(), PANELS, strict=True):
        if recorded(panel, metrics):
            draw_panel(axes, panel, metrics, marks)
            continue
        calm(axes)
        empty(axes, "not recorded")
        axes.set_xlabel("")
        axes.set_title(panel.title, fontsize=9, loc="left", color=INK, pad=14)
    figure.get_layout_engine().set(h_pad=0.03, w_pad=0.06, hspace=0.04)  # type: ignore[union-attr, call-arg]
    return figure

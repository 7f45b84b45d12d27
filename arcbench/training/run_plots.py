"""The plots that a run leaves in its folder when it ends."""

from arcbench.runs import RunStore
from arcbench.training.measure import shown_figures


def save_plots(store: RunStore) -> None:
    """Draw the curve, and before and after where both were measured."""
    from arcbench.plots import before_after, training_curve

    metrics = store.metrics()
    if metrics:
        figure = training_curve(metrics)
        figure.savefig(store.plot_file("training"), dpi=130)
    before, after = store.read_eval("before"), store.read_eval("after")
    if before and after:
        figure = before_after(before["figures"], after["figures"], shown_figures(after["tasks"]))
        figure.savefig(store.plot_file("before_after"), dpi=130)

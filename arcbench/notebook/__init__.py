"""What notebooks show and ask with: values as HTML, widgets, the parameters of the first cell.

Importing it loads neither torch nor gradio, matplotlib or ipywidgets.
"""

from arcbench.notebook.live import (
    LiveEvaluation,
    LiveRun,
    LiveSweep,
    live_evaluation,
    live_run,
    live_sweep,
)
from arcbench.notebook.parameters import quick
from arcbench.notebook.shown import (
    Shown,
    show,
    show_cards,
    show_figure,
    show_grids,
    show_prompt,
    show_rollout,
    table,
)
from arcbench.notebook.widgets import (
    Pages,
    RolloutSlider,
    TaskPicker,
    augmentations,
    browse,
    rollout_slider,
    task_picker,
)

__all__ = [
    "LiveEvaluation", "LiveRun", "LiveSweep", "Pages", "RolloutSlider", "Shown", "TaskPicker",
    "augmentations", "browse", "live_evaluation", "live_run", "live_sweep", "quick",
    "rollout_slider", "show", "show_cards", "show_figure", "show_grids", "show_prompt",
    "show_rollout", "table", "task_picker",
]  # fmt: skip

"""What notebooks show and ask with: values as HTML, widgets, the parameters of the first cell.

Importing it loads neither torch nor gradio, matplotlib or ipywidgets.
"""

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
    LiveRun,
    Pages,
    RolloutSlider,
    TaskPicker,
    browse,
    live_run,
    rollout_slider,
    task_picker,
)

__all__ = [
    "LiveRun", "Pages", "RolloutSlider", "Shown", "TaskPicker", "browse", "live_run", "quick",
    "rollout_slider", "show", "show_cards", "show_figure", "show_grids", "show_prompt",
    "show_rollout", "table", "task_picker",
]  # fmt: skip

import subprocess
import sys

import pytest

HEAVY = {"torch", "transformers", "trl", "peft", "unsloth", "vllm", "gradio", "ray", "datasets"}


@pytest.mark.parametrize(
    "module",
    [
        "arcbench.workbench",
        "arcbench.cli",
        "arcbench.diagnostics",
        "arcbench.evaluation",
        "arcbench.judge",
        "arcbench.notebook",
        "arcbench.policies",
        "arcbench.sandbox",
        "arcbench.submission",
    ],
)
def test_the_light_parts_start_without_the_heavy_libraries(module):
    code = f"import sys, {module}; print(*sorted({HEAVY!r} & set(sys.modules)))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.split() == []


def test_a_task_is_shown_as_html_without_drawing_libraries_or_jupyter():
    code = (
        "import sys; from arcbench.tasks import load_tasks; "
        "load_tasks('arc-agi-1')['67a3c6ac']._repr_html_(); "
        "print(*sorted({'matplotlib', 'IPython', 'ipywidgets', 'torch'} & set(sys.modules)))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.split() == []

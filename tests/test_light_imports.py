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

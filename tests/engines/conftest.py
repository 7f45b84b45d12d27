"""Tests with a real vLLM on a CPU, in an environment of their own: `make test-engines`."""

import os
from importlib.util import find_spec
from pathlib import Path

import pytest

# In the other environments there is no vLLM to be tested.
collect_ignore_glob = [] if find_spec("vllm") else ["test_*.py"]

FOLDER = Path(__file__).parent


def pytest_configure() -> None:
    """What the processes of the tests inherit."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")  # GB
    os.environ.setdefault("HF_HUB_OFFLINE", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of this folder have its marker."""
    for item in items:
        if item.path.is_relative_to(FOLDER):
            item.add_marker(pytest.mark.engines)

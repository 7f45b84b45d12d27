"""What a configuration needs that may not be on this machine, looked for before a run starts."""

import os
from importlib.util import find_spec

from arcbench.errors import MissingExtra, UserError
from arcbench.training.config import TrainConfig, VllmColocate, VllmServer


def check_packages(config: TrainConfig) -> None:
    """Raise UserError (or MissingExtra) for a setting whose package or processes are not there."""
    if config.policy.quantization == "4bit":
        _need("bitsandbytes", "policy.quantization 4bit")
    if config.optimizer.name.endswith("8bit"):
        _need("bitsandbytes", f"optimizer.name {config.optimizer.name}")
    for name in config.tracking.report_to:
        _need(name, f"tracking.report_to {name}")
    if config.policy.unsloth and find_spec("unsloth") is None:
        raise MissingExtra("policy.unsloth", "unsloth")
    # vllm-adapters needs no vLLM here: it talks to servers over HTTP.
    if isinstance(config.engine, VllmColocate | VllmServer) and find_spec("vllm") is None:
        raise MissingExtra(f"engine {config.engine.kind}", "vllm")
    if isinstance(config.engine, VllmColocate):
        processes = int(os.environ.get("WORLD_SIZE", "1"))
        if processes % config.engine.tensor_parallel:
            raise UserError(
                f"engine.tensor_parallel {config.engine.tensor_parallel} does not divide the "
                f"{processes} processes of the trainer: start that many with accelerate launch"
            )


def _need(package: str, what: str) -> None:
    if find_spec(package) is None:
        raise UserError(f"{what} needs the package {package}: pip install {package}")

"""Trains three steps with vLLM in this process, on a CPU.

`python colocate_run.py FOLDER SYNCS`: only the first SYNCS transfers arrive, or all.
"""

import sys
from functools import partial
from pathlib import Path

import torch  # noqa: TID253  (the run itself is one)
import vllm._custom_ops as ops  # noqa: TID253
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: TID253
from trl.generation import vllm_generation  # noqa: TID253

from arcbench.policies import model_path
from arcbench.training import grpo
from arcbench.training.config import (
    GrpoConfig,
    LengthConfig,
    LoraConfig,
    MeasureConfig,
    PolicyConfig,
    SyncConfig,
    VllmColocate,
    overfit_config,
)

# On a CPU vLLM packs its weights and throws the originals away, unless it computes plainly.
ops._supports_onednn = False
vllm_generation.LLM = partial(vllm_generation.LLM, dtype="float32")


def only_first(count: int) -> None:
    """Swallow TRL's transfers after so many."""
    transfer = vllm_generation.VLLMGeneration.sync_weights
    calls = iter(range(count))

    def sync_weights(self) -> None:
        if next(calls, None) is not None:
            transfer(self)

    vllm_generation.VLLMGeneration.sync_weights = sync_weights


def main(folder: Path, syncs: str) -> None:
    model = folder / "model"
    source = model_path("embedded")
    AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32).save_pretrained(model)
    AutoTokenizer.from_pretrained(source).save_pretrained(model)
    if syncs != "all":
        only_first(int(syncs))
    config = overfit_config(
        "67a3c6ac",
        policy=PolicyConfig(model=str(model), lora=LoraConfig(rank=8)),
        lengths=LengthConfig(max_prompt_tokens=1000, max_completion_tokens=16),
        grpo=GrpoConfig(num_generations=4, learning_rate=1e-3),
        engine=VllmColocate(gpu_memory_share=0.2, max_model_tokens=1024),
        measure=MeasureConfig(samples=0),
        sync=SyncConfig(every=1),
        steps=3,
        threads=1,
    )
    grpo.train(config, root=folder, name="run")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])

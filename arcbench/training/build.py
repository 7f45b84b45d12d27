"""From a TrainConfig to what TRL's trainer is given: model, tokenizer, adapter, sandbox.

TRL's own settings are made in `trl_args`.
"""

import logging
import os
from pathlib import Path
from typing import Any

from arcbench.errors import MissingExtra, UserError
from arcbench.policies import model_path
from arcbench.policies.adapter import Adapter, attach
from arcbench.policies.chat import ChatTokenizer
from arcbench.policies.padding import model_facts, repair_padding
from arcbench.policies.sources import same_model, template_of
from arcbench.preflight import PreflightFinding, error, ok, warning
from arcbench.prompts import PromptTemplate
from arcbench.sandbox import Limits
from arcbench.training.config import TrainConfig
from arcbench.training.config_policy import ALL_LINEAR


def prepare_libraries() -> None:
    """Set how torch waits and attends, and keep progress bars and advice out of the live lines.

    How it waits stays as it is where torch is loaded already. Raises MissingExtra where the trainer
    is not installed.
    """
    # Threads that spin while they wait make a step five times as slow when anything else runs.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")  # rollout_func: its version is pinned
    try:
        import peft  # noqa: F401
        import trl  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingExtra("training", "train") from error
    from transformers.utils import logging as hf_logging

    hf_logging.disable_progress_bar()
    hf_logging.set_verbosity_error()
    logging.getLogger("accelerate").setLevel(logging.ERROR)
    _without_faulty_attention()


def set_threads(config: TrainConfig) -> None:
    """Give torch the number of threads that is asked for."""
    if config.threads:
        import torch

        torch.set_num_threads(config.threads)


def _without_faulty_attention() -> None:
    """Keep torch from attending with cuDNN, whose gradients are NaN for some padded lengths.

    With a mask, a length of 64 modulo 128 and a row that attends to nothing (padding on the left)
    the gradient of the queries is NaN since torch 2.11 (github.com/pytorch/pytorch/issues/196678):
    one step in some sixty with prompts of different lengths. Torch's other kernels are sound.
    """
    import torch

    torch.backends.cuda.enable_cudnn_sdp(False)


def on_gpu(config: TrainConfig) -> bool:
    """Whether the run is on a GPU; UserError if it is asked for and there is none."""
    import torch

    there: bool = torch.cuda.is_available()
    if config.device == "gpu" and not there:
        raise UserError("device gpu: torch sees no GPU here; use device cpu or auto")
    return there and config.device != "cpu"


def load_tokenizer(config: TrainConfig) -> ChatTokenizer:
    """The policy's tokenizer, its padding token repaired in memory (preflight tells of it).

    UserError if no token can serve as padding.
    """
    path = model_path(config.policy.model)
    chat = ChatTokenizer.load(path)
    chat.tokenizer.padding_side = "left"
    stop_ids, rows = model_facts(path)
    repair_padding(chat.tokenizer, stop_ids=stop_ids, rows=rows)
    return chat


def precision(config: TrainConfig, gpu: bool) -> str:
    """bf16, fp16 or fp32: what the trainer computes in. UserError for fp16 without a GPU."""
    if config.precision == "fp16" and not gpu:
        raise UserError("precision fp16 needs a GPU, and torch sees none here; use fp32 or bf16")
    if config.precision == "auto":
        return "bf16" if gpu else "fp32"
    return config.precision


def load_options(config: TrainConfig, gpu: bool) -> dict[str, Any]:
    """How `from_pretrained` loads the policy.

    Weights that are trained are in float32, those that stay frozen under an adapter in the
    precision of the run, or in 4 bits.
    """
    import torch

    dtypes = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
    frozen = config.policy.lora is not None
    options: dict[str, Any] = {"dtype": dtypes[precision(config, gpu) if frozen else "fp32"]}
    if config.policy.quantization == "4bit":
        if not gpu:
            raise UserError("policy.quantization 4bit needs a GPU, and torch sees none here")
        from transformers import BitsAndBytesConfig

        # Each process of a launcher has its own GPU.
        options["device_map"] = {"": int(os.environ.get("LOCAL_RANK", "0"))}
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=options["dtype"],
        )
    return options


def load_model(config: TrainConfig, gpu: bool, checkpoint: Path | None = None) -> Any:
    """The model as `load_options` has it, on its device, with the adapter to go on with.

    With a `checkpoint` it has the weights (or the adapter) of that one. UserError for a model or
    adapter that is not whole, and for one that does not fit the other.
    """
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM

    folder, adapter = model_path(config.policy.model), config.policy.adapter
    if checkpoint is not None:
        folder, adapter = (
            (folder, str(checkpoint)) if config.policy.lora is not None else (str(checkpoint), None)
        )
    options = load_options(config, gpu)
    try:
        model = AutoModelForCausalLM.from_pretrained(folder, **options)
    except (OSError, ValueError, SafetensorError) as problem:
        reason = str(problem).strip().splitlines()[0]
        raise UserError(f"no model in {folder!r}: {reason}") from problem
    if adapter is not None:
        model = attach(model, Path(adapter), trainable=checkpoint is None)
    return model.to("cuda") if gpu and "device_map" not in options else model


def check_adapter(config: TrainConfig) -> list[PreflightFinding]:
    """Whether the adapter that a run goes on with fits its model; nothing without one.

    The model is built without weights for it.
    """
    name, lora = "adapter", config.policy.lora
    if config.policy.adapter is None or lora is None:
        return []
    advice = "name the model that it was made for as policy.model"
    try:
        adapter = Adapter.read(Path(config.policy.adapter))
        model = empty_model(model_path(config.policy.model))
        adapter.check_fits(model)
    except UserError as problem:
        return [error(name, str(problem), advice)]
    said = f"goes on with {adapter.folder}, of rank {adapter.rank}"
    left_out = linear_layers(model) - {f.module for f in adapter.factors}
    if lora.target_modules == ALL_LINEAR and left_out:
        said += f", which leaves {min(left_out)} alone; policy.lora says {ALL_LINEAR}"
        return [error(name, said, "leave policy.lora out: an adapter brings its own")]
    if not same_model(adapter.base, config.policy.model):
        said += f", which was made for {adapter.base}, on top of {config.policy.model}"
        return [warning(name, said, f"if they are not the same model, {advice}")]
    return [ok(name, said)]


def check_wording(config: TrainConfig) -> list[PreflightFinding]:
    """Whether a run keeps the wording that its policy was trained with, where that is known."""
    policy = config.policy
    told = template_of(policy.model, adapter=policy.adapter)
    if told is None:
        return []
    try:
        if PromptTemplate.load(told) == PromptTemplate.load(policy.template):
            return []
        advice = f"policy.template = {told}"
    except UserError as problem:  # of an old run, whose template was moved
        advice = f"look whether they are the same: {problem}"
    said = f"{policy.adapter or policy.model} was trained with template {told}, not "
    return [warning("template", said + policy.template, advice)]


def empty_model(folder_or_id: str) -> Any:
    """The modules of a model, without memory for their weights."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder_or_id))


def linear_layers(model: Any) -> set[str]:
    """The modules that PEFT means by all-linear: every linear layer but the one of the output."""
    from torch.nn import Linear

    output = model.get_output_embeddings()
    return {n for n, m in model.named_modules() if isinstance(m, Linear) and m is not output}


def positions(model: Any) -> int:
    """How many tokens the model can tell apart by place."""
    return int(getattr(model.config, "max_position_embeddings", 1 << 30))


def pool_options(config: TrainConfig) -> dict[str, Any]:
    """What the sandbox pool of a run is made with."""
    box = config.sandbox
    limits = Limits(timeout_s=box.timeout_s, memory_mb=box.memory_mb)
    return {"workers": box.workers, "limits": limits}


def peft_config(config: TrainConfig) -> Any:
    """PEFT's settings of a new adapter; None without one, and where the model has it already."""
    lora = config.policy.lora
    if lora is None or config.policy.adapter is not None:
        return None
    from peft import LoraConfig

    names = [n.strip() for n in lora.target_modules.split(",")]
    return LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=ALL_LINEAR if names == [ALL_LINEAR] else names,
        task_type="CAUSAL_LM",
    )

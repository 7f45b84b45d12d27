"""Preflight of a training run: gathers its facts and has `arcbench.preflight` judge them."""

import os
import platform
import shutil
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from arcbench import preflight
from arcbench.errors import UserError
from arcbench.files import write_json
from arcbench.lengths import Lengths, task_lengths
from arcbench.policies import model_path
from arcbench.policies.chat import ChatTokenizer
from arcbench.policies.padding import model_facts
from arcbench.preflight import PreflightFinding, Severity, error, ok, warning
from arcbench.prompts import PromptTemplate, template_names
from arcbench.runs import RunStore
from arcbench.sandbox import pool
from arcbench.training.build import check_adapter, check_wording
from arcbench.training.config import TrainConfig, VllmAdapters, VllmColocate, VllmServer
from arcbench.training.curriculum import check_curriculum, read_pass_rates
from arcbench.training.data import selected_tasks
from arcbench.training.memory import GB, Engine, MemoryPlan, MemorySetup, ModelShape, plan
from arcbench.training.memory_advice import changes, engine_sequences, model_shape, verdict

SURE = 1.15  # a plan is right within 15 %: above this many cards a run is not even tried
_ADAM, _TRAINED = 2, 4  # float32 states of AdamW a weight, bytes a trained weight
_8BIT = "8bit"


def check(
    config: TrainConfig,
    *,
    root: Path = Path("runs"),
    samples: Path | None = None,
    judged: Path | None = None,
) -> list[PreflightFinding]:
    """All findings about a run whose folder will be in `root`.

    `samples` is a file of `arcbench sample`, `judged` one of pass rates, as data.signal_from: how
    many completions were cut, and whether groups have a signal. UserError for a policy, task or
    file that is not there.
    """
    source = model_path(config.policy.model)
    stop_ids, rows = model_facts(source)
    chat = ChatTokenizer.load(source)
    template = PromptTemplate.load(config.policy.template)
    selection = selected_tasks(config)
    tasks = selection.tasks
    name = config.data.dataset
    lengths = task_lengths(tasks, template, chat.count_tokens, dataset=name)
    shape, no_shape = _shape(config)
    findings = [
        preflight.check_padding(chat.tokenizer, stop_ids=stop_ids, rows=rows, source=source),
        *preflight.check_chat(chat, template.messages(tasks[0]), template=template.name),
    ]
    findings += [*check_adapter(config), *check_wording(config)]
    if told := preflight.check_template(source, template.name, template_names()):
        findings.append(told)
    findings += preflight.check_lengths(
        lengths,
        max_prompt_tokens=config.lengths.max_prompt_tokens,
        max_completion_tokens=config.lengths.max_completion_tokens,
        max_model_tokens=_max_model_tokens(config, shape),
    )
    if samples is not None:
        tokens = preflight.sample_lengths(samples, chat.count_text)
        limit = config.lengths.max_completion_tokens
        findings.append(preflight.check_cut(tokens, limit=limit, source=str(samples)))
    counts = selection.counts if judged is None else read_pass_rates(judged)
    findings += check_curriculum(selection, counts, config.grpo.num_generations)
    findings += preflight.check_sandbox(pool.layers())
    findings.append(preflight.check_worker(platform.python_version(), version("numpy")))
    if isinstance(config.engine, VllmServer | VllmAdapters):
        needed = _longest_prompt(config, lengths) + config.lengths.max_completion_tokens
        findings += check_servers(config.engine.addresses, tokens=needed)
    findings.append(_disk(config, shape, root))
    findings.append(_memory(config, shape, no_shape, lengths))
    return findings


def before_run(config: TrainConfig, store: RunStore, say: Callable[[str], None]) -> None:
    """Check a run, keep all findings in its preflight.json, and `say` the warnings.

    UserError with every error and its advice.
    """
    findings = check(config, root=store.path)
    if os.environ.get("RANK", "0") == "0":  # of several processes one speaks
        write_json(store.path / "preflight.json", [f.to_dict() for f in findings])
        for finding in findings:
            if finding.severity is Severity.WARNING:
                say(f"warning: {finding}")
    raise_errors(findings)


def out_of_memory(config: TrainConfig, cause: BaseException) -> UserError:
    """The card was full: torch's words, and what the memory plan advises."""
    said = str(cause).strip().split(". ")[0]
    try:
        shape = model_shape(config.policy.model)
        found = plan(memory_setup(config, shape, config.lengths.max_prompt_tokens), _card_bytes())
    except UserError as problem:
        return UserError(f"the GPU is out of memory: {said}; no plan can be made: {problem}")
    advice = verdict(found)
    if found.fits:
        # The plan was wrong, or somebody else came: the next change is still the next to try.
        what = next(changes(found.setup))[0]
        advice = f"by the plan it {advice}, so look who else is on the card, or try {what}"
    return UserError(f"the GPU is out of memory: {said}; {advice}")


def raise_errors(findings: Sequence[PreflightFinding]) -> None:
    """UserError if a finding stops the run."""
    errors = [str(f) for f in findings if f.severity is Severity.ERROR]
    if errors:
        raise UserError("; ".join(errors))


def check_servers(urls: Sequence[str], *, tokens: int | None = None) -> list[PreflightFinding]:
    """Whether the servers that write completions answer, and take prompts that long."""
    from arcbench.training.client import Client

    findings = []
    for url in urls:
        client = Client(url, patience_s=5.0)
        if not client.healthy():
            advice = f"start it: arcbench serve, or look at its log; {url}/health must answer"
            findings.append(error("engine", f"{url} does not answer", advice))
            continue
        longest = client.max_length()
        if tokens is not None and longest is not None and longest < tokens:
            said = f"{url} takes {longest:,} tokens, prompt and completion need {tokens:,}"
            findings.append(error("engine", said, f"serve it with max_model_tokens {tokens}"))
        else:
            told = "" if longest is None else f" and takes {longest:,} tokens"
            findings.append(ok("engine", f"{url} answers{told}"))
    return findings


def memory_setup(config: TrainConfig, shape: ModelShape, prompt_tokens: int) -> MemorySetup:
    """What a run's settings mean for memory, on a GPU."""
    lora, engine, grpo = config.policy.lora, config.engine, config.grpo
    modules = tuple(shape.linears)
    if lora is not None and lora.target_modules.strip() != "all-linear":
        named = [n.strip() for n in lora.target_modules.split(",")]
        modules = tuple(n for n in shape.linears if n in named)
    checkpointing = config.gradient_checkpointing
    kind = _engine_in_memory(config)
    return MemorySetup(
        shape=shape,
        prompt_tokens=prompt_tokens,
        completion_tokens=config.lengths.max_completion_tokens,
        lora_rank=0 if lora is None else lora.rank,
        lora_modules=modules,
        bits=4 if config.policy.quantization == "4bit" else 16,
        num_generations=grpo.num_generations,
        prompts_per_step=grpo.prompts_per_step,
        micro_batch=grpo.micro_batch,
        checkpointing=lora is not None if checkpointing is None else checkpointing,
        optimizer=_optimizer(config.optimizer.name),
        reference=grpo.beta > 0,
        engine=kind,
        unsloth=config.policy.unsloth,
        utilization=engine.gpu_memory_share if isinstance(engine, VllmColocate) else 0.3,
        sleep=isinstance(engine, VllmColocate) and engine.sleep,
    )


def _engine_in_memory(config: TrainConfig) -> Engine:
    """What writes completions, as far as the trainer's card has to hold it."""
    if isinstance(config.engine, VllmServer | VllmAdapters):
        return "server"
    if isinstance(config.engine, VllmColocate):
        return "vllm-colocate"
    return "transformers"


def memory_finding(found: MemoryPlan) -> PreflightFinding:
    """A plan as a finding: an error only where no inaccuracy of the plan could save the run."""
    name, sentence = "memory", verdict(found)
    if (at_once := engine_sequences(found)) is not None and at_once < 1:
        said = (
            f"{found.setup.utilization:.0%} of the card hold vLLM's copy of the weights, but not "
            f"one sequence of {found.setup.length:,} tokens"
        )
        return error(name, said, "raise engine.gpu_memory_share, or use a server on another card")
    if found.fits:
        return ok(name, sentence)
    advice = "arcbench memory shows the parts"
    if found.peak_bytes > SURE * found.card_bytes:
        return error(name, sentence, advice)
    return warning(name, sentence, advice)


def _memory(
    config: TrainConfig, shape: ModelShape | None, no_shape: str, lengths: Lengths
) -> PreflightFinding:
    if config.device == "cpu" or not (card := _card_bytes()):
        return ok("memory", "the run is on a CPU: no card to fill")
    if shape is None:
        return warning("memory", no_shape, "watch the first steps: nvidia-smi")
    setup = memory_setup(config, shape, _longest_prompt(config, lengths))
    return memory_finding(plan(setup, card))


def _longest_prompt(config: TrainConfig, lengths: Lengths) -> int:
    """Tokens of the longest prompt that the run takes."""
    return min(lengths.longest.tokens, config.lengths.max_prompt_tokens)


def _card_bytes() -> int:
    """What a run can have of the GPU; 0 without one."""
    import torch

    if not torch.cuda.is_available():
        return 0
    # What others hold on this card (a server, a display) is not ours to take.
    return int(torch.cuda.mem_get_info()[0]) + int(torch.cuda.memory_reserved())


def _shape(config: TrainConfig) -> tuple[ModelShape | None, str]:
    """The model's shape, or why it is not known."""
    try:
        return model_shape(config.policy.model), ""
    except UserError as problem:
        return None, str(problem)


def _max_model_tokens(config: TrainConfig, shape: ModelShape | None) -> int | None:
    limits = [] if shape is None else [shape.positions]
    if isinstance(config.engine, VllmColocate) and config.engine.max_model_tokens is not None:
        limits.append(config.engine.max_model_tokens)
    return min(limits, default=None)


def _disk(config: TrainConfig, shape: ModelShape | None, root: Path) -> PreflightFinding:
    there = root
    while not there.exists():
        there = there.absolute().parent
    free = shutil.disk_usage(there).free
    if shape is None:
        return ok("disk", f"{free / GB:.1f} GB free in {there}")
    lora = config.policy.lora
    weights = shape.weights if lora is None else shape.adapter_weights(lora.rank)
    # A checkpoint has what is trained and the optimiser's states.
    size = weights * _TRAINED * (1 + _ADAM)
    keep = config.keep_checkpoints
    if config.guard.action != "off":
        keep += config.guard.keep_healthy
    return preflight.check_disk(free, checkpoint_bytes=size, keep=keep, where=str(there))


def _optimizer(name: str) -> str:
    """The name of an optimiser of transformers as the plan has it."""
    for kind in ("adafactor", "sgd"):
        if kind in name:
            return kind
    return "adamw_8bit" if _8BIT in name else "adamw"

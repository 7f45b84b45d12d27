"""Tab "Health": the checks before a run, the servers and whether they follow, the memory plan."""

from html import escape

from arcbench.errors import UserError
from arcbench.health.preflight import Preflight
from arcbench.health.sync_check import SyncReport
from arcbench.policies.sources import NAMES
from arcbench.training.config import (
    EngineConfig,
    GrpoConfig,
    LengthConfig,
    LoraConfig,
    PolicyConfig,
    TrainConfig,
    TransformersEngine,
    VllmAdapters,
    VllmColocate,
)
from arcbench.training.memory import MemoryPlan
from arcbench.training.serving import ServerConfig
from arcbench.ui import health_html, html
from arcbench.ui.events import number, whole
from arcbench.workbench import Workbench

TICK_S = 2.0
FORM = "the form of the tab Train"
KINDS = {
    "plain, any machine": "transformers",
    "vLLM, adapters by name": "vllm",
    "vLLM, all weights": "vllm-weights",
}
ENGINES = {
    "trainer itself": "transformers",
    "vLLM on the same GPU": "vllm-colocate",
    "server on another card": "server",
}
LOG_LINES = 14
NO_CHECK = (
    "Nothing was checked yet. Choose a server that is up and press Check: an adapter is changed on "
    "purpose here, and the server must follow it there and back."
)
NO_PREFLIGHT = (
    "Choose settings above and press Check: tokenizer, lengths, sandbox, memory, disk, engine."
)


# Preflight


def settings_names(bench: Workbench) -> list[str]:
    """Whose settings can be checked."""
    return [FORM, *(store.name for store in bench.runs())]


def settings_of(bench: Workbench, whose: str, form: TrainConfig | None) -> TrainConfig:
    """The settings of the form, or those of a run."""
    if whose != FORM:
        return TrainConfig.from_dict(bench.run(whose).config())
    if form is None:
        raise UserError("the form of the tab Train says something that cannot be: mend it there")
    return form


def preflight_page(found: Preflight | None) -> tuple[str, str]:
    """What was found, all of it, and what can run on this machine."""
    if found is None:
        return html.note(NO_PREFLIGHT), ""
    shown = health_html.preflight_head(found)
    if found.done:
        shown += health_html.finding_list(found.findings)
    return shown, health_html.machine(found.machine) if found.machine else ""


# Servers


def launch_server(
    bench: Workbench,
    *,
    policy: str,
    kind: str,
    port: float | None,
    gpus: str,
    share: float | None,
    max_tokens: str,
) -> str:
    """Start a server; its name. UserError for a field that does not fit."""
    if not policy:
        raise UserError("Model is empty: choose what is served")
    config = ServerConfig(
        model=policy,
        kind=kind,  # type: ignore[arg-type]
        port=whole(port, "Port", 1, 65_535),
        gpus=gpus.strip() or None,
        gpu_memory_share=number(share, "Share of the card", 0.01, 1),
        max_model_tokens=whole(max_tokens, "Longest sequence", 2) if max_tokens.strip() else None,
    )
    return bench.launch_server(config)


def server_names(bench: Workbench) -> list[tuple[str, str]]:
    """The servers as choices: their addresses, and the names behind."""
    return [(f"{s.url} ({s.word})", s.name) for s in bench.servers()]


def addresses(bench: Workbench) -> list[str]:
    """The addresses of the servers that are up."""
    return [s.url for s in bench.servers() if s.answers]


def server_page(bench: Workbench, name: str | None) -> str:
    """The end of a server's log."""
    if not name:
        return html.note("Choose a server to read its log.")
    return health_html.log(bench.server_log(name, LOG_LINES), f"log of {name}")


# Does it follow?


def launch_check(
    bench: Workbench, url: str | None, *, policy: str, rank: float | None, checks: float | None
) -> str:
    """Start the check of a server; its name."""
    if not url:
        raise UserError("choose a server that is up, or write the address of one")
    return bench.launch_sync_check(
        url,
        policy=policy,
        rank=whole(rank, "Rank", 1, 512),
        checks=whole(checks, "Further steps", 0, 1000),
    )


def newest_check(bench: Workbench) -> SyncReport | None:
    """The check that was started last."""
    return next(iter(bench.sync_checks()), None)


def sync_page(report: SyncReport | None) -> str:
    """How the newest check stands: in words, as a plot, as a table."""
    from arcbench import plots, plots_health

    if report is None:
        return html.note(NO_CHECK)
    shown = health_html.sync_head(report)
    if report.server is not None and report.server.checks:
        word = "follows" if report.server.healthy else "does not follow"
        drawn = plots.figure_svg(
            plots_health.sync_course(report.server),
            escape(f"checks of {report.url}: the server {word}"),
        )
        shown += f"{drawn}{health_html.sync_table(report)}"
    return shown


# Memory


def memory_config(
    *,
    policy: str,
    prompt: float | None,
    completion: float | None,
    rank: float | None,
    bits: str,
    group: float | None,
    prompts: float | None,
    micro: float | None,
    engine: str,
    share: float | None,
    checkpointing: bool,
) -> TrainConfig:
    """The settings that the fields of the plan mean. UserError for one that does not fit."""
    size = whole(rank, "Rank", 0, 4096)
    engines: dict[str, EngineConfig] = {
        "transformers": TransformersEngine(),
        "vllm-colocate": VllmColocate(gpu_memory_share=number(share, "Share for vLLM", 0.01, 0.99)),
        "server": VllmAdapters(),
    }
    if engine == "server" and not size:
        raise UserError("a server is sent adapters in this plan: give a rank above 0")
    if bits == "4" and not size:
        raise UserError("4-bit weights cannot be trained themselves: give a rank above 0")
    return TrainConfig(
        policy=PolicyConfig(
            model=policy,
            lora=LoraConfig(rank=size, alpha=2.0 * size) if size else None,
            quantization="4bit" if bits == "4" else "none",
        ),
        lengths=LengthConfig(
            max_prompt_tokens=whole(prompt, "Longest prompt", 1),
            max_completion_tokens=whole(completion, "Longest completion", 1),
        ),
        grpo=GrpoConfig(
            num_generations=whole(group, "Group size", 2),
            prompts_per_step=whole(prompts, "Prompts a step", 1),
            micro_batch=whole(micro, "Micro-batch", 0),
        ),
        engine=engines[engine],
        gradient_checkpointing=checkpointing,
    )


def memory_page(plan: MemoryPlan) -> str:
    """Whether it fits, the parts as stacked bars, and as a table."""
    from arcbench import plots, plots_health

    told = health_html.memory_head(plan)
    parts = ", ".join(f"{name} {size / 1e9:.1f} GB" for name, size in plan.phase_bytes.items())
    label = f"memory by phase of a step, on top of {plan.resident_bytes / 1e9:.1f} GB: {parts}"
    drawn = plots.figure_svg(plots_health.memory_bars(plan), escape(label))
    table = health_html.memory_table(plan)
    return (
        f"{told}{drawn}<details class='ab-more'><summary>the parts in figures</summary>{table}"
        "</details>"
    )


MEMORY_POLICIES = ("llama-3.1-8b", "embedded", *NAMES)

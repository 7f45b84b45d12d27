"""The commands around the server that writes completions: start it, prove that it follows."""

from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from arcbench.errors import UserError

OUT = Console(soft_wrap=True, highlight=False)
ERR = Console(stderr=True, soft_wrap=True, highlight=False)

WIDTH = 110  # of the table, also in a pipe
HERE = "http://127.0.0.1:8000"  # where arcbench serve listens


def serve(
    policy: str = "embedded",
    kind: Literal["vllm", "vllm-weights", "transformers"] = "vllm",
    host: str = "127.0.0.1",
    port: int = 8000,
    gpus: str | None = None,
    max_model_tokens: int | None = None,
    max_lora_rank: int = 32,
    gpu_memory_share: float = 0.9,
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto",
    data_parallel: int = 1,
    eager: bool = False,
    log: Path | None = None,
    timeout_s: float = 600.0,
) -> None:
    """Start a server that writes completions, wait until it is well, and stay with it.

    Ctrl-C or SIGTERM ends it with all that it started; so does the death of this process. If the
    server dies, this command ends with the last words of its log.

    Args:
        policy: embedded, a folder or hub id.
        kind: vllm: adapters by name, for engine vllm-adapters; vllm-weights: all weights over NCCL,
            for engine vllm-server, on GPUs other than the trainer's; transformers: a small server
            for machines without vLLM, adapters by name as well.
        host: the address to listen on; whoever reaches it can load adapters from its disk.
        port: 0 takes any that is free.
        gpus: as CUDA_VISIBLE_DEVICES has them, e.g. 0 or 2,3; all that are visible if left out.
        max_model_tokens: prompt and completion together; what the model can take if left out.
        max_lora_rank: larger adapters are refused.
        gpu_memory_share: of the card, for weights and cache; less if the trainer is on it, too.
        dtype: of the weights; float32 on a CPU.
        data_parallel: copies of the model, each on GPUs of its own.
        eager: no CUDA graphs: up sooner, slower afterwards.
        log: what the server writes; serve/KIND-PORT.log if left out.
        timeout_s: how long it may take until it is up.
    """
    from arcbench.training.serving import ServerConfig
    from arcbench.training.serving import serve as run

    config = ServerConfig(
        model=policy,
        kind=kind,
        host=host,
        port=port,
        gpus=gpus,
        max_model_tokens=max_model_tokens,
        max_lora_rank=max_lora_rank,
        gpu_memory_share=gpu_memory_share,
        dtype=dtype,
        data_parallel=data_parallel,
        eager=eager,
    )
    run(config, log=log, timeout_s=timeout_s, say=lambda line: OUT.print(line, markup=False))


def check_sync(
    url: tyro.conf.UseAppendAction[tuple[str, ...]] = (),
    policy: str = "embedded",
    rank: int = 16,
    checks: Annotated[int, tyro.conf.arg(metavar="N")] = 0,
    device: Literal["auto", "cpu", "gpu"] = "auto",
    folder: Path | None = None,
    seed: int = 0,
    out: Path | None = None,
) -> None:
    """Prove that servers follow the weights: change an adapter here and see each one follow.

    The adapter is new and goes back to what it was; the servers forget it at the end. Ends with an
    error where a server does not follow: a run with it would never learn.

    Args:
        url: of a server that takes adapters by name, as arcbench serve starts it; once for each
            server, http://127.0.0.1:8000 if left out.
        policy: the model that they serve: embedded, a folder or hub id. It is loaded here, too.
        rank: of the adapter.
        checks: so many more checks, each after a step of the weights as in training.
        device: where the model is loaded here: cpu if the server fills the GPU.
        folder: where the adapter is written, if the servers do not see this machine's /tmp.
        seed: of the changes.
        out: a JSON file to write, too: what was seen of each server.
    """
    from arcbench.files import write_json
    from arcbench.training.check_sync import check_sync as prove

    found = prove(
        url or (HERE,),
        policy=policy,
        rank=rank,
        checks=checks,
        device=device,
        folder=folder,
        seed=seed,
        report=lambda line: ERR.print(line, markup=False, style="dim"),
    )
    if out is not None:
        write_json(out, [server.to_dict() for server in found])
    title = "mean difference of a token's log-probability, trainer and server"
    table = Table(box=SIMPLE_HEAD, title=title, title_justify="left")
    table.add_column("server")
    for name in ("before", "during", "after", "limit"):
        table.add_column(name, justify="right")
    if checks:
        table.add_column("checks", justify="right")
        table.add_column("largest", justify="right")
    table.add_column("verdict")
    table.add_column("seconds", justify="right")
    for server in found:
        gaps = [f"{c.gap:.2g}" for c in server.checks[:3]]
        row = [server.url, *gaps, *["–"] * (3 - len(gaps)), _short(server.limit)]
        if checks:
            passed = sum(c.verdict.healthy for c in server.steps)
            largest = max((c.gap for c in server.steps), default=None)
            row += [f"{passed} of {checks}", _short(largest)]
        verdict = "[green]follows[/]" if server.healthy else "[red]does not follow[/]"
        table.add_row(*row, verdict, f"{server.seconds:.1f}")
    Console(width=max(OUT.width, WIDTH), highlight=False).print(table)
    problems = [s.problem for s in found if not s.healthy]
    if problems:
        raise UserError("; ".join(problems))


def _short(value: float | None) -> str:
    return "–" if value is None else f"{value:.2g}"

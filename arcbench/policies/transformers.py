"""Any causal language model of transformers as a policy, on a CPU or a GPU.

Models with plain attention run with a shared prefix: a prompt is read once, its keys and values
serve all its samples, and rows that are finished are dropped. Others run with `generate`.
"""

import argparse
import gzip
import json
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from arcbench.errors import MissingExtra, UserError
from arcbench.policies.base import Ask, Asked, Message, Sampled, SamplingConfig
from arcbench.policies.chat import ChatTokenizer, Job

LOG = logging.getLogger(__name__)
# Models whose attention is plain: no window, no sinks, no bias.
PLAIN_ATTENTION = frozenset({"llama", "mistral", "qwen2", "qwen3"})
# In a block, so that prompts of another length need not be with them. A GPU takes as long for a
# token of few rows as for one of many, so that there a batch has several blocks.
ENOUGH_ROWS = {"cpu": 64, "cuda": 1024}
BLOCK_ROWS = {"cpu": 256, "cuda": 4096}
MOST_ROWS = {"cpu": 256, "cuda": 32768}  # in a batch, where the memory has room for their tokens
PICK_BYTES = 24  # a row and token of the vocabulary: six numbers while one is drawn


class TransformersPolicy(Asked):
    """A loaded model with its tokenizer.

    Sample j of prompt i depends on the seed, i and j, but not on what else is in the batch (up to
    rounding). Log-probabilities are the model's own: temperature 1, nothing cut off.
    """

    def __init__(
        self, model: Any, tokenizer: Any, *, name: str, shared_prefix: bool = True
    ) -> None:
        self.name = name
        self.model = model.eval()
        self.chat = ChatTokenizer(tokenizer, name)
        self.max_positions: int = getattr(model.config, "max_position_embeddings", 1 << 30)
        self._shared = shared_prefix and _has_plain_attention(model.config)
        self._stop_ids = _stop_ids(model, tokenizer)
        self._cancelled = False

    @classmethod
    def load(
        cls,
        folder_or_id: str | Path,
        *,
        device: str = "auto",
        dtype: str = "auto",
        name: str | None = None,
        adapter: Path | None = None,
    ) -> "TransformersPolicy":
        """Load a model, with the LoRA adapter of a folder on top if one is given.

        dtype auto is bfloat16 on a GPU and float32 on a CPU. Raises UserError if either is not
        there or they do not fit, MissingExtra without torch and transformers.
        """
        try:
            import torch
            from safetensors import SafetensorError
            from transformers import AutoModelForCausalLM
        except ModuleNotFoundError as error:
            raise MissingExtra("a policy that runs here", "train") from error
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        if dtype == "auto":
            dtype = "float32" if device == "cpu" else "bfloat16"
        chat = ChatTokenizer.load(folder_or_id)
        try:
            model: Any = AutoModelForCausalLM.from_pretrained(
                str(folder_or_id), dtype=getattr(torch, dtype)
            )
        except (OSError, ValueError, SafetensorError) as error:
            first_line = str(error).strip().splitlines()[0]
            raise UserError(f"no model in {str(folder_or_id)!r}: {first_line}") from error
        if adapter is not None:
            from arcbench.policies.adapter import attach

            model = attach(model, adapter)
        return cls(model.to(device), chat.tokenizer, name=name or Path(folder_or_id).name)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Length of the prompt in tokens, chat template included."""
        return self.chat.count_tokens(messages)

    def cancel(self) -> None:
        """Make a running stream end before its next token; to be called from another thread."""
        self._cancelled = True

    def stream_asks(self, asks: Sequence[Ask], config: SamplingConfig) -> Iterator[Sampled]:
        """Yield each completion when it is finished; prompts of like length run together.

        Raises UserError if a prompt leaves no room for a completion.
        """
        return self.stream_jobs(self.chat.jobs(asks), config)

    def stream_ids(self, ids: Sequence[Sequence[int]], config: SamplingConfig) -> Iterator[Sampled]:
        """The same for prompts that are tokens already."""
        yield from self.stream_jobs(
            [
                Job(prompt_index=i, count=config.n, ids=tuple(prompt))
                for i, prompt in enumerate(ids)
            ],
            config,
        )

    def stream_jobs(self, jobs: Sequence[Job], config: SamplingConfig) -> Iterator[Sampled]:
        """Yield the samples of the jobs; `config.n` counts for nothing here."""
        from arcbench.policies.decoding import generate_plain, generate_shared

        self._cancelled = False
        for job in jobs:
            job.check_room(config, self.max_positions, self.name)
        generate = generate_shared if self._shared else generate_plain
        for batch in self._batches(jobs, config.max_new_tokens):
            for job, offset, tokens, logprobs in generate(
                self.model, batch, config, self._stop_ids, lambda: self._cancelled
            ):
                stopped = bool(tokens) and tokens[-1] in self._stop_ids
                yield Sampled(
                    prompt_index=job.prompt_index,
                    sample_index=job.first_sample + offset,
                    completion=self.chat.completion(tokens, logprobs, stopped=stopped),
                )
            if self._cancelled:
                return

    def _batches(self, wanted: Sequence[Job], new_tokens: int) -> Iterator[list[list[Job]]]:
        """Jobs that fit into memory together, the longest prompts first, in blocks of like ones."""
        kind = "cuda" if self.model.device.type == "cuda" else "cpu"
        budget, per_token = self._cache_budget_bytes(), _cache_bytes_per_token(self.model)
        vocabulary = self.model.config.vocab_size
        per_row = new_tokens * per_token + PICK_BYTES * vocabulary
        max_rows = max(BLOCK_ROWS[kind], min(MOST_ROWS[kind], int(budget / per_row)))
        max_rows = min(max_rows, 2**28 // vocabulary)
        max_cells = budget / per_token
        batch: list[list[Job]] = []
        rows = cells = 0
        for block in self._blocks(wanted, min(max_rows, BLOCK_ROWS[kind]), max_cells):
            more_rows, more_cells = sum(job.count for job in block), _cells(block)
            full = rows + more_rows > max_rows or cells + more_cells > max_cells
            # A processor takes twice as long for twice as many rows.
            if batch and (full or kind == "cpu"):
                yield batch
                batch, rows, cells = [], 0, 0
            batch.append(block)
            rows += more_rows
            cells += more_cells
        if batch:
            yield batch

    def _blocks(
        self, wanted: Sequence[Job], max_rows: int, max_cells: float
    ) -> Iterator[list[Job]]:
        """Jobs whose prompts are about as long; those of the same prompt share it."""
        enough = ENOUGH_ROWS["cuda" if self.model.device.type == "cuda" else "cpu"]
        jobs: list[Job] = []
        rows = prompts = 0
        # Those of the same prompt are neighbours.
        for job in sorted(wanted, key=lambda job: (-len(job.ids), job.ids)):
            for first in range(0, job.count, max_rows):
                count = min(max_rows, job.count - first)
                if jobs:
                    length = len(jobs[0].ids)  # every prompt takes the room of the longest
                    cells = (prompts + (job.ids != jobs[-1].ids)) * length
                    full = rows + count > max_rows or cells > max_cells
                    lost = rows >= enough and 2 * len(job.ids) < length
                    if full or lost:
                        yield jobs
                        jobs, rows, prompts = [], 0, 0
                rows += count
                prompts += not jobs or job.ids != jobs[-1].ids
                jobs.append(replace(job, first_sample=job.first_sample + first, count=count))
        if jobs:
            yield jobs

    def _cache_budget_bytes(self) -> float:
        if self.model.device.type != "cuda":
            return 1e9
        import torch

        return 0.3 * torch.cuda.mem_get_info(self.model.device)[0]


def _cells(block: Sequence[Job]) -> int:
    """Places that its prompts take in the cache."""
    return len(block[0].ids) * sum(1 for _ in groupby(job.ids for job in block))


def _has_plain_attention(config: Any) -> bool:
    if config.model_type not in PLAIN_ATTENTION:
        return False
    kinds = getattr(config, "layer_types", None) or ["full_attention"]
    windowed = getattr(config, "sliding_window", None) and getattr(
        config, "use_sliding_window", True
    )
    return not windowed and set(kinds) == {"full_attention"}


def _stop_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    found = getattr(model.generation_config, "eos_token_id", None)
    if found is None:
        found = tokenizer.eos_token_id
    ids = [found] if isinstance(found, int) else list(found or [])
    return frozenset(ids)


def _cache_bytes_per_token(model: Any) -> int:
    config = model.config
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    element: int = next(model.parameters()).element_size()
    return int(2 * config.num_hidden_layers * heads * width * element)


def main() -> None:
    """Sample prompts of a file, where only torch and transformers are installed.

    Reads {"task_id", "messages"} lines, writes {"task_id", "completion", "finish_reason"} lines.
    """
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--prompts", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="JSONL, or JSONL.gz")
    parser.add_argument("--n", type=int, default=64)
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--top-p", type=float, default=1.0)
    parser.add_argument("--top-k", type=int, default=0)
    parser.add_argument("--max-new-tokens", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    policy = TransformersPolicy.load(args.model, device=args.device)
    with _opened(args.prompts, "rt") as source:
        records = [json.loads(line) for line in source if line.strip()]
    config = SamplingConfig(
        n=args.n,
        temperature=args.temperature,
        top_p=args.top_p,
        top_k=args.top_k,
        max_new_tokens=args.max_new_tokens,
        seed=args.seed,
    )
    start = time.monotonic()
    lengths = []
    with _opened(args.out, "wt") as sink:
        for s in policy.stream([record["messages"] for record in records], config):
            line = {
                "task_id": records[s.prompt_index]["task_id"],
                "completion": s.completion.text,
                "finish_reason": s.completion.finish_reason,
            }
            sink.write(json.dumps(line, ensure_ascii=False) + "\n")
            lengths.append(len(s.completion.token_ids))
            if len(lengths) % 5000 == 0:
                LOG.info("%d of %d completions", len(lengths), len(records) * args.n)
    passed = time.monotonic() - start
    LOG.info(
        "%d completions in %.1f s: %.0f tokens/s, mean length %.1f",
        len(lengths), passed, sum(lengths) / passed, float(np.mean(lengths)),
    )  # fmt: skip


def _opened(path: Path, mode: str) -> Any:
    if path.suffix == ".gz":
        return gzip.open(path, mode, encoding="utf-8")
    return path.open(mode, encoding="utf-8")


if __name__ == "__main__":
    main()

"""A policy that vLLM runs in this process and its children, on GPUs or a CPU.

Every sample is a request of its own with its own seed; vLLM batches them continuously and reads a
prompt once for all its samples.
"""

import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.util import find_spec
from math import nan
from pathlib import Path
from typing import Any

from arcbench.errors import MissingExtra, UserError
from arcbench.policies.adapter import Adapter, served_rank
from arcbench.policies.base import Ask, Asked, Message, Sampled, SamplingConfig
from arcbench.policies.chat import ChatTokenizer, Job
from arcbench.policies.orphans import end_with_us

AHEAD = 2  # requests that the engine has, for each that it runs at once


class VllmPolicy(Asked):
    """A loaded engine with the model's tokenizer; one stream runs at a time.

    Log-probabilities are the model's own: temperature 1, nothing cut off. What is drawn for a
    sample depends on the seed, its prompt's index and its number; the rounding of a batch, which
    depends on what else is asked, can turn a token at the edge.
    """

    def __init__(self, llm: Any, chat: ChatTokenizer, *, name: str, lora: Any = None) -> None:
        self.name = name
        self.chat = chat
        self._llm = llm
        self._lora = lora
        settings = llm.llm_engine.vllm_config
        self.max_positions: int = settings.model_config.max_model_len
        self._most = AHEAD * int(settings.scheduler_config.max_num_seqs)
        self._numbers = itertools.count()  # of all requests: vLLM wants each name once
        self._cancelled = False

    @classmethod
    def load(
        cls,
        folder_or_id: str | Path,
        *,
        name: str | None = None,
        adapter: Path | None = None,
        dtype: str = "auto",
        gpu_memory_utilization: float | None = None,
        max_model_len: int | None = None,
        max_num_seqs: int | None = None,
        tensor_parallel_size: int = 1,
        enforce_eager: bool = False,
    ) -> "VllmPolicy":
        """Start the engine, with the LoRA adapter of a folder on top if one is given.

        The options are vLLM's own; what is None is left to it. Raises UserError with vLLM's
        words if the engine does not start, MissingExtra without vLLM.
        """
        if find_spec("vllm") is None:
            raise MissingExtra("the engine vllm", "vllm")
        os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
        chat = ChatTokenizer.load(folder_or_id)
        options: dict[str, Any] = {
            "gpu_memory_utilization": gpu_memory_utilization,
            "max_model_len": max_model_len,
            "max_num_seqs": max_num_seqs,
        }
        options = {key: value for key, value in options.items() if value is not None}
        if adapter is not None:
            options |= {
                "enable_lora": True,
                "max_lora_rank": served_rank(Adapter.read(adapter).rank),
            }
        from vllm import LLM
        from vllm.lora.request import LoRARequest

        before = _children()
        try:
            llm = LLM(
                model=str(folder_or_id),
                dtype=dtype,
                tensor_parallel_size=tensor_parallel_size,
                enforce_eager=enforce_eager,
                enable_prefix_caching=True,
                **options,
            )
        except (OSError, RuntimeError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise UserError(f"vLLM does not start with {str(folder_or_id)!r}: {reason}") from error
        end_with_us(_children() - before)
        lora = None if adapter is None else LoRARequest(adapter.name, 1, str(adapter))
        return cls(llm, chat, name=name or Path(folder_or_id).name, lora=lora)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Length of the prompt in tokens, chat template included."""
        return self.chat.count_tokens(messages)

    def close(self) -> None:
        """End the engine, which gives its memory back; the policy is of no use then."""
        self._llm.llm_engine.engine_core.shutdown()

    def cancel(self) -> None:
        """Make a running stream end after its next tokens; to be called from another thread."""
        self._cancelled = True

    def stream_asks(self, asks: Sequence[Ask], config: SamplingConfig) -> Iterator[Sampled]:
        """Yield each completion when it is finished; the engine is kept full meanwhile.

        Raises UserError if a prompt leaves no room for a completion.
        """
        return self._stream(self.chat.jobs(asks), config)

    def _stream(self, jobs: Sequence[Job], config: SamplingConfig) -> Iterator[Sampled]:
        self._cancelled = False
        for job in jobs:
            job.check_room(config, self.max_positions, self.name)
        engine = self._llm.llm_engine
        ahead = (replace(job, first_sample=j, count=1) for job in jobs for j in job.numbers)
        running: dict[str, Job] = {}
        try:
            while not self._cancelled:
                for job in itertools.islice(ahead, self._most - len(running)):
                    running[self._add(job, config)] = job
                if not running:
                    return
                for output in engine.step():
                    # What an earlier stream left behind may still come.
                    if output.finished and output.request_id in running:
                        job = running.pop(output.request_id)
                        yield self._sampled(job, output.outputs[0])
        finally:
            if running:
                engine.abort_request(list(running))

    def _add(self, job: Job, config: SamplingConfig) -> str:
        from vllm import SamplingParams
        from vllm.inputs import TokensPrompt

        request = str(next(self._numbers))
        self._llm.llm_engine.add_request(
            request,
            TokensPrompt(prompt_token_ids=list(job.ids)),
            SamplingParams(
                temperature=config.temperature,
                top_p=config.top_p,
                top_k=config.top_k,
                min_p=config.min_p,
                repetition_penalty=config.repetition_penalty,
                max_tokens=config.max_new_tokens,
                seed=job.seed(config.seed),
                logprobs=0,  # only that of the sampled token
                detokenize=False,
                output_kind=_final_only(),
            ),
            lora_request=self._lora,
        )
        return request

    def _sampled(self, job: Job, output: Any) -> Sampled:
        tokens = list(output.token_ids)
        told = [
            at[token].logprob if token in at else nan  # once in a while vLLM has no number
            for at, token in zip(output.logprobs, tokens, strict=True)
        ]
        return Sampled(
            prompt_index=job.prompt_index,
            sample_index=job.first_sample,
            completion=self.chat.completion(tokens, told, stopped=output.finish_reason == "stop"),
        )


def _children() -> set[int]:
    """The processes below this one."""
    import psutil

    return {child.pid for child in psutil.Process().children(recursive=True)}


def _final_only() -> Any:
    from vllm.sampling_params import RequestOutputKind

    return RequestOutputKind.FINAL_ONLY

"""Chat messages as the tokens of a prompt, for any tokenizer with a chat template."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from arcbench.errors import MissingExtra, UserError
from arcbench.policies.base import Ask, Completion, Message, Samples, SamplingConfig

# A small policy repeats itself, and a look-up takes a tenth of the time of decoding.
_REMEMBERED = 4096  # completions
_MOST_REMEMBERED = 128  # tokens of one


@dataclass(frozen=True, kw_only=True, slots=True)
class Job(Samples):
    """Samples of a prompt that is tokens already."""

    ids: tuple[int, ...]

    def check_room(self, config: SamplingConfig, positions: int, name: str) -> None:
        """Raise UserError if the prompt leaves no room for a completion in the model `name`."""
        if len(self.ids) + config.max_new_tokens > positions:
            raise UserError(
                f"prompt {self.prompt_index} has {len(self.ids)} tokens; with "
                f"{config.max_new_tokens} new ones that is more than the "
                f"{positions} positions of {name}"
            )


class ChatTokenizer:
    """A Hugging Face tokenizer that renders prompts; the weights are not needed for it."""

    def __init__(self, tokenizer: Any, name: str) -> None:
        if not getattr(tokenizer, "chat_template", None):
            raise UserError(f"{name}: its tokenizer has no chat template, so it takes no prompts")
        self.tokenizer = tokenizer
        self.name = name
        self._known_text = lru_cache(_REMEMBERED)(self._text_of)

    @classmethod
    def load(cls, folder_or_id: str | Path) -> "ChatTokenizer":
        """From a folder or the hub; raises UserError if there is none."""
        return cls(load_plain(folder_or_id), str(folder_or_id))

    def text(self, messages: Sequence[Message]) -> str:
        """The prompt as text. A last turn of the assistant is left open, byte for byte."""
        *turns, last = messages
        is_prefix = last["role"] == "assistant"
        # Not `continue_final_message`: templates that trim a turn would take the prefix's newline.
        rendered: str = self.tokenizer.apply_chat_template(
            turns if is_prefix else list(messages), add_generation_prompt=True, tokenize=False
        )
        return rendered + last["content"] if is_prefix else rendered

    def ids(self, messages: Sequence[Message]) -> list[int]:
        """The prompt as token ids."""
        # The template writes bos itself.
        encoded: list[int] = self.tokenizer(self.text(messages), add_special_tokens=False)[
            "input_ids"
        ]
        return encoded

    def jobs(self, asks: Sequence[Ask]) -> list[Job]:
        """The asks with their prompts as token ids; those with the same index have one prompt."""
        if not asks:
            return []
        messages = {ask.prompt_index: ask.messages for ask in asks}
        texts = [self.text(prompt) for prompt in messages.values()]
        encoded = self.tokenizer(texts, add_special_tokens=False)["input_ids"]  # on all cores
        ids = {index: tuple(found) for index, found in zip(messages, encoded, strict=True)}
        return [
            Job(
                prompt_index=ask.prompt_index,
                first_sample=ask.first_sample,
                count=ask.count,
                ids=ids[ask.prompt_index],
            )
            for ask in asks
        ]

    def completion(
        self, tokens: Sequence[int], logprobs: Sequence[float], *, stopped: bool
    ) -> Completion:
        """What was written as tokens; one that `stopped` ends with the token that ended it."""
        return Completion(
            text=self.decode(tokens[:-1] if stopped else tokens),
            token_ids=tuple(tokens),
            logprobs=tuple(logprobs),
            finish_reason="stop" if stopped else "length",
        )

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Length of the prompt in tokens, chat template included."""
        return len(self.ids(messages))

    def count_text(self, text: str) -> int:
        """Length of a text in tokens, with nothing around it."""
        return len(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def decode(self, ids: Sequence[int]) -> str:
        """Text of sampled ids, without special tokens."""
        known = tuple(ids)
        return self._known_text(known) if len(known) <= _MOST_REMEMBERED else self._text_of(known)

    def _text_of(self, ids: tuple[int, ...]) -> str:
        text: str = self.tokenizer.decode(
            list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text


def load_plain(folder_or_id: str | Path) -> Any:
    """The tokenizer of a folder or the hub, with or without a chat template; UserError if none."""
    try:
        from transformers import AutoTokenizer
    except ModuleNotFoundError as error:
        raise MissingExtra("the tokenizer of a policy", "train") from error
    try:
        return AutoTokenizer.from_pretrained(str(folder_or_id))
    except (OSError, ValueError) as error:
        first_line = str(error).strip().splitlines()[0]
        raise UserError(f"no tokenizer in {str(folder_or_id)!r}: {first_line}") from error

"""The tokenizer of Llama 3 from the optional package `llama-models`: to count, without weights."""

from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from arcbench.errors import MissingExtra, UserError
from arcbench.files import replacing, user_cache
from arcbench.policies.padding import LLAMA_3_PAD

NAME = "llama-3"
BOS, TURN_ENDS = "<|begin_of_text|>", "<|eot_id|>"
# How the first special tokens are called; all others of the 256 are reserved ones, numbered.
_SPECIAL = (
    BOS, "<|end_of_text|>", "<|reserved_special_token_0|>", "<|reserved_special_token_1|>",
    LLAMA_3_PAD, "<|step_id|>", "<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>",
    TURN_ENDS, "<|python_tag|>", "<|image|>",
)  # fmt: skip
_NUM_SPECIAL = 256
# The headers of Llama 3.1: its own chat template writes these two dates into every system turn.
CHAT_TEMPLATE = (
    "{{- bos_token }}"
    "{%- set told = messages[0]['content'] | trim if messages[0]['role'] == 'system' else '' %}"
    "{{- '<|start_header_id|>system<|end_header_id|>\\n\\nCutting Knowledge Date: December 2023\\n"
    "Today Date: 26 Jul 2024\\n\\n' + told + '<|eot_id|>' }}"
    "{%- for message in messages if message['role'] != 'system' %}"
    "{{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'"
    " + message['content'] | trim + '<|eot_id|>' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}"
    "{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{%- endif %}"
)


def load() -> Any:
    """The tokenizer with Llama 3.1's chat template; MissingExtra without its packages."""
    spec = find_spec("llama_models")
    try:
        from transformers import PreTrainedTokenizerFast
    except ModuleNotFoundError as error:
        raise MissingExtra("the tokenizer of Llama 3", "llama3,train") from error
    # tiktoken reads the vocabulary.
    if spec is None or spec.origin is None or find_spec("tiktoken") is None:
        raise MissingExtra("the tokenizer of Llama 3", "llama3")
    table = _table(Path(spec.origin).parent / "llama3" / "tokenizer.model")
    return PreTrainedTokenizerFast(
        tokenizer_object=table,
        bos_token=BOS,
        eos_token=TURN_ENDS,
        pad_token=LLAMA_3_PAD,
        padding_side="left",
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
    )


def _table(vocabulary: Path) -> Any:
    """The `tokenizers.Tokenizer` of a tiktoken file; kept, as making it takes seconds."""
    from tokenizers import Tokenizer
    from transformers import __version__

    kept = user_cache() / f"llama-3-{vocabulary.stat().st_size}-transformers-{__version__}.json"
    if kept.is_file():
        try:
            return Tokenizer.from_file(str(kept))
        except Exception as error:  # tokenizers raises nothing narrower
            raise UserError(f"{kept} cannot be read ({error}): remove it") from error
    from transformers.convert_slow_tokenizer import TikTokenConverter

    left = _NUM_SPECIAL - len(_SPECIAL)
    special = [*_SPECIAL, *(f"<|reserved_special_token_{2 + i}|>" for i in range(left))]
    table = TikTokenConverter(vocab_file=str(vocabulary), extra_special_tokens=special).converted()
    # A home that cannot be written costs these seconds each time.
    with suppress(OSError), replacing(kept) as partial:
        table.save(str(partial))
    return table

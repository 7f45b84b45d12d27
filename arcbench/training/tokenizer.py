"""The embedded policy's tokenizer: a word for every cell, helper and fixed sentence of a prompt.

A byte-level BPE below, so that any text is encoded, and decoded to itself. Above it, plain added
tokens: a colour of a grid, a helper of `concepts` or `common` and a sentence of the default
template are one token each, which makes a prompt about as long as its grids have cells.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from arcbench import dsl
from arcbench.dsl import concepts
from arcbench.grids import COLOR_NAMES
from arcbench.prompts import PromptTemplate
from arcbench.synth.family import Draft
from arcbench.synth.programs import program_text
from arcbench.synth.registry import families

VOCAB_SIZE = 2048  # rows of the embedding; those past the last token are a reserve for new helpers
BPE_SIZE = 896  # special tokens, 256 bytes and the merges
MIN_RESERVE = 256
MAX_EXAMPLES = 12  # example headers that are one token
MAX_POSITIONS = 10_240  # the longest prompt of ARC-AGI-1 and -2 has 8,378 tokens
DRAFTS_A_FAMILY = 40

PAD, BOS, EOS = "<|pad|>", "<|bos|>", "<|eos|>"
ROLES = {"system": "<|system|>", "user": "<|user|>", "assistant": "<|assistant|>"}
SPECIAL = (PAD, BOS, EOS, *ROLES.values())

# A turn of the assistant ends with eos; the other turns end where the next one begins. Without a
# closing tag `continue_final_message` cuts exactly behind the prefix, newline included.
CHAT_TEMPLATE = (
    "{{- bos_token }}"
    "{%- for message in messages %}"
    "{{- '<|' + message['role'] + '|>' + message['content'] }}"
    "{%- if message['role'] == 'assistant' %}{{- eos_token }}{%- endif %}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|assistant|>' }}{%- endif %}"
)

# What programs of the embedded policy are made of, besides names.
CODE_PIECES = (
    "```python\nfrom common import *\nfrom concepts import *\n\n# concepts:\n# ",
    "```python\n", "\n```", "\n\ndef transform(grid):", "\n    grid = ", "\n    return ",
    "(grid)", "(grid, ", ", ", "=", "(", ")", "\n", "\n\n",
)  # fmt: skip


def template_pieces(template: PromptTemplate) -> list[str]:
    """The texts between the grids of a prompt of `template`, each to become one token."""
    head, middle, tail = _example_parts(template)
    before, after = template.test.split("{input}")
    pieces = [template.system, template.intro, middle, template.assistant]
    for i in range(MAX_EXAMPLES):
        first = head.replace("{index}", str(template.first_index + i))
        pieces.append(first if i == 0 else tail + template.between + first)
    pieces += [tail + before, after + template.request]
    return list(dict.fromkeys(piece for piece in pieces if piece))


def _example_parts(template: PromptTemplate) -> tuple[str, str, str]:
    head, rest = template.example.split("{input}")
    middle, tail = rest.split("{output}")
    return head, middle, tail


def helper_names() -> list[str]:
    """Public names of `concepts` and `common`, and the colours as `Color.RED`."""
    names = [name for name in concepts.__all__ if len(name) > 2]
    try:
        import arcbench.dsl.common as common
    except ImportError:
        pass
    else:
        exported = getattr(common, "__all__", None) or dir(common)
        names += [name for name in exported if len(name) > 2 and not name.startswith("_")]
    names += [f"Color.{color.upper()}" for color in COLOR_NAMES]
    return sorted(set(names))


def _drafts() -> list[Draft]:
    """Some drafts of every family."""
    rng = np.random.default_rng(0)
    return [family.draw(rng) for family in families() for _ in range(DRAFTS_A_FAMILY)]


def _corpus(drafts: Sequence[Draft]) -> list[str]:
    """Programs, and our own libraries as examples of Python and English."""
    root = Path(dsl.__path__[0])
    sources = [path.read_text(encoding="utf-8") for path in sorted(root.rglob("*.py"))]
    return [program_text(draft) for draft in drafts] + sources


def build_tokenizer(names: Sequence[str] | None = None) -> Any:
    """A new tokenizer (`PreTrainedTokenizerFast`) for the families and helpers that exist now.

    Raises ValueError if there are so many that less than MIN_RESERVE rows are left.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    words = [word for color in COLOR_NAMES for word in (f" {color}", color)]
    names = helper_names() if names is None else list(names)
    drafts = _drafts()
    labels = sorted({label for draft in drafts for label in draft.concepts if len(label) > 2})
    fixed = [*CODE_PIECES, *template_pieces(PromptTemplate.load("arcbench"))]
    pieces = [*words, *fixed, *names, *labels]
    added = list(dict.fromkeys(pieces))

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=BPE_SIZE,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    # The merges are learned on what the added tokens leave over.
    longest_first = sorted(added, key=len, reverse=True)
    known = re.compile("|".join(re.escape(piece) for piece in longest_first))
    parts = [part for text in _corpus(drafts) for part in known.split(text) if part]
    bpe.train_from_iterator(parts, trainer)
    bpe.add_tokens([AddedToken(text, normalized=False, special=False) for text in added])
    check_room(bpe.get_vocab_size())
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        bos_token=BOS,
        eos_token=EOS,
        pad_token=PAD,
        padding_side="left",
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
        model_max_length=MAX_POSITIONS,
    )


def check_room(num_tokens: int) -> None:
    """Raise ValueError if `num_tokens` leave less than MIN_RESERVE rows of the embedding."""
    if num_tokens > VOCAB_SIZE - MIN_RESERVE:
        raise ValueError(f"{num_tokens} tokens leave less than {MIN_RESERVE} of {VOCAB_SIZE} rows")


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer saved in `folder`."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(str(folder))

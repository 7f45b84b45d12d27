"""A real, tiny, untrained language model that sometimes writes a program: something to train.

Its words are the colours and four whole programs, so that what it writes at random already earns
different rewards, and a few GRPO steps show.
"""

from pathlib import Path

from arcbench.grids import COLOR_NAMES


def _program(body: str) -> str:
    return f"\n```python\ndef transform(grid):\n    {body}\n```\n"


PROGRAMS = (
    _program("return grid"),
    _program("return grid[::-1]"),
    _program("return grid[:, ::-1]"),
    _program("raise ValueError"),
)


def save_tiny_policy(folder: Path, seed: int = 0) -> Path:
    """Save a Llama of some 50,000 parameters and its tokenizer; returns the folder."""
    import torch
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    special = ["<pad>", "<s>", "</s>", "<unk>"]
    words = [*special, *COLOR_NAMES, "Example", "Input:", "Output:"]
    table = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="<unk>"))
    table.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    table.decoder = decoders.Fuse()
    table.add_special_tokens([AddedToken(s, normalized=False) for s in special])
    table.add_tokens([AddedToken(p, normalized=False) for p in PROGRAMS])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=table, bos_token="<s>", eos_token="</s>", pad_token="<pad>",
        unk_token="<unk>", padding_side="left",
    )  # fmt: skip
    tokenizer.chat_template = (
        "{{ bos_token }}{% for m in messages %}{{ m['content'] }}{{ eos_token }}{% endfor %}"
    )
    tokenizer.save_pretrained(folder)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=1024,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id, tie_word_embeddings=False,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    model.save_pretrained(folder)
    return folder

"""The texts of sampled tokens, from a policy's tokenizer alone: no model, no torch."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from arcbench.errors import UserError
from arcbench.policies.sources import is_server, resolve

FILE = "tokenizer.json"


def token_texts(policy: str, ids: tuple[int, ...]) -> tuple[str, ...]:
    """What each token added to the text; a character of several tokens stands at its last one.

    Empty where the policy's tokenizer is not here: of a server, of a model that is gone, or of one
    in another form than `tokenizers` reads.
    """
    file = _file(policy) if ids else None
    if file is None:
        return ()
    tokenizer = _tokenizer(str(file), file.stat().st_mtime_ns)
    if tokenizer is None or max(ids) >= tokenizer.get_vocab_size():
        return ()  # the tokens are of another model
    return decoded(tokenizer, ids)


def decoded(tokenizer: Any, ids: Sequence[int]) -> tuple[str, ...]:
    """The same by a Tokenizer of the package `tokenizers`."""
    from tokenizers.decoders import DecodeStream

    stream = DecodeStream(skip_special_tokens=False)
    return tuple(stream.step(tokenizer, token) or "" for token in ids)


def _file(policy: str) -> Path | None:
    if is_server(policy):
        return None
    try:
        model = resolve(policy).model
    except UserError:
        return None
    file = Path(model) / FILE
    if file.is_file():
        return file
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        cached = try_to_load_from_cache(model, FILE)
    except HFValidationError:  # a folder, and it has none
        return None
    return Path(cached) if isinstance(cached, str) else None


@lru_cache(maxsize=4)
def _tokenizer(file: str, changed_ns: int) -> Any:
    """The tokenizer of a file as it is since then; None where nothing reads it."""
    try:
        from tokenizers import Tokenizer
    except ModuleNotFoundError:
        return None
    return Tokenizer.from_file(file)

"""The padding token of a tokenizer: what is wrong with it, and which token to take instead.

Padding that equals the end token hides the end from the loss, so that a policy never learns to
stop; padding outside the vocabulary has no row in the embedding.
"""

import json
import shutil
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arcbench.errors import UserError
from arcbench.files import replacing, write_json

LLAMA_3_PAD = "<|finetune_right_pad_id|>"  # Llama 3.1 keeps it for this very use
PAD_NAMES = ("<|pad|>", "<pad>", "[PAD]", "<PAD>", "<|padding|>", "<|PAD_TOKEN|>")
RESERVED = ("reserved", "unused", "<|extra_")  # in the names of tokens that no text has
NEW_PAD = "<|pad|>"
BACKUP = ".before-fix"  # added to the name of each file that is changed

# What counts of a tokenizer's folder; the weights are not looked at.
CONFIG, TOKENIZER = "tokenizer_config.json", "tokenizer.json"
_MIRRORS = ("generation_config.json", "config.json")  # they repeat the number of the token


@dataclass(frozen=True, kw_only=True, slots=True)
class PaddingRepair:
    """Another padding token for a tokenizer, and why."""

    problem: str  # what is wrong with the one that it has
    token: str
    token_id: int
    reason: str  # why this one
    is_new: bool = False  # not in the vocabulary yet, in a spare row of the embedding

    def __str__(self) -> str:
        return f"{self.problem}; {self.token} (id {self.token_id}) takes its place: {self.reason}"


def padding_problem(
    tokenizer: Any, *, stop_ids: Collection[int] = (), rows: int | None = None
) -> str:
    """What is wrong with the tokenizer's padding token; "" if nothing.

    `stop_ids` are further ids at which the model stops, `rows` those of its embedding.
    """
    pad = tokenizer.pad_token
    if pad is None:
        return "it has no padding token"
    if pad not in tokenizer.get_vocab():
        return f"its padding token {pad!r} is not in the vocabulary"
    pad_id = int(tokenizer.pad_token_id)
    if pad_id == tokenizer.eos_token_id:
        return f"its padding token {pad!r} is its end token, so the end of an answer is not learned"
    if pad_id in stop_ids:
        return f"its padding token {pad!r} is one at which the model stops"
    if rows is not None and pad_id >= rows:
        return f"its padding token {pad!r} has id {pad_id}, past the {rows} rows of the embedding"
    return ""


def find_repair(
    tokenizer: Any, *, stop_ids: Collection[int] = (), rows: int | None = None
) -> PaddingRepair | None:
    """The repair that the tokenizer needs, or None.

    In this order: Llama 3's own padding token; a token that is called padding; a reserved token;
    a special token that the chat template never writes (`<|endoftext|>` first, as Qwen does it);
    a new token, if the embedding is known to have a row to spare. Each of them has an embedding
    that no prompt or answer uses. UserError if there is none.
    """
    problem = padding_problem(tokenizer, stop_ids=stop_ids, rows=rows)
    if not problem:
        return None
    vocabulary: Mapping[str, int] = tokenizer.get_vocab()
    used = {tokenizer.bos_token_id, tokenizer.eos_token_id, *stop_ids}
    if tokenizer.unk_token != "<|endoftext|>":  # such vocabularies have every byte, so no unknown
        used.add(tokenizer.unk_token_id)
    free = {t: i for t, i in vocabulary.items() if i not in used and (rows is None or i < rows)}

    def repair(token: str, reason: str) -> PaddingRepair:
        return PaddingRepair(problem=problem, token=token, token_id=free[token], reason=reason)

    if LLAMA_3_PAD in free:
        return repair(LLAMA_3_PAD, "Llama 3 keeps it for padding")
    for token in PAD_NAMES:
        if token in free:
            return repair(token, "the vocabulary has it for padding")
    added = {str(t) for t in tokenizer.added_tokens_decoder.values() if t.special}
    special = sorted((i, token) for token, i in free.items() if token in added)
    for _, token in special:
        if any(word in token for word in RESERVED):
            return repair(token, "a reserved token that no text has")
    template = str(tokenizer.chat_template or "")
    unwritten = [token for _, token in special if token not in template]
    for token in sorted(unwritten, key=lambda t: t != "<|endoftext|>"):
        return repair(token, "a special token that the chat template never writes")
    new_id = max(vocabulary.values()) + 1
    if rows is not None and new_id < rows:
        return PaddingRepair(
            problem=problem,
            token=NEW_PAD,
            token_id=new_id,
            reason=f"a new token in one of the {rows - new_id} spare rows of the embedding",
            is_new=True,
        )
    raise UserError(
        f"{problem}, and its vocabulary has no token to spare: add one ({NEW_PAD}), resize the "
        "model's embedding for it, and save both"
    )


def repair_padding(
    tokenizer: Any, *, stop_ids: Collection[int] = (), rows: int | None = None
) -> str | None:
    """Give a loaded tokenizer a sound padding token; returns what was done, None if nothing.

    Only the object in memory changes. UserError if no token fits.
    """
    found = find_repair(tokenizer, stop_ids=stop_ids, rows=rows)
    if found is None:
        return None
    if found.is_new:
        from tokenizers import AddedToken

        tokenizer.add_tokens([AddedToken(found.token, normalized=False, special=True)])
    tokenizer.pad_token = found.token
    return str(found)


def model_facts(folder_or_id: str | Path) -> tuple[frozenset[int], int | None]:
    """The ids at which a model stops, and the rows of its embedding if its files tell.

    Nothing is downloaded: of the hub only what its cache holds is read.
    """
    folder = Path(folder_or_id)
    if not (folder / "config.json").is_file() and len(folder.parts) == 2:
        from huggingface_hub import try_to_load_from_cache

        cached = try_to_load_from_cache(str(folder_or_id), "config.json")
        folder = Path(cached).parent if isinstance(cached, str) else folder
    stops: set[int] = set()
    rows: int | None = None
    for name in _MIRRORS:
        values = _read(folder / name)
        text = values.get("text_config")
        for part in (values, text if isinstance(text, dict) else {}):
            eos = part.get("eos_token_id")
            stops |= {i for i in (eos if isinstance(eos, list) else [eos]) if isinstance(i, int)}
            if name == "config.json" and isinstance(part.get("vocab_size"), int):
                rows = part["vocab_size"]
    return frozenset(stops), rows


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenizerFix:
    """What `fix_tokenizer` found, and the files that it concerns."""

    folder: Path
    repair: PaddingRepair | None  # None: nothing to do
    files: tuple[str, ...] = ()  # which are, or would be, changed
    written: bool = False

    def __str__(self) -> str:
        if self.repair is None:
            return f"{self.folder}: the padding token is sound, nothing to do"
        line = f"{self.folder}: {self.repair}"
        if self.written:
            kept = ", ".join(f"{name}{BACKUP}" for name in self.files)
            return f"{line}; written, the old files are {kept}"
        return f"{line}; nothing is written yet, --write changes {', '.join(self.files)}"


def fix_tokenizer(folder: Path, *, write: bool = False) -> TokenizerFix:
    """Look at the tokenizer saved in `folder`, and with `write` repair its files.

    The repaired files are loaded and compared in a temporary folder first; each is then replaced
    as a whole, and its old content is kept beside it. UserError: no tokenizer there, no token
    fits, or a backup is in the way.
    """
    if not (folder / CONFIG).is_file():
        raise UserError(f"no tokenizer in {str(folder)!r}: it has no {CONFIG}")
    stop_ids, rows = model_facts(folder)
    before = _load(folder)
    repair = find_repair(before, stop_ids=stop_ids, rows=rows)
    if repair is None:
        return TokenizerFix(folder=folder, repair=None)
    changed = _changed(folder, repair)
    fix = TokenizerFix(folder=folder, repair=repair, files=tuple(changed), written=write)
    _check(folder, changed, before, repair)
    if not write:
        return fix
    for name in changed:
        if (folder / f"{name}{BACKUP}").exists():
            raise UserError(
                f"{folder / name}{BACKUP} is there already: move it away, then nothing is lost"
            )
    for name in changed:
        with replacing(folder / f"{name}{BACKUP}") as partial:
            shutil.copyfile(folder / name, partial)
    # CONFIG decides and comes last: a kill before it leaves a folder that is repaired once more.
    for name, content in changed.items():
        write_json(folder / name, content)
    return fix


def _changed(folder: Path, repair: PaddingRepair) -> dict[str, dict[str, Any]]:
    """The new content of each file that names the padding token, CONFIG last."""
    changed: dict[str, dict[str, Any]] = {}
    for name in _MIRRORS:
        if (folder / name).is_file():
            changed[name] = {**_read(folder / name), "pad_token_id": repair.token_id}
    if (folder / "special_tokens_map.json").is_file():
        there = _read(folder / "special_tokens_map.json")
        changed["special_tokens_map.json"] = {**there, "pad_token": repair.token}
    table = _read(folder / TOKENIZER)
    if repair.is_new and not table:
        raise UserError(f"{folder} has no {TOKENIZER}: a new token cannot be added to it")
    padding = table.get("padding")
    if repair.is_new or isinstance(padding, dict):
        if repair.is_new:
            entry = {"id": repair.token_id, "content": repair.token, "special": True}
            flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
            table["added_tokens"] = [*table.get("added_tokens", []), {**entry, **flags}]
        if isinstance(padding, dict):
            new = {"pad_id": repair.token_id, "pad_token": repair.token}
            table["padding"] = {**padding, **new}
        changed[TOKENIZER] = table
    changed[CONFIG] = {**_read(folder / CONFIG), "pad_token": repair.token}
    return changed


def _check(
    folder: Path, changed: Mapping[str, Mapping[str, Any]], before: Any, repair: PaddingRepair
) -> None:
    """Raise UserError if the changed files do not give the same tokenizer with the new padding."""
    with tempfile.TemporaryDirectory() as scratch:
        for path in folder.iterdir():
            # Vocabularies and settings; weights have other names and are large.
            if path.is_file() and path.suffix in (".json", ".txt", ".model", ".jinja"):
                shutil.copyfile(path, Path(scratch) / path.name)
        for name, content in changed.items():
            write_json(Path(scratch) / name, content)
        after = _load(Path(scratch))
    probe = "Example 1\nInput:\nBlack Blue\n\n```python\ndef transform(grid):\n    return grid\n```"
    same = before(probe)["input_ids"] == after(probe)["input_ids"]
    if after.pad_token != repair.token or after.pad_token_id != repair.token_id or not same:
        raise UserError(
            f"{folder}: with {repair.token} as padding its files give another tokenizer "
            f"(padding {after.pad_token!r}, id {after.pad_token_id}): nothing was written"
        )


def _load(folder: Path) -> Any:
    from arcbench.policies.chat import load_plain

    return load_plain(folder)


def _read(path: Path) -> dict[str, Any]:
    """A JSON object, empty where there is no such file."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise UserError(f"{path} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise UserError(f"{path} holds no JSON object")
    return value

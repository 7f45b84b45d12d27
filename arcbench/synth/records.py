"""Tasks as lines of JSON: BARC's problems, which are read back as a data set, or chat records."""

import gzip
import json
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO, Any, BinaryIO, Literal, cast

from arcbench.errors import UserError
from arcbench.files import replacing
from arcbench.prompts import PromptTemplate
from arcbench.synth.generate import SynthTask

Form = Literal["problems", "chat"]


def problem(item: SynthTask, index: int) -> dict[str, Any]:
    """A line of BARC's problems: the examples, the test pairs last, and the program.

    A reader takes the last example as the test pair: of two test pairs the first becomes a train
    pair.
    """
    examples = [
        [pair.input.tolist(), None if pair.output is None else pair.output.tolist()]
        for _, pair in item.task.pairs
    ]
    return {
        "uid": item.task.id,
        "source": item.code,
        "examples": examples,
        "seeds": list(item.families),
        "metadata": _metadata(item, index),
    }


def chat(item: SynthTask, index: int, template: PromptTemplate) -> dict[str, Any]:
    """A line of chat records: the prompt of the first test input, and the program as the answer."""
    messages = template.messages(item.task)
    answer = template.completion(item.code)
    if messages[-1]["role"] == "assistant":  # the template's own beginning of the answer
        answer = messages.pop()["content"] + answer
    messages.append({"role": "assistant", "content": answer})
    return {"uid": item.task.id, "messages": messages, "metadata": _metadata(item, index)}


def _metadata(item: SynthTask, index: int) -> dict[str, Any]:
    return {
        "index": index,
        "families": list(item.families),
        "disguise": item.disguise,
        "phrasing": item.phrasing.value,
    }


def line(index: int, item: SynthTask, form: Form, template: PromptTemplate) -> bytes:
    """A record as a line of JSON."""
    record = problem(item, index) if form == "problems" else chat(item, index, template)
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def write_lines(
    path: Path, lines: Iterable[tuple[int, bytes]], progress: Callable[[int], None] | None = None
) -> int:
    """Write lines that come with their indices; their number. The file is whole or not there.

    `.jsonl`, or `.jsonl.gz` for a compressed file; UserError for another name. `progress` is told
    the index of each line.
    """
    if not path.name.endswith((".jsonl", ".jsonl.gz")):
        raise UserError(f"{path} must end with .jsonl or .jsonl.gz")
    number = 0
    with replacing(path) as partial, partial.open("wb") as raw, _packed(path, raw) as sink:
        for index, text in lines:
            sink.write(text)
            number += 1
            if progress is not None:
                progress(index)
    return number


def _packed(path: Path, raw: BinaryIO) -> AbstractContextManager[IO[bytes]]:
    if path.suffix != ".gz":
        return nullcontext(raw)
    # No time and no name in the head: the same tasks give the same bytes.
    packed = gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0, compresslevel=5)
    return cast("AbstractContextManager[IO[bytes]]", packed)

"""Chat records as models are trained with: {"messages": [{"role", "content"}, …]}, one a line."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arcbench.errors import UserError


@dataclass(frozen=True, kw_only=True, slots=True)
class Chat:
    """One record: what the system, the user and the assistant say, in this order."""

    system: str
    user: str
    assistant: str | None  # None: the record is a prompt only


@dataclass(frozen=True, slots=True)
class ChatRecords:
    """The records of a JSONL file, read anew each time, so that memory does not grow with it."""

    path: Path

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        with self.path.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                try:
                    record = json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise UserError(f"{self.path}, line {number}: not JSON: {error}") from error
                if not isinstance(record, dict):
                    raise UserError(f"{self.path}, line {number}: no object with messages")
                yield record

    def __len__(self) -> int:
        with self.path.open(encoding="utf-8-sig") as lines:
            return sum(1 for line in lines if line.strip())


def read_records(path: str | os.PathLike[str]) -> ChatRecords:
    """The chat records of a JSONL file, {"messages": [{"role", "content"}, …]} a line."""
    file = Path(path)
    if not file.is_file():
        raise UserError(f"there is no file {str(file)!r}")
    return ChatRecords(file)


def read_chat(number: int, record: Mapping[str, Any]) -> Chat:
    """The record's turns; UserError names it by `number` if they are not as a prompt has them."""
    messages = record.get("messages")
    where = f"record {number}"
    if not isinstance(messages, list):
        raise UserError(f'{where} has no list "messages"')
    turns: dict[str, str] = {}
    for message in messages:
        if not isinstance(message, Mapping) or not isinstance(message.get("content"), str):
            raise UserError(f"{where} has a message without role or text")
        turns[str(message.get("role"))] = message["content"]
    roles = [m.get("role") for m in messages]
    allowed = [[*s, "user", *a] for s in ([], ["system"]) for a in ([], ["assistant"])]
    if roles not in allowed:
        raise UserError(f"{where} has the turns {roles}, not (system,) user(, assistant)")
    return Chat(
        system=turns.get("system", ""), user=turns["user"], assistant=turns.get("assistant")
    )

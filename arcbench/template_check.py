"""Whether a template rebuilds a chat record byte by byte, and where it does not."""

import re
from collections.abc import Sequence

from arcbench.chat_records import Chat
from arcbench.grid_finding import exact_finder
from arcbench.grids import GridError
from arcbench.policies.base import Message
from arcbench.prompts import PromptTemplate
from arcbench.tasks import Pair, Task


def num_shared(a: str, b: str) -> int:
    """How many characters two texts share from their start on."""
    return next(
        (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )


def difference(template: PromptTemplate, chat: Chat) -> str | None:
    """Where the record is not what the template makes, if it is not."""
    if chat.system != template.system:
        return _apart("system", template.system, chat.system)
    prefix = template.assistant
    if chat.assistant is not None and not chat.assistant.startswith(prefix):
        return _apart("assistant", prefix, chat.assistant[: len(prefix)])
    find = exact_finder(template.grid)
    spans = find.spans(chat.user)
    odd = _odd_piece(template, chat.user, spans)
    if odd is not None:
        return odd
    task = _task(template, chat.user, spans)
    if isinstance(task, str):
        return task
    messages: list[Message] = template.messages(task)
    rebuilt = next(m["content"] for m in messages if m["role"] == "user")
    return None if rebuilt == chat.user else _apart("user", rebuilt, chat.user)


def _odd_piece(template: PromptTemplate, text: str, spans: Sequence[tuple[int, int]]) -> str | None:
    """The first text between grids that is none of those that can stand there."""
    before, middle, after = re.split(r"\{(?:input|output)\}", template.example)
    test, tail = template.test.split("{input}")
    words = "|".join(map(re.escape, template.grid.colors))
    row_start = re.compile(f"(?:(?:{words}){re.escape(template.grid.cell) or '(?!)'})+")
    edges = [0, *(x for span in spans for x in span), len(text)]
    pieces = [(edges[i], text[edges[i] : edges[i + 1]]) for i in range(0, len(edges), 2)]
    for k, (at, piece) in enumerate(pieces):
        index = template.first_index + (k - 1) // 2
        this, following = str(index), str(index + 1)
        if k == 0:
            allowed = [template.intro + before.replace("{index}", following)]
        elif k % 2:
            last = k == len(pieces) - 1 and k > 1
            allowed = [tail + template.request if last else middle.replace("{index}", this)]
        else:
            ended = after.replace("{index}", this)
            follow = template.between + before.replace("{index}", following)
            shown = test.replace("{index}", following)
            more = k < len(pieces) - 2
            allowed = [ended + follow] if more else [ended + shown, ended + follow]
        if piece not in allowed:
            near = max(allowed, key=lambda a: num_shared(a, piece))
            # A row that goes wrong on the way: the place is where its first wrong word stands.
            good = row_start.match(piece, num_shared(near, piece))
            if good is not None:
                return _place("user", at + good.end(), piece, good.end(), "a colour")
            return _apart("user", near, piece, at)
    return None


def _task(template: PromptTemplate, text: str, spans: Sequence[tuple[int, int]]) -> Task | str:
    grids = []
    for start, end in spans:
        try:
            grids.append(template.grid.read(text[start:end]))
        except GridError as error:
            return f"user turn, grid at character {start}: {error}"
    if len(grids) < 3 or len(grids) % 2 == 0:
        return f"user turn: {len(grids)} grids, not two an example and one to solve"
    pairs = [Pair(input=i, output=o) for i, o in zip(grids[:-1:2], grids[1:-1:2], strict=True)]
    return Task(id="record", train=tuple(pairs), test=(Pair(input=grids[-1]),))


def _apart(turn: str, expected: str, found: str, offset: int = 0) -> str:
    """Says where two texts part; `offset` is the place of both in the turn."""
    at = num_shared(expected, found)
    # Where a text between grids ends, a grid goes on: only a piece of one can stand there.
    wanted = repr(expected[at : at + 30]) if expected[at:] else "nothing, or a grid"
    return _place(turn, offset + at, found, at, wanted)


def _place(turn: str, character: int, found: str, at: int, wanted: str) -> str:
    """Names the `character` of a turn at which `found[at:]` stands, but `wanted` should."""
    lead = found[max(0, at - 20) : at]
    got = repr(found[at : at + 30]) if found[at:] else "nothing, or a grid"
    return f"{turn} turn, character {character} (after {lead!r}): expected {wanted}, found {got}"

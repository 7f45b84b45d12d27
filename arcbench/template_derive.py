"""A model's exact prompt template, derived from chat records that it was trained with.

The grids are found in the user turns; what stands around them is the template. Each part is what
most records have, so that a damaged record does not spoil it, and then every record is rebuilt
and compared byte by byte.
"""

import functools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from arcbench.chat_records import Chat, ChatRecords, read_chat, read_records
from arcbench.errors import UserError
from arcbench.grid_finding import GridFinder, exact_finder, find_format
from arcbench.prompts import GridFormat, PromptTemplate
from arcbench.template_check import difference, num_shared

__all__ = ["ChatRecords", "derive_template", "read_records"]

NUM_VOTES = 500  # records that the template is made from; all of them are checked afterwards

_FENCE = re.compile(r"^[ \t]*```", re.M)
_ANSWER = re.compile(r"(?P<open>```\w*\n)(?P<code>.*)(?P<close>\n```\s*)", re.S)


def derive_template(
    records: Iterable[Mapping[str, Any]],
    *,
    name: str = "derived",
    colors: Sequence[str] | None = None,
) -> PromptTemplate:
    """The template that rebuilds the system and user turns of all records, byte by byte.

    The assistant's prefix is the text before the code fence of most records. `records` is gone
    through twice, so an iterator is kept whole. `colors` are the words for 0 to 9 where they are
    none of the usual ones.

    Raises UserError naming the first record that is not rebuilt and where it differs, or saying
    what the records lack.
    """
    if isinstance(records, Iterator):
        records = list(records)
    chats = [read_chat(i, r) for i, r in enumerate(islice(records, NUM_VOTES), start=1)]
    if not chats:
        raise UserError("there are no chat records")
    form = find_format([c.user for c in chats], colors)
    template = _vote(chats, form, name)
    for number, record in enumerate(records, start=1):
        odd = difference(template, read_chat(number, record))
        if odd is not None:
            raise UserError(f"record {number} is not rebuilt: {odd}")
    return template


Kind = Literal["fixed", "this", "next"]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Token:
    """A part of a text between grids: fixed, or the number of this or of the next example."""

    kind: Kind
    text: str  # as most records have it


def _vote(chats: Sequence[Chat], form: GridFormat, name: str) -> PromptTemplate:
    """The template that rebuilds most of the records, with examples counted from 1 or from 0."""
    cuts = [cut for cut in (_cut(c.user, exact_finder(form)) for c in chats) if cut is not None]
    if max((len(cut) for cut in cuts), default=0) < 6:
        raise UserError(
            "no record shows two examples, so what stands between examples cannot be seen"
        )
    prefix, answer = _assistant(chats)
    templates = [
        PromptTemplate(
            name=name,
            system=_most(c.system for c in chats),
            assistant=prefix,
            **answer,
            **_user_parts(cuts, first_index),
            first_index=first_index,
            grid=form,
        )
        for first_index in (1, 0)
    ]
    return max(templates, key=lambda t: sum(difference(t, c) is None for c in chats))


def _cut(text: str, find: GridFinder) -> list[str] | None:
    """The texts around the grids, 2 × examples + 2 of them; None if the count cannot be right."""
    spans = find.spans(text)
    if len(spans) < 3 or len(spans) % 2 == 0:
        return None
    edges = [0, *(x for span in spans for x in span), len(text)]
    return [text[edges[i] : edges[i + 1]] for i in range(0, len(edges), 2)]


def _user_parts(cuts: Sequence[Sequence[str]], first_index: int) -> dict[str, str]:
    """intro, example, between, test and request of most records."""
    start = _most(cut[0] for cut in cuts)
    end = _most(cut[-1] for cut in cuts)
    mids: Counter[tuple[int, str]] = Counter()  # (place of the example, text)
    gaps: Counter[tuple[int, str]] = Counter()
    lasts: Counter[tuple[int, str]] = Counter()
    for cut in cuts:
        mids.update(enumerate(cut[1:-1:2]))
        gaps.update(enumerate(cut[2:-2:2]))
        lasts[len(cut) // 2 - 2, cut[-2]] += 1

    middle = _tokens(mids, first_index, ("this", "fixed"))
    gap = _tokens(gaps, first_index, ("next", "this", "fixed"))
    ending, gap = _split_ending(gap)
    rest, head = _split_head(gap, start, first_index)
    # The test block starts where the last example ends.
    tests: Counter[tuple[int, str]] = Counter()
    for (place, text), count in lasts.items():
        tests[place, text.removeprefix(_filled(ending, place + first_index))] += count
    test = _tokens(tests, first_index, ("fixed", "next"))

    newlines = len(end) - len(end.lstrip("\r\n"))
    shown = _filled(head, first_index - 1)
    return {
        "intro": start.removesuffix(shown),
        "example": f"{_placed(head)}{{input}}{_placed(middle)}{{output}}{_placed(ending)}",
        "between": "".join(t.text for t in rest),
        "test": f"{_placed(test)}{{input}}{end[:newlines]}",
        "request": end[newlines:],
    }


def _most(texts: Iterable[str]) -> str:
    return Counter(texts).most_common(1)[0][0]


def _tokens(
    texts: Counter[tuple[int, str]], first_index: int, prefer: Sequence[Kind]
) -> list[_Token]:
    """What most texts share, given the places of the examples that they belong to.

    A number is an example's number if more texts agree to that than to any fixed number; among
    equals the earlier of `prefer`.
    """
    parts = {text: re.split("([0-9]+)", text) for _, text in texts}
    frames: Counter[tuple[str, ...]] = Counter()
    for (_, text), count in texts.items():
        frames[tuple(parts[text][::2])] += count
    ((frame, _),) = frames.most_common(1)
    tokens = [_Token(kind="fixed", text=frame[0])]
    for k, fixed in enumerate(frame[1:]):
        votes: Counter[tuple[Kind, str]] = Counter()
        for (place, text), count in texts.items():
            if tuple(parts[text][::2]) != frame:
                continue
            number = parts[text][2 * k + 1]
            votes["fixed", number] += count
            votes["this", ""] += count * (number == str(place + first_index))
            votes["next", ""] += count * (number == str(place + first_index + 1))
        kind = max(prefer, key=lambda p: max(n for (q, _), n in votes.items() if q == p))
        number = max((n, x) for (q, x), n in votes.items() if q == "fixed")[1]
        tokens += [_Token(kind=kind, text=number), _Token(kind="fixed", text=fixed)]
    return tokens


def _split_ending(gap: list[_Token]) -> tuple[list[_Token], list[_Token]]:
    """What still belongs to the example before the gap: all up to its own number."""
    last = max((i for i, t in enumerate(gap) if t.kind == "this"), default=-1)
    return gap[: last + 1], gap[last + 1 :]


def _split_head(
    gap: list[_Token], start: str, first_index: int
) -> tuple[list[_Token], list[_Token]]:
    """The separator, and the head of the next example: what the text before the first has too."""
    head: list[_Token] = []
    left = start
    for token in reversed(gap):
        text = str(first_index) if token.kind == "next" else token.text
        if left.endswith(text):
            head.insert(0, token)
            left = left.removesuffix(text)
            continue
        if token.kind == "fixed":
            common = num_shared(text[::-1], left[::-1])
            head.insert(0, _Token(kind="fixed", text=text[len(text) - common :]))
        break
    head = _from_line_start(head)
    size = sum(len(t.text) for t in head)
    rest: list[_Token] = []
    for token in reversed(gap):
        keep = token.text[: max(len(token.text) - size, 0)]
        size -= len(token.text) - len(keep)
        rest.insert(0, _Token(kind="fixed", text=keep))
    return rest, head


def _from_line_start(head: list[_Token]) -> list[_Token]:
    """The head from the line on that its first number stands in, or from its first full line."""
    if not head or head[0].kind != "fixed":
        return head
    first, others = head[0].text, head[1:]
    if others:
        return [_Token(kind="fixed", text=first[first.rfind("\n") + 1 :]), *others]
    _, newline, lines = first.partition("\n")
    return [_Token(kind="fixed", text=lines.lstrip("\r\n"))] if newline else head


def _filled(tokens: Iterable[_Token], index: int) -> str:
    numbers = {"this": str(index), "next": str(index + 1)}
    return "".join(numbers.get(t.kind, t.text) for t in tokens)


def _placed(tokens: Iterable[_Token]) -> str:
    return "".join(t.text if t.kind == "fixed" else "{index}" for t in tokens)


def _assistant(chats: Sequence[Chat]) -> tuple[str, dict[str, str]]:
    """The assistant's prefix, and the form of the answers (empty: they have no single form)."""
    turns = [c.assistant for c in chats if c.assistant is not None]
    if not turns:
        return "", {}
    fences = [(turn, _FENCE.search(turn)) for turn in turns]
    heads = Counter(turn[: m.start()] for turn, m in fences if m is not None)
    prefix = functools.reduce(lambda a, b: a[: num_shared(a, b)], turns)
    if heads and heads.most_common(1)[0][1] * 2 > len(turns):
        prefix = heads.most_common(1)[0][0]
    elif any(turn != prefix for turn in turns):
        fence = _FENCE.search(prefix)
        prefix = prefix[: fence.start() if fence else prefix.rfind("\n") + 1]
    answers = (_ANSWER.fullmatch(t.removeprefix(prefix)) for t in turns)
    forms = Counter((m["open"], m["close"]) for m in answers if m is not None)
    if not forms:
        return prefix, {}
    opening, closing = forms.most_common(1)[0][0]
    return prefix, {"answer": f"{opening}{{code}}{closing}"}

"""Finding the program in what a model wrote.

One pass over the lines, so that no text, however odd, takes more than linear time. Nothing is
parsed or run here, except a text without any code fence, which must parse to count as a program.
"""

import ast
import re
import textwrap
from dataclasses import dataclass

FUNCTIONS = ("transform", "main")  # what a program must define one of
PYTHON_FENCES = frozenset({"", "py", "py3", "python", "python3"})
# Lost searches for the end of a string cost a scan to the end of the text each.
MAX_LOST_STRINGS = 8
MAX_BARE_CHARS = 20_000  # a longer text without a fence is not tried as a program

# The possessive quantifiers keep a failing match linear.
_OPENING = re.compile(r"(?P<mark>`{3,}+|~{3,}+)[ \t]*+(?P<lang>[\w+#.-]*+)(?P<info>[^`]*+)")
_LIST_ITEM = re.compile(r"(?:[-*+]|\d{1,9}[.)])[ \t]+")
_NAMES = "|".join(FUNCTIONS)
_DEFINES = re.compile(rf"^(?:def[ \t]+(?:{_NAMES})\b|(?:{_NAMES})[ \t]*=[^=])", re.M)
# Comments, strings, and fence marks outside both; an unfinished short string ends with its line.
_LEXEME = re.compile(r"""\#[^\n]*|'''|\"\"\"|'(?:\\.|[^'\\\n])*'?|"(?:\\.|[^"\\\n])*"?|`{3,}""")
_TELLS = re.compile(r"[#'\"`~]")  # no line without one of these ends a block or begins a string
# A block of Python that starts while another one is open.
_REOPENS = re.compile(r"\s*+(?:`{3,}+|~{3,}+)[ \t]*+(?:py|python)3?\s*+", re.I)
_STRING_END = {q: re.compile(rf"\\.|{q}", re.S) for q in ("'''", '"""')}


@dataclass(frozen=True, kw_only=True, slots=True)
class Extraction:
    """The program of a completion, or why there is none."""

    code: str | None  # ends with a newline
    truncated: bool  # the last code block has no end
    reason: str = ""  # empty where there is code


@dataclass(frozen=True, kw_only=True, slots=True)
class _Fence:
    mark: str  # the run of ` or ~
    lang: str


def extract_code(text: str) -> Extraction:
    """The last complete python block of `text` that defines `transform` or `main`.

    A block that is not closed is never the program, since its end is missing: it is reported as
    truncated. A text without any fence before its program (or with a closing one only, as after a
    prompt that opened the block) counts if it parses and defines one of the two at top level.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    blocks, first, unclosed = _python_blocks(lines)
    for code in reversed(blocks):
        if _DEFINES.search(code):
            return Extraction(code=code, truncated=unclosed)
    bare = _bare_program(lines[:first])
    if bare is not None:
        # The first fence closed the program rather than opening another block.
        return Extraction(code=bare, truncated=False)
    if unclosed:
        return Extraction(code=None, truncated=True, reason="the code block is not closed")
    reason = f"no code block defines {' or '.join(FUNCTIONS)}" if blocks else "no python code block"
    return Extraction(code=None, truncated=False, reason=reason)


def _python_blocks(lines: list[str]) -> tuple[list[str], int, bool]:
    """(complete python blocks, line of the first fence, whether a python block stays open)."""
    blocks: list[str] = []
    first = len(lines)
    lost = 0
    i = 0
    while i < len(lines):
        fence = _opening(lines[i])
        if fence is None:
            i += 1
            continue
        first = min(first, i)
        python = fence.lang in PYTHON_FENCES
        end = None
        if python and lost < MAX_LOST_STRINGS:
            end = _end_of_code(lines, i + 1, fence)
            lost += end is None
        if end is None:
            end = _end_of_text(lines, i + 1, fence)
        if end is None:
            return blocks, first, python
        stop, rest = end
        if rest is None:  # another block opens before this one is closed
            i = stop
            continue
        if python:
            code = [*lines[i + 1 : stop], *([rest] if rest.strip() else [])]
            blocks.append(_program_text(code))
        i = stop + 1
    return blocks, first, False


def _opening(line: str) -> _Fence | None:
    """The fence that `line` opens a block with, if it does.

    At the start of a line (or of a list item) anything may follow the language; after other text
    the line must end with the fence of a Python block, as in "Here is the code: ```python".
    """
    if "```" not in line and "~~~" not in line:
        return None
    body = line.lstrip()
    item = _LIST_ITEM.match(body)
    if item:
        body = body[item.end() :]
    match = _OPENING.fullmatch(body)
    if match is None:
        start = line.rfind("```")
        while start > 0 and line[start - 1] == "`":
            start -= 1
        match = _OPENING.fullmatch(line, start) if start > 0 else None
        named = match is not None and match["lang"].lower() in PYTHON_FENCES - {""}
        if match is None or not named or match["info"].strip():
            return None
    return _Fence(mark=match["mark"], lang=match["lang"].lower())


def _closes(line: str, fence: _Fence) -> bool:
    mark = line.strip()
    return len(mark) >= len(fence.mark) and set(mark) == {fence.mark[0]}


def _end_of_text(lines: list[str], start: int, fence: _Fence) -> tuple[int, str | None] | None:
    """Where a block ends if nothing is known of its language: at the first closing line."""
    for i in range(start, len(lines)):
        if _closes(lines[i], fence):
            return i, ""
    return None


def _end_of_code(lines: list[str], start: int, fence: _Fence) -> tuple[int, str | None] | None:
    """Where a block of Python ends: (line, code before the fence on that line).

    Fences inside strings and comments do not count. The second part is None where another block
    is opened first. None as a whole: no end was found.
    """
    quote = ""  # of the long string that the scan is in
    for i in range(start, len(lines)):
        line = lines[i]
        if not quote:
            if not _TELLS.search(line):
                continue
            if _closes(line, fence):
                return i, ""
            if _REOPENS.fullmatch(line):
                return i, None
        at = 0
        while at < len(line):
            match = (_STRING_END[quote] if quote else _LEXEME).search(line, at)
            if match is None:
                break
            at = match.end()
            found = match[0]
            if quote:
                if found == quote:
                    quote = ""
            elif found in _STRING_END:
                quote = found
            elif found.startswith("```") and len(found) >= len(fence.mark) and fence.mark[0] == "`":
                # Backticks are no Python: the model closed the block without a new line.
                return i, line[: match.start()]
    return None


def _program_text(lines: list[str]) -> str:
    """The code, without the indentation that all its lines share, ending with a newline."""
    code = "\n".join(lines).strip("\n")
    return (textwrap.dedent(code) if code[:1].isspace() else code).rstrip() + "\n"


def _bare_program(lines: list[str]) -> str | None:
    """The text as a program, if it is one as a whole."""
    if sum(map(len, lines)) > MAX_BARE_CHARS:
        return None
    code = _program_text(lines)
    if not _DEFINES.search(code):
        return None
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        # ValueError: NUL characters; the last two: nesting beyond what the parser bears.
        return None
    return code if any(_defines(node) for node in tree.body) else None


def _defines(node: ast.stmt) -> bool:
    if isinstance(node, ast.FunctionDef):
        return node.name in FUNCTIONS
    targets = node.targets if isinstance(node, ast.Assign) else []
    return any(isinstance(t, ast.Name) and t.id in FUNCTIONS for t in targets)

"""Finding the program in what a model wrote, however it wrote it."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcbench.prompts import PromptTemplate, extract_code

CODE = "def transform(grid):\n    return grid\n"
MAIN = "def main(input_grid):\n    return input_grid\n"
LAMBDA = "transform = lambda grid: grid\n"
WRONG = "def transform(grid)\n"
IMPORT = "from common import *\n\n"
OTHER = "def transform(grid):\n    return grid[::-1]\n"
DOC = 'def transform(grid):\n    """Say\n    ```\n    no\n    ```\n    """\n    return grid\n'
HASH = "def transform(grid):\n    # ``` is no end, nor is '''\n    return grid\n"
QUOTED = "def transform(grid):\n    fence = '```'\n    return grid\n"


def indented(text, by="    "):
    return "".join(by + line for line in text.splitlines(keepends=True))


FOUND = {
    "one block": (f"```python\n{CODE}```", CODE),
    "prose around": (f"First I think.\n\n```python\n{CODE}```\nThat's it.", CODE),
    "spelled py": (f"```py\n{CODE}```", CODE),
    "spelled Python3": (f"```Python3\n{CODE}```", CODE),
    "a space before the language": (f"``` python\n{CODE}```", CODE),
    "words after the language": (f'```python title="a.py"\n{CODE}```', CODE),
    "bare fence": (f"```\n{CODE}```", CODE),
    "tildes": (f"~~~python\n{CODE}~~~", CODE),
    "four backticks": (f"````python\n{DOC}````", DOC),
    "main instead of transform": (f"```python\n{MAIN}```", MAIN),
    "transform by assignment": (f"```python\n{LAMBDA}```", LAMBDA),
    "the last of several": (f"```python\n{OTHER}```\nNo, better:\n```python\n{CODE}```", CODE),
    "a later block without it": (f"```python\n{CODE}```\nUse:\n```python\nf(1)\n```", CODE),
    "a later block of another language": (f"```python\n{CODE}```\n```json\n{CODE}```", CODE),
    "an earlier block of text": (f"```text\ndef transform\n```\n```python\n{CODE}```", CODE),
    "CRLF": (f"```python\n{CODE}```\n".replace("\n", "\r\n"), CODE),
    "CR": (f"```python\n{CODE}```\n".replace("\n", "\r"), CODE),
    "indented block": (indented(f"```python\n{CODE}```\n"), CODE),
    "indented by a tab": (indented(f"```python\n{CODE}```\n", "\t"), CODE),
    "indented code in a block at the margin": (f"```python\n{indented(CODE)}```\n", CODE),
    "list item": (f"1. ```python\n{indented(CODE, '   ')}   ```\n", CODE),
    "opened behind prose": (f"Here is the code: ```python\n{CODE}```", CODE),
    "closed behind code": (f"```python\n{CODE.rstrip()}```\nDone.", CODE),
    "prose behind the closing fence": (f"```python\n{CODE}``` It works, doesn't it?", CODE),
    "fences in a docstring": (f"```python\n{DOC}```", DOC),
    "a fence in a comment": (f"```python\n{HASH}```", HASH),
    "a fence in a string": (f"```python\n{QUOTED}```", QUOTED),
    "a string that never ends": (f"```python\n{CODE}'''\n```\nIt's done.", f"{CODE}'''\n"),
    "an apostrophe before the block": (f"Don't.\n```python\n{CODE}```", CODE),
    "an unclosed block before another": (f"```python\nimport os\n```python\n{CODE}```", CODE),
    "empty lines around": (f"```python\n\n\n{CODE}\n\n```", CODE),
    "no fence at all": (CODE, CODE),
    "no fence but an import": (f"{IMPORT}{MAIN}\n", f"{IMPORT}{MAIN}"),
    "only a closing fence": (f"{CODE}```\nThis doesn't need more.", CODE),
    "a syntax error is the sandbox's to tell": (f"```python\n{WRONG}```", WRONG),
    "inline code in prose": (f"Use ``` or ```x``` here.\n```python\n{CODE}```", CODE),
}  # fmt: skip


@pytest.mark.parametrize("case", FOUND)
def test_the_program_is_found(case):
    text, code = FOUND[case]
    found = extract_code(text)
    assert found.code == code
    assert (found.truncated, found.reason) == (False, "")


NOT_FOUND = {
    "empty": ("", False, "no python code block"),
    "prose": ("The grid is flipped.", False, "no python code block"),
    "no closing fence": (f"```python\n{CODE}", True, "not closed"),
    "no closing fence on a bare block": (f"Look:\n```\n{CODE}", True, "not closed"),
    "cut in a docstring": (f"```python\n{CODE}'''abc", True, "not closed"),
    "only a fence": ("```", True, "not closed"),
    "no transform": ("```python\nx = 1\n```", False, "no code block defines transform or main"),
    "transform only mentioned": ("```python\ntransform(g)\n```", False, "no code block defines"),
    "a method is no function": (
        "```python\nclass A:\n    def transform(self, g):\n        return g\n```", False, "defines",
    ),
    "transformer is another name": ("```python\ndef transformer(g): 1\n```", False, "defines"),
    "another language": (f"```json\n{CODE}```", False, "no python code block"),
    "prose before code without a fence": (f"Here it is.\n{CODE}", False, "no python code block"),
    "a bare program that does not parse": ("def transform(g)\n  return", False, "no python"),
    "transform only in a string": ('x = """\ndef transform(g): 1\n"""', False, "no python"),
}  # fmt: skip


@pytest.mark.parametrize("case", NOT_FOUND)
def test_there_is_no_program_and_the_reason_says_why(case):
    text, truncated, reason = NOT_FOUND[case]
    found = extract_code(text)
    assert found.code is None
    assert found.truncated is truncated
    assert reason in found.reason


def test_an_earlier_whole_block_counts_and_the_cut_one_is_reported():
    found = extract_code(f"```python\n{CODE}```\nBetter:\n```python\ndef transform(grid):\n    ret")
    assert (found.code, found.truncated) == (CODE, True)


LINES = st.sampled_from(
    ["```", "```python", "~~~", "````", "'''", '"""', "# '''", "x = 'a", CODE, MAIN, "text ```py",
     "it's", "\\", "    ```", "``` x", "```json", ""]
)  # fmt: skip


@given(st.one_of(st.text(), st.lists(LINES, max_size=12).map("\n".join)))
def test_any_text_gives_code_that_defines_the_function_or_a_reason(text):
    found = extract_code(text)
    if found.code is None:
        assert found.reason
    else:
        assert "transform" in found.code or "main" in found.code
        assert found.code.endswith("\n")
        assert "\r" not in found.code


BODIES = st.lists(
    st.sampled_from(
        ["    x = '`'", '    """doc\n    ```\n    """', "    # ``` ''' \"", "", "    y = r'\\'"]
    ),
    max_size=5,
).map(lambda lines: "\n".join(["def transform(grid):", *lines, "    return grid"]))


@given(BODIES, st.sampled_from(["arcbench", "arcbench-compact"]))
def test_what_a_template_calls_an_answer_is_found_again(code, name):
    assert extract_code(PromptTemplate.load(name).completion(code)).code == code + "\n"


SIZE = 200_000
ADVERSARIAL = {
    "backticks": "`" * SIZE,
    "a long language": "```" + "a" * SIZE + "`",
    "spaces after a fence": "```" + " " * SIZE + "`",
    "many openings": "```python\n" * (SIZE // 10),
    "many fences": "```\n" * (SIZE // 4),
    "unfinished strings": "```python\n" + "'''\n```\n" * (SIZE // 8),
    # From any state of the scan, each block ends inside a long string.
    "strings that hide every fence": "```python\n# '''\n# \"\"\"\n'''\n```\n" * (SIZE // 30),
    "escaped quotes": "```python\n'" + "\\'" * (SIZE // 2) + "\n```",
    "quotes": "```python\n" + "'\"" * (SIZE // 2) + "\n```",
    "deep nesting without a fence": CODE + "(" * (SIZE // 20),
    "a chain without a fence": CODE + "-" * (SIZE // 20) + "1",
    "blank lines": "```python\n" + " \n" * (SIZE // 2),
    "tildes": "~~~ \n" * (SIZE // 5),
}  # fmt: skip


@pytest.mark.parametrize("case", ADVERSARIAL)
def test_no_text_takes_long(case):
    start = time.process_time()
    extract_code(ADVERSARIAL[case])
    assert time.process_time() - start < 2

"""A template derived from chat records rebuilds them byte by byte, or names the one it cannot."""

import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arcbench.errors import UserError
from arcbench.grids import as_grid
from arcbench.prompts import GridFormat, PromptTemplate, template_names
from arcbench.tasks import Pair, Task, load_tasks
from arcbench.template_derive import derive_template, read_records
from tests.strategies import tasks

ORIGINAL_WORDS = (
    "Black", "Blue", "Red", "Green", "Yellow", "Grey", "Pink", "Orange", "Teal", "Maroon",
)  # fmt: skip
DIGITS = tuple("0123456789")
CODE = "def transform(grid):\n    return grid\n"


def random_tasks(*num_train, seed=0):
    """Tasks with these numbers of train pairs, in which every colour occurs."""
    rng = np.random.default_rng(seed)

    def grid():
        return as_grid(rng.integers(0, 10, size=rng.integers(2, 6, size=2)))

    found = []
    for i, n in enumerate(num_train):
        train = tuple(Pair(input=grid(), output=grid()) for _ in range(n))
        found.append(Task(id=str(i), train=train, test=(Pair(input=grid()),)))
    return found


TASKS = random_tasks(3, 2, 4, 1, 3)


def records(template, of=TASKS, code=CODE):
    """Training records of a model with this template."""
    return [
        {
            "messages": [
                *(m for m in template.messages(task) if m["role"] != "assistant"),
                {"role": "assistant", "content": template.assistant + template.completion(code)},
            ]
        }
        for task in of
    ]


def same_prompts(a, b, of):
    return all(a.messages(task) == b.messages(task) for task in of)


@pytest.mark.parametrize("name", template_names())
def test_both_shipped_layouts_come_back_from_their_records(name):
    template = PromptTemplate.load(name)
    assert derive_template(records(template), name=name) == template


def test_a_derived_template_survives_its_file_and_renders_all_training_tasks_the_same(tmp_path):
    template = PromptTemplate.load()
    path = tmp_path / "derived.toml"
    path.write_bytes(derive_template(records(template)).to_toml().encode())
    arc = list(load_tasks("arc-agi-1", "training").values())
    assert same_prompts(PromptTemplate.load(path), template, arc[:100])


# Words that are neither colours nor numbers, so that no fixed line looks like a row of a grid.
WORDS = st.sampled_from(
    [
        "xyz",
        "Pair",
        "in:",
        "out:",
        '"',
        "\\",
        "{x}",
        "{}",
        "é",
        "v2",
        "v10",
        "2nd",
        "'''",
        "→",
        "[x]",
    ]
)
LINE = st.lists(WORDS, min_size=1, max_size=4).map(" ".join)
BLANK = st.sampled_from(["", " ", "\t"])
LINES = st.lists(st.one_of(LINE, LINE, BLANK), max_size=3)
# Two grids with nothing but the end of a row between them would be one.
SOME = st.lists(st.one_of(LINE, LINE, BLANK), min_size=1, max_size=3)
NUMBERED = st.builds("{} {{index}} {}".format, LINE, LINE)


def block(lines, end="\n"):
    """Lines that end with a newline: what may stand before a grid."""
    return "".join(line + end for line in lines)


def after(lines):
    """Lines that start with a newline: what may stand behind a grid."""
    return "".join("\n" + line for line in lines)


@st.composite
def templates(draw):
    form = draw(
        st.sampled_from(
            [
                GridFormat(),
                GridFormat(colors=ORIGINAL_WORDS),
                GridFormat(colors=tuple(w.upper() for w in ORIGINAL_WORDS), cell=", "),
                GridFormat(colors=DIGITS),
                GridFormat(colors=DIGITS, cell=""),
                GridFormat(colors=DIGITS, cell=", ", row="], ["),
                GridFormat(colors=DIGITS, cell=", ", row="],\n ["),
            ]
        )
    )
    opening, closing = ("[[", "]]") if "[" in form.row else ("", "")
    before, behind = "\n" + opening, closing + "\n"

    def numbered(lines):
        if draw(st.booleans()):
            lines.insert(draw(st.integers(0, len(lines))), draw(NUMBERED))
        return lines

    head = block(numbered(draw(LINES)))
    middle = after(numbered(draw(SOME)))
    ending = after(numbered(draw(LINES)))
    assistant = block(draw(LINES))
    return PromptTemplate(
        name="derived",
        system=block(draw(LINES)),
        intro=block(draw(LINES)),
        example=f"{head}{opening}{{input}}{closing}{middle}{before}{{output}}{closing}{ending}",
        between=after(draw(SOME)) + "\n",
        test=f"{after(draw(SOME))}\n{block(draw(LINES))}{opening}{{input}}{closing}",
        request=draw(st.sampled_from(["", behind[len(closing) :]])) and after(draw(LINES)),
        assistant=assistant,
        first_index=draw(st.integers(0, 1)),
        grid=form,
    )


@settings(max_examples=60)
@given(templates(), tasks(max_train=6))
def test_a_template_derived_from_what_a_template_renders_renders_the_same(template, task):
    derived = derive_template(records(template))
    assert same_prompts(derived, template, [*TASKS, task])
    assert derived.completion(CODE) == template.completion(CODE)


def damaged(found, number, old, new, role="user"):
    """The records with one occurrence of `old` replaced in record `number` (from 1)."""
    copies = json.loads(json.dumps(found))
    (message,) = (m for m in copies[number - 1]["messages"] if m["role"] == role)
    assert old in message["content"]
    message["content"] = message["content"].replace(old, new, 1)
    return copies


GOOD = records(PromptTemplate.load(), random_tasks(3, 2, 4, 3, 3, 2))


@pytest.mark.parametrize(
    ("old", "new", "role", "said"),
    [
        ("Example 2", "Example  2", "user", "user turn, character .*expected '2"),
        ("Example 2", "Example 3", "user", "expected '2.*found '3"),
        ("Output", "output", "user", "expected 'Output:.*found 'output:"),
        ("\n\n\n", "\n\n", "user", "user turn, character"),
        ("every input.", "every input.\n", "user", r"expected nothing, or a grid, found '\\n'"),
        ("every input.", "every", "user", "expected ' input"),
        ("This is", "That is", "user", "expected 'is is"),
        ("These", "Those", "user", "expected 'ese"),
        ("find", "guess", "system", "system turn, character 4 .*expected 'find.*found 'guess"),
        ("ideas", "idea", "assistant", "assistant turn.*expected 's stand"),
        (" Pink", "", "user", "row . has"),
        (" Pink", " pink", "user", "pink"),
        ("Pink", "Pinkk", "user", "Pinkk"),
    ],
)
@pytest.mark.parametrize("number", [1, 3, 6])
def test_a_damaged_record_is_named_with_the_place(number, old, new, role, said):
    with pytest.raises(UserError, match=f"^record {number} is not rebuilt: ") as caught:
        derive_template(damaged(GOOD, number, old, new, role))
    assert re.search(said, str(caught.value))


def test_the_first_of_several_damaged_records_is_named():
    twice = damaged(damaged(GOOD, 5, "This", "That"), 4, "Example 1", "Example 0")
    with pytest.raises(UserError, match=r"^record 4 "):
        derive_template(twice)


def test_the_prefix_is_what_the_assistant_says_before_its_code():
    reasons = ["It flips.\n", "It turns.\n", "It turns about.\n"]
    found = records(PromptTemplate.load(), TASKS[:3])
    for record, reason in zip(found, reasons, strict=True):
        record["messages"][-1]["content"] = f"Let me see.\n{reason}```python\n{CODE}```\nDone."
    derived = derive_template(found)
    assert derived.assistant == "Let me see.\n"


def test_records_without_an_assistant_give_a_template_without_prefix():
    found = [{"messages": r["messages"][:-1]} for r in GOOD]
    assert derive_template(found).assistant == ""


def test_records_that_end_with_the_prefix_alone_give_that_prefix():
    template = PromptTemplate.load()
    found = [{"messages": template.messages(task)} for task in TASKS]
    assert derive_template(found, name="arcbench") == template


def test_colours_that_no_record_shows_get_words_that_suit_the_others():
    form = GridFormat(colors=ORIGINAL_WORDS)
    base = PromptTemplate.load()
    template = PromptTemplate(
        name="x", example=base.example, between="\n\n", test=base.test, grid=form
    )
    grid = as_grid([[0, 5], [1, 8]])  # Grey and Teal are only in the original set
    pair = Pair(input=grid, output=grid)
    task = Task(id="t", train=(pair, pair, pair), test=(pair,))
    assert derive_template(records(template, [task])).grid.colors == ORIGINAL_WORDS


def test_other_words_must_be_named():
    words = tuple(f"c{letter}" for letter in "abcdefghij")
    base = PromptTemplate.load()
    template = PromptTemplate(
        name="derived",
        example=base.example,
        between="\n\n",
        test=base.test,
        grid=GridFormat(colors=words, cell="|"),
    )
    with pytest.raises(UserError, match="no grids found"):
        derive_template(records(template))
    assert same_prompts(derive_template(records(template), colors=words), template, TASKS)
    with pytest.raises(UserError, match="colors are 10 words, not 2"):
        derive_template(records(template), colors=words[:2])


def test_an_iterator_of_records_is_checked_as_well():
    with pytest.raises(UserError, match=r"^record 6 "):
        derive_template(iter(damaged(GOOD, 6, "This", "That")))


def test_one_example_a_record_is_too_little():
    with pytest.raises(UserError, match="no record shows two examples"):
        derive_template(records(PromptTemplate.load(), random_tasks(1, 1)))


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({}, 'record 2 has no list "messages"'),
        ({"messages": [{"role": "user"}]}, "record 2 has a message without role or text"),
        ({"messages": [{"role": "user", "content": [{}]}]}, "record 2 has a message without"),
        ({"messages": [{"role": "assistant", "content": ""}]}, r"the turns \['assistant'\]"),
        ({"messages": [{"role": "user", "content": ""}] * 2}, r"the turns \['user', 'user'\]"),
    ],
)
def test_a_record_that_is_no_prompt_is_named(record, message):
    with pytest.raises(UserError, match=message):
        derive_template([GOOD[0], record])


def test_records_are_read_from_a_file_and_a_broken_line_is_named(tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_text("\n\n".join(json.dumps(r) for r in GOOD) + "\n", encoding="utf-8")
    found = read_records(path)
    assert len(found) == len(GOOD)
    assert list(found) == GOOD
    assert derive_template(found, name="arcbench") == PromptTemplate.load()
    path.write_text('{"messages": []}\n\n{x\n', encoding="utf-8")
    with pytest.raises(UserError, match=r"data\.jsonl, line 3: not JSON"):
        list(read_records(path))
    path.write_text("3\n", encoding="utf-8")
    with pytest.raises(UserError, match="line 1: no object"):
        list(read_records(path))
    with pytest.raises(UserError, match=r"there is no file .*none\.jsonl"):
        read_records(tmp_path / "none.jsonl")


def test_no_records_are_said_to_be_none():
    with pytest.raises(UserError, match="there are no chat records"):
        derive_template([])

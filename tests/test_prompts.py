"""Templates are data, grids become text and come back, and a task becomes chat messages."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcbench.augment import Augmentation
from arcbench.errors import UserError
from arcbench.grids import GridError, as_grid, same_grid
from arcbench.prompts import (
    GridFormat,
    PromptTemplate,
    grid_to_text,
    messages_hash,
    template_names,
    text_to_grid,
)
from arcbench.tasks import Pair, Task, load_tasks
from tests.strategies import grids, tasks

DIGITS = tuple("0123456789")
FORMATS = [
    GridFormat(),
    GridFormat(colors=DIGITS),
    GridFormat(colors=DIGITS, cell=""),
    GridFormat(colors=DIGITS, cell=", ", row="],\n ["),
    GridFormat(colors=tuple("abcdefghij"), cell="", row=" "),
]
A, B, C = as_grid([[0, 1], [2, 8]]), as_grid([[5]]), as_grid([[9, 9]])
TASK = Task(
    id="t",
    train=(Pair(input=A, output=B), Pair(input=B, output=A)),
    test=(Pair(input=C), Pair(input=B)),
)


@given(grids(), st.sampled_from(FORMATS))
def test_every_grid_comes_back_from_its_text(grid, form):
    assert same_grid(text_to_grid(grid_to_text(grid, form), form), grid)


def test_a_grid_is_a_line_a_row_and_a_word_a_cell():
    assert grid_to_text(A) == "Black Blue\nRed Purple"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Black Grey", "row 0, column 1: 'Grey' is no colour; one of: Black, Blue"),
        ("Black\nBlack Blue", "row 1 has 2 cells, row 0 has 1"),
        ("Black  Blue", "row 0, column 1: '' is no colour"),
        ("Black\n", "row 1, column 0: ''"),
        ("", "row 0, column 0: ''"),
        ("\n".join(["Red"] * 31), "31x1"),
    ],
)
def test_text_that_is_no_grid_says_where(text, message):
    with pytest.raises(GridError, match=message):
        text_to_grid(text)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"colors": DIGITS[:9]}, "10 different words"),
        ({"colors": (*DIGITS[:9], "8")}, "10 different words"),
        ({"colors": (*DIGITS[:9], "")}, "empty word"),
        ({"row": ""}, r"grid\.row ''"),
        ({"row": " "}, r"grid\.row ' '"),
        ({"cell": ""}, "one character"),
        ({"cell": "e"}, r"share \['e'\]"),
    ],
)
def test_a_format_that_could_not_be_read_back_is_refused(fields, message):
    with pytest.raises(UserError, match=message):
        GridFormat(**fields)


def test_the_default_layout_has_two_blank_lines_and_no_newline_at_the_end():
    system, user, prefix = PromptTemplate.load().messages(TASK)
    assert (system["role"], user["role"], prefix["role"]) == ("system", "user", "assistant")
    text = user["content"]
    assert (
        "Example 1\nInput:\nBlack Blue\nRed Purple\n\nOutput:\nGray\n\n\nExample 2\nInput:" in text
    )
    assert "\nInput:\nBrown Brown\n\nWrite" in text
    assert not text.endswith("\n")
    assert prefix["content"].endswith(":\n")
    assert "```" not in prefix["content"]


def test_the_compact_layout_has_one_blank_line_and_a_newline_at_the_end():
    text = PromptTemplate.load("arcbench-compact").messages(TASK)[1]["content"]
    assert "Output:\nGray\n\nExample 2\nInput:\nGray\n\nOutput:" in text
    assert "Red Purple\n\nThis is the input to solve:\nBrown Brown\n\nWrite" in text
    assert text.endswith(".\n")


def test_which_test_input_is_shown_is_an_argument():
    template = PromptTemplate.load()
    texts = [template.user_text(TASK, i) for i in range(2)]
    assert texts[0] != texts[1]
    assert texts[1].endswith(f"Input:\nGray\n\n{template.request}")
    with pytest.raises(UserError, match="unknown test input of task t 2; one of: 0, 1"):
        template.messages(TASK, 2)


def test_an_answer_of_a_test_pair_never_reaches_the_prompt():
    answered = Task(id="t", train=TASK.train, test=(Pair(input=C, output=as_grid([[3, 3, 3]])),))
    hidden = Task(id="t", train=TASK.train, test=(Pair(input=C),))
    for name in template_names():
        template = PromptTemplate.load(name)
        assert template.messages(answered) == template.messages(hidden)


def test_a_template_without_system_and_prefix_gives_one_message():
    template = PromptTemplate(
        name="x", example="{input}\n{output}", between="\n\n", test="\n\n{input}"
    )
    text = "Black Blue\nRed Purple\nGray\n\nGray\nBlack Blue\nRed Purple\n\nBrown Brown"
    assert template.messages(TASK) == [{"role": "user", "content": text}]


@pytest.mark.parametrize("first", [0, 1])
def test_examples_are_counted_from_the_first_index_and_the_test_input_goes_on(first):
    template = PromptTemplate(
        name="x",
        example="[{index}] {input} > {output}",
        between=" ",
        test=" [{index}] {input}",
        first_index=first,
        grid=GridFormat(colors=DIGITS, row="/"),
    )
    a, b, c = range(first, first + 3)
    expected = f"[{a}] 0 1/2 8 > 5 [{b}] 5 > 0 1/2 8 [{c}] 9 9"
    assert template.user_text(TASK) == expected


def test_braces_that_are_no_place_stay_as_they_are():
    template = PromptTemplate(
        name="x",
        intro="{output}",
        example="{x}{input}{}{output}",
        between="{index}",
        test="{{{input}}}",
    )
    assert template.user_text(Task(id="t", train=TASK.train[:1], test=(Pair(input=B),))) == (
        "{output}{x}Black Blue\nRed Purple{}Gray{{Gray}}"
    )


@given(tasks(), st.sampled_from(template_names()))
def test_equal_prompts_have_equal_hashes_and_only_they(task, name):
    template = PromptTemplate.load(name)
    plain = template.messages(task)
    assert messages_hash(plain) == messages_hash(template.messages(task))
    turned = template.messages(
        Augmentation(flip=True, pair_order=tuple(range(len(task.train)))).apply(task)
    )
    assert (messages_hash(turned) == messages_hash(plain)) == (turned == plain)
    assert messages_hash(plain[:-1]) != messages_hash(plain)


def test_a_hash_stays_the_same_from_version_to_version():
    assert messages_hash([{"role": "user", "content": "é\n"}]) == "9ad13c2f34bc772d"


# What TOML and editors trip over comes up often.
TRICKY = st.sampled_from([" ", "\n", " \n", "\r\n", "\t", '"', '"""', "\\", "\\u0020", "\x7f"])
TEXTS = st.lists(st.one_of(TRICKY, TRICKY, st.text(max_size=5)), max_size=6).map("".join)
TEMPLATES = st.builds(
    PromptTemplate,
    name=TEXTS,
    system=TEXTS,
    intro=TEXTS,
    example=st.builds("{}{{index}}{{input}}{}{{output}}".format, TEXTS, TEXTS),
    between=TEXTS,
    test=st.builds("{}{{input}}".format, TEXTS),
    request=TEXTS,
    assistant=TEXTS,
    answer=st.builds("{}{{code}}".format, TEXTS),
    first_index=st.integers(0, 1),
    grid=st.sampled_from(FORMATS),
)


@given(TEMPLATES)
def test_every_template_comes_back_from_its_toml(template):
    assert PromptTemplate.from_dict(tomllib.loads(template.to_toml())) == template


@given(TEMPLATES)
def test_the_toml_keeps_no_space_at_the_end_of_a_line(template):
    assert not any(line.endswith(" ") for line in template.to_toml().split("\n"))


def test_a_template_file_is_loaded_by_its_path(tmp_path):
    path = tmp_path / "mine.toml"
    template = PromptTemplate.load("arcbench-compact")
    path.write_bytes(template.to_toml().encode())
    assert PromptTemplate.load(path) == template
    assert PromptTemplate.load(str(path)) == template


def test_the_default_comes_first_and_every_listed_template_is_named_as_its_file():
    assert template_names()[0] == "arcbench"
    assert [PromptTemplate.load(name).name for name in template_names()] == template_names()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("x = ", "not a TOML file"),
        ('name = "x"', "has no 'example'"),
        ('exemple = "x"', "unknown key of a template 'exemple'; one of: name, system"),
        ("name = 3", "name must be a string, not 3"),
        ("first_index = true", "first_index must be an integer"),
        ('grid = "x"', "grid must be a table"),
        ("[grid]\nrow = 1", "row must be a string"),
        ('[grid]\ncolors = "x"', "list of words"),
        ('[grid]\nrows = "x"', "unknown key of grid 'rows'"),
        ('name="x"\nexample="{input}"\nbetween=""\ntest="{input}"', "example must have {output}"),
        ('name="x"\nexample="{input}{output}"\nbetween=""\ntest=""', "test must have {input}"),
    ],
)
def test_a_template_file_that_is_wrong_is_named_with_its_key(tmp_path, content, message):
    path = tmp_path / "bad.toml"
    path.write_text(content)
    with pytest.raises(UserError) as caught:
        PromptTemplate.load(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_an_unknown_template_names_the_shipped_ones():
    with pytest.raises(
        UserError, match="unknown template 'barc'; one of: arcbench, arcbench-compact"
    ):
        PromptTemplate.load("barc")
    with pytest.raises(UserError, match=r"no template file 'x/barc\.toml'"):
        PromptTemplate.load("x/barc.toml")


def test_every_training_task_has_a_prompt_whose_grids_can_be_read_back():
    template = PromptTemplate.load()
    for task in load_tasks("arc-agi-1", "training").values():
        text = template.user_text(task)
        last = text.removesuffix("\n\n" + template.request).rpartition("Input:\n")[2]
        assert same_grid(text_to_grid(last), task.test[0].input)

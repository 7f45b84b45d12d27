import re
import socket
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from arcbench.errors import UserError
from arcbench.grids import as_grid
from arcbench.runs import RunState, RunStore
from arcbench.tasks import Pair, Task
from arcbench.ui import LOOPBACK, free_port, html, launch, picker, tasks, train
from arcbench.ui.events import number, whole
from arcbench.workbench import Workbench

FLIP = "import numpy as np\n\ndef transform(grid):\n    return np.fliplr(grid)"
RAISES = 'def transform(grid):\n    print("<b>hello</b>")\n    return grid[99]'


def fenced(code):
    return f"```python\n{code}\n```"


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    with Workbench(tmp_path_factory.mktemp("runs"), workers=1) as made:
        yield made


@pytest.fixture(scope="module")
def task():
    """A task that a mirror solves."""
    grids = [as_grid(np.arange(6).reshape(2, 3) + i) for i in range(3)]
    pairs = [Pair(input=g, output=as_grid(np.fliplr(g))) for g in grids]
    return Task(id="mirror", train=tuple(pairs[:2]), test=(pairs[2],), source="test")


def test_empty_views_say_what_to_do(bench):
    assert "Choose a task" in tasks.page(bench, "arc-agi-1", "training", None)
    assert "Start training" in train.curve(train.View())


def test_the_gallery_has_a_button_for_every_task(bench):
    shown = tasks.gallery(bench, "arc-agi-1", "training")
    assert shown.count("data-task=") == 400
    assert shown.count("data:image/png;base64,") == 800


@pytest.mark.parametrize(
    ("wanted", "right"),
    [
        (tasks.TaskFilter(words="67A3"), lambda t: "67a3" in t.id),
        (tasks.TaskFilter(size="≤ 5"), lambda t: max(max(g.shape) for g in t.inputs) <= 5),
        (tasks.TaskFilter(pairs="5+"), lambda t: len(t.train) >= 5),
        (tasks.TaskFilter(pairs="2"), lambda t: len(t.train) == 2),
        (
            tasks.TaskFilter(shape=tasks.SHAPES[1]),
            lambda t: all(p.input.shape == p.output.shape for _, p in t.pairs),
        ),
    ],
    ids=["id", "size", "many pairs", "two pairs", "shape"],
)
def test_a_filter_of_the_gallery_shows_those_that_it_names(bench, wanted, right):
    shown = tasks.gallery(bench, "arc-agi-1", "training", wanted)
    ids = re.findall(r'data-task="(\w+)"', shown)
    everything = bench.tasks("arc-agi-1", "training")
    assert 0 < len(ids) < len(everything)
    assert all(right(everything[i]) for i in ids)
    assert f"{len(ids)} of 400 tasks" in shown


def test_filters_that_no_task_fits_are_said_so(bench):
    shown = tasks.gallery(bench, "arc-agi-1", "training", tasks.TaskFilter(words="zz"))
    assert "No task fits" in shown


def test_an_augmentation_is_drawn_and_told_in_words(bench):
    one, two = (
        tasks.augmented(bench, "arc-agi-1", "training", "67a3c6ac", seed) for seed in (1, 2)
    )
    assert one != two
    assert "train pairs in the order" in one
    assert one.count("<svg") == 8
    assert "Augmentation" in tasks.augmented(bench, "arc-agi-1", "training", "67a3c6ac", -1)


def test_a_data_set_that_is_not_there_is_named(bench):
    for shown in (
        tasks.gallery(bench, "arc-agi-9", ""),
        tasks.page(bench, "arc-agi-9", "", "67a3c6ac"),
        tasks.page(bench, "arc-agi-1", "training", "no<such"),
    ):
        assert 'role="alert"' in shown
        assert "<such" not in shown


def test_a_task_page_has_input_and_output_of_every_pair(bench):
    task = bench.task("67a3c6ac")
    shown = tasks.page(bench, "arc-agi-1", "training", task.id)
    assert shown.count('role="img"') == 2 * len(task.pairs)
    assert "4×4 → 4×4" in shown


def test_an_answer_that_is_not_known_is_said_so(task):
    secret = replace(task, test=(Pair(input=task.test[0].input),))
    assert html.task_page(secret).count("answer not known") == 1


def test_the_prompt_is_the_one_that_the_policy_gets(bench):
    shown = tasks.prompt(bench, "arc-agi-1", "training", "67a3c6ac")
    for message in bench.prompt(bench.task("67a3c6ac")):
        assert html.escape(message["content"]) in shown


def test_neighbours_go_round_the_corner():
    ids = ["a", "b", "c"]
    assert picker.neighbour(ids, "c", 1) == "a"
    assert picker.neighbour(ids, "a", -1) == "c"
    assert picker.neighbour(ids, "gone", 1) == "a"
    assert picker.neighbour([], "a", 1) is None


@pytest.mark.parametrize("value", [None, "", "fast", [1]])
def test_a_field_without_a_number_is_named(value):
    with pytest.raises(UserError, match="Steps needs a number"):
        number(value, "Steps", 1)


def test_a_broken_number_of_steps_is_named():
    assert whole("3", "Steps", 1) == 3
    with pytest.raises(UserError, match="Steps needs a whole number, not 2"):
        whole(2.5, "Steps", 1)
    with pytest.raises(UserError, match="Steps must be at least 1, not 0"):
        whole(0, "Steps", 1)
    with pytest.raises(UserError, match="Completions must be 1 to 256, not 300"):
        whole(300, "Completions", 1, 256)


def test_code_is_highlighted_line_by_line():
    block = html.code_block('x = """a\nb"""\ny = 1', bad_line=2)
    lines = block.split('<span class="ab-line')[1:]
    assert len(lines) == 3
    assert lines[1].startswith(" ab-line-bad")
    for line in lines:
        assert line.count("<span") + 1 == line.count("</span>")


def a_run(bench, name, steps, **status):
    store = RunStore.create(bench.runs_root, name, {})
    for step in range(1, steps + 1):
        store.append_metrics(step, {"reward/mean": step / 10, "solve_rate": 0.5})
    store.log.write_text("one\ntwo <3\n", encoding="utf-8")
    store.set_status(**{"state": RunState.RUNNING, "step": steps, "total_steps": 30, **status})
    return store


def test_a_live_run_shows_its_curve_and_only_new_steps_are_read(bench):
    store = a_run(bench, "live", 3)
    view = train.look(bench, "live")
    assert view.live
    assert [m["step"] for m in view.metrics] == [1, 2, 3]
    assert "<svg" in train.curve(view)
    assert "step 3 of 30" in train.status_line(view)
    assert "two &lt;3" in train.log_text(view)
    store.append_metrics(4, {"reward/mean": 0.4})
    assert [m["step"] for m in bench.metrics("live", since=3)] == [4]


def test_a_run_that_failed_says_why(bench):
    a_run(bench, "broken", 0, state=RunState.FAILED, reason="no <memory>")
    view = train.look(bench, "broken")
    assert not view.live
    assert "no &lt;memory&gt;" in train.status_line(view)
    assert "ended before its first step" in train.curve(view)


def test_figures_before_and_after_stand_beside_each_other_once_both_are_there(bench):
    store = a_run(bench, "measured", 1, state=RunState.FINISHED)
    store.write_eval("before", {"figures": {"pass rate": 0.125, "mean reward": 2.0}})
    assert train.outcome(train.look(bench, "measured")) == ""
    store.write_eval("after", {"figures": {"pass rate": 0.875, "mean reward": 8.5}})
    shown = train.outcome(train.look(bench, "measured"))
    assert re.findall(r"<td>(.*?)</td>", shown) == ["12%", "88%", "2.00", "8.50"]


@pytest.mark.parametrize("name", ["../live", "nothing", ""])
def test_a_run_that_is_not_there_is_named(bench, name):
    with pytest.raises(UserError, match="unknown run"):
        bench.run(name)


def test_the_next_free_port_is_taken():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port("127.0.0.1", port) > port


@pytest.mark.parametrize("host", ["0.0.0.0", "example.org", ""])
def test_more_than_this_machine_is_listened_on_only_with_an_account(host):
    with pytest.raises(UserError, match="--auth NAME:PASSWORD") as error:
        launch(host=host)
    assert LOOPBACK[0] in str(error.value)


@pytest.mark.parametrize("text", ["", "name", "name:", ":password"])
def test_half_an_account_is_none(text):
    with pytest.raises(UserError, match="NAME:PASSWORD"):
        launch(host="0.0.0.0", auth=text)


def test_the_handlers_load_neither_gradio_nor_torch():
    code = (
        "import sys; from arcbench.ui import picker, sample, tasks, train; "
        "print(*{'gradio', 'torch', 'transformers', 'trl'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []

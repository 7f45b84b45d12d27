import json
import sys
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import Request, urlopen

import nbformat
import pytest
from matplotlib.figure import Figure

from arcbench.errors import UserError
from arcbench.notebook import (
    augmentations,
    browse,
    quick,
    rollout_slider,
    show,
    show_cards,
    show_grids,
    show_rollout,
    table,
    task_picker,
)
from arcbench.notebook.charts import containment, fitting, pair_counts, reward_parts, reward_schemes
from arcbench.notebook.deaf import DeafServer
from arcbench.notebook.diary import log_entry
from arcbench.notebook.docs import build
from arcbench.notebook.hostile import PROGRAMS
from arcbench.notebook.sheet import wrapped
from arcbench.notebook.strip import stripped
from arcbench.runs import RunStore
from arcbench.workbench import Workbench

VIEW = "application/vnd.jupyter.widget-view+json"
SOLVES = "def transform(grid):\n    return grid[::-1]\n"
RAISES = "def transform(grid):\n    raise ValueError('<b>no</b>')\n"


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    with Workbench(tmp_path_factory.mktemp("work") / "runs", workers=1) as made:
        yield made


@pytest.fixture(scope="module")
def task(bench):
    return bench.task("67a3c6ac")


@pytest.fixture(scope="module")
def rollouts(bench, task):
    codes = {"flips": "from common import *\nimport numpy as np\n" + SOLVES, "raises": RAISES}
    return list(bench.judge_programs(task, codes).values())


# --- values ---


def test_a_small_value_stands_in_only_where_the_checks_ask_for_it(monkeypatch):
    monkeypatch.delenv("ARCBENCH_QUICK", raising=False)
    assert quick(30, 3) == 30
    monkeypatch.setenv("ARCBENCH_QUICK", "0")
    assert quick(30, 3) == 30
    monkeypatch.setenv("ARCBENCH_QUICK", "1")
    assert quick(30, 3) == 3


def test_values_show_themselves_with_a_line_of_text_instead_of_their_arrays(bench, task, rollouts):
    for value, text, grids in (
        (task, "task 67a3c6ac: 4 pairs", 8),
        (bench.tasks("arc-agi-1", "training"), "arc-agi-1/training: 400 tasks, the first 24", 48),
        (rollouts[0], "#1 67a3c6ac", 4),
    ):
        bundle = value._repr_mimebundle_()
        assert bundle["text/plain"].startswith(text)
        assert bundle["text/html"].count('<svg class="ab-grid"') == grids
        assert value._repr_html_() == bundle["text/html"]


def test_a_run_shows_its_name_and_state(tmp_path):
    run = RunStore.create(tmp_path, "mine", {})
    assert "mine" in run._repr_html_()
    assert "created" in run._repr_mimebundle_()["text/plain"]


def test_grids_may_be_arrays_or_lists_and_figures_are_drawn_in_the_page_s_colours(task):
    assert show(task.train[0].input)._repr_html_().count("<svg") == 1
    assert "2×3" in show([[0, 1, 2], [3, 4, 5]])._repr_html_()
    assert "first" in show_grids(task.inputs, ["first"]).content
    figure = Figure()
    figure.subplots().plot([1, 2])
    assert "<svg" in show(figure, title="a <title>").content
    assert "a &lt;title&gt;" in show(figure, title="a <title>").content


@pytest.mark.parametrize("value", [3, "grid", None, [], {}])
def test_what_cannot_be_shown_is_said_with_what_can(value):
    with pytest.raises(UserError, match="a grid, a task"):
        show(value)


def test_what_programs_say_stays_text(task, rollouts):
    raised = show_rollout(task, rollouts[1]).content
    assert "<b>no</b>" not in raised
    assert "&lt;b&gt;no" in raised
    assert "<b>no</b>" not in show_cards(rollouts).content
    assert "<i>" not in table([{"<i>": "<i>"}]).content.replace("<i class", "")


def test_only_the_rules_that_are_used_come_along_and_none_escapes_the_output(task):
    html = wrapped(show(task).content)
    style = html[html.index("<style>") : html.index("</style>")]
    assert ".ab-pair-grids" in style
    assert ".ab-rows" not in style
    assert "gradio" not in style
    selectors = [rule.split("{")[0] for rule in style.removeprefix("<style>").split("}")[:-1]]
    parts = [part for s in selectors for part in s.split(",")]
    assert all(".ab-nb" in part for part in parts), parts


def test_a_table_takes_mappings_and_sequences_and_other_shown_values(task):
    assert "1,234" in table([{"n": 1234, "share": 0.12345, "ok": True}]).content
    assert table([(1, None)], ["a", "b"]).text == "a\tb\n1\t–"
    assert "<svg" in table([{"grid": show(task.inputs[0])}]).content


# --- widgets ---


def test_a_slider_turns_the_pages_and_the_html_stands_where_widgets_do_not_render(task, rollouts):
    slider = rollout_slider(task, rollouts)
    bundle = slider.bundle()
    assert {"text/plain", "text/html", VIEW} <= set(bundle)
    control, page = slider._widget.children
    assert page.value == bundle["text/html"]
    control.value = 2
    assert slider.rollout is rollouts[1]
    assert page.value == slider.bundle()["text/html"] != bundle["text/html"]


def test_a_task_is_picked_by_its_number_and_by_its_id(bench):
    picker = task_picker(bench, task_id="67a3c6ac")
    picker.bundle()
    (field, slider), page = picker._widget.children[0].children, picker._widget.children[1]
    before = page.value
    slider.value = 1
    assert picker.task.id == field.value == "007bbfb7"
    assert page.value != before
    field.value = "67a3c6ac"
    assert picker.task.id == "67a3c6ac"
    field.value = "no such task"
    assert picker.task.id == "67a3c6ac"
    with pytest.raises(UserError, match="unknown task"):
        task_picker(bench, task_id="nothing")


def test_without_ipywidgets_the_html_is_all_there_is(task, monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    bundle = augmentations(task, n=2).bundle()
    assert set(bundle) == {"text/plain", "text/html"}
    assert "67a3c6ac" not in bundle["text/plain"]
    assert "as it is" in bundle["text/html"]


def test_augmentations_are_drawn_as_training_draws_them_and_the_first_changes_nothing(task):
    pages = augmentations(task, n=3, seed=1)
    pages.bundle()
    plain = pages.content()
    assert show(task).content in plain
    pages._widget.children[0].value = 2
    assert show(task).content not in pages.content()


def test_pages_that_are_none_are_said():
    with pytest.raises(UserError, match="nothing to show"):
        browse([], name="run")
    assert "b" in browse([("b", show([[1]]))]).content()


# --- the diary ---


@dataclass
class Settings:
    rate: float


def test_an_entry_of_the_diary_has_question_settings_figure_and_conclusion(tmp_path):
    figure = Figure()
    figure.subplots().plot([1, 2])
    file = log_entry(
        tmp_path / "LOG.md", "Does it\n learn?", conclusion=" It does. ", config=Settings(rate=0.1),
        figure=figure, date="2026-01-02",
    )  # fmt: skip
    text = file.read_text()
    assert text.endswith(
        '## 2026-01-02 · Does it learn?\n\n```json\n{"rate": 0.1}\n```\n\n'
        "![Does it learn?](figures/2026-01-02-does-it-learn.png)\n\nIt does.\n"
    )
    assert (tmp_path / "figures" / "2026-01-02-does-it-learn.png").stat().st_size > 1000


def test_new_entries_come_first_and_what_was_written_by_hand_stays(tmp_path):
    file = tmp_path / "LOG.md"
    file.write_text("# My diary\n\nBy hand.\n\n## 2025-01-01 · Old?\n\nYes.\n")
    image = tmp_path / "plot.png"
    image.write_bytes(b"png")
    for number in (1, 2):
        log_entry(file, "New?", conclusion=f"no {number}", figure=image, date="2026-01-02")
    text = file.read_text()
    assert text.startswith("# My diary\n\nBy hand.\n\n## 2026-01-02 · New?\n\n![New?]")
    assert text.index("no 2") < text.index("no 1") < text.index("Old?")
    assert text.endswith("## 2025-01-01 · Old?\n\nYes.\n")
    assert {p.name for p in (tmp_path / "figures").iterdir()} == {
        "2026-01-02-new.png",
        "2026-01-02-new-2.png",
    }


def test_entries_of_several_notebooks_at_once_are_all_kept(tmp_path):
    def write(number):
        log_entry(tmp_path / "LOG.md", f"Question {number}?", conclusion="yes")

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    text = (tmp_path / "LOG.md").read_text()
    assert all(f"· Question {n}?\n" in text for n in range(8))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"question": " "}, "a question and a conclusion"),
        ({"conclusion": ""}, "a question and a conclusion"),
        ({"figure": "nothing.png"}, "no figure in nothing.png"),
        ({"config": {"a": object()}}, "plain JSON values"),
        ({"config": {"a": float("nan")}}, "plain JSON values"),
    ],
)
def test_an_entry_that_cannot_be_written_leaves_the_diary_as_it_was(tmp_path, changes, words):
    file = log_entry(tmp_path / "LOG.md", "First?", conclusion="yes")
    before = file.read_text()
    entry = {"question": "Second?", "conclusion": "no"} | changes
    with pytest.raises(UserError, match=words):
        log_entry(file, entry.pop("question"), **entry)
    assert file.read_text() == before


def test_the_workbench_keeps_its_diary_beside_its_runs(bench):
    path = bench.log("Does it?", conclusion="yes")
    assert path == bench.runs_root / "LOG.md"
    assert [run.name for run in bench.runs()] == []


# --- charts ---


def test_the_charts_of_the_first_notebooks_say_what_they_show(bench, rollouts):
    tasks = bench.tasks("arc-agi-1", "evaluation")
    paid = [bench.rewards_of(r, ("staged", "arc25-v2")) for r in rollouts]
    assert paid[1]["staged"].total == 1.0
    for figure, words in (
        (pair_counts({"mine": tasks}), "mine"),
        (reward_parts(rollouts), "#1 ok"),
        (reward_schemes(paid), "staged: mean"),
        (containment({"a loop": rollouts[1].execution}, 2.0), "a loop"),
    ):
        assert words in show(figure).content


@pytest.mark.slow
def test_the_length_of_an_engine_is_that_of_the_longest_prompt_and_its_completion(bench):
    lengths = bench.prompt_lengths("embedded", "arc-agi-1", "evaluation")
    assert lengths["arc-agi-1/evaluation"].model_tokens(2000) == 10_378
    assert "all from 10,378" in show(fitting(lengths, 2000, {10_635: "diary"})).content


# --- hostile programs ---


def test_no_hostile_program_earns_what_a_wrong_one_does(bench, task):
    judged = bench.judge_programs(task, {p.name: p.code for p in PROGRAMS}, timeout_s=1.0)
    paid = {name: r.reward.total for name, r in judged.items() if r.reward.total > 0}
    assert paid == {}
    assert not any(r.solved for r in judged.values())


# --- a server that ignores updates ---


class Echo(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer({"data": [{"id": "base"}]})

    def do_POST(self):
        self.answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def answer(self, value):
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


def test_the_deaf_server_takes_adapters_and_asks_for_the_base_model():
    real = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=real.serve_forever, args=(0.05,), daemon=True).start()
    with DeafServer(f"http://127.0.0.1:{real.server_port}/v1") as deaf:

        def post(path, body):
            return json.load(urlopen(Request(deaf.url + path, data=json.dumps(body).encode())))

        assert post("/completions", {"model": "adapter-7", "prompt": "a"}) == {
            "model": "base",
            "prompt": "a",
        }
        assert post("/load_lora_adapter", {"lora_name": "a"}) == {"lora_name": "a"}
        assert json.load(urlopen(f"{deaf.url}/models"))["data"][0]["id"] == "base"
    real.shutdown()
    real.server_close()


# --- pages and stripping ---


def made(tmp_path) -> Path:
    """A notebook with a widget in its output, as it is after a run."""
    book = nbformat.v4.new_notebook()
    output = nbformat.v4.new_output(
        "display_data",
        {"text/plain": "plain", "text/html": "<p>whole</p>", VIEW: {"model_id": "1"}},
    )
    code = nbformat.v4.new_code_cell("1 + 1", outputs=[output], execution_count=3)
    book.cells = [nbformat.v4.new_markdown_cell("# 01 · Is it <there>?"), code]
    book.metadata["widgets"] = {VIEW: {"state": {}}}
    folder = tmp_path / "notebooks"
    folder.mkdir()
    nbformat.write(book, folder / "01_a.ipynb")
    return folder


def test_a_page_has_the_static_form_of_widgets_and_asks_nobody(tmp_path):
    (page,) = build(made(tmp_path), tmp_path / "out", run=False)
    text = page.read_text()
    assert "<p>whole</p>" in text
    assert VIEW not in text
    assert "https://unpkg.com" not in text
    assert "<script src" not in text
    assert "Is it &lt;there&gt;?" in (tmp_path / "out" / "index.html").read_text()
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["01_a.html", "index.html"]
    with pytest.raises(UserError, match="no notebook in"):
        build(tmp_path / "out", tmp_path / "out")


def test_stripping_takes_outputs_and_notes_and_is_done_when_done(tmp_path):
    text = (made(tmp_path) / "01_a.ipynb").read_text()
    once = stripped(text)
    assert "whole" not in once
    assert json.loads(once)["cells"][1]["execution_count"] is None
    assert set(json.loads(once)["metadata"]) == {"kernelspec", "language_info"}
    assert stripped(once) == once

import json
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from math import inf

import pytest

from arcbench import jobs
from arcbench.errors import UserError
from arcbench.folders import RunState, Status
from arcbench.health.errand import errands, forget_old, send, wait
from arcbench.health.preflight import Preflight
from arcbench.health.servers import ServerState
from arcbench.health.sync_check import SyncReport
from arcbench.plots_health import memory_bars
from arcbench.preflight import PreflightFinding, ok, warning
from arcbench.preflight import error as error_finding
from arcbench.training.check_sync import ServerSync
from arcbench.training.config import overfit_config
from arcbench.training.sync import SyncCheck, Verdict
from arcbench.ui import health, health_html
from arcbench.workbench import Workbench
from tests.tiny_policy import save_tiny_policy

PLAN = {
    "policy": "llama-3.1-8b", "prompt": 8635, "completion": 2000, "rank": 16, "bits": "16",
    "group": 8, "prompts": 1, "micro": 1, "engine": "transformers", "share": 0.3,
    "checkpointing": True,
}  # fmt: skip


@pytest.fixture
def bench(tmp_path):
    with Workbench(tmp_path / "runs", workers=1) as made:
        yield made


def python(code, *words):
    return lambda folder: [sys.executable, "-c", code, str(folder), *words]


# Errands


def test_an_errand_leaves_its_result_and_its_last_words(tmp_path):
    writes = "import sys, pathlib; pathlib.Path(sys.argv[1], 'result.json').write_text('[1]')"
    good = send(tmp_path, "good", python(writes), about={"kind": "test"})
    bad = send(tmp_path, "bad", python("raise SystemExit('error: no <luck>')"), about={})
    assert wait(good, 30).state is RunState.FINISHED
    assert good.result() == [1]
    status = wait(bad, 30)
    assert (status.state, status.reason) == (RunState.FAILED, "no <luck>")
    assert bad.result() is None
    assert {e.name for e in errands(tmp_path)} == {"good", "bad"}
    forget_old(tmp_path, "", 1)
    assert len(errands(tmp_path)) == 1


def test_an_errand_that_takes_too_long_is_ended(tmp_path):
    slow = send(tmp_path, "slow", python("import time; time.sleep(60)"), about={}, timeout_s=0.2)
    status = wait(slow, 30)
    assert status.state is RunState.FAILED
    assert "not done after 0 s" in status.reason


def test_an_errand_is_stopped_well_and_nothing_of_it_is_left(tmp_path):
    says = "import time; print('up', flush=True); time.sleep(60)"
    asked = send(tmp_path, "asked", python(says), about={})
    deadline = time.monotonic() + 30
    while "up" not in jobs.tail(asked):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    group = asked.status().pid
    assert jobs.stop(asked, grace_s=20).state is RunState.STOPPED
    seen = subprocess.run(["pgrep", "-g", str(group)], capture_output=True, text=True, check=False)
    assert seen.stdout == ""


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("arcbench.health.errand", {"gradio", "torch", "transformers", "numpy"}),
        ("arcbench.ui.health_page", {"gradio", "torch", "transformers", "trl", "peft"}),
    ],
)
def test_the_page_and_the_process_of_an_errand_load_nothing_heavy(module, heavy):
    code = f"import sys, {module}; print(*{heavy!r} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


# Before a run


def test_findings_are_sorted_and_each_has_a_mark_and_its_advice():
    found = Preflight(
        status=Status(state=RunState.FINISHED),
        findings=(
            ok("disk", "room enough"),
            warning("lengths", "3 <long> ones", "leave them out"),
            error_finding("engine", "does not answer", "start it"),
        ),
        machine=("python 3.11",),
    )
    shown, machine = health.preflight_page(found)
    assert shown.index("✗ error</span>") < shown.index("! warning</span>") < shown.index("✓ ok")
    assert "3 &lt;long&gt; ones" in shown
    assert "→ start it" in shown
    assert "1 error</span>" in shown
    assert "python 3.11" in machine
    for finding in found.findings:
        assert PreflightFinding.from_dict(finding.to_dict()) == finding


def test_a_check_that_failed_or_was_cancelled_says_so():
    assert "Choose settings" in health.preflight_page(None)[0]
    failed = Preflight(status=Status(state=RunState.FAILED, reason="no policy in 'x'"))
    assert "The check itself failed: no policy" in health.preflight_page(failed)[0]
    stopped = Preflight(status=Status(state=RunState.STOPPED))
    assert "cancelled" in health.preflight_page(stopped)[0]


def test_settings_are_those_of_the_form_or_of_a_run(bench):
    config = overfit_config("67a3c6ac", seed=5)
    assert health.settings_of(bench, health.FORM, config) == config
    with pytest.raises(UserError, match="mend it there"):
        health.settings_of(bench, health.FORM, None)
    with pytest.raises(UserError, match="unknown run"):
        health.settings_of(bench, "nothing", None)


# Memory


def test_the_memory_plan_is_a_bar_a_phase_with_a_verdict_and_figures(bench):
    plan = bench.memory_plan(health.memory_config(**PLAN), 80)
    shown = health.memory_page(plan)
    assert "<svg" in shown
    assert "✓ fits" in shown
    assert "the card: 80 GB" in shown
    assert all(phase in shown for phase in plan.phases)
    small = health.memory_page(bench.memory_plan(health.memory_config(**PLAN), 16))
    assert "✗ does not fit" in small
    assert "fits with" in small


@pytest.mark.parametrize("engine", list(health.ENGINES.values()))
@pytest.mark.parametrize("bits", ["16", "4"])
def test_the_bars_add_up_to_the_plan(bench, engine, bits):
    if bits == "4" and engine != "transformers":
        pytest.skip("4 bits are for the trainer's own engine")
    plan = bench.memory_plan(health.memory_config(**{**PLAN, "engine": engine, "bits": bits}), 80)
    (axes,) = memory_bars(plan).axes
    widths = {}
    for bar in axes.patches:
        row = round(bar.get_y() + bar.get_height() / 2)
        widths[row] = widths.get(row, 0) + bar.get_width()
    for row, name in enumerate(plan.phases):
        wanted = plan.resident_bytes + plan.phase_bytes[name]
        if name == plan.peak_phase:
            wanted = plan.needed_bytes
        assert widths[row] == pytest.approx(wanted / 1e9)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rank": 0, "bits": "4"}, "give a rank above 0"),
        ({"rank": 0, "engine": "server"}, "give a rank above 0"),
        ({"prompt": 0}, "Longest prompt must be at least 1"),
        ({"micro": 3}, "does not divide"),
        ({"group": None}, "Group size needs a number"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_in_plain_words(changes, words):
    with pytest.raises(UserError, match=words):
        health.memory_config(**{**PLAN, **changes})


def test_a_policy_whose_shape_is_not_known_is_named(bench):
    with pytest.raises(UserError, match="no-such"):
        bench.memory_plan(health.memory_config(**{**PLAN, "policy": "no-such"}))


# Servers and their check


def state(**changes):
    values = {
        "name": "server-8000", "url": "http://127.0.0.1:8000", "kind": "transformers",
        "model": "embedded", "status": Status(state=RunState.RUNNING, pid=7), "answers": True,
        "started": 100.0, "log": None,
    }  # fmt: skip
    return ServerState(**{**values, **changes})


def test_the_table_of_servers_has_a_mark_a_word_and_the_reason():
    died = Status(state=RunState.FAILED, reason="port <taken>")
    shown = health_html.server_table(
        [state(), state(answers=False), state(status=died, answers=False)], now=160.0
    )
    assert "✓</span> up" in shown
    assert "▸</span> starting" in shown
    assert "!</span> failed" in shown
    assert "port &lt;taken&gt;" in shown
    assert "1 min ago" in shown
    assert "No server was started here" in health_html.server_table([])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"policy": ""}, "Model is empty"),
        ({"policy": "no-such"}, "unknown policy"),
        ({"port": None}, "Port needs a number"),
        ({"share": 2}, "Share of the card must be"),
        ({"max_tokens": "long"}, "Longest sequence needs a number"),
        ({"kind": "vllm"}, "vllm"),
    ],
)
def test_a_server_that_cannot_start_is_refused_before_a_process_is_made(bench, changes, words):
    asked = {
        "policy": "embedded", "kind": "transformers", "port": 8000, "gpus": "", "share": 0.9,
        "max_tokens": "",
    }  # fmt: skip
    with pytest.raises(UserError, match=words):
        health.launch_server(bench, **{**asked, **changes})
    assert bench.servers() == []


def seen(*gaps, problem=""):
    checks = tuple(
        SyncCheck(
            step=max(0, i - 2), gap=gap, threshold=0.01, followed=None if i % 2 == 0 else 0.99,
            verdict=Verdict.FOLLOWS if gap < 0.01 else Verdict.STALE,
        )
        for i, gap in enumerate(gaps)
    )  # fmt: skip
    return ServerSync(url="http://a", checks=checks, seconds=2.0, problem=problem)


def report(server, state=RunState.FINISHED, **changes):
    values = {
        "name": "sync-check", "url": "http://a", "policy": "embedded", "checks": 2,
        "status": Status(state=state), "seconds": 3.0, "server": server,
    }  # fmt: skip
    return SyncReport(**{**values, **changes})


def test_the_check_of_a_server_is_a_verdict_a_plot_and_a_table():
    good = health.sync_page(report(seen(1e-6, 1e-5, 1e-6, 2e-6)))
    assert "✓ follows" in good
    assert "<svg" in good
    assert "changed on purpose" in good
    bad = health.sync_page(report(seen(1e-6, 0.2, problem="it does not <follow>")))
    assert "✗ does not follow" in bad
    assert "does not &lt;follow&gt;" in bad
    assert "✗ stale" in bad


def test_a_check_on_its_way_tells_what_it_does_and_one_without_result_why():
    running = report(None, RunState.RUNNING, said=("loading",))
    assert "checking" in health.sync_page(running)
    assert "loading" in health.sync_page(running)
    failed = report(None, RunState.FAILED, status=Status(state=RunState.FAILED, reason="no model"))
    assert "No check: no model" in health.sync_page(failed)
    assert "Nothing was checked yet" in health.sync_page(None)


def test_what_was_seen_of_a_server_goes_through_json():
    server = seen(1e-6, inf)
    assert ServerSync.from_dict(json.loads(json.dumps(server.to_dict()))) == server


@pytest.mark.parametrize(
    ("url", "changes", "words"),
    [
        (None, {}, "choose a server that is up"),
        ("here", {}, "looks like http"),
        ("http://a", {"rank": 0}, "Rank must be"),
        ("http://a", {"checks": -1}, "Further steps must be"),
    ],
)
def test_a_check_that_cannot_be_made_is_refused(bench, url, changes, words):
    with pytest.raises(UserError, match=words):
        health.launch_check(bench, url, **{"policy": "embedded", "rank": 4, "checks": 0, **changes})


@pytest.mark.long
@pytest.mark.slow
def test_a_server_is_started_found_by_a_restarted_app_checked_and_stopped(tmp_path):
    model = str(save_tiny_policy(tmp_path / "tiny"))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with Workbench(tmp_path / "runs", workers=1) as first:
            name = health.launch_server(
                first, policy=model, kind="transformers", port=port, gpus="", share=0.9,
                max_tokens="",
            )  # fmt: skip
    with Workbench(tmp_path / "runs", workers=1) as bench, ExitStack() as at_the_end:
        at_the_end.callback(bench.end_server, name)  # also where something below fails
        deadline = time.monotonic() + 120
        while not health.addresses(bench):
            assert time.monotonic() < deadline, bench.server_log(name)
            assert not bench.servers()[0].status.state.over, bench.server_log(name)
            time.sleep(0.1)
        (server,) = bench.servers()
        assert server.word == "up"
        assert int(server.url.rpartition(":")[2]) > port  # that one was in use
        assert "starting transformers" in health.server_page(bench, name)
        health.launch_check(bench, server.url, policy=model, rank=2, checks=2)
        wait(errands(tmp_path / "runs/.health", "sync-")[0], 120)
        report = health.newest_check(bench)
        assert report.server is not None, report
        assert report.server.healthy
        assert len(report.server.checks) == 5
        assert "✓ follows" in health.sync_page(report)
        bench.end_server(name)
        (server,) = bench.servers()
        assert (server.word, server.answers) == ("stopped", False)
        with pytest.raises(UserError, match="unknown server"):
            bench.end_server("server-none")
        with socket.socket() as free:
            free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            free.bind(("127.0.0.1", int(server.url.rpartition(":")[2])))

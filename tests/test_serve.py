"""`arcbench serve` and `check-sync`, with real processes; servers that die, hang and lie."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from arcbench.cli import main
from arcbench.errors import UserError
from arcbench.policies import SamplingConfig
from arcbench.policies.transformers import TransformersPolicy
from arcbench.training.adapters import AdapterServers
from arcbench.training.check_sync import check_sync
from arcbench.training.client import Client, ServerGone
from arcbench.training.plain_server import PlainServer, handler
from arcbench.training.probes import fixed_probes
from arcbench.training.server_sampler import complete
from arcbench.training.serving import STOP_S, Server, ServerConfig
from arcbench.training.sync import Canary, Verdict
from tests.tiny_policy import save_tiny_policy

LONG = SamplingConfig(n=200, temperature=1.0, max_new_tokens=900)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny_policy(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def lora(folder):
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(folder)
    return get_peft_model(base, LoraConfig(r=4, target_modules="all-linear"))


def make_server(folder, tmp_path) -> Server:
    config = ServerConfig(model=str(folder), kind="transformers", port=0)
    return Server(config, tmp_path / "server.log")


def running(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def children(pid: int) -> list[int]:
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_until(done, timeout_s: float = 120.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


# --- arcbench serve ---


class Serving:
    """The command as a process of its own."""

    def __init__(self, folder, cwd):
        words = ["serve", "--kind", "transformers", "--policy", str(folder), "--port", "0"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "arcbench", *words],
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"},
        )
        self.said = ""
        while " serves " not in self.said:
            line = self.process.stdout.readline()
            assert line, self.said
            self.said += line
        self.url = re.search(r"http://\S+", self.said).group()
        self.started = children(self.process.pid)  # the server and its guard

    def end(self) -> int:
        """What it said to the end, and its exit code."""
        self.said += self.process.communicate(timeout=120)[0]
        return self.process.returncode


@pytest.fixture
def serving(folder, tmp_path):
    made = Serving(folder, tmp_path)
    yield made
    made.process.kill()
    made.process.communicate()


@pytest.mark.long
def test_a_served_policy_is_proved_by_check_sync_and_ends_without_an_orphan(
    serving, folder, tmp_path, capfd
):
    main(["check-sync", "--url", serving.url, "--policy", str(folder), "--checks", "20"])
    table = capfd.readouterr().out
    assert re.search(r"http://127\S+ .* 20 of 20 .* follows", table)
    assert Client(serving.url).models() == [str(folder)]  # the adapters are unloaded
    os.killpg(serving.process.pid, signal.SIGINT)  # as Ctrl-C in a terminal
    assert serving.end() == 0
    assert "SIGINT: stopping the server\nthe server has ended" in serving.said
    assert len(serving.started) == 2
    assert not any(running(pid) for pid in serving.started)
    (log,) = (tmp_path / "serve").iterdir()
    assert "plain_server" in log.read_text()


@pytest.mark.slow
@pytest.mark.long
def test_a_server_ends_when_the_command_is_killed(serving):
    serving.process.kill()
    wait_until(lambda: not any(running(pid) for pid in serving.started))


@pytest.mark.slow
@pytest.mark.long
def test_the_command_ends_with_the_cause_when_the_server_is_killed(serving):
    os.kill(serving.started[0], signal.SIGKILL)
    assert serving.end() == 2
    assert re.search(r"error: the server .* died \(signal SIGKILL\)", serving.said)
    wait_until(lambda: not any(running(pid) for pid in serving.started))


def test_what_a_server_needs_and_lacks_is_said_in_a_line(capsys, folder):
    for words, reason in (
        (["--policy", "no-such"], "no-such"),
        (["--policy", str(folder), "--port", "70000"], "port"),
        (["--policy", str(folder), "--kind", "transformers", "--eager"], "eager"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(["serve", *words])
        assert ended.value.code == 2
        assert reason in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["check-sync", "--checks", "-1"])
    assert "at least 0" in capsys.readouterr().err


# --- server processes ---


@pytest.mark.long
def test_a_server_that_dies_or_hangs_while_it_samples_ends_the_sampling_with_the_cause(
    folder, lora, tmp_path
):
    made = [make_server(folder, tmp_path / name) for name in ("dies", "hangs")]
    starts = [threading.Thread(target=partial(s.start, timeout_s=300)) for s in made]
    try:
        for thread in starts:
            thread.start()
        for thread in starts:
            thread.join()  # a server outlives the thread that started it
        for server, number, cause in (
            # On a slow machine its last answer is still waited for when the patience is over.
            (made[0], signal.SIGKILL, "refused.*tried again for 2 s|has not answered for"),
            (made[1], signal.SIGSTOP, "has not answered for"),
        ):
            client = Client(server.url, patience_s=2.0)
            adapters = AdapterServers(clients=[client], folder=tmp_path, adapter=lambda: lora)
            adapters.sync()
            threading.Timer(0.5, os.kill, (server.pid, number)).start()
            started = time.monotonic()
            with pytest.raises(ServerGone, match=cause):
                complete([client], [[1, 5, 6]] * 500, LONG, model=adapters.name)
            assert time.monotonic() - started < 120  # all of it would take hours
            adapters.close(quiet=True)
        with pytest.raises(UserError, match="SIGKILL"):
            made[0].check()
        started = time.monotonic()
        made[1].stop()  # although it is stopped already, in another sense
        assert time.monotonic() - started < STOP_S
    finally:
        for server in made:
            server.stop()


@pytest.mark.slow
@pytest.mark.long
def test_a_restarted_server_has_lost_the_adapter_and_says_so(folder, lora, tmp_path):
    from arcbench.policies.chat import ChatTokenizer
    from arcbench.training.engines import model_logprobs
    from arcbench.training.perturb import proof_parameters

    with make_server(folder, tmp_path) as server:
        server.start(timeout_s=300)
        adapters = AdapterServers(
            clients=[server.client], folder=tmp_path / "a", adapter=lambda: lora
        )
        (engine,) = adapters.engines()
        canary = Canary(
            engine=engine,
            trainer_scores=partial(model_logprobs, lora),
            probes=fixed_probes(ChatTokenizer.load(folder)),
        )
        canary.prove(proof_parameters(lora), seed=1)
        with pytest.raises(UserError, match="is taken"):
            Server(ServerConfig(kind="transformers", port=server.port), server.log).start()
        server.stop()
        server.start(timeout_s=300)
        with pytest.raises(ServerGone, match=r"404.*does not exist"):
            canary.check(1)


@pytest.mark.slow
@pytest.mark.long
def test_a_server_that_cannot_start_shows_the_end_of_its_log(tmp_path, folder):
    (folder.parent / "empty").mkdir(exist_ok=True)
    (folder.parent / "empty" / "config.json").write_text("{}")
    server = make_server(folder.parent / "empty", tmp_path)
    with pytest.raises(UserError, match=r"died \(exit code 1\)(.|\n)*Error"):
        server.start(timeout_s=300)
    assert server.pid is None


def test_settings_that_cannot_be_served_are_refused():
    for wrong, words in (
        ({"port": 70_000}, "port"),
        ({"gpu_memory_share": 0.0}, "gpu_memory_share"),
        ({"max_lora_rank": 0}, "max_lora_rank"),
        ({"kind": "transformers", "eager": True}, "eager"),
    ):
        with pytest.raises(UserError, match=words):
            ServerConfig(**wrong)


# --- arcbench check-sync, with servers that lie ---


class IgnoresAdapters(PlainServer):
    """Takes adapters, and answers with the base model whatever is asked for."""

    def post(self, path, body, *rest):
        told = {**body, "model": self.name} if "model" in body else body
        return super().post(path, told, *rest)


class KeepsTheFirst(PlainServer):
    """Takes every name, and loads the first adapter for each."""

    first = ""

    def _load(self, name, folder):
        if not self.first:
            self.first = folder + "-kept"
            Path(folder).rename(self.first)  # the trainer removes what it does not need any more
            Path(folder).mkdir()
        return super()._load(name, self.first)


class StopsLoading(KeepsTheFirst):
    """The same from the fourth adapter on, which is the first after the proof."""

    loaded = 0

    def _load(self, name, folder):
        self.loaded += 1
        if self.loaded <= 3:
            return PlainServer._load(self, name, folder)
        return super()._load(name, folder)


@pytest.fixture
def lying(folder):
    """A function that starts a server of a class in a thread; returns its address."""
    started = []

    def start(kind) -> str:
        server = kind(TransformersPolicy.load(folder), str(folder))
        http = ThreadingHTTPServer(("127.0.0.1", 0), handler(server))
        threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
        started.append(http)
        return f"http://127.0.0.1:{http.server_port}"

    yield start
    for http in started:
        http.shutdown()
        http.server_close()


def test_a_server_that_follows_passes_beside_ones_that_do_not(lying, folder):
    urls = [lying(kind) for kind in (PlainServer, IgnoresAdapters, KeepsTheFirst)]
    said = []
    found = check_sync(
        [*urls, "http://127.0.0.1:9"], policy=str(folder), rank=4, report=said.append
    )
    assert [s.healthy for s in found] == [True, False, False, False]
    healthy, ignores, keeps, gone = found
    assert [c.verdict for c in healthy.checks] == [Verdict.FOLLOWS] * 3
    assert max(c.gap for c in healthy.checks) < 1e-4
    assert (healthy.steps, len(said)) == ((), 1)
    for lies in (ignores, keeps):
        assert "does not get the trainer's weights" in lies.problem
        assert "followed 0% of it" in lies.problem
        assert lies.checks[1].gap > 0.1 > lies.limit
    assert gone.problem == "http://127.0.0.1:9 does not answer: start it with arcbench serve"
    assert (gone.checks, gone.limit) == ((), None)


def test_a_server_that_stops_following_is_told_with_an_error_and_the_table(lying, folder, capsys):
    url = lying(StopsLoading)
    with pytest.raises(SystemExit) as ended:
        main(["check-sync", "--url", url, "--policy", str(folder), "--rank", "4", "--checks", "9"])
    assert ended.value.code == 2
    told = capsys.readouterr()
    assert re.search(r"1 of 9 .* does not follow", told.out)
    assert "at step 2 the vLLM server" in told.err
    assert "samples with old weights" in told.err


def test_an_adapter_that_is_too_large_for_the_server_is_said_with_the_server_s_words(lying, folder):
    class Small(PlainServer):
        def _load(self, name, folder):
            raise ValueError("LoRA rank 64 is greater than max_lora_rank 16")

    (found,) = check_sync([lying(Small)], policy=str(folder), rank=64)
    assert "greater than max_lora_rank 16" in found.problem

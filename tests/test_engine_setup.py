"""Whole runs on each engine that works without a GPU, and how they end when it fails."""

import os
import signal
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from arcbench import jobs
from arcbench.errors import UserError
from arcbench.runs import RunState, RunStore
from arcbench.training.adapters import AdapterServers
from arcbench.training.client import Client
from arcbench.training.config import (
    LoraConfig,
    PolicyConfig,
    SyncConfig,
    TrainConfig,
    TransformersEngine,
    VllmAdapters,
)
from arcbench.training.engine_setup import ServerWatch
from arcbench.training.serving import Server, ServerConfig
from arcbench.training.sync import OutOfSync, checked
from tests import tiny_runs
from tests.tiny_policy import save_tiny_policy
from tests.tiny_runs import PATIENCE_S, Runner


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return save_tiny_policy(tmp_path_factory.mktemp("tiny"))


def make_config(model: Path, **changes) -> TrainConfig:
    """Four steps of an adapter, each of them checked."""
    ours = {
        "policy": PolicyConfig(model=str(model), lora=LoraConfig(rank=4)),
        "sync": SyncConfig(every=1),
        "steps": 4,
        "checkpoint_every": 2,
    }
    return tiny_runs.make_config(model, **{**ours, **changes})


def start_server(model: Path, log: Path) -> Server:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    server = Server(ServerConfig(model=str(model), kind="transformers", port=0), log)
    server.start(timeout_s=PATIENCE_S)
    return server


@pytest.fixture(scope="module")
def servers(model, tmp_path_factory):
    """Two real servers."""
    folder = tmp_path_factory.mktemp("servers")
    made = []
    try:
        made = [start_server(model, folder / f"{i}.log") for i in range(2)]
        yield made
    finally:
        for server in made:
            server.stop()


def addresses(*servers: Server, **changes) -> VllmAdapters:
    return VllmAdapters(urls=tuple(s.client.base_url for s in servers), **changes)


def test_about_one_step_of_so_many_is_checked_and_never_the_first():
    assert [d for d in range(12) if checked(d, every=3)] == [3, 6, 9]
    assert [d for d in range(24) if checked(d, every=5, generate_every=4)] == [8, 12, 16, 20]
    assert not any(checked(d, every=0) for d in range(12))


def test_a_watch_tells_once_that_a_server_is_gone(monkeypatch):
    from arcbench.training import engine_setup

    monkeypatch.setattr(engine_setup, "WATCH_EVERY_S", 0.02)
    monkeypatch.setattr(engine_setup, "GRACE_S", 0.05)
    told: list[str] = []
    heard = threading.Event()

    def give_up(reason: str) -> None:
        told.append(reason)
        heard.set()

    watch = ServerWatch([Client("http://127.0.0.1:9")], 0.1, give_up)
    assert heard.wait(PATIENCE_S)
    watch.stop()
    assert told == ["the server http://127.0.0.1:9 has not answered for 0 s"]


@pytest.mark.long
@pytest.mark.slow
def test_a_run_samples_from_servers_that_get_each_step_s_adapter(model, servers, tmp_path):
    from arcbench.training.grpo import train

    store = train(make_config(model, engine=addresses(*servers)), root=tmp_path, name="adapters")
    assert store.status().state is RunState.FINISHED
    gaps = [m["sync/logprob_gap"] for m in store.metrics() if "sync/logprob_gap" in m]
    assert len(gaps) == 3
    assert max(gaps) < 1e-4
    # The importance correction is on: TRL tells how far the server's numbers are from its own.
    for m in store.metrics():
        assert m["sync/sampled_gap"] < 1e-3
        assert m["sync/importance_ratio"] == pytest.approx(1, abs=1e-2)
    assert store.log.read_text().count("follows the trainer") == 2
    assert not (store.path / "adapters").exists()
    for server in servers:
        assert server.client.models() == [str(model)]
    rollouts = store.rollouts(4)
    assert all(len(r.completion.logprobs) == len(r.completion.token_ids) for r in rollouts)


@pytest.mark.slow
@pytest.mark.long
def test_the_same_seed_gives_the_same_run_on_servers_too(model, servers, tmp_path):
    from arcbench.training.grpo import train

    config = make_config(model, steps=3, checkpoint_every=3, engine=addresses(*servers))
    runs = [train(config, root=tmp_path, name=name) for name in ("one", "two")]
    texts = [[r.completion.text for r in run.rollouts(3)] for run in runs]
    assert texts[0] == texts[1]
    assert len(set(texts[0])) > 1


@pytest.mark.long
@pytest.mark.slow
def test_a_run_whose_engine_does_not_follow_ends_at_the_next_check(
    model, servers, tmp_path, monkeypatch
):
    from arcbench.training.grpo import train

    real = AdapterServers.sync
    count = 0

    def forgets(self: AdapterServers) -> None:
        nonlocal count
        count += 1
        if count <= 4:  # the proof, and the first step
            real(self)

    monkeypatch.setattr(AdapterServers, "sync", forgets)
    with pytest.raises(OutOfSync, match=r"at step 2 the vLLM server .* samples with old weights"):
        train(make_config(model, engine=addresses(servers[0])), root=tmp_path, name="stale")
    store = RunStore.open(tmp_path / "stale")
    assert store.status().state is RunState.FAILED
    assert "Rewards would stay flat" in store.status().reason
    assert [m["step"] for m in store.metrics()] == [1]


@pytest.mark.long
@pytest.mark.slow
def test_a_server_that_never_gets_the_weights_stops_the_run_before_its_first_step(
    model, servers, tmp_path, monkeypatch
):
    from arcbench.training.grpo import train

    name = str(model)
    monkeypatch.setattr(AdapterServers, "sync", lambda self: setattr(self, "name", name))
    with pytest.raises(OutOfSync, match="does not get the trainer's weights"):
        train(make_config(model, engine=addresses(servers[0])), root=tmp_path, name="deaf")
    assert RunStore.open(tmp_path / "deaf").metrics() == []


@pytest.fixture(scope="module")
def doomed(model, tmp_path_factory):
    """A server for what ends or stops one; at last it is killed."""
    server = start_server(model, tmp_path_factory.mktemp("doomed") / "server.log")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def apart() -> Runner:
    """Runs in processes of their own, which may be left alone with a server that is gone."""
    with tiny_runs.runner() as found:
        yield found


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize(
    "number", [pytest.param(signal.SIGSTOP, marks=pytest.mark.long), signal.SIGKILL]
)  # the last one ends it
def test_a_run_whose_server_dies_or_hangs_ends_with_the_cause_and_resumes(
    model, servers, doomed, apart, tmp_path, number
):
    from arcbench.training.grpo import resume

    # So many steps that it is in their middle, however late it is seen.
    config = make_config(
        model, steps=4000, checkpoint_every=2, engine=addresses(doomed, patience_s=3.0)
    )
    store = RunStore.create(tmp_path, "lost", config.to_dict())
    apart.start(store)
    tiny_runs.wait_for_step(store, 3)
    assert doomed.pid is not None
    os.kill(doomed.pid, number)
    try:
        status = jobs.wait(store, timeout_s=PATIENCE_S)
    finally:
        os.kill(doomed.pid, signal.SIGCONT)
    assert status.state is RunState.FAILED, jobs.tail(store)
    assert doomed.client.base_url in status.reason
    moved = replace(config, steps=2 * (status.step // 2) + 2, engine=addresses(servers[0]))
    store.write_config(moved.to_dict())
    assert resume(store.path).status().state is RunState.FINISHED
    assert [m["step"] for m in store.metrics()] == list(range(1, moved.steps + 1))
    assert not (store.path / "adapters").exists()


@pytest.mark.long
@pytest.mark.slow
def test_continuous_batching_writes_and_learns(model, tmp_path):
    from arcbench.training.grpo import train

    config = make_config(model, steps=2, engine=TransformersEngine(continuous_batching=True))
    store = train(config, root=tmp_path, name="paged")
    assert store.status().state is RunState.FINISHED
    for step in (1, 2):
        rollouts = store.rollouts(step)
        assert len({r.completion.text for r in rollouts}) > 1
        assert all(len(r.completion.logprobs) == len(r.completion.token_ids) for r in rollouts)
        assert all(r.completion.token_ids for r in rollouts)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"policy": {"unsloth": True}}, "needs policy.lora"),
        (
            {"policy": {"unsloth": True, "lora": {}}, "engine": {"kind": "vllm-server"}},
            "unsloth never sends its updates there",
        ),
        ({"engine": {"kind": "vllm-adapters"}}, "all weights are trained here"),
        (
            {"policy": {"lora": {}}, "engine": {"kind": "vllm-adapters", "urls": []}},
            "engine.urls is empty",
        ),
        (
            {"policy": {"lora": {}}, "engine": {"kind": "vllm-adapters", "urls": ["localhost:1"]}},
            "not 'localhost:1'",
        ),
        ({"engine": {"kind": "vllm-server", "group_port": 80}}, "group_port"),
        (
            {
                "policy": {"lora": {}, "quantization": "4bit"},
                "engine": {"kind": "vllm-adapters"},
            },
            "4bit does not work with engine vllm-adapters",
        ),
        (
            {"sampling": {"top_p": 0.9}, "engine": {"kind": "vllm-server"}},
            "makes the importance correction of engine vllm-server wrong",
        ),
        (
            {
                "policy": {"lora": {}, "unsloth": True},
                "engine": {"continuous_batching": True},
            },
            "continuous_batching does not work with policy.unsloth",
        ),
        ({"sync": {"every": -1}}, "sync.every"),
    ],
)
def test_engines_and_settings_that_contradict_each_other_are_refused_with_the_reason(
    settings, words
):
    with pytest.raises(UserError, match=words):
        TrainConfig.from_dict(settings)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "engine transformers needs whole weights"),
        ({"engine": {"kind": "vllm-server"}}, "canary"),
        ({"engine": {"kind": "vllm-server"}, "measure": {"samples": 4}}, "measure.samples 4"),
    ],
)
def test_weights_that_are_spread_over_processes_are_refused_where_whole_ones_are_needed(
    changes, words
):
    from arcbench.training.engine_setup import refuse_shards

    class Plugin:
        zero_stage = 3

    class State:
        deepspeed_plugin = Plugin

    class Accelerator:
        state = State

    class Trainer:
        accelerator = Accelerator
        is_fsdp_enabled = False

    with pytest.raises(UserError, match=words):
        refuse_shards(TrainConfig.from_dict(changes), Trainer)
    Plugin.zero_stage = 2
    refuse_shards(TrainConfig.from_dict(changes), Trainer)

"""The Ray pool, on a real cluster of two nodes that both live on this machine."""

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arcbench.errors import UserError
from arcbench.evaluation import Record, Tally, record
from arcbench.grids import as_grid
from arcbench.judge import Attempt, Judge
from arcbench.policies.base import Completion
from arcbench.rewards import SCHEMES
from arcbench.sandbox import Execution, Failure, Limits, Outcome, Program, RayPool, SandboxPool
from arcbench.sandbox.ray_dispatcher import RayDispatcher, version_problem
from arcbench.sandbox.ray_pool import NodeActor, versions
from arcbench.sandbox.types import ProgramRunner
from arcbench.tasks import load_tasks

LIMITS = Limits(timeout_s=2.0)
STORE_BYTES = 80 * 2**20  # the smallest that Ray takes is 75 MB
GRIDS = (as_grid([[1, 2], [3, 4]]), as_grid([[5]]))

MIRROR = "def transform(grid):\n    print('seen', grid.shape)\n    return grid[:, ::-1]\n"
HANGS = "def transform(grid):\n    while True: pass\n"
RAISES = "def transform(grid):\n    return {}['no such key']\n"
HALF = "def transform(grid):\n    assert grid.size > 1\n    return grid\n"
EXITS = "import os\ndef transform(grid):\n    os._exit(3)\n"
BROKEN = "def transform(grid)\n"
EMPTY = "x = 1\n"
NAN = "import numpy as np\ndef transform(grid):\n    return grid * np.nan\n"
SURROGATE = "def transform(grid):\n    return '\udc80'\n"
SLOW = "import time\ndef transform(grid):\n    time.sleep(0.05)\n    return grid\n"


def number(n: int) -> Program:
    """A program whose result nobody else has."""
    code = f"def transform(grid):\n    return [[int(d) for d in '{n:06d}']]\n"
    return Program(code=code, inputs=GRIDS[:1])


def written(execution: Execution) -> int:
    (grid,) = execution.grids
    assert grid is not None, execution
    return int("".join(str(cell) for cell in grid[0]))


def values(execution: Execution) -> Any:
    """What must not depend on where a program ran."""
    outputs = [
        (o.outcome, o.message) if isinstance(o, Failure) else (o.dtype, o.tolist())
        for o in execution.outputs
    ]
    return execution.outcome, outputs, execution.message, execution.stdout


@pytest.fixture(scope="module")
def ray_module() -> Iterator[Any]:
    # Not pytest's folder: Ray puts sockets there, whose paths must be short.
    with (
        tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("RAY_TMPDIR", folder)
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        yield pytest.importorskip("ray", reason="the extra `ray` is not installed")


@pytest.fixture(scope="module")
def cluster(ray_module: Any) -> Iterator[Any]:
    from ray.cluster_utils import Cluster

    cluster = Cluster()
    try:
        cluster.add_node(
            num_cpus=1,
            object_store_memory=STORE_BYTES,
            include_dashboard=False,
            _system_config={"health_check_period_ms": 500, "health_check_timeout_ms": 2000},
        )
        yield cluster
    finally:
        ray_module.shutdown()
        cluster.shutdown()


@pytest.fixture
def second(cluster: Any) -> Iterator[Callable[[], Any]]:
    """Adds a node with one CPU; those that are left at the end go."""
    added: list[Any] = []

    def add() -> Any:
        added.append(cluster.add_node(num_cpus=1, object_store_memory=STORE_BYTES))
        return added[-1]

    yield add
    for node in added:
        if node in cluster.worker_nodes:
            cluster.remove_node(node)


def wait_for(condition: Callable[[], bool], timeout_s: float = 120.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.1)


@pytest.mark.long
@pytest.mark.slow
def test_executions_are_the_same_as_those_of_the_local_pool(cluster: Any, second: Any) -> None:
    second()
    sources = [MIRROR, HANGS, RAISES, HALF, EXITS, BROKEN, EMPTY, NAN, SURROGATE] * 2
    programs = [Program(code=code, inputs=GRIDS) for code in sources]
    with SandboxPool(workers=2, limits=LIMITS) as local:
        expected = local.run(programs)
    with RayPool(cluster.address, limits=LIMITS) as pool:
        found = pool.run(programs)
        assert (pool.nodes, pool.workers) == (2, 2)
        assert pool.features() == local_features()
    assert [values(e) for e in found] == [values(e) for e in expected]
    outcomes = [e.outcome for e in found[:4]]
    assert outcomes == [Outcome.OK, Outcome.TIMEOUT, Outcome.RAISED, Outcome.RAISED]
    assert found[3].num_valid == 1
    assert all(e.seconds > 0 for e in found[:4])
    assert not found[0].outputs[0].flags.writeable  # type: ignore[union-attr]


def local_features() -> dict[str, bool]:
    with SandboxPool(workers=1) as pool:
        return pool.features()


@pytest.mark.long
@pytest.mark.slow
def test_no_program_is_lost_or_doubled_when_a_node_is_killed_and_a_new_one_joins(
    cluster: Any, second: Any, caplog: pytest.LogCaptureFixture
) -> None:
    doomed = second()
    with RayPool(cluster.address, limits=LIMITS) as pool:
        assert pool.nodes == 2
        programs = [number(n) for n in range(3000)]
        seen: list[int] = []
        for i, execution in pool.stream(programs):
            assert written(execution) == i
            seen.append(i)
            if len(seen) == 300:
                cluster.remove_node(doomed, allow_graceful=False)
        assert sorted(seen) == list(range(len(programs)))
        lost = [record.args for record in caplog.records if "was lost with" in record.msg]
        assert any(isinstance(args, tuple) and args[1] for args in lost)  # it was in the middle
        wait_for(lambda: pool.nodes == 1)
        second()
        wait_for(lambda: pool.nodes == 2)
        assert [written(e) for e in pool.run(programs[:200])] == list(range(200))


@pytest.mark.long
@pytest.mark.slow
def test_an_evaluation_has_the_same_figures_when_a_node_is_killed_in_the_middle(
    cluster: Any, second: Any, caplog: pytest.LogCaptureFixture
) -> None:
    tasks = load_tasks("arc-agi-1", "training")
    ids = list(tasks)[:40]

    def attempts() -> Iterator[Attempt]:
        for i in range(600):
            code = (MIRROR, RAISES, HALF, BROKEN, number(i).code)[i % 5]
            text = f"```python\n{code}```" if i % 7 else "no program"
            task = tasks[ids[i % len(ids)]]
            yield Attempt(task=task, completion=Completion(text=text), index=i // len(ids))

    def figures(pool: ProgramRunner, at: Callable[[int], None] = lambda i: None) -> Any:
        judge = Judge(pool=pool, scheme=SCHEMES["staged"])
        tally = Tally(ids)
        records: dict[tuple[str, int], Record] = {}
        for i, rollout in enumerate(judge.flow(attempts())):
            one = record(rollout)
            assert (one.task_id, one.index) not in records
            records[one.task_id, one.index] = one
            tally.add(one)
            at(i)
        results = tally.results((1, 8), np.random.default_rng(0)).to_dict()
        return results, {key: (r.score, r.outcome, r.drawn) for key, r in records.items()}

    doomed = second()

    def kill(i: int) -> None:
        if i == 100:
            cluster.remove_node(doomed, allow_graceful=False)

    with SandboxPool(workers=2, limits=LIMITS) as local:
        expected = figures(local)
    with RayPool(cluster.address, limits=LIMITS) as pool:
        assert pool.nodes == 2
        assert figures(pool, kill) == expected
    assert len(expected[1]) == 600
    assert any("was lost with" in r.msg for r in caplog.records)


@pytest.mark.long
@pytest.mark.slow
def test_what_is_not_deterministic_is_told_from_every_node(cluster: Any) -> None:
    draws = "import random\ndef transform(grid): return [[random.randrange(10) for _ in range(20)]]"
    programs = [Program(code=code, inputs=GRIDS) for code in (MIRROR, draws)]
    with RayPool(cluster.address, limits=LIMITS, check_determinism=True) as pool:
        assert [e.deterministic for e in pool.run(programs)] == [True, False]


@pytest.mark.long
@pytest.mark.slow
def test_a_killed_actor_is_replaced_and_its_programs_run_again(
    cluster: Any, ray_module: Any
) -> None:
    with RayPool(cluster.address, limits=LIMITS) as pool:
        programs = [number(n) for n in range(400)]
        stream = pool.stream(programs)
        found = dict([next(stream)])
        (node,) = pool._live()._nodes.values()
        ray_module.kill(node.actor)
        for i, execution in stream:
            assert i not in found
            found[i] = execution
        assert [written(found[i]) for i in range(len(programs))] == list(range(len(programs)))


@pytest.mark.long
@pytest.mark.slow
def test_a_program_that_loses_its_node_every_time_died_and_its_neighbours_did_not(
    cluster: Any, ray_module: Any
) -> None:
    with RayPool(cluster.address, limits=Limits(timeout_s=20.0)) as pool:
        hangs = Program(code=HANGS, inputs=GRIDS)
        stream = pool.stream([*(number(n) for n in range(5)), hangs, *(number(n) for n in (6, 7))])
        found: dict[int, Execution] = {}
        ended = threading.Event()

        def collect() -> None:
            found.update(stream)
            ended.set()

        reader = threading.Thread(target=collect)
        reader.start()
        # What a program that takes its node down does, done to the node from here.
        dispatcher = pool._live()
        for _ in range(3):
            wait_for(lambda: holds(dispatcher, HANGS))
            (node,) = dispatcher._nodes.values()
            ray_module.kill(node.actor)
            wait_for(lambda node=node: node not in dispatcher._nodes.values())  # type: ignore[misc]
        assert ended.wait(120)
        reader.join()
        assert [written(found[i]) for i in (0, 1, 2, 3, 4, 6, 7)] == [0, 1, 2, 3, 4, 6, 7]
        assert found[5].outcome is Outcome.DIED
        assert len(found[5].outputs) == len(GRIDS)
        assert "3 nodes" in found[5].message


def holds(dispatcher: Any, code: str) -> bool:
    """Whether a node has this program, and only this one."""
    nodes = list(dispatcher._nodes.values())
    return bool(nodes) and [j.packed[0] for j in nodes[0].jobs.values()] == [code]


@pytest.mark.long
@pytest.mark.slow
def test_leaving_a_stream_early_cancels_what_has_not_started(cluster: Any) -> None:
    with RayPool(cluster.address, limits=LIMITS) as pool:
        started = time.monotonic()
        stream = pool.stream([Program(code=SLOW, inputs=GRIDS)] * 3000)  # 5 minutes of one worker
        next(stream)
        stream.close()  # type: ignore[attr-defined]
        assert written(pool.run([number(7)])[0]) == 7
        assert time.monotonic() - started < 60


@pytest.mark.long
@pytest.mark.slow
def test_several_threads_share_a_pool_and_no_more_than_a_bounded_number_is_in_flight(
    cluster: Any, second: Any
) -> None:
    second()
    with RayPool(cluster.address, limits=LIMITS) as pool:
        results: dict[int, list[int]] = {}

        def work(start: int) -> None:
            runs = pool.run([number(n) for n in range(start, start + 300)])
            results[start] = [written(e) for e in runs]

        threads = [threading.Thread(target=work, args=(1000 * t,)) for t in range(3)]
        for thread in threads:
            thread.start()
        most = 0
        while any(thread.is_alive() for thread in threads):
            most = max(most, *(len(n.jobs) for n in list(pool._live()._nodes.values())))
            time.sleep(0.01)
        assert results == {1000 * t: list(range(1000 * t, 1000 * t + 300)) for t in range(3)}
        assert 0 < most < 300
    with pytest.raises(RuntimeError, match="closed"):
        pool.run([number(1)])


@pytest.mark.long
@pytest.mark.slow
def test_judging_on_the_cluster_writes_the_same_file_as_judging_here(
    cluster: Any, tmp_path: Path
) -> None:
    def fenced(code: str) -> str:
        return f"```python\n{code}```"

    texts = ["no code", *(fenced(code) for code in (MIRROR, RAISES, HALF, BROKEN))]
    completions = tmp_path / "completions.jsonl"
    lines = [json.dumps({"task_id": "67a3c6ac", "completion": t}) for t in texts * 3]
    completions.write_text("\n".join(lines))

    def judged(*words: str) -> tuple[list[Any], str]:
        out = tmp_path / "judged.jsonl"
        command = [sys.executable, "-m", "arcbench", "judge", completions, "--out", out, *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        records = [json.loads(line) for line in out.read_text().splitlines()]
        return [{**r, "seconds": 0} for r in records], done.stdout

    here, said_here = judged("--workers", "2")
    there, said_there = judged("--pool", "ray", "--ray-address", cluster.address)
    assert here == there
    assert len(here) == len(lines)
    assert "2 workers" in said_here
    assert "1 workers on 1 Ray nodes" in said_there


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "needed", "said"),
    [
        ({}, {**versions(), "numpy": "1.0"}, f"numpy 1.0.*it has numpy {np.__version__}"),
        ({"nonsense": 1}, versions(), "unexpected keyword argument 'nonsense'"),
    ],
)
def test_a_node_that_cannot_run_programs_is_named_with_the_reason(
    cluster: Any, ray_module: Any, settings: Any, needed: dict[str, str], said: str
) -> None:
    ray_module.init(cluster.address, log_to_driver=False)
    dispatcher = RayDispatcher(NodeActor, settings, needed)
    try:
        dispatcher.start()
        with pytest.raises(UserError, match=rf"Ray node \d[\d.]+ cannot run programs .*{said}"):
            dispatcher.wait_until_ready()
    finally:
        dispatcher.stop()
        ray_module.shutdown()


@pytest.mark.parametrize("address", ["", "remote", "ray://host:10001", "host", "host:", ":1"])
def test_an_address_that_is_none_is_refused_with_the_allowed_ones(address: str) -> None:
    with pytest.raises(UserError, match=r'"auto", "local" or "host:port"'):
        RayPool(address)


def test_a_cluster_that_does_not_answer_is_named(ray_module: Any) -> None:
    with RayPool("127.0.0.1:1") as pool, pytest.raises(UserError, match=r"127\.0\.0\.1:1"):
        pool.run([number(1)])


def test_a_missing_ray_is_said_with_the_extra_that_brings_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with RayPool("local") as pool, pytest.raises(UserError, match=r"arcbench\[ray\]"):
        pool.run([number(1)])


def test_the_first_use_of_the_package_does_not_load_ray() -> None:
    check = "import sys; from arcbench.sandbox import RayPool; print('ray' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_another_version_on_a_node_is_named_and_the_same_ones_are_fine() -> None:
    ours = versions()
    assert set(ours) == {"arcbench", "Python", "numpy"}
    assert ours["numpy"] == np.__version__
    assert version_problem(dict(ours), ours) == ""
    assert version_problem({**ours, "numpy": "1.0"}, ours) == "it has numpy 1.0"
    assert "arcbench of no version" in version_problem({}, ours)

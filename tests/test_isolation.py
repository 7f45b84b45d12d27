"""What the isolation does to a program, seen from outside where it can be; how it degrades."""

import asyncio
import errno
import os
import platform
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcbench.grids import as_grid
from arcbench.sandbox import Execution, Limits, Outcome, Program, SandboxPool, seccomp
from arcbench.sandbox.pool import layers

ROOT = Path(__file__).parents[1]
GRID = as_grid(np.array([[1, 2], [3, 4]]))
HONEST = "def transform(grid):\n    return grid\n"
SLEEPING = "import time\ndef transform(grid):\n    time.sleep(5)\n    return grid\n"
NAMESPACES = ("processes hidden (pid namespace)", "files hidden (mount namespace)")

# Starts Python as the default profile of a container would: no capabilities, no new namespaces.
IN_A_CONTAINER = """
import os, sys
from arcbench.sandbox import isolation, seccomp
refused = {"x86_64": (56, 272, 165), "aarch64": (220, 97, 40)}[os.uname().machine]
load, allow = seccomp._op(0x20, 0), seccomp._op(0x06, 0x7FFF0000)
clone, unshare = (seccomp._refuse_if(n, 0, 0x7E020000, is_set=True) for n in refused[:2])
isolation._drop_capabilities()
isolation._prctl(38, 1)
code = load + clone + unshare + seccomp._refuse(refused[2]) + allow
assert seccomp.Filter(code).install(isolation._libc.prctl)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def run(pool: SandboxPool, code: str) -> Execution:
    return pool.run([Program(code=code, inputs=(GRID,))])[0]


def printed(pool: SandboxPool, *lines: str) -> list[str]:
    """What a program prints that has these lines."""
    body = "".join(f"{line}\n" for line in lines)
    execution = run(pool, f"{body}{HONEST}")
    assert execution.outcome is Outcome.OK, execution.message
    return execution.stdout.splitlines()


def children(pid: int) -> list[int]:
    own = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for path in own for child in path.read_text().split()]


def descendants(pid: int) -> set[int]:
    below = children(pid)
    return set(below).union(*map(descendants, below))


def is_gone(pid: int) -> bool:
    """Ended; whether anyone has asked for its exit status is not its matter."""
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] in "ZX"


def wait_until_gone(pid: int) -> None:
    for _ in range(100):
        if is_gone(pid):
            return
        time.sleep(0.02)
    pytest.fail(f"process {pid} goes on")


def status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


@pytest.fixture(scope="module")
def pool() -> Iterator[SandboxPool]:
    with SandboxPool(workers=1, limits=Limits(timeout_s=5.0)) as made:
        yield made


@pytest.fixture(scope="module")
def sleeper() -> Iterator[int]:
    """The process of a program that runs, on a machine that has all layers."""
    if any(layers().values()):
        pytest.skip(f"this machine has not all layers: {layers()}")
    before = descendants(os.getpid())
    with SandboxPool(workers=1, limits=Limits(timeout_s=20.0)) as made:
        made.run([Program(code=HONEST, inputs=(GRID,))])
        thread = threading.Thread(target=run, args=(made, SLEEPING))
        thread.start()
        (leaf,) = _leaves(before)
        yield leaf
        thread.join()


def _leaves(before: set[int]) -> list[int]:
    """New processes three levels below: launcher, zygote, program."""
    for _ in range(200):
        found = [
            program
            for launcher in children(os.getpid())
            if launcher not in before
            for zygote in children(launcher)
            for program in children(zygote)
        ]
        # One that has its own filters is past its start.
        if len(found) == 1 and status(found[0]).get("Seccomp_filters", "2") == "2":
            time.sleep(0.05)
            if Path(f"/proc/{found[0]}").exists():
                return found
        time.sleep(0.02)
    pytest.fail("no program was seen to run")


def test_a_program_has_no_privileges_and_cannot_get_any(sleeper: int) -> None:
    seen = status(sleeper)
    assert seen["NoNewPrivs"] == "1"
    assert {int(seen[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {0}


def test_a_program_runs_under_two_filters_of_system_calls(sleeper: int) -> None:
    assert status(sleeper)["Seccomp"] == "2"
    assert status(sleeper)["Seccomp_filters"] == "2"


@pytest.mark.parametrize("kind", ["net", "ipc", "uts", "mnt", "pid", "cgroup"])
def test_a_program_shares_no_namespace_with_this_process(sleeper: int, kind: str) -> None:
    assert os.readlink(f"/proc/{sleeper}/ns/{kind}") != os.readlink(f"/proc/self/ns/{kind}")  # noqa: PTH115


def test_a_program_has_no_network_but_a_loopback_that_is_down(sleeper: int) -> None:
    lines = Path(f"/proc/{sleeper}/net/dev").read_text().splitlines()[2:]
    names = [line.partition(":")[0].strip() for line in lines]
    assert names == ["lo"]
    assert Path(f"/proc/{sleeper}/net/route").read_text().splitlines()[1:] == []
    assert lines[0].split()[1:] == ["0"] * 16  # no byte has passed it


def test_all_that_a_program_sees_of_the_disk_is_mounted_read_only(sleeper: int) -> None:
    mounts = [line.split() for line in Path(f"/proc/{sleeper}/mounts").read_text().splitlines()]
    assert mounts
    for _, where, _, options, *_ in mounts:
        assert {"ro", "nosuid"} <= set(options.split(",")), where
    assert not {where for _, where, kind, *_ in mounts if kind == "proc"}
    # Every one but the root, which is empty, leads to libraries or a device without memory.
    parts = ("/lib", "/dev/", "/etc/ld.so.cache", "/arcbench", "/python")
    assert all(where == "/" or any(p in where for p in parts) for _, where, *_ in mounts)


def test_a_program_is_limited_in_memory_files_time_and_processes(sleeper: int) -> None:
    lines = Path(f"/proc/{sleeper}/limits").read_text().splitlines()[1:]
    limits = {line[:26].strip(): line[26:].split()[:2] for line in lines}
    assert limits["Max cpu time"] == ["22", "22"]
    for name in ("file size", "core file size", "locked memory", "msgqueue size"):
        assert limits[f"Max {name}"] == ["0", "0"], name
    assert int(limits["Max open files"][1]) <= 64
    assert int(limits["Max processes"][1]) <= 256
    assert 1 << 30 < int(limits["Max address space"][1]) < 3 << 30


def test_a_program_holds_its_answer_pipe_and_nothing_else(sleeper: int) -> None:
    opened = {Path(f"/proc/{sleeper}/fd/{fd}").readlink() for fd in _descriptors(sleeper)}
    assert all(str(target).startswith(("/dev/null", "pipe:")) for target in opened), opened


def _descriptors(pid: int) -> list[str]:
    return [path.name for path in Path(f"/proc/{pid}/fd").iterdir()]


# Not tried: what needs an argument to be refused, and what would end the program.
TRIED = sorted(
    name
    for name, numbers in seccomp._NUMBERS.items()
    if numbers[platform.machine() == "aarch64"] is not None
    and name not in seccomp._SPECIAL
    and name not in ("fork", "vfork")
)


@pytest.mark.skipif(platform.machine() not in seccomp._MACHINES, reason="there is no filter for it")
def test_every_call_of_the_list_is_refused_to_a_program(pool: SandboxPool) -> None:
    column = platform.machine() == "aarch64"
    numbers = {name: seccomp._NUMBERS[name][column] for name in TRIED}
    lines = printed(
        pool,
        "import ctypes",
        "call = ctypes.CDLL(None, use_errno=True).syscall",
        f"for name, number in {numbers}.items():",
        "    result = call(number, 0, 0, 0, 0, 0, 0)",
        "    print(name, result, ctypes.get_errno())",
    )
    assert lines == [f"{name} -1 {errno.EPERM}" for name in TRIED]


@pytest.mark.parametrize(
    "call",
    [
        "os.fork()",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "os.kill(os.getpid(), 0)",
        "os.kill(-1, 9)",
        "resource.prlimit(1, resource.RLIMIT_NOFILE)",
        "fcntl.fcntl(3, fcntl.F_SETOWN, 1)",
        "fcntl.fcntl(3, 10, 9)",  # F_SETSIG
        "fcntl.ioctl(1, termios.TIOCSTI, b'x')",
        "fcntl.ioctl(3, 0x8901, b'1234')",  # FIOSETOWN
        "check(libc.prctl(1, 0, 0, 0, 0))",  # outlive the zygote
        "check(libc.unshare(0x10000000))",
        "socket.socket()",
        "socket.socketpair()",
        "os.open(os.__file__, os.O_RDWR)",
        "os.open('/dev/zero', os.O_WRONLY)",
        "check(libc.prctl(4, 1, 0, 0, 0))",  # let its memory be dumped
        "os.open('new', os.O_CREAT | os.O_WRONLY)",
        "os.mkdir('new')",
        "os.symlink('a', 'b')",
        "os.memfd_create('x')",
        "os.sched_setaffinity(0, {0})",
        "os.listdir('/')",
        "os.listdir('/proc')",
        "open('/proc/self/mem')",
        "open('/etc/passwd')",
    ],
)
def test_what_reaches_beyond_the_process_is_a_permission_error(
    pool: SandboxPool, call: str
) -> None:
    if any(layers().values()):
        pytest.skip(f"this machine has not all layers: {layers()}")
    code = (
        "import ctypes, fcntl, os, resource, socket, termios\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "def check(result):\n"
        "    if result < 0: raise OSError(ctypes.get_errno(), 'refused')\n"
        f"def transform(grid):\n    {call}\n    return grid\n"
    )
    execution = run(pool, code)
    assert execution.outcome is Outcome.FORBIDDEN, execution.message


def test_threads_clocks_and_random_bytes_are_there(pool: SandboxPool) -> None:
    lines = printed(
        pool,
        "import os, threading, time",
        "thread = threading.Thread(target=print, args=('from a thread',))",
        "thread.start(); thread.join()",
        "print(len(os.urandom(8)), time.time() > 0)",
    )
    assert lines == ["from a thread", "8 True"]


def test_a_program_sees_no_process_but_its_own(pool: SandboxPool) -> None:
    if layers()["processes hidden (pid namespace)"]:
        pytest.skip("no pid namespace here")
    assert printed(pool, "import os", "print(os.getppid())") == ["1"]


@pytest.mark.parametrize("machine", sorted(seccomp._MACHINES))
@given(number=st.integers(0, 600), argument=st.integers(0, 2**32 - 1), refuse=st.booleans())
def test_a_filter_refuses_what_its_list_says_and_nothing_else(
    machine: str, number: int, argument: int, refuse: bool
) -> None:
    column, audit = seccomp._MACHINES[machine]
    names = {both[column]: name for name, both in seccomp._NUMBERS.items()}
    name = names.get(number, "")
    code = seccomp.zygote_filter(machine, refuse_writing=refuse)
    assert code is not None
    answer = _evaluate(code, number, audit, argument)
    if number >= seccomp._NEWEST or name in ("openat2", "clone3"):
        assert answer == 0x00050000 | errno.ENOSYS
    elif name in ("open", "openat"):
        writes = refuse and bool(argument & seccomp._WRITES)
        assert answer == (0x00050000 | errno.EPERM if writes else 0x7FFF0000)
    elif name in seccomp._SPECIAL or name in seccomp._CHILD_ONLY:
        assert answer in (0x7FFF0000, 0x00050000 | errno.EPERM)
    else:
        assert answer == (0x00050000 | errno.EPERM if name else 0x7FFF0000)
    # Calls of another architecture have other numbers: they end the process.
    assert _evaluate(code, number, audit ^ 1, argument) == 0x80000000


def _evaluate(code: bytes, number: int, audit: int, argument: int) -> int:
    """What a filter answers to a call with this value in each argument."""
    data = struct.pack("<IIQ6Q", number, audit, 0, *[argument] * 6)
    operations = list(struct.iter_unpack("<HBBI", code))
    at = value = 0
    while True:
        kind, if_true, if_false, constant = operations[at]
        at += 1
        if kind == 0x20:
            (value,) = struct.unpack_from("<I", data, constant)
        elif kind == 0x06:
            return int(constant)
        else:
            true = {
                0x15: value == constant,
                0x35: value >= constant,
                0x45: bool(value & constant),
            }[kind]
            at += if_true if true else if_false


def test_a_killed_launcher_takes_all_with_it_and_is_replaced() -> None:
    before = descendants(os.getpid())
    with SandboxPool(workers=1) as made:
        assert run(made, HONEST).outcome is Outcome.OK
        launchers = [pid for pid in children(os.getpid()) if pid not in before]
        below = set().union(*map(descendants, launchers))
        for pid in launchers:
            os.kill(pid, signal.SIGKILL)
        for pid in below:
            wait_until_gone(pid)
        assert run(made, HONEST).outcome is Outcome.OK


def test_a_pool_works_beside_busy_threads_and_a_running_event_loop() -> None:
    ended = threading.Event()

    def busy() -> None:
        while not ended.is_set():
            sum(range(1000))

    async def in_a_notebook() -> list[Execution]:
        def work() -> Execution:
            with SandboxPool(workers=1) as made:
                return run(made, HONEST)

        return list(await asyncio.gather(*(asyncio.to_thread(work) for _ in range(3))))

    threads = [threading.Thread(target=busy) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        # In a thread of its own: the main one may have a loop already, a browser's for instance.
        with ThreadPoolExecutor(1) as notebook:
            executions = notebook.submit(asyncio.run, in_a_notebook()).result()
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert [e.outcome for e in executions] == [Outcome.OK] * 3


LESS_ISOLATED = """
import logging, numpy as np
from arcbench.errors import UserError
from arcbench.sandbox import Limits, Outcome, Program, SandboxPool
honest = Program(code="def transform(g): return g", inputs=(np.ones((2, 2), np.int8),))
reading = Program(code="def transform(g): open('/etc/passwd')", inputs=honest.inputs)
for _ in range(2):
    with SandboxPool(workers=2) as pool:
        assert pool.run([honest])[0].outcome is Outcome.OK
        if not pool.layers()["files hidden (Landlock)"]:
            assert pool.run([reading])[0].outcome is Outcome.FORBIDDEN
        off = [name for name, why in pool.layers().items() if why]
print(*off, sep="\\n")
try:
    with SandboxPool(workers=1, limits=Limits(require_isolation=True)) as pool:
        pool.run([honest])
except UserError as error:
    print(error)
"""


def test_without_namespaces_programs_still_run_the_rest_is_on_and_it_is_said_once() -> None:
    command = [sys.executable, "-c", IN_A_CONTAINER, "-c", LESS_ISOLATED]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    off = {"private network", *NAMESPACES, *(name for name, why in layers().items() if why)}
    lines = done.stdout.splitlines()
    assert set(lines[: len(off)]) == off
    for name in off:
        assert done.stderr.count(f"{name} is off") == 1
        assert sum(f"  {name}: " in line for line in lines) == 1
    assert "require_isolation=True" in done.stdout
    assert "--cap-add" in done.stdout


def test_where_all_is_on_a_pool_that_requires_it_runs() -> None:
    if any(layers().values()):
        pytest.skip(f"this machine has not all layers: {layers()}")
    with SandboxPool(workers=1, limits=Limits(require_isolation=True)) as made:
        assert run(made, HONEST).outcome is Outcome.OK


def as_nobody(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True,
        user=65534, group=65534, extra_groups=[],
    )  # fmt: skip


@pytest.mark.skipif(os.geteuid() != 0, reason="only a superuser can become another one")
def test_an_ordinary_user_has_all_layers_too() -> None:
    allowed = Path("/proc/sys/user/max_user_namespaces")
    if not allowed.exists() or allowed.read_text().strip() == "0":
        pytest.skip("there are no user namespaces here")
    try:
        readable = as_nobody("-c", "import numpy, arcbench").returncode == 0
    except PermissionError:
        readable = False
    if not readable:
        pytest.skip("other users may not read this interpreter")
    done = as_nobody("-c", LESS_ISOLATED)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "", done.stdout

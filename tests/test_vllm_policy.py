"""The policy that vLLM runs, as far as it goes without vLLM; the rest is in tests/engines."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from arcbench.errors import MissingExtra
from arcbench.policies import load_policy
from arcbench.policies import vllm as own

STARTER = """
import subprocess, sys
from arcbench.policies.orphans import end_with_us
meek = subprocess.Popen(["sleep", "100"])
stubborn = subprocess.Popen(
    ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done"], stdout=subprocess.PIPE
)
stubborn.stdout.readline()
end_with_us([meek.pid, stubborn.pid], grace_s=0.3)
print(meek.pid, stubborn.pid, flush=True)
sys.stdin.read()
"""


def running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_without_vllm_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(own, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"engine vllm.*arcbench\[vllm\]"):
        load_policy("embedded", engine="vllm")


@pytest.mark.parametrize("how", ["killed", "ended"])
def test_what_a_library_started_ends_with_the_process_that_wanted_it(how):
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    left = [int(word) for word in starter.stdout.readline().split()]
    assert len(left) == 2
    assert all(running(pid) for pid in left)
    if how == "killed":
        os.kill(starter.pid, signal.SIGKILL)
    starter.communicate()
    deadline = time.monotonic() + 20
    while any(running(pid) for pid in left):
        assert time.monotonic() < deadline
        time.sleep(0.02)

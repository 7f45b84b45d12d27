import select
import signal
import subprocess
import sys
import time

import pytest

from arcbench.turns import line, turn

WORKER = """
import sys, time
from pathlib import Path
from arcbench.turns import turn
folder, name, seconds, places = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
with turn(folder, name, places=places):
    print("begins", flush=True)
    time.sleep(seconds)
print("ends", flush=True)
"""


@pytest.fixture
def workers(tmp_path):
    started = []

    def start(name, seconds=60.0, places=1):
        command = [sys.executable, "-c", WORKER, str(tmp_path), name, str(seconds), str(places)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(process)
        until(lambda: name in line(tmp_path))
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def until(true, timeout_s=120.0):
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_those_who_want_the_same_go_one_after_the_other_in_the_order_they_came(tmp_path, workers):
    first, second, third = workers("a"), workers("b-2", 0.0), workers("c", 0.0)
    assert line(tmp_path) == ["a", "b-2", "c"]
    assert first.stdout.readline() == "begins\n"
    first.send_signal(signal.SIGTERM)
    assert second.stdout.read() == "begins\nends\n"
    assert third.stdout.read() == "begins\nends\n"
    assert line(tmp_path) == []


def test_who_is_killed_while_it_waits_or_has_its_turn_stands_in_nobodys_way(tmp_path, workers):
    holder, waiter, last = workers("holder"), workers("waiter"), workers("last", 0.0)
    waiter.kill()
    waiter.wait()
    assert line(tmp_path) == ["holder", "last"]
    holder.kill()
    assert last.stdout.read() == "begins\nends\n"


def test_with_two_places_two_run_at_once(tmp_path, workers):
    first, second, third = (workers(name, places=2) for name in "abc")
    assert first.stdout.readline() == "begins\n"
    assert second.stdout.readline() == "begins\n"
    assert not select.select([third.stdout], [], [], 0.7)[0]
    first.kill()
    assert third.stdout.readline() == "begins\n"


def test_who_waits_hears_who_is_before_and_may_give_up(tmp_path, workers):
    workers("holder")

    class Enough(Exception):
        pass

    def waiting(before):
        assert before == ["holder"]
        raise Enough

    with pytest.raises(Enough), turn(tmp_path, "impatient", waiting=waiting):
        raise AssertionError
    assert line(tmp_path) == ["holder"]


def test_a_body_that_fails_gives_its_turn_back(tmp_path):
    with pytest.raises(ZeroDivisionError), turn(tmp_path, "x"):
        1 / 0  # noqa: B018
    assert line(tmp_path) == []

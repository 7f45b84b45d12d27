"""The thread that owns a Ray pool's actors: shares out programs, takes results, follows the nodes.

A node holds as many programs as it finishes in a moment, so a fast one gets more and a slow
program delays few others. What a lost node held runs again: together with others the first time,
alone on a node the second, and then it counts as the cause.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from itertools import count
from queue import SimpleQueue
from typing import Any

from arcbench.errors import UserError
from arcbench.sandbox.ray_nodes import MAX_LOSSES, Batch, Job, Node, max_chunks
from arcbench.sandbox.types import Outcome

_TAKE_S = 2.0  # how long an actor waits for a result
_SILENT_S = 60.0  # without an answer a node counts as lost
_START_S = 120.0  # for a new node's actor: a runtime environment may be unpacked first
_STRAGGLE_S = 5.0  # at the start, for the other nodes after the first has answered
_LOOK_S = 2.0  # between two looks at the cluster
_FIRST_NODE_S = 10.0  # for a cluster to show a node with CPUs
_NO_NODE_S = 120.0  # without any node later, before waiting batches are given up
_MAX_FAILED_STARTS = 3  # of a node's actor in a row, before the node is left out
_LOG = logging.getLogger("arcbench.sandbox")


class RayDispatcher(threading.Thread):
    """Runs until `stop`; every batch gets all its results or, if that fails, the reason."""

    def __init__(
        self, actor_class: type, settings: dict[str, Any], versions: dict[str, str]
    ) -> None:
        super().__init__(name="arcbench-ray", daemon=True)
        self._actor_class = actor_class
        self._settings = settings
        self._versions = versions
        self._news = threading.Condition()  # guards the next three
        self._inbox: deque[Job] = deque()
        self._batches: set[Batch] = set()
        self._stopping = False
        self._dropped: SimpleQueue[Batch] = SimpleQueue()
        self._waiting: deque[Job] = deque()
        self._nodes: dict[str, Node] = {}
        self._left_out: dict[str, str] = {}  # node → why
        self._failed_starts: dict[str, int] = {}
        self._numbers = count(1)
        self._looked = self._had_node = time.monotonic()
        self._first_answer = 0.0
        self._ready = threading.Event()
        self._refused: UserError | None = None  # why the pool cannot start
        self.problem = ""  # why there will be no more results

    @property
    def workers(self) -> int:
        """Programs that run at a time, over the nodes there are."""
        return sum(node.workers for node in self._usable())

    @property
    def num_nodes(self) -> int:
        """Nodes that take programs."""
        return len(self._usable())

    def features(self) -> dict[str, bool]:
        """A layer of the isolation is on when it is on everywhere."""
        found = [node.features for node in self._usable()]
        names = dict.fromkeys(name for features in found for name in features)
        return {name: all(f.get(name, False) for f in found) for name in names}

    def wait_until_ready(self) -> None:
        """Return when the nodes have answered, but for stragglers; UserError if one cannot run."""
        self._ready.wait()
        if self._refused is not None:
            raise self._refused

    def open(self, deliver: Callable[[tuple[int, Any] | Exception], None]) -> Batch:
        """A batch without programs yet."""
        batch = Batch(number=next(self._numbers), deliver=deliver)
        with self._news:
            if self._stopping:
                raise self._failure()
            self._batches.add(batch)
        return batch

    def submit(self, batch: Batch, work: Iterable[tuple[int, Any]]) -> None:
        """Hand in packed programs of a batch by their numbers."""
        with self._news:
            if batch.cancelled:
                return
            if self._stopping:
                raise self._failure()
            self._inbox.extend(Job(batch=batch, number=n, packed=p) for n, p in work)
            self._news.notify()

    def _failure(self) -> RuntimeError:
        return RuntimeError(self.problem or "the Ray pool is closed")

    def done_with(self, batch: Batch) -> None:
        """No one waits for this batch any more: what has not started will not."""
        with self._news:
            batch.cancelled = True
            self._dropped.put(batch)
            self._batches.discard(batch)
            self._news.notify()

    def stop(self) -> None:
        """End the thread and the actors, and wait for that."""
        with self._news:
            self._stopping = True
            self._news.notify()
        if self.is_alive() and threading.current_thread() is not self:
            self.join()

    def run(self) -> None:
        """The loop; whatever ends it, nobody is left waiting."""
        import ray

        try:
            self._look()
            while not self._stopping:
                self._take_in()
                self._hand_out()
                references = self._references()
                if references:
                    ready, _ = ray.wait(list(references), timeout=0.1, fetch_local=True)
                    for reference in ready:
                        self._serve(references[reference], reference)
                elif self._waiting:
                    time.sleep(0.1)
                self._lose_silent_ones()
                if time.monotonic() - self._looked >= _LOOK_S:
                    self._look()
                self._judge_readiness()
        finally:
            with self._news:
                closed, self._stopping = self._stopping, True
                batches, self._batches = self._batches, set()
            if not self.problem:
                self.problem = f"the Ray pool {'was closed' if closed else 'lost its cluster'}"
            if not self._ready.is_set() and self._refused is None:
                self._refused = UserError(self.problem)
            self._ready.set()
            for batch in batches:
                batch.deliver(self._failure())
            self._end_actors()

    def _usable(self) -> list[Node]:
        return [node for node in list(self._nodes.values()) if node.hello is None]

    def _take_in(self) -> None:
        with self._news:
            idle = not self._waiting and not any(
                n.jobs or n.hello is not None for n in self._nodes.values()
            )
            if idle and not self._inbox and self._dropped.empty() and not self._stopping:
                self._news.wait(_LOOK_S)
            self._waiting.extend(self._inbox)
            self._inbox.clear()
        while not self._dropped.empty():
            batch = self._dropped.get()
            self._waiting = deque(job for job in self._waiting if job.batch is not batch)
            for node in self._nodes.values():
                held = [number for number, job in node.jobs.items() if job.batch is batch]
                for number in held:
                    del node.jobs[number]
                if held:
                    node.actor.cancel.remote(batch.number)

    def _hand_out(self) -> None:
        """Fill every node up to its room, the emptiest first."""
        for node in sorted(self._usable(), key=lambda n: len(n.jobs) / n.workers):
            room = node.room
            # Small refills are not worth a message, unless the node would run dry.
            if room < max(4, len(node.jobs) // 4) and len(node.jobs) > node.workers:
                continue
            chunk: dict[int, Job] = {}
            while self._waiting and len(chunk) < room:
                first = self._waiting[0]
                together = not chunk or first.batch is next(iter(chunk.values())).batch
                if not together or any(job.alone for job in node.jobs.values()):
                    break
                if first.alone and (node.jobs or chunk):
                    break
                chunk[next(self._numbers)] = self._waiting.popleft()
                if first.alone:
                    break
            if chunk:
                node.jobs |= chunk
                batch = next(iter(chunk.values())).batch.number
                work = [(number, job.packed) for number, job in chunk.items()]
                node.gives.add(node.actor.give.remote(batch, work))

    def _references(self) -> dict[Any, Node]:
        """What the nodes owe an answer to."""
        found = {}
        for node in self._nodes.values():
            if node.hello is not None:
                found[node.hello] = node
            elif node.jobs and node.take is None:
                node.asked = node.last_heard = time.monotonic()
                node.take = node.actor.take.remote(_TAKE_S)
            if node.take is not None:
                found[node.take] = node
            found |= dict.fromkeys(node.gives, node)
        return found

    def _serve(self, node: Node, reference: Any) -> None:
        import ray

        if self._nodes.get(node.id) is not node:
            return  # it was lost a moment ago
        try:
            answer = ray.get(reference)
        except ray.exceptions.RayActorError as error:
            self._lose(node, str(error))
        except ray.exceptions.RayError as error:  # raised by the node's pool: it cannot work
            self._lose(node, str(error), blame=False, failed=True)
        else:
            self._heard(node, reference, answer)

    def _heard(self, node: Node, reference: Any, answer: Any) -> None:
        now = time.monotonic()
        node.last_heard = now
        if reference is node.hello:
            versions, node.features = answer
            wrong = version_problem(versions, self._versions)
            if wrong:
                self._leave_out(node, wrong)
                return
            node.hello = None
            self._failed_starts.pop(node.id, None)
        elif reference is node.take:
            node.take = None
            node.rate = 0.5 * node.rate + 0.5 * len(answer) / max(now - node.asked, 1e-3)
            for number, packed in answer:
                job = node.jobs.pop(number, None)  # None: its batch was cancelled
                if job is not None:
                    job.batch.deliver((job.number, packed))
        else:
            node.gives.discard(reference)

    def _look(self) -> None:
        """Follow the cluster: actors for new nodes, and for those whose actor died."""
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        self._looked = time.monotonic()
        nodes: Callable[[], list[dict[str, Any]]] = ray.nodes
        for seen in nodes():
            workers = int(seen["Resources"].get("CPU", 0))
            id_, name = seen["NodeID"], seen["NodeManagerAddress"]
            if not seen["Alive"]:
                if id_ in self._nodes:
                    self._lose(self._nodes[id_], "Ray reports the node as dead")
            elif id_ not in self._nodes and id_ not in self._left_out and workers:
                remote: Any = ray.remote(self._actor_class)
                actor = remote.options(
                    num_cpus=0,
                    max_concurrency=max_chunks(workers) + 3,
                    scheduling_strategy=NodeAffinitySchedulingStrategy(node_id=id_, soft=False),
                ).remote(workers, self._settings)
                self._nodes[id_] = Node(
                    id=id_, name=name, workers=workers, actor=actor, hello=actor.hello.remote()
                )
        if self._nodes:
            self._had_node = self._looked
            return
        patience = _NO_NODE_S if self._ready.is_set() else _FIRST_NODE_S
        if self._looked - self._had_node > patience:
            why = "; ".join(self._left_out.values()) or "it offers no CPUs"
            self.problem = f"no node of the Ray cluster can run programs: {why}"
            self._stopping = True

    def _judge_readiness(self) -> None:
        if self._ready.is_set() or not self._usable():
            return
        self._first_answer = self._first_answer or time.monotonic()
        # Ray takes a while to notice that a node is dead: the others need not wait for it.
        late = time.monotonic() - self._first_answer > _STRAGGLE_S
        if late or len(self._usable()) == len(self._nodes):
            self._ready.set()

    def _lose(self, node: Node, why: str, *, blame: bool = True, failed: bool = False) -> None:
        """Forget the node's actor; what it held waits again, in front, unless it is to blame."""
        import ray

        del self._nodes[node.id]
        ray.kill(node.actor)
        for job in reversed(node.jobs.values()):
            job.losses += blame
            if job.losses >= MAX_LOSSES:
                job.batch.deliver((job.number, _lost(job)))
            else:
                self._waiting.appendleft(job)
        if failed or node.hello is not None:
            starts = self._failed_starts[node.id] = self._failed_starts.get(node.id, 0) + 1
            if starts >= _MAX_FAILED_STARTS:
                last = why.strip().splitlines()[-1:] or ["no reason was given"]
                self._leave_out(node, last[0])
        else:
            _LOG.warning("Ray node %s was lost with %d programs", node.name, len(node.jobs))
        self._looked = 0.0  # look at once: the node may be there still

    def _leave_out(self, node: Node, why: str) -> None:
        """Do without the node: at the start that is an error, later a warning."""
        import ray

        needs = ", ".join(f"{name} {version}" for name, version in self._versions.items())
        self._left_out[node.id] = f"Ray node {node.name} cannot run programs ({needs}): {why}"
        if self._nodes.pop(node.id, None) is not None:
            ray.kill(node.actor)
        if self._ready.is_set():
            _LOG.warning("%s", self._left_out[node.id])
        else:
            self.problem = self._left_out[node.id]
            self._stopping = True

    def _lose_silent_ones(self) -> None:
        now = time.monotonic()
        for node in list(self._nodes.values()):
            patience = _SILENT_S if node.hello is None else _START_S
            if (node.take is not None or node.hello is not None) and (
                now - node.last_heard > patience
            ):
                self._lose(node, f"no answer for {patience:g} seconds")

    def _end_actors(self) -> None:
        import ray

        if not ray.is_initialized():
            return
        nodes = list(self._nodes.values())
        self._nodes.clear()
        closing = [node.actor.close.remote() for node in nodes]
        if closing:
            ray.wait(closing, num_returns=len(closing), timeout=3.0)
        for node in nodes:
            ray.kill(node.actor)


def version_problem(theirs: dict[str, str], ours: dict[str, str]) -> str:
    """What is another version there than here, as a sentence; empty when all are the same."""
    return ", ".join(
        f"it has {name} {theirs.get(name, 'of no version')}"
        for name, version in ours.items()
        if theirs.get(name) != version
    )


def _lost(job: Job) -> Any:
    """The packed execution of a program that took every node with it."""
    message = f"each of the {job.losses} nodes that ran the program was lost"
    died = Outcome.DIED.value
    return died, [(died, message)] * len(job.packed[1]), message, "", 0.0, None

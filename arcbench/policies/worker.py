"""A policy in a process of its own, so that the app's process never imports torch.

Parent and child speak JSON lines over the child's stdin and stdout. The child ends when its stdin
closes, that is, with its parent.
"""

import json
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, TextIO

from arcbench.background import end_child
from arcbench.errors import UserError
from arcbench.policies.base import Ask, Asked, Completion, Message, Sampled, SamplingConfig

KEPT_STDERR_LINES = 40
CLOSE_S = 5.0  # how long a child gets to end by itself


class WorkerCrashed(RuntimeError):
    """The child process is gone; the message has the end of what it wrote to stderr."""


class WorkerPolicy(Asked):
    """The policy of `load_policy(spec, **options)`, loaded in a child when first used.

    One stream runs at a time; another thread waits for it. Closing a stream early cancels it. A
    child that crashed is started anew at the next call.
    """

    max_positions: int  # of prompt and completion; there once a policy is loaded that knows it

    def __init__(self, spec: str, **options: Any) -> None:
        self.spec = spec
        self.name = spec
        self._options = options
        self._lock = threading.Lock()
        self._child: subprocess.Popen[str] | None = None
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._stderr: deque[str] = deque(maxlen=KEPT_STDERR_LINES)
        self._keeper: threading.Thread | None = None
        self._calls = 0

    def __enter__(self) -> "WorkerPolicy":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def start(self) -> None:
        """Load the model now instead of at the first call; raises UserError or WorkerCrashed."""
        with self._lock:
            self._ready()

    def use(self, spec: str) -> None:
        """Have the policy of another name from the next call on; waits for a running stream."""
        if spec != self.spec:
            with self._lock:
                self.close()
                self.spec = self.name = spec

    def stream_asks(self, asks: Sequence[Ask], config: SamplingConfig) -> Iterator[Sampled]:
        """Yield each completion when the child has it."""
        with self._lock:
            number = self._send("stream", asks=[asdict(a) for a in asks], config=asdict(config))
            finished = False
            try:
                for answer in self._answers(number):
                    finished = "done" in answer
                    if not finished:
                        yield _sampled(answer["sampled"])
            except (UserError, WorkerCrashed):
                finished = True
                raise
            finally:
                if not finished:
                    self._cancel(number)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Length of the prompt in tokens, chat template included."""
        with self._lock:
            number = self._send("count_tokens", messages=list(messages))
            return int(next(iter(self._answers(number)))["count"])

    def close(self) -> None:
        """End the child; the policy may be used again afterwards."""
        child, self._child = self._child, None
        if child is not None:
            end_child(child, CLOSE_S)

    def _ready(self) -> None:
        """Start a child if there is none, and wait until its model is loaded."""
        if self._child is not None and self._child.poll() is None:
            return
        self.close()
        self._lines = queue.SimpleQueue()
        self._stderr.clear()
        command = [sys.executable, "-m", "arcbench.policies.worker", self.spec]
        self._child = subprocess.Popen(
            [*command, json.dumps(self._options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        out, err = self._child.stdout, self._child.stderr
        threading.Thread(target=_pump, args=(out, self._lines), daemon=True).start()
        self._keeper = threading.Thread(target=_keep, args=(err, self._stderr), daemon=True)
        self._keeper.start()
        try:
            ready = next(iter(self._answers(0)))
            self.name = ready["name"]
            if ready["max_positions"] is not None:
                self.max_positions = ready["max_positions"]
        except UserError:
            self.close()
            raise

    def _send(self, call: str, **arguments: Any) -> int:
        self._ready()
        assert self._child is not None
        self._calls += 1
        self._write({"id": self._calls, "call": call, **arguments})
        return self._calls

    def _write(self, message: dict[str, Any]) -> None:
        assert self._child is not None
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(json.dumps(message) + "\n")
            self._child.stdin.flush()
        except OSError as error:
            raise self._crashed() from error

    def _answers(self, number: int) -> Iterator[dict[str, Any]]:
        """The child's lines for call `number`, up to its "done"."""
        while True:
            line = self._lines.get()
            if line is None:
                raise self._crashed()
            answer = json.loads(line)
            if answer["id"] != number:
                continue  # the rest of a call that was cancelled
            if "user_error" in answer:
                raise UserError(answer["user_error"])
            if "error" in answer:
                raise WorkerCrashed(f"policy {self.spec}: {answer['error']}")
            yield answer
            if "done" in answer:
                return

    def _cancel(self, number: int) -> None:
        if self._child is None or self._child.poll() is not None:
            return
        try:
            self._write({"id": number, "call": "cancel"})
        except WorkerCrashed:
            return  # nothing is left to cancel; the next call starts a new child

    def _crashed(self) -> WorkerCrashed:
        code = self._child.wait() if self._child is not None else None
        if self._keeper is not None:
            self._keeper.join(CLOSE_S)  # its last lines say why
        tail = "\n".join(self._stderr) or "(it wrote nothing to stderr)"
        return WorkerCrashed(f"the process of policy {self.spec} ended with code {code}:\n{tail}")


def _pump(source: TextIO, lines: "queue.SimpleQueue[str | None]") -> None:
    for line in source:
        lines.put(line)
    lines.put(None)


def _keep(source: TextIO, lines: deque[str]) -> None:
    lines.extend(line.rstrip("\n") for line in source)


def _sampled(value: dict[str, Any]) -> Sampled:
    completion = dict(value["completion"])
    for key in ("token_ids", "logprobs", "token_texts"):
        completion[key] = tuple(completion[key])
    return Sampled(
        prompt_index=value["prompt_index"],
        sample_index=value["sample_index"],
        completion=Completion(**completion),
    )


class _Child:
    """The child's side: calls one after the other, cancellations at once."""

    def __init__(self, sink: TextIO) -> None:
        self._sink = sink
        self._calls: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._cancelled: set[int] = set()
        self._policy: Any = None

    def serve(self, spec: str, options: dict[str, Any]) -> None:
        from arcbench.policies import load_policy

        threading.Thread(target=self._read, daemon=True).start()
        try:
            self._policy = load_policy(spec, **options)
        except UserError as error:
            self._answer(0, user_error=str(error))
            return
        room = getattr(self._policy, "max_positions", None)
        self._answer(0, name=self._policy.name, max_positions=room, done=True)
        while True:
            self._run(self._calls.get())

    def _read(self) -> None:
        for line in sys.stdin:
            call = json.loads(line)
            if call["call"] == "cancel":
                self._cancelled.add(call["id"])
                cancel = getattr(self._policy, "cancel", None)
                if cancel is not None:
                    cancel()
            else:
                self._calls.put(call)
        os._exit(0)  # the parent closed the pipe or is gone

    def _run(self, call: dict[str, Any]) -> None:
        number = call["id"]
        try:
            if call["call"] == "count_tokens":
                self._answer(number, count=self._policy.count_tokens(call["messages"]), done=True)
                return
            if number in self._cancelled:
                return
            asks = [Ask(**ask) for ask in call["asks"]]
            for sampled in self._policy.stream_asks(asks, SamplingConfig(**call["config"])):
                if number in self._cancelled:
                    return
                self._answer(number, sampled=asdict(sampled))
            self._answer(number, done=True)
        except UserError as error:
            self._answer(number, user_error=str(error))
        except Exception as error:  # noqa: BLE001  (it goes to the parent, which raises it)
            self._answer(number, error=f"{type(error).__name__}: {error}")

    def _answer(self, number: int, **values: Any) -> None:
        self._sink.write(json.dumps({"id": number, **values}) + "\n")
        self._sink.flush()


def main() -> None:
    """The child: SPEC and options as JSON are its arguments."""
    spec, options = sys.argv[1], json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}
    # Libraries print; what they print must not stand between the answers.
    sink = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    _Child(sink).serve(spec, options)


if __name__ == "__main__":
    main()

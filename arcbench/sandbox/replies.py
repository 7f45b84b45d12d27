"""From what a child sent to an `Execution`: every byte of it is checked, none is believed."""

from collections.abc import Iterator
from signal import SIGXCPU, Signals

import numpy as np

from arcbench.grids import MAX_SIDE, NUM_COLORS, Grid
from arcbench.sandbox import wire
from arcbench.sandbox.types import Execution, Failure, Limits, Outcome, failed

_OUTCOMES = tuple(Outcome)  # in the order of the status numbers in wire.py
_COLORS = bytes(range(NUM_COLORS))
_FROM_CHILD = frozenset(
    (
        wire.SYNTAX_ERROR,
        wire.NO_TRANSFORM,
        wire.RAISED,
        wire.OUT_OF_MEMORY,
        wire.BAD_OUTPUT,
        wire.FORBIDDEN,
    )
)


class _Garbled(ValueError):
    """The child sent what the driver in it never sends."""


def decode(body: bytes, num_inputs: int, limits: Limits) -> Execution:
    """The execution that a zygote's reply tells of."""
    ending, status, seconds = wire.REPLY.unpack_from(body)
    found: list[Grid | Failure] = []
    whole: Failure | None = None
    printed: list[bytes] = []
    why: Failure | None = None
    try:
        for kind, index, code, data in _messages(body, wire.REPLY.size):
            if kind == wire.PRINTED:
                printed.append(bytes(data))
            elif kind == wire.WHOLE and not found:
                whole = _failure(code, data)
            elif kind == wire.RESULT and index == len(found) < num_inputs:
                found.append(_grid(data, limits) if code == wire.OK else _failure(code, data))
            elif kind != wire.END:
                raise _Garbled
    except _Garbled:
        why = Failure(outcome=Outcome.DIED, message="the program tampered with its results")
    stdout = b"".join(printed)[: limits.max_stdout_kb * 1024].decode("utf-8", "replace")
    if whole is not None and not found:
        outputs: tuple[Grid | Failure, ...] = (whole,) * num_inputs
    else:
        missing = num_inputs - len(found)
        if missing:
            why = why or _ending(ending, status, limits)
            outputs = (*found, *((why,) * missing))
        else:
            outputs = tuple(found)
    first = next((o for o in outputs if isinstance(o, Failure)), whole)
    return Execution(
        outcome=first.outcome if first else Outcome.OK,
        outputs=outputs,
        message=first.message if first else "",
        stdout=stdout,
        seconds=seconds,
    )


def _messages(body: bytes, at: int) -> Iterator[tuple[int, int, int, memoryview]]:
    """The whole messages of a reply; a last one that was cut off is left out."""
    view = memoryview(body)
    while len(body) - at >= wire.MESSAGE.size:
        kind, index, status, size = wire.MESSAGE.unpack_from(body, at)
        at += wire.MESSAGE.size
        if len(body) - at < size:
            return
        yield kind, index, status, view[at : at + size]
        at += size


def _grid(data: memoryview, limits: Limits) -> Grid:
    if len(data) < wire.SHAPE.size:
        raise _Garbled
    rows, columns = wire.SHAPE.unpack_from(data)
    if not (1 <= rows <= MAX_SIDE and 1 <= columns <= MAX_SIDE):
        raise _Garbled
    if rows * columns != len(data) - wire.SHAPE.size or rows * columns > limits.max_output_cells:
        raise _Garbled
    cells = bytes(data[wire.SHAPE.size :])
    if cells.translate(None, _COLORS):
        raise _Garbled
    # Read-only, as its bytes are.
    return np.frombuffer(cells, dtype=np.int8).reshape(rows, columns)


def _failure(status: int, data: memoryview) -> Failure:
    if status not in _FROM_CHILD:
        raise _Garbled
    text = bytes(data[: wire.MAX_TEXT]).decode("utf-8", "replace")
    return Failure(outcome=_OUTCOMES[status], message=text)


def _ending(ending: int, status: int, limits: Limits) -> Failure:
    """Why an input has no result, from how the process ended."""
    if ending == wire.TIMED_OUT or status & 0x7F == SIGXCPU:
        return Failure(
            outcome=Outcome.TIMEOUT, message=f"not done within {limits.timeout_s:g} seconds"
        )
    if ending == wire.FLOODED:
        return Failure(outcome=Outcome.DIED, message="the program flooded its results")
    killer = status & 0x7F
    if killer:
        return Failure(outcome=Outcome.DIED, message=f"the process was killed: {_signal(killer)}")
    return Failure(
        outcome=Outcome.DIED, message=f"the program ended its process with code {status >> 8}"
    )


def _signal(number: int) -> str:
    try:
        return Signals(number).name
    except ValueError:
        return f"signal {number}"


def lost(num_inputs: int) -> Execution:
    """The execution of a program that twice took its zygote with it."""
    return failed(Outcome.DIED, num_inputs, "the program ended the process that runs programs")

"""Runs one program, in a process of its own that was forked for it.

Everything here may be attacked by the program that it runs; nothing that it says is trusted by
the parent. It is the one place of the project that catches every exception.
"""

import io
import os
import resource
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from arcbench.sandbox import wire

FILENAME = "<program>"
MAX_SIDE = 30
RESULTS = 3  # the descriptor on which a child answers
_PRINT_BUFFER = 512


class Stdout(io.TextIOBase):
    """What `print` writes to: sends whole lines at once, up to a limit, and drops the rest."""

    def __init__(self, send: Callable[[int, int, int, bytes], None], max_bytes: int) -> None:
        self._send = send
        self._left = max_bytes
        self._parts: list[str] = []
        self._size = 0

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if self._left > 0:
            # A character is at least a byte: what is cut here would be dropped anyway.
            self._parts.append(text[: self._left])
            self._size += len(text)
            if self._size > _PRINT_BUFFER or text.endswith("\n"):
                self.flush()
        return len(text)

    def flush(self) -> None:
        if self._parts:
            data = "".join(self._parts).encode("utf-8", "replace")[: self._left]
            self._parts.clear()
            self._size = 0
            self._left -= len(data)
            self._send(wire.PRINTED, 0, wire.OK, data)


def run(request: bytes, max_output_cells: int, max_stdout_kb: int) -> None:
    """Run the program of `request` on its inputs and send what comes out; never raises."""
    # The program may patch any module: what is needed after it ran is held here.
    write, getpid, leave, me = os.write, os.getpid, os._exit, os.getpid()

    def send(kind: int, index: int, status: int, body: bytes) -> None:
        if getpid() != me:  # a copy of this process that the program made
            leave(0)
        data = memoryview(wire.message(kind, index, status, body))
        while data:
            data = data[write(RESULTS, data) :]

    out = Stdout(send, max_stdout_kb * 1024)
    sys.stdout = sys.stderr = out
    try:
        code, inputs = _decode(request)
        _run(code, inputs, max_output_cells, send, out)
    except BaseException as error:  # noqa: BLE001
        _more_memory()
        status, text = _describe(error, [])
        send(wire.WHOLE, 0, status, text)
    out.flush()
    send(wire.END, 0, wire.OK, b"")


def _decode(request: bytes) -> tuple[str, list[np.ndarray[Any, Any]]]:
    code_size, num_inputs = wire.REQUEST.unpack_from(request)
    at = wire.REQUEST.size
    code = request[at : at + code_size].decode("utf-8", wire.TEXT_ERRORS)
    at += code_size
    inputs = []
    for _ in range(num_inputs):
        rows, columns = wire.SHAPE.unpack_from(request, at)
        at += wire.SHAPE.size
        cells = np.frombuffer(request, dtype=np.int8, count=rows * columns, offset=at)
        inputs.append(cells.reshape(rows, columns))
        at += rows * columns
    return code, inputs


def _run(
    code: str,
    inputs: Sequence[np.ndarray[Any, Any]],
    max_output_cells: int,
    send: Callable[[int, int, int, bytes], None],
    out: Stdout,
) -> None:
    lines = code.splitlines()
    try:
        compiled = compile(code, FILENAME, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError) as error:
        return send(wire.WHOLE, 0, wire.SYNTAX_ERROR, _text(_syntax_message(error)))
    module = types.ModuleType("program")
    sys.modules["program"] = module  # dataclasses look their module up
    try:
        exec(compiled, module.__dict__)
    except BaseException as error:  # noqa: BLE001
        _more_memory()
        return send(wire.WHOLE, 0, *_describe(error, lines))
    function = module.__dict__.get("transform", module.__dict__.get("main"))
    if not callable(function):
        text = b"the program defines no function `transform` (or `main`)"
        return send(wire.WHOLE, 0, wire.NO_TRANSFORM, text)
    for index, grid in enumerate(inputs):
        try:
            status, body = _grid_bytes(function(grid.astype(np.int64)), max_output_cells)
        except BaseException as error:  # noqa: BLE001
            _more_memory()
            status, body = _describe(error, lines)
        out.flush()
        send(wire.RESULT, index, status, body)
    return None


def _grid_bytes(value: Any, max_output_cells: int) -> tuple[int, bytes]:
    """The grid in `value` in the layout of wire.py, or BAD_OUTPUT and why it is not one."""
    if isinstance(value, list | tuple):
        if len(value) > MAX_SIDE:
            return _bad(f"it has {len(value)} rows; a side of a grid is 1-{MAX_SIDE} cells long")
        try:
            array = np.array(value)
        except ValueError:
            return _bad("the rows are of unequal length")
    elif isinstance(value, np.ndarray):
        array = value.view(np.ndarray)
    else:
        return _bad(f"it is {_type_name(value)}, not a grid")
    if array.ndim != 2:
        return _bad(f"it has {array.ndim} dimensions, a grid has two")
    rows, columns = array.shape
    if not (1 <= rows <= MAX_SIDE and 1 <= columns <= MAX_SIDE):
        return _bad(f"it is {rows}x{columns}; a side of a grid is 1-{MAX_SIDE} cells long")
    if rows * columns > max_output_cells:
        return _bad(f"it has {rows * columns} cells, the limit is {max_output_cells}")
    kind = array.dtype.kind
    if kind == "f":
        if not np.isfinite(array).all() or (array != np.rint(array)).any():
            return _bad("its cells are not whole numbers")
    elif kind not in "biu":
        return _bad(f"its cells are of type {array.dtype}, not integers")
    low, high = array.min(), array.max()
    if low < 0 or high > 9:
        return _bad(f"it has the colour {int(low if low < 0 else high)}; colours are 0-9")
    return wire.OK, wire.SHAPE.pack(rows, columns) + array.astype(np.int8).tobytes()


def _bad(why: str) -> tuple[int, bytes]:
    return wire.BAD_OUTPUT, _text(f"the output is no grid: {why}")


def _type_name(value: Any) -> str:
    return "None" if value is None else f"of type {type(value).__name__}"


def _describe(error: BaseException, lines: Sequence[str]) -> tuple[int, bytes]:
    """Status and message of an exception: the program's line, its text, the error."""
    status = wire.RAISED
    if isinstance(error, MemoryError):
        status = wire.OUT_OF_MEMORY
    elif isinstance(error, PermissionError):  # how calls that the isolation refuses end
        status = wire.FORBIDDEN
    if isinstance(error, SyntaxError) and error.filename == FILENAME:
        what = _syntax_message(error)
    else:
        try:
            said = str(error)
        except BaseException:  # noqa: BLE001  (`__str__` is the program's)
            said = "(its message cannot be shown)"
        what = f"{type(error).__name__}: {said}" if said else type(error).__name__
    line = 0
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == FILENAME:
            line = trace.tb_lineno or line
        trace = trace.tb_next
    if not line:
        return status, _text(what)
    source = lines[line - 1].strip() if line <= len(lines) else ""
    return status, _text(f"line {line}: {source}\n{what}")


def _syntax_message(error: BaseException) -> str:
    if not isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error}"
    source = (error.text or "").strip()
    head = f"line {error.lineno}: {source}\n" if error.lineno else ""
    return f"{head}{type(error).__name__}: {error.msg}"


def _text(text: str) -> bytes:
    return text.encode("utf-8", "replace")[: wire.MAX_TEXT]


def _more_memory() -> None:
    """Lift the soft memory limit to the hard one: saying that memory ran out takes some."""
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))

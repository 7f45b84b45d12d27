"""Runs one program, in a process of its own that was forked for it.

Everything here may be attacked by the program that it runs; nothing that it says is trusted by
the parent. It is the one place of the project that catches every exception.

A child pays for each page of memory that it is the first to touch, so all that can be made before
the fork is made there, by `Driver.__init__` and `Driver.prepare`, and what is on the way of every
program is plain.
"""

import errno
import io
import os
import resource
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from arcbench.sandbox import wire
from arcbench.sandbox.returned import grid_bytes

FILENAME = "<program>"
RESULTS = 3  # the descriptor on which a child answers
_PRINT_BUFFER = 512
_REFUSED = (errno.EPERM, errno.EACCES, errno.EROFS)  # how calls that the isolation refuses end

Cells = np.ndarray[Any, np.dtype[np.int64]]


class Stdout(io.TextIOBase):
    """What `print` writes to: sends whole lines at once, up to a limit, and drops the rest."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, send: Callable[[int, int, int, bytes], None], max_bytes: int) -> None:
        self._send = send
        self._left = max_bytes
        self._parts: list[str] = []
        self._size = 0
        self.buffer = _StdoutBytes(self)

    def reconfigure(self, **settings: Any) -> None:
        """Take note of nothing: the encoding is what it is, and lines are sent as they end."""

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


class _StdoutBytes(io.RawIOBase):
    """The way for bytes to the same place."""

    def __init__(self, text: Stdout) -> None:
        self._text = text

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._text.write(bytes(data).decode("utf-8", "replace"))
        return len(data)

    def flush(self) -> None:
        self._text.flush()


class Driver:
    """Made in the zygote, used once in each child."""

    def __init__(self, max_output_cells: int, max_stdout_kb: int) -> None:
        self._max_output_cells = max_output_cells
        # The program may patch any module: what is needed after it ran is held here.
        self._pack, self._head = wire.MESSAGE.pack, wire.MESSAGE.size
        self._write, self._getpid, self._leave = os.write, os.getpid, os._exit
        self._me = 0
        self._out = Stdout(self._send, max_stdout_kb * 1024)
        self._module = types.ModuleType("program")

    @staticmethod
    def prepare(request: bytes) -> tuple[str, list[Cells]]:
        """The program's text and its inputs, each an array of its own; done before the fork."""
        code_size, num_inputs = wire.REQUEST.unpack_from(request)
        at = wire.REQUEST.size
        code = request[at : at + code_size].decode("utf-8", wire.TEXT_ERRORS)
        at += code_size
        inputs = []
        for _ in range(num_inputs):
            rows, columns = wire.SHAPE.unpack_from(request, at)
            at += wire.SHAPE.size
            cells = np.frombuffer(request, dtype=np.int8, count=rows * columns, offset=at)
            inputs.append(cells.astype(np.int64).reshape(rows, columns))
            at += rows * columns
        return code, inputs

    def run(self, code: str, inputs: Sequence[Cells]) -> None:
        """Run the program on its inputs and send what comes out; never raises."""
        self._me = self._getpid()
        sys.stdout = sys.stderr = self._out
        try:
            self._run(code, inputs)
        except BaseException as error:  # noqa: BLE001
            more_memory()
            status, text = _describe(error, [])
            self._send(wire.WHOLE, 0, status, text)
        self._out.flush()
        self._send(wire.END, 0, wire.OK, b"")

    def _send(self, kind: int, index: int, status: int, body: bytes) -> None:
        if self._getpid() != self._me:  # a copy of this process that the program made
            self._leave(0)
        data = self._pack(kind, index, status, len(body)) + body
        sent = self._write(RESULTS, data)
        while sent < len(data):
            sent += self._write(RESULTS, data[sent:])

    def _run(self, code: str, inputs: Sequence[Cells]) -> None:
        try:
            compiled = compile(code, FILENAME, "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError) as error:
            return self._send(wire.WHOLE, 0, wire.SYNTAX_ERROR, _text(_syntax_message(error)))
        module = self._module
        sys.modules["program"] = module  # dataclasses look their module up
        space = module.__dict__
        try:
            exec(compiled, space)
        except BaseException as error:  # noqa: BLE001
            more_memory()
            return self._send(wire.WHOLE, 0, *_describe(error, code.splitlines()))
        function = space.get("transform", space.get("main"))
        if not callable(function):
            text = b"the program defines no function `transform` (or `main`)"
            return self._send(wire.WHOLE, 0, wire.NO_TRANSFORM, text)
        for index, grid in enumerate(inputs):
            try:
                status, body = grid_bytes(function(grid), self._max_output_cells)
            except BaseException as error:  # noqa: BLE001
                more_memory()
                status, body = _describe(error, code.splitlines())
            self._out.flush()
            self._send(wire.RESULT, index, status, body)
        return None


def _describe(error: BaseException, lines: Sequence[str]) -> tuple[int, bytes]:
    """Status and message of an exception: the program's line, its text, the error."""
    status = wire.RAISED
    if isinstance(error, MemoryError):
        status = wire.OUT_OF_MEMORY
    elif isinstance(error, OSError) and error.errno in _REFUSED:
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


def more_memory() -> None:
    """Lift the soft memory limit to the hard one: saying that memory ran out takes some."""
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))

"""Programs that cheat, stall or break out, to watch the sandbox contain them.

A few of each kind; the tests of the sandbox have more than 300.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Hostile:
    """One such program."""

    name: str
    wants: str  # what it tries
    code: str


PROGRAMS = (
    Hostile(
        name="endless loop in C",
        wants="runs in a loop that never looks at a Python signal",
        code="def transform(grid):\n    return sum(range(10 ** 12))\n",
    ),
    Hostile(
        name="swallows every exception",
        wants="catches whatever is raised to stop it",
        code=(
            "def transform(grid):\n    while True:\n        try:\n            while True:\n"
            "                pass\n        except BaseException:\n            pass\n"
        ),
    ),
    Hostile(
        name="takes all memory",
        wants="fills the machine's memory",
        code="def transform(grid):\n    return [0] * 10 ** 11\n",
    ),
    Hostile(
        name="leaves",
        wants="ends the process, as if all were well",
        code="import os\n\ndef transform(grid):\n    os._exit(0)\n",
    ),
    Hostile(
        name="equals everything",
        wants="returns an object that is equal to any expected grid",
        code=(
            "class Any:\n    shape = (3, 3)\n    def __eq__(self, other):\n        return True\n\n"
            "def transform(grid):\n    return Any()\n"
        ),
    ),
    Hostile(
        name="looks for the answer",
        wants="searches the frames above it for the expected output",
        code=(
            "import sys\n\ndef transform(grid):\n    frame = sys._getframe()\n"
            "    while frame is not None:\n        for name, value in frame.f_locals.items():\n"
            "            if 'expected' in name or 'output' == name:\n                return value\n"
            "        frame = frame.f_back\n    raise LookupError('no answer in any frame')\n"
        ),
    ),
    Hostile(
        name="reads a file",
        wants="reads the passwords of the machine",
        code="def transform(grid):\n    return open('/etc/passwd').read()\n",
    ),
    Hostile(
        name="calls home",
        wants="opens a connection",
        code=(
            "import socket\n\ndef transform(grid):\n"
            "    return socket.create_connection(('127.0.0.1', 22), 1)\n"
        ),
    ),
    Hostile(
        name="forks",
        wants="multiplies until nothing else runs",
        code="import os\n\ndef transform(grid):\n    while True:\n        os.fork()\n",
    ),
    Hostile(
        name="patches numpy",
        wants="makes every comparison of the next program true",
        code=(
            "import numpy\n\nnumpy.array_equal = lambda *_: True\n"
            "numpy.ndarray = type('ndarray', (), {})\n\ndef transform(grid):\n    return grid\n"
        ),
    ),
)

"""What a zygote loads, seeds and uses once before it forks: its children find it ready."""

import contextlib
import os
import re
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import Any

from arcbench.sandbox import wire
from arcbench.sandbox.child import RESULTS, Driver

_RANDOM = "numpy.random"
_ROUNDS = 10  # after eight calls the interpreter has specialised a function

# Run in the zygote itself: what these load, look up and specialise, no child has to.
_WARM_UP = (
    """from common import *
from concepts import *
import numpy as np
from typing import List, Tuple

# concepts:
# colours

def helper(grid, color=Color.BLACK):
    return [(x, y) for x, y in np.argwhere(grid != color)]

def transform(input_grid):
    output_grid = np.zeros_like(input_grid)
    rows, columns = input_grid.shape
    for x in range(rows):
        for y in range(columns):
            output_grid[x, y] = input_grid[x, y]
    for obj in find_connected_components(input_grid, connectivity=8, monochromatic=True):
        x, y, width, height = bounding_box(obj)
        sprite = crop(obj)
        output_grid = blit_sprite(output_grid, sprite, x, y, background=Color.BLACK)
    counts = {color: int(np.sum(input_grid == color)) for color in np.unique(input_grid)}
    best = max(counts, key=lambda color: counts[color])
    output_grid[output_grid == best] = Color.RED
    flips = np.rot90(np.fliplr(np.where(output_grid == Color.BLACK, best, output_grid)))
    return flips[::-1, :].copy() if helper(flips) else flips
""",
    "def transform(grid):\n    return [[int(cell) for cell in row] for row in grid.tolist()]\n",
    "def transform(grid):\n    return grid[len(grid)]\n",
)


def load(seed: int, *, extras: bool) -> None:
    """Load the grid libraries under the names that programs use; with `extras` the slow ones too.

    Children inherit the state of both of numpy's ways of drawing as it is when they fork.
    """
    import_module("numpy")
    _after_loading(_RANDOM, partial(_seed_numpy, seed=seed))
    _after_loading("tempfile", _no_temporary_folder)
    import arcbench.dsl.common
    import arcbench.dsl.concepts

    sys.modules["common"] = arcbench.dsl.common
    sys.modules["concepts"] = arcbench.dsl.concepts
    if extras:
        import_module(_RANDOM)
        # An environment of numpy alone is enough for most programs.
        with contextlib.suppress(ModuleNotFoundError):
            import_module("scipy.ndimage")


class StarImports:
    """Lets `from common import *` bring only the names that a program mentions.

    Binding the nearly 300 names of the grid libraries is dear in a process that has touched none
    of them yet. A program that may look a name up by its text gets all.
    """

    _LOOKS_UP = frozenset(
        ("globals", "locals", "vars", "dir", "eval", "exec", "getattr", "__dict__", "__all__",
         "__import__", "modules", "inspect", "importlib", "__globals__", "f_globals", "f_builtins")
    )  # fmt: skip

    def __init__(self) -> None:
        self._words = re.compile(r"\w+").findall
        modules = [sys.modules[name] for name in ("common", "concepts")]
        self._modules = [(m, frozenset(m.__all__), list(m.__all__)) for m in modules]

    def fit(self, code: str) -> None:
        """Set what a star brings to the program that is forked next."""
        if "import *" not in code:
            return
        words = set(self._words(code))
        looks_up = not (code.isascii() and words.isdisjoint(self._LOOKS_UP))
        for module, names, in_order in self._modules:
            module.__all__ = in_order if looks_up else list(names & words)  # type: ignore[attr-defined]


def warm_up(make_driver: Callable[[], Driver]) -> None:
    """Run a few trusted programs in this process, with nobody listening to what they send."""
    kept = sys.stdout, sys.stderr, os.dup(RESULTS)
    os.dup2(os.open(os.devnull, os.O_WRONLY), RESULTS)
    grids = (b"\0\1\2\0\0\1", b"\3\3\0\0\5\0")
    for code in _WARM_UP * _ROUNDS:
        driver = make_driver()
        driver.run(*driver.prepare(_request(code, grids)))
    sys.stdout, sys.stderr, results = kept
    os.dup2(results, RESULTS)
    os.close(results)
    del sys.modules["program"]


def _request(code: str, grids: Sequence[bytes]) -> bytes:
    text = code.encode()
    shape = wire.SHAPE.pack(2, 3)
    return wire.REQUEST.pack(len(text), len(grids)) + text + b"".join(shape + g for g in grids)


def _seed_numpy(random: Any, seed: int) -> None:
    """Seed the module `numpy.random`, which may not be bound in its package yet."""
    random.seed(seed % 2**32)
    seeds, default_rng = random.SeedSequence(seed), random.default_rng
    random.default_rng = lambda seed=None: default_rng(seeds.spawn(1)[0] if seed is None else seed)


def _no_temporary_folder(tempfile: Any) -> None:
    """Let `mkdtemp` name a folder that is not there where none can be made.

    Libraries such as matplotlib ask for one when they are imported and then do without.
    """
    make = tempfile.mkdtemp

    def mkdtemp(*arguments: Any, **settings: Any) -> str:
        try:
            return str(make(*arguments, **settings))
        except OSError:
            return "/no-temporary-folder"

    tempfile.mkdtemp = mkdtemp


def _after_loading(name: str, then: Callable[[Any], None]) -> None:
    """Have `then` called with a module, now or as soon as a program imports it."""
    if name in sys.modules:
        then(sys.modules[name])
    else:
        sys.meta_path.insert(0, _Finder(name, then))


class _Finder:  # without the base class, which would load much
    """Finds one module, once, with a loader that calls `then` when it is loaded."""

    def __init__(self, name: str, then: Callable[[Any], None]) -> None:
        self._name = name
        self._then = then

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.origin is not None:
            spec.loader = _Loader(fullname, spec.origin, self._then)
        return spec


class _Loader(SourceFileLoader):
    def __init__(self, fullname: str, path: str, then: Callable[[Any], None]) -> None:
        super().__init__(fullname, path)
        self._then = then

    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        self._then(module)

"""What concepts give is fixed: the embedded policy has learnt them as they are.

`python -m tests.test_concepts_golden` writes the digests anew, for a policy that is trained anew.
"""

import hashlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from arcbench.dsl import concepts
from arcbench.dsl.bench import concept_calls

GOLDEN = Path(__file__).with_name("concepts_golden.json")
NAMES = [name for name in concepts.__all__ if name != "np"]


def grids() -> list[Any]:
    """Grids of several kinds, made without a random generator."""
    cells = np.arange(11 * 13).reshape(11, 13)
    noise = cells * cells // 7 % 10
    tile = cells[:3, :4] % 5 + 1
    rooms = np.where((np.indices((9, 14)) % [[[4]], [[5]]] == 0).any(0), 5, 0)
    rooms[2, 7], rooms[6, 3], rooms[1:3, 11] = 3, 1, 8
    return [
        noise,
        np.where(noise % 3 == 0, noise, 0),
        np.where(cells % 17 == 0, cells % 7 + 1, 0),
        np.tile(tile, (3, 3)),
        np.where(np.tile(cells[:4, :4] % 3, (3, 3)) == 1, 0, 4),
        rooms,
        np.pad(np.full((3, 4), 3), 2),
        np.hstack([noise[:5, :5] % 2 * 4, np.full((5, 1), 5), noise[3:8, 2:7] % 2 * 3]),
        np.zeros((3, 3), dtype=np.int64),
        np.array([[7]]),
    ]


def digest(library: ModuleType, name: str) -> str:
    """A digest of all that the concept gives on the grids."""
    whole = hashlib.sha256()
    for call in concept_calls(name):
        function = getattr(library, name)
        for grid in grids():
            out = np.asarray(function(grid, *call.args[1]))
            whole.update(repr(out.shape).encode() + out.astype(np.int8).tobytes())
    return whole.hexdigest()[:12]


@pytest.mark.parametrize("name", NAMES)
def test_a_concept_gives_what_it_has_always_given(name: str) -> None:
    assert digest(concepts, name) == json.loads(GOLDEN.read_text())[name]


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps({n: digest(concepts, n) for n in NAMES}, indent=0) + "\n")

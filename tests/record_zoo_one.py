"""Records one run of the zoo in this process: what `record_zoo` starts."""

import argparse
from pathlib import Path

from tests.record_zoo import record
from tests.zoo_animals import ANIMALS


def main() -> None:
    """NAME-SEED and the words of `record_zoo`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--device", required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--small", action="store_true")
    asked = parser.parse_args()
    [(animal, seed)] = [(a, s) for a, s in ANIMALS if f"{a.name}-{s}" == asked.name]
    record(animal, seed, asked)


if __name__ == "__main__":
    main()

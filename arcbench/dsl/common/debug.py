"""Looking at grids while a program is written."""

import traceback
from collections.abc import Callable

from ._cells import Grid

# 256-colour terminal codes that come close to ARC's palette, by colour.
_ANSI = (0, 27, 196, 40, 226, 245, 201, 208, 117, 88)


def show_colored_grid(grid: Grid, text: bool = True) -> None:
    """Print the digits in colour, one line per y with x across; text=False draws a figure."""
    if not text:
        import matplotlib.pyplot as plt

        plt.imshow(grid.T, cmap="tab10", vmin=0, vmax=9)
        plt.show()
        return
    for y in range(grid.shape[1]):
        digits = (int(grid[x, y]) for x in range(grid.shape[0]))
        print(" ".join(f"\033[38;5;{_ANSI[d % 10]}m{d}\033[0m" for d in digits))  # noqa: T201


def visualize(
    input_generator: Callable[[], Grid],
    transform: Callable[[Grid], Grid],
    n_examples: int = 5,
    n_attempts: int = 100,
) -> None:
    """Print generated inputs with their outputs, then the share of failures and one traceback."""
    shown = failures = attempts = 0
    trace = ""
    while shown < n_examples and attempts < n_attempts:
        attempts += 1
        try:
            grid = input_generator()
            output = transform(grid.copy())
        except Exception:  # noqa: BLE001 - whatever the program raises is what is to be shown
            failures += 1
            trace = traceback.format_exc()
            continue
        shown += 1
        for title, picture in (("Input:", grid), ("Output:", output)):
            print(title)  # noqa: T201
            show_colored_grid(picture)
    print(f"{failures} of {attempts} attempts failed")  # noqa: T201
    if trace:
        print(trace)  # noqa: T201

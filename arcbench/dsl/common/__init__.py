"""What ARC programs in BARC's style import as `common`: `grid[x, y]`, x is the first index."""

from .colors import Color

__all__ = ["Color"]

"""Grids made from counts."""

__all__: list[str] = []

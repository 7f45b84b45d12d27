"""Find, select, change and lay out objects."""

__all__: list[str] = []

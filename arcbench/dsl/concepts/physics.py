"""Objects that fall, slide and bounce."""

__all__: list[str] = []

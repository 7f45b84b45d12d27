"""Lines, rays and boxes drawn from what a grid holds."""

__all__: list[str] = []

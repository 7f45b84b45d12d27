"""The ten colours by name."""


class Color:
    """ARC's colours as plain ints. Programs may assign to the attributes, so this is no Enum."""

    BLACK = 0
    BLUE = 1
    RED = 2
    GREEN = 3
    YELLOW = 4
    GREY = 5
    GRAY = 5
    PINK = 6
    ORANGE = 7
    # BARC's models were trained on text that says purple and brown, its seeds say teal and maroon.
    TEAL = 8
    PURPLE = 8
    MAROON = 9
    BROWN = 9

    TRANSPARENT = 0
    BACKGROUND = 0

    # Lists, because programs call random.choice and random.sample on them.
    ALL_COLORS = list(range(10))  # noqa: RUF012
    NOT_BLACK = list(range(1, 10))  # noqa: RUF012


# Defaults of parameters are bound here once: they don't follow an assignment to Color.BLACK.
BLACK = Color.BLACK

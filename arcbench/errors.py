"""What a user did wrong, said so that they can mend it."""

from collections.abc import Iterable


class UserError(ValueError):
    """A mistake of the caller: the message names the bad value and the way out.

    The command line prints it as one line and exits with code 2.
    """


class MissingExtra(UserError):
    """An optional part of arcbench was asked for whose packages are not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f"{what} needs packages that are not here: pip install 'arcbench[{extra}]'"
        )


def unknown(kind: str, value: object, allowed: Iterable[object]) -> UserError:
    """The error for a name that is not among the `allowed` ones."""
    return UserError(f"unknown {kind} {value!r}; one of: {', '.join(str(a) for a in allowed)}")

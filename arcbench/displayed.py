"""Values that show themselves in a notebook."""

from typing import Any


class Displayed:
    """As HTML where that is possible, as a line of text elsewhere: see `arcbench.notebook.show`."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return self._repr_mimebundle_()["text/html"]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        # Whatever is shown there is built of these values, so it cannot be imported before them.
        from arcbench.notebook.shown import show

        return show(self).bundle()

"""How the page's own buttons speak to the handlers, and how errors reach the reader."""

from collections.abc import Callable
from math import inf
from typing import Any

from arcbench.errors import UserError
from arcbench.policies.worker import WorkerCrashed

# One listener on the component's root: its content may be replaced at any time. What a button
# carries in data attributes is what the handler's event has.
PICK_JS = """
const PICKS = 'button[data-task], button[data-index], button[data-run], button[data-place]';
element.addEventListener('click', (event) => {
  const button = event.target.closest(PICKS);
  if (!button) return;
  element.querySelectorAll('[aria-current]').forEach(b => b.removeAttribute('aria-current'));
  button.setAttribute('aria-current', 'true');
  trigger('click', {...button.dataset});
});
element.addEventListener('keydown', (event) => {
  const step = {ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1}[event.key];
  const here = event.target.closest(PICKS);
  if (!step || !here) return;
  const all = [...element.querySelectorAll(PICKS)];
  const next = all[all.indexOf(here) + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
  next.click();
});
"""


def warn(error: UserError | WorkerCrashed) -> None:
    """Show what went wrong as a toast: one sentence, no traceback."""
    import gradio as gr

    first, _, rest = str(error).strip().partition("\n")
    last = rest.strip().rpartition("\n")[2]
    gr.Warning(f"{first} {last}".strip(), title="That did not work", duration=15)


def guarded(handler: Callable[..., Any], *values: Any) -> Any:
    """What a handler returns; its UserError is shown, and the page stays as it is."""
    import gradio as gr

    try:
        return handler(*values)
    except UserError as error:
        warn(error)
        return gr.skip()


def number(value: float | str | None, what: str, low: float, high: float = inf) -> float:
    """The number in the field called `what`; UserError where it is none, or out of bounds."""
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise UserError(f"{what} needs a number, not {value or 'nothing'!r}") from error
    if not low <= found <= high:
        bounds = f"at least {low:g}" if high == inf else f"{low:g} to {high:g}"
        raise UserError(f"{what} must be {bounds}, not {value}")
    return found


def whole(value: float | str | None, what: str, low: float, high: float = inf) -> int:
    """The whole number in a field, as `number` has it."""
    found = number(value, what, low, high)
    if not found.is_integer():
        raise UserError(f"{what} needs a whole number, not {value}")
    return int(found)

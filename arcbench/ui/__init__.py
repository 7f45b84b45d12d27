"""The workbench in the browser: one module a tab, put together here."""

import inspect
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arcbench.errors import MissingExtra, UserError
from arcbench.ports import PORTS_TRIED, free_port
from arcbench.ui.guard import LOOPBACK, MAX_UPLOAD_MB, Gate, private_files

if TYPE_CHECKING:
    from arcbench.workbench import Workbench

EVERYWHERE = "0.0.0.0"
WARM_AFTER_S = 2.0  # the first page goes first
KEPT_FILES_S = 86_400  # uploads and downloads are forgotten after that


def build_app(bench: "Workbench") -> Any:
    """The whole page as a gr.Blocks."""
    import gradio as gr

    from arcbench.ui import (
        evaluate,
        health_page,
        library,
        links,
        picker,
        runs,
        sample,
        tasks,
        train,
    )

    with gr.Blocks(
        title="arcbench", analytics_enabled=False, delete_cache=(3600, KEPT_FILES_S)
    ) as app:
        chosen = picker.build(bench)
        inner: dict[str, Any] = {}
        with gr.Tabs(elem_id="ab-tabs"):
            with gr.Tab("Tasks", id="tasks") as inner["tasks"]:
                tasks.build(bench, chosen)
            with gr.Tab("Sample", id="sample") as inner["sample"]:
                sample.build(bench, chosen)
            with gr.Tab("Train", id="train") as inner["train"]:
                training = train.build(bench, chosen, inner["train"])
            with gr.Tab("Runs", id="runs") as inner["runs"]:
                all_runs = runs.build(bench, inner["runs"])
            with gr.Tab("Evaluate", id="evaluate") as inner["evaluate"]:
                measured = evaluate.build(bench, chosen, inner["evaluate"])
            with gr.Tab("Health", id="health") as inner["health"]:
                checks = health_page.build(bench, training, inner["health"])
            with gr.Tab("Library", id="library") as inner["library"]:
                library.build(inner["library"])
        links.wire(bench, app, inner, chosen, all_runs, measured, training, checks)
        _rest_out_of_sight(app, inner)
    # A description of them, with all first values, would stand in every page, also in that which
    # asks for the account.
    for handler in app.fns.values():
        handler.api_visibility = "private"
    return app


def _rest_out_of_sight(app: Any, tabs: dict[str, Any]) -> None:
    """Stop the timers of the tabs that are left; each tab starts its own when it is chosen."""
    import gradio as gr

    timers = [
        (name, timer)
        for name, tab in tabs.items()
        for timer in app.blocks.values()
        if isinstance(timer, gr.Timer) and timer.parent is tab
    ]
    for name, tab in tabs.items():
        others = [timer for owner, timer in timers if owner != name]
        stop = [{"__type__": "update", "active": False}] * len(others)
        tab.select(None, None, others, js=f"() => {json.dumps(stop)}")


def style() -> dict[str, Any]:
    """Theme and style sheet, as `launch` takes them; nothing of them is loaded from elsewhere."""
    import gradio as gr

    from arcbench.ui.html import highlight_css

    theme = gr.themes.Default(
        primary_hue=gr.themes.colors.blue,
        neutral_hue=gr.themes.colors.zinc,
        spacing_size=gr.themes.sizes.spacing_sm,
        radius_size=gr.themes.sizes.radius_md,
        text_size=gr.themes.sizes.text_md,
        font=["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"],
        font_mono=["ui-monospace", "SF Mono", "Menlo", "Consolas", "monospace"],
    )
    theme.set(
        body_text_color_subdued="*neutral_500",
        body_text_color_subdued_dark="*neutral_400",
        block_label_text_size="*text_sm",
        block_title_text_size="*text_sm",
        button_large_text_size="*text_md",
        button_large_text_weight="600",
        button_small_text_weight="500",
        input_padding="6px 9px",
    )
    sheets = (
        Path(__file__).with_name(f"{name}.css") for name in ("style", "library", "sample", "train")
    )
    css = "\n".join(sheet.read_text(encoding="utf-8") for sheet in sheets)
    return {"theme": theme, "css": f"{css}\n{highlight_css()}"}


def gate(host: str) -> Any:
    """The middleware for an app on `host`; on this machine only it is asked for by its names."""
    from starlette.middleware import Middleware

    return Middleware(Gate, hosts=LOOPBACK if host in LOOPBACK else None)


def account(text: str) -> tuple[str, str]:
    """Name and password of "NAME:PASSWORD". UserError for an empty one."""
    name, _, password = text.partition(":")
    if not name or not password:
        raise UserError("an account is NAME:PASSWORD, and neither is empty")
    return name, password


def launch(
    host: str = "127.0.0.1",
    port: int = 7860,
    runs_root: str | Path = "runs",
    *,
    data: str | Path = ".",
    auth: str | None = None,
) -> None:
    """Serve the workbench until Ctrl-C, on this machine only unless `host` says otherwise.

    Data sets are read from the folder `data` only. Raises UserError for another `host` without
    `auth` ("NAME:PASSWORD"): who can open the page can run programs here, in the sandbox, and use
    the GPU.
    """
    if host not in LOOPBACK and auth is None:
        raise UserError(
            f"host {host!r} is more than this machine ({', '.join(LOOPBACK)}): whoever reaches it "
            "could run programs here. Give an account, too: --auth NAME:PASSWORD"
        )
    if not Path(data).is_dir():
        raise UserError(f"no folder of data sets: {data}")
    allowed = None if auth is None else account(auth)
    if not 1 <= port <= 65535 - PORTS_TRIED:
        raise UserError(f"port must be in 1-{65535 - PORTS_TRIED}, not {port}")
    # Before gradio is imported: it must not speak to anybody outside.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        with _without_stubs():
            import gradio  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingExtra("the app", "app") from error
    from arcbench.workbench import Workbench

    taken = free_port(host, port)
    if taken != port:
        _say(f"port {port} is in use, taking {taken}")
    with private_files(), Workbench(runs_root, data_roots=[Path(data)]) as bench:
        app = build_app(bench)
        app.queue(default_concurrency_limit=4)
        app.launch(
            server_name=host,
            server_port=taken,
            quiet=True,
            footer_links=[],
            prevent_thread_lock=True,
            auth=allowed,
            max_file_size=MAX_UPLOAD_MB * 1_000_000,
            app_kwargs={"middleware": [gate(host)]},
            ssr_mode=False,
            # It would ask itself for the page first, and give up where a run keeps all cores busy.
            _frontend=False,
            **style(),
        )
        warm = threading.Timer(WARM_AFTER_S, _warm, [bench])
        warm.daemon = True
        warm.start()
        # Like Ctrl-C: policies and sandbox are closed on the way out.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        _say(f"arcbench is on http://{host}:{taken} (Ctrl-C ends it; runs go on)")
        try:
            app.block_thread()
        finally:
            app.close(verbose=False)


@contextmanager
def _without_stubs() -> Iterator[None]:
    """Keep gradio from writing a .pyi file beside each component, half of the time of its import.

    It leaves out those whose source file cannot be told.
    """
    told = inspect.getfile

    def getfile(object: Any) -> str:
        if sys._getframe(1).f_globals.get("__name__") == "gradio.component_meta":
            raise OSError("not asked for")
        return told(object)

    inspect.getfile = getfile
    try:
        yield
    finally:
        inspect.getfile = told


def _warm(bench: "Workbench") -> None:
    """Load and make what the first look at a tab would wait for."""
    from arcbench import plots_train  # noqa: F401
    from arcbench.ui import evaluate, html, runs
    from arcbench.ui.library_html import library

    runs.lines(bench)
    evaluate.lines(bench)
    html.code_block("def transform(grid): ...")
    library()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()

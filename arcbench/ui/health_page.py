"""The components of the tab "Health", and what happens when they are used."""

from typing import Any

from arcbench.errors import UserError
from arcbench.health.preflight import Preflight
from arcbench.training.config import TrainConfig
from arcbench.ui import health_html, html
from arcbench.ui.events import LOOK, PICK_JS, QUIET, guarded, number, picked, say_which
from arcbench.ui.health import (
    ENGINES,
    FORM,
    KINDS,
    MEMORY_POLICIES,
    TICK_S,
    launch_check,
    launch_server,
    memory_config,
    memory_page,
    newest_check,
    preflight_page,
    server_names,
    server_page,
    settings_names,
    settings_of,
    sync_page,
)
from arcbench.ui.train import TrainTab
from arcbench.ui.train_form import FormError, form_of, policies, settings
from arcbench.workbench import Workbench

VIEWS = ("preflight", "servers", "memory")


def build(bench: Workbench, train: TrainTab, tab: Any) -> Any:
    """Lay out the tab and wire it; it is filled when it is first looked at.

    Returns the hidden gr.Textbox with the inner tab that is shown, one of VIEWS.
    """
    import gradio as gr

    timer = gr.Timer(TICK_S, active=False)
    view = gr.Textbox("", visible="hidden")
    with gr.Tabs(elem_id="ab-health-views"):
        with gr.Tab("Before a run", id="preflight") as in_preflight:
            _preflight(bench, train, in_preflight, tab, timer)
        with gr.Tab("Servers and sync", id="servers") as in_servers:
            _servers(bench, in_servers, tab, timer)
        with gr.Tab("Memory plan", id="memory") as in_memory:
            _memory(bench, train, in_memory, tab)
    say_which(dict(zip(VIEWS, (in_preflight, in_servers, in_memory), strict=True)), view)
    tab.select(lambda: gr.Timer(active=True), None, timer, **LOOK)
    return view


def _preflight(bench: Workbench, train: TrainTab, here: Any, tab: Any, timer: Any) -> None:
    import gradio as gr

    # The settings whose check is shown, and what is shown of it.
    asked, seen = gr.State(None), gr.State(None)
    with gr.Row(elem_id="ab-health-row"):
        whose = gr.Dropdown([FORM], value=FORM, label="Settings of", min_width=260, scale=3,
                            elem_id="ab-health-whose")  # fmt: skip
        go = gr.Button("Check", variant="primary", min_width=90, scale=0, elem_id="ab-health-go")
        halt = gr.Button("Cancel", min_width=80, scale=0, interactive=False,
                         elem_id="ab-health-stop")  # fmt: skip
    with gr.Row():
        with gr.Column(scale=8, min_width=420):
            found = gr.HTML(preflight_page(None)[0], elem_id="ab-health-found")
        with gr.Column(scale=5, min_width=300):
            gr.HTML("<h4>This machine</h4>")
            machine = gr.HTML(
                html.note("What can run here is told with the first check."),
                elem_id="ab-health-machine",
            )

    def config_of(name: str, values: tuple[Any, ...]) -> TrainConfig:
        try:
            form = settings(bench, form_of(values)) if name == FORM else None
        except FormError as error:
            raise UserError(f"the form of the tab Train: {error}") from error
        return settings_of(bench, name, form)

    def names(current: str) -> Any:
        there = settings_names(bench)
        return gr.Dropdown(there, value=current if current in there else FORM)

    def check(name: str, *values: Any) -> Any:
        def started() -> Any:
            config = config_of(name, values)
            return config, *page(bench.preflight(config, again=True, wait_s=0))

        return guarded(started)

    def known(name: str, *values: Any) -> Any:
        """What was found for these settings before, also by the tab Train."""
        try:
            config = config_of(name, values)
        except UserError:
            return [gr.skip()] * 5
        return config, *page(bench.known_preflight(config))

    def page(preflight: Preflight | None) -> tuple[Any, ...]:
        shown, told = preflight_page(preflight)
        live = preflight is not None and not preflight.status.state.over
        return preflight, shown, told or gr.skip(), gr.Button(interactive=live)

    def tick(config: TrainConfig | None, old: Preflight | None) -> Any:
        if config is None:
            return [gr.skip()] * 4
        new = bench.known_preflight(config)
        # An answer that is too old for a new run still can be read.
        return [gr.skip()] * 4 if new is None or new == old else page(new)

    def cancel(config: TrainConfig | None) -> Any:
        if config is not None:
            bench.cancel_preflight(config)
        return gr.Button(interactive=False)

    shown = [asked, seen, found, machine, halt]
    gr.on([tab.select, here.select], names, whose, whose, **LOOK).then(
        known, [whose, *train.fields], shown, **LOOK
    )
    whose.change(known, [whose, *train.fields], shown, **LOOK)
    go.click(check, [whose, *train.fields], shown, **QUIET)
    halt.click(cancel, asked, halt, **QUIET)
    timer.tick(tick, [asked, seen], shown[1:], **LOOK)


def _servers(bench: Workbench, here: Any, tab: Any, timer: Any) -> None:
    import gradio as gr

    seen = gr.State(None)  # what the page shows of the newest check
    with gr.Row(elem_id="ab-server-row"):
        policy = gr.Dropdown(policies(bench), value=bench.policies()[0], label="Model",
                             allow_custom_value=True, min_width=150, scale=2,
                             elem_id="ab-server-policy")  # fmt: skip
        kind = gr.Dropdown(list(KINDS.items()), value="transformers", label="Kind", min_width=190,
                           scale=2, elem_id="ab-server-kind")  # fmt: skip
        port = gr.Number(8000, label="Port", precision=0, min_width=130)
        gpus = gr.Textbox("", label="GPUs", placeholder="all", min_width=70)
        share = gr.Number(0.9, label="Share of the card", step=0.05, min_width=110)
        longest = gr.Textbox("", label="Longest sequence", placeholder="the model's", min_width=110)
        go = gr.Button("Start server", variant="primary", min_width=110, scale=0,
                       elem_id="ab-server-go")  # fmt: skip
    listed = gr.HTML(health_html.server_table([]), js_on_load=PICK_JS, elem_id="ab-servers")
    with gr.Row(elem_id="ab-server-chosen"):
        chosen = gr.Dropdown([], label="Server", min_width=260, elem_id="ab-server")
        halt = gr.Button("Stop server", min_width=110, scale=0, interactive=False, variant="stop",
                         elem_id="ab-server-stop")  # fmt: skip
    with gr.Accordion("Log of the server", open=False):
        log = gr.HTML(server_page(bench, None), elem_id="ab-server-log")
    gr.HTML("<h4>Does a server follow the weights?</h4>")
    with gr.Row(elem_id="ab-sync-row"):
        url = gr.Dropdown([], label="Server to check", allow_custom_value=True, min_width=220,
                          scale=2, elem_id="ab-sync-url")  # fmt: skip
        model = gr.Dropdown(
            policies(bench), value=bench.policies()[0], label="Model that it serves",
            allow_custom_value=True, min_width=150, elem_id="ab-sync-policy",
        )  # fmt: skip
        rank = gr.Number(16, label="Rank", precision=0, min_width=70)
        steps = gr.Number(5, label="Further steps", precision=0, min_width=100)
        check = gr.Button("Check", variant="primary", min_width=80, scale=0, elem_id="ab-sync-go")
        cancel = gr.Button("Cancel", min_width=80, scale=0, interactive=False,
                           elem_id="ab-sync-stop")  # fmt: skip
    result = gr.HTML(sync_page(None), elem_id="ab-sync")

    def fill(current: str | None, address: str | None, old: Any) -> Any:
        def all_of_it() -> Any:
            servers = bench.servers()
            names = [s.name for s in servers]
            name = current if current in names else next(iter(names), None)
            state = next((s for s in servers if s.name == name), None)
            live = state is not None and not state.status.state.over
            up = [s.url for s in servers if s.answers]
            report = newest_check(bench)
            running = report is not None and not report.status.state.over
            new = (tuple(servers), report)
            same = old is not None and old[0] == new[0]
            choices = [(f"{s.url} ({s.word})", s.name) for s in servers]
            return (
                gr.skip() if same else health_html.server_table(servers),
                gr.skip() if same and name == current else gr.Dropdown(choices, value=name),
                gr.Button("Stop server", interactive=live),
                server_page(bench, name),
                (gr.skip() if same else gr.Dropdown(up))
                if address
                else gr.Dropdown(up, value=next(iter(up), None)),
                gr.skip() if old is not None and old[1] == report else sync_page(report),
                gr.Button(interactive=running),
                new,
            )

        return guarded(all_of_it)

    def begin(spec: str, what: str, at: float | None, cards: str, part: float | None,
              tokens: str) -> Any:  # fmt: skip
        return guarded(
            lambda: gr.Dropdown(
                value=launch_server(
                    bench, policy=spec, kind=what, port=at, gpus=cards, share=part,
                    max_tokens=tokens,
                ),
                choices=server_names(bench),
            )
        )  # fmt: skip

    def end(name: str | None) -> None:
        if name:
            guarded(bench.end_server, name)

    def begin_check(
        address: str | None, spec: str, size: float | None, count: float | None
    ) -> None:
        guarded(lambda: launch_check(bench, address, policy=spec, rank=size, checks=count))

    def end_check() -> Any:
        report = newest_check(bench)
        if report is not None:
            guarded(bench.cancel_sync, report.name)
        return gr.Button(interactive=False)

    shown = [listed, chosen, halt, log, url, result, cancel, seen]
    drawn: dict[str, Any] = {"fn": fill, "inputs": [chosen, url, seen], "outputs": shown, **QUIET}
    gr.on([tab.select, here.select, timer.tick, chosen.change], **drawn)
    go.click(begin, [policy, kind, port, gpus, share, longest], chosen, **QUIET).then(**drawn)
    listed.click(None, None, chosen, js=picked("ab-servers", "run"))
    halt.click(lambda: gr.Button("Stopping …", interactive=False), None, halt, **QUIET).then(
        end, chosen, None, **QUIET
    ).then(**drawn)
    check.click(begin_check, [url, model, rank, steps], None, **QUIET).then(**drawn)
    cancel.click(end_check, None, cancel, **QUIET).then(**drawn)


def _memory(bench: Workbench, train: TrainTab, here: Any, tab: Any) -> None:
    import gradio as gr

    with gr.Row(elem_id="ab-memory-row"):
        policy = gr.Dropdown([*MEMORY_POLICIES], value=MEMORY_POLICIES[0], label="Policy",
                             allow_custom_value=True, min_width=150, scale=2,
                             elem_id="ab-memory-policy")  # fmt: skip
        card = gr.Number(80, label="Card, GB", min_width=70)
        prompt = gr.Number(8635, label="Longest prompt", precision=0, min_width=100)
        completion = gr.Number(2000, label="Longest completion", precision=0, min_width=120)
        rank = gr.Number(16, label="Rank (0: all weights)", precision=0, min_width=120)
        bits = gr.Dropdown(["16", "4"], value="16", label="Bits of frozen weights", min_width=120)
    with gr.Row():
        engine = gr.Dropdown(list(ENGINES.items()), value="transformers", label="Written by",
                             min_width=150, scale=2, elem_id="ab-memory-engine")  # fmt: skip
        share = gr.Number(0.3, label="Share for vLLM", step=0.05, min_width=100)
        group = gr.Number(8, label="Group size", precision=0, min_width=120)
        prompts = gr.Number(1, label="Prompts a step", precision=0, min_width=100)
        micro = gr.Number(1, label="Micro-batch (0: all)", precision=0, min_width=140)
        again = gr.Checkbox(True, label="checkpointing", min_width=110)
    page = gr.HTML("", elem_id="ab-memory-plan")

    def plan(
        spec: str, gb: float | None, p: float | None, c: float | None, size: float | None,
        width: str, what: str, part: float | None, n: float | None, many: float | None,
        batch: float | None, checkpointing: bool,
    ) -> str:  # fmt: skip
        try:
            config = memory_config(
                policy=spec, prompt=p, completion=c, rank=size, bits=width, group=n, prompts=many,
                micro=batch, engine=what, share=part, checkpointing=checkpointing,
            )  # fmt: skip
            return memory_page(bench.memory_plan(config, number(gb, "Card", 1, 10_000)))
        except UserError as error:
            return html.note(str(error), "error")

    fields: list[Any] = [
        policy, card, prompt, completion, rank, bits, engine, share, group, prompts, micro, again,
    ]  # fmt: skip
    gr.on(
        [tab.select, here.select, *(field.change for field in fields)],
        plan, fields, page, trigger_mode="always_last", **LOOK,
    )  # fmt: skip

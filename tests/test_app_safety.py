"""Who tries to get, through the running app, at what lies outside its folders: real requests."""

import http.client
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import pytest

from arcbench.ui.guard import MAX_UPLOAD_MB
from tests.browsing import ROOT, App, free_port

pytestmark = pytest.mark.slow

SECRET = "nobody may read this"
API = "/gradio_api"


@pytest.fixture(scope="module")
def secret(tmp_path_factory):
    """A file beside the folders of the app."""
    file = tmp_path_factory.mktemp("elsewhere") / "secret.json"
    file.write_text(json.dumps({"train": SECRET}))
    return file


@pytest.fixture(scope="module")
def client(app):
    with httpx.Client(base_url=app.address, timeout=60) as made:
        made.config = made.get("/config").json()
        yield made


def call(client, fn_index, data):
    """What the handler of that number answers to `data`, as text."""
    session = f"s{time.monotonic_ns()}"
    body = {"data": data, "fn_index": fn_index, "session_hash": session}
    joined = client.post(f"{API}/queue/join", json=body)
    if joined.status_code != 200:
        return joined.text
    with client.stream("GET", f"{API}/queue/data", params={"session_hash": session}) as events:
        said = []
        for line in events.iter_lines():
            said.append(line)
            if "process_completed" in line:
                break
    return "\n".join(said)


def handlers(client, elem_id, role="inputs"):
    """The handlers that have the component of that name among their inputs, outputs or targets."""
    ids = [c["id"] for c in client.config["components"] if c["props"].get("elem_id") == elem_id]
    assert ids, elem_id
    found = []
    for d in client.config["dependencies"]:
        members = [t[0] for t in d["targets"]] if role == "targets" else d[role]
        if ids[0] in members and d["backend_fn"]:
            found.append(d)
    assert found, elem_id
    return found, ids[0]


def values(client, dependency, changed):
    """The values that the page has at first, but for those of `changed`, by component."""
    first = {c["id"]: c["props"].get("value") for c in client.config["components"]}
    return [changed.get(i, first.get(i)) for i in dependency["inputs"]]


@pytest.mark.parametrize(
    "form",
    [
        "{secret}", "/{secret}", "../../../../../..{secret}", "file://{secret}", "{secret}%00.png",
        "{runs}/../elsewhere0/secret.json", "{root}/pyproject.toml", "{root}/.git/config",
        "/proc/self/environ", "pyproject.toml", "./pyproject.toml", "{tmp}", "http://{host}/config",
        "HTTP://{host}/config",
    ],
)  # fmt: skip
@pytest.mark.parametrize("encoded", [False, True])
def test_a_file_outside_is_not_served(client, app, runs, secret, form, encoded):
    path = form.format(
        secret=secret, runs=runs, root=ROOT, tmp=secret.parent, host=urlsplit(app.address).netloc
    )
    got = client.get(f"{API}/file=" + (quote(path, safe="") if encoded else path))
    assert got.status_code in (400, 403, 404), got.status_code
    assert SECRET not in got.text
    assert "[project]" not in got.text


@pytest.mark.parametrize(
    "path",
    [
        f"{API}/proxy=https://x.hf.space/a", f"{API}/run-history/buckets", f"{API}/runs",
        f"{API}/deep_link?session_hash=a", f"{API}/custom_component/a/client/b/c", "/monitoring",
        "/static/../../../../../../../../etc/passwd", "/assets/..%2f..%2f..%2f..%2f..%2fetc/passwd",
        f"{API}/%70roxy=https://x.hf.space/a",
    ],
)  # fmt: skip
def test_routes_that_no_page_of_arcbench_asks_for_are_closed(client, path):
    got = client.get(path)
    assert got.status_code in (400, 403, 404)
    assert "root:" not in got.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://example.org"}, {"Origin": "null"}, {"Host": "example.org"},
        {"Origin": "http://localhost:1"},
    ],
)  # fmt: skip
def test_pages_of_others_cannot_use_the_app_in_its_readers_name(client, headers):
    assert client.get("/config", headers=headers).status_code == 403
    join = client.post(f"{API}/queue/join", headers=headers, json={"data": [], "fn_index": 0})
    assert join.status_code == 403


@pytest.mark.parametrize(
    "name",
    [
        "../../../evil.json", "/evil.json", "..", ".", "a/../../evil.json", "~/evil.json",
        "evil\\..\\x.json", "%2e%2e%2fevil.json", "x" * 400 + ".json", "évil <b>.json",
    ],
)  # fmt: skip
def test_an_upload_lands_in_the_folder_of_the_app_whatever_its_name(client, app, runs, name):
    before = set(runs.parent.rglob("*"))
    got = client.post(f"{API}/upload", files={"files": (name, b"{}")})
    if got.status_code == 200:
        for path in map(Path, got.json()):
            assert ".." not in path.parts
            assert path.parents[1].name.startswith("arcbench-app-")
            assert path.parents[1].stat().st_mode & 0o077 == 0
    else:
        assert got.status_code in (400, 413, 422)
    assert set(runs.parent.rglob("*")) == before
    assert not any(Path(p).exists() for p in ("/evil.json", "/tmp/evil.json", ROOT / "evil.json"))


@pytest.mark.parametrize("length", [str((MAX_UPLOAD_MB + 1) * 1_000_000), None])
def test_an_upload_that_is_too_long_or_hides_its_length_is_not_read(app, length):
    connection = http.client.HTTPConnection(urlsplit(app.address).netloc, timeout=30)
    connection.putrequest("POST", f"{API}/upload")
    connection.putheader("Content-Type", "multipart/form-data; boundary=x")
    if length is None:
        connection.putheader("Transfer-Encoding", "chunked")
    else:
        connection.putheader("Content-Length", length)
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status == (411 if length is None else 413)
    connection.close()


@pytest.mark.parametrize("target", ["secret", "environ", "url"])
def test_a_file_that_nobody_uploaded_is_no_upload(client, app, secret, target):
    path = {"secret": str(secret), "environ": "/proc/self/environ", "url": ""}[target]
    found, button = handlers(client, "ab-challenges")
    for dependency in found:
        file = {"path": path, "orig_name": "a.json", "meta": {"_type": "gradio.FileData"}}
        if target == "url":
            file |= {"path": f"file://{secret}", "url": f"file://{secret}"}
        said = call(client, dependency["id"], values(client, dependency, {button: file}))
        assert SECRET not in said
        assert "PATH=" not in said


@pytest.mark.parametrize("name", ["../elsewhere0", "<b>/etc</b>"])
@pytest.mark.parametrize("elem_id", ["ab-runs-run", "ab-eval", "ab-sweep", "ab-at-rollout"])
def test_names_that_lead_elsewhere_name_nothing(client, runs, name, elem_id):
    before = set(runs.parent.rglob("*"))
    found, component = handlers(client, elem_id)
    for dependency in [d for d in found if len(d["inputs"]) < 4]:
        value = f"{name}/1.0.0" if elem_id == "ab-at-rollout" else name
        said = call(client, dependency["id"], values(client, dependency, {component: value}))
        assert SECRET not in said
        assert "Traceback" not in said
    assert set(runs.parent.rglob("*")) == before


def test_a_data_set_outside_its_folder_is_not_read(client, secret):
    found, component = handlers(client, "ab-dataset")
    said = ""
    for dependency in found[:4]:
        said += call(client, dependency["id"], values(client, dependency, {component: str(secret)}))
    assert "lies outside" in said
    assert SECRET not in said


def test_the_process_of_the_app_has_no_torch_and_its_script_is_short(app):
    maps = Path(f"/proc/{app.process.pid}/maps").read_text()
    assert "libtorch" not in maps
    assert len((ROOT / "app.py").read_text().splitlines()) <= 40


def test_everywhere_is_listened_on_only_with_an_account():
    command = [sys.executable, "app.py", "--listen", "--port", str(free_port())]
    environment = {k: v for k, v in os.environ.items() if k != "ARCBENCH_AUTH"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode != 0
    assert "--auth NAME:PASSWORD" in done.stdout + done.stderr


def test_with_an_account_nothing_is_told_to_others(tmp_path, secret):
    guarded = App(tmp_path / "runs", free_port(), "--listen", "--auth", "me:pass word")
    try:
        port = int(guarded.url().rpartition(":")[2])
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            assert "67a3c6ac" not in client.get("/").text
            asked = {
                "/config": client.get("/config"),
                "file": client.get(f"{API}/file={secret}"),
                "info": client.get(f"{API}/info"),
                "upload": client.post(f"{API}/upload", files={"files": ("a.json", b"{}")}),
                "join": client.post(f"{API}/queue/join", json={"data": [], "fn_index": 0}),
            }
            assert {name: got.status_code for name, got in asked.items()} == dict.fromkeys(
                asked, 401
            )
            wrong = client.post("/login", data={"username": "me", "password": "no"})
            assert wrong.status_code == 400
            right = client.post("/login", data={"username": "me", "password": "pass word"})
            assert right.status_code == 200
            assert client.get("/config").status_code == 200
            assert client.get(f"{API}/file={secret}").status_code == 403
    finally:
        guarded.close()

"""Who may come in, how much they may send, how fast, and what the audit log says of it."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from calx.api.store.audit import Audit, verify
from tests.api.running import Running, case, serving, until
from tests.command import calx

TOKEN = "correct-horse-battery"
KEY = {"Authorization": f"Bearer {TOKEN}"}
LONGEST = 240.0
"""Seconds after which a client that was not let go is given up; on a machine under load that takes longer than the limit itself."""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serving(
        tmp_path_factory.mktemp("guarded"), "--host", "0.0.0.0", "--token", TOKEN, "--rate", "0"
    ) as running:
        yield running


@pytest.mark.parametrize(
    "options",
    [
        ("--host", "0.0.0.0"),
        ("--host", "0.0.0.0", "--token", "short"),
        ("--private",),
        ("--token", "with a space inside it"),
    ],
)
def test_it_refuses_to_start_open_to_others_without_a_good_token(
    options: tuple[str, ...], tmp_path: Path
) -> None:
    done = calx("serve", "--port", 0, "--data", tmp_path, *options)
    assert done.returncode == 2
    assert "token" in done.stderr
    assert "Traceback" not in done.stderr


def test_writes_need_the_token_and_reads_do_not(guarded: Running) -> None:
    with guarded.client() as client:
        for headers in (
            {},
            {"Authorization": "Bearer wrong-horse-battery"},
            {"Authorization": TOKEN},
            {"Authorization": "Bearer x"},
            {"Authorization": f"Basic {TOKEN}"},
        ):
            for method, path in [
                ("POST", "/cases"),
                ("DELETE", "/cases/x"),
                ("POST", "/store"),
                ("POST", "/cases/x/delete"),
                ("POST", "/restore"),
                ("GET", "/backup"),
                ("POST", "/cds-services/calx-lesion/feedback"),
            ]:
                reply = client.request(
                    method, path, headers=headers, json=case("x") if method == "POST" else None
                )
                assert reply.status_code == 401, (method, path)
                assert "WWW-Authenticate" in reply.headers
        assert client.post("/cases", json=case("x"), headers=KEY).status_code == 201
        assert client.get("/cases/x").status_code == 200
        assert client.post("/recommend", json=case("y")).status_code == 200
        assert client.get("/sparql", params={"query": "ASK {}"}).status_code == 200
        assert client.get("/backup", headers=KEY).status_code == 200


def test_private_asks_for_the_token_for_reading_too(tmp_path: Path) -> None:
    with serving(tmp_path, "--token", TOKEN, "--private") as running, running.client() as client:
        for path in ("/cases", "/cases/x", "/sparql?query=ASK%20%7B%7D", "/cases/x/proof"):
            assert client.get(path).status_code == 401
            assert client.get(path, headers=KEY).status_code in (200, 404)
        assert client.post("/recommend", json=case("y")).status_code == 200


def test_a_person_signs_in_with_the_token(guarded: Running) -> None:
    with guarded.client() as client:
        assert client.post("/login", data={"token": "wrong-horse-battery"}).status_code == 403
        done = client.post("/login", data={"token": TOKEN})
        assert done.status_code == 303
        assert "HttpOnly" in done.headers["set-cookie"]
        assert "SameSite=strict" in done.headers["set-cookie"]
        assert TOKEN not in done.headers["set-cookie"]
        assert (
            client.post(
                "/login", data={"token": TOKEN}, headers={"Origin": "http://evil.example"}
            ).status_code
            == 403
        )
        assert client.post("/cases", json=case("by-cookie")).status_code == 201
        assert (
            client.post(
                "/cases", json=case("by-cookie-2"), headers={"Origin": "http://evil.example"}
            ).status_code
            == 403
        )


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "[::2]:80"]
)
def test_another_name_for_this_machine_is_not_answered(host: str, client: httpx.Client) -> None:
    reply = client.get("/cases", headers={"Host": host})
    assert reply.status_code == 403
    assert reply.json()["type"].endswith("wrong-origin")


@pytest.mark.parametrize(
    "hosts", [("evil.example", "127.0.0.1"), ("127.0.0.1", "evil.example"), (), ("127.0.0.1:[",)]
)
def test_a_request_names_one_host(hosts: tuple[str, ...], service: Running) -> None:
    address = service.url.removeprefix("http://").split(":")
    with socket.create_connection((address[0], int(address[1]))) as raw:
        raw.sendall(
            b"GET /docs HTTP/1.1\r\n"
            + b"".join(f"Host: {host}\r\n".encode() for host in hosts)
            + b"\r\n"
        )
        assert b" 400 " in raw.recv(100)


def test_too_large_a_head_is_refused_and_not_kept(service: Running) -> None:
    address = service.url.removeprefix("http://").split(":")
    for start in (b"GET /facts HTTP/1.1\r\nHost: localhost\r\nAccept: ", b"GET /"):
        with socket.create_connection((address[0], int(address[1]))) as raw:
            raw.settimeout(10)
            try:
                raw.sendall(start)
                for _ in range(100):
                    raw.sendall(b"a" * 100_000)
            except OSError:
                continue  # closed before all of it was taken
            assert raw.recv(100)[9:12] in (b"431", b"")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://["},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_pages_of_other_sites_change_nothing(headers: dict[str, str], client: httpx.Client) -> None:
    for method, path in (
        ("POST", "/cases"),
        ("POST", "/store"),
        ("DELETE", "/cases/x"),
        ("POST", "/restore"),
    ):
        assert (
            client.request(
                method, path, headers=headers, json=case("csrf") if method == "POST" else None
            ).status_code
            == 403
        )
    assert client.get("/cases/csrf").status_code == 404


def test_only_named_sites_may_read_answers(tmp_path: Path, client: httpx.Client) -> None:
    asking = {
        "Origin": "https://ehr.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    assert (
        "access-control-allow-origin"
        not in client.post(
            "/recommend", json=case("c"), headers={"Origin": "https://ehr.example"}
        ).headers
    )
    with serving(tmp_path, "--origin", "https://ehr.example") as running, running.client() as open_:
        assert (
            open_.options("/cds-services/calx-lesion", headers=asking).headers[
                "access-control-allow-origin"
            ]
            == "https://ehr.example"
        )
        assert (
            "access-control-allow-origin"
            not in open_.post(
                "/recommend", json=case("c"), headers={"Origin": "https://evil.example"}
            ).headers
        )


def test_a_person_is_led_to_the_sign_in(guarded: Running) -> None:
    with guarded.client() as client:
        page = client.post(
            "/store",
            data={"case_id": "x", "max_superficial_arc_deg": "300"},
            headers={"Accept": "text/html"},
        )
        assert page.status_code == 401
        assert 'href="/login' in page.text
        assert 'href="/login' in client.get("/", headers={"Accept": "text/html"}).text


def test_head_is_get_without_content(client: httpx.Client) -> None:
    for path in ("/", "/health", "/rules/D4", "/cases", "/sparql"):
        reply = client.head(path)
        assert reply.status_code == 200
        assert reply.content == b""
        assert int(reply.headers["content-length"]) > 0


def test_nobody_speaks_in_the_name_of_another_address(
    service: Running, client: httpx.Client
) -> None:
    client.post("/recommend", json=case("forged"), headers={"X-Forwarded-For": "6.6.6.6"})
    assert "6.6.6.6" not in (service.data / "audit.jsonl").read_text()


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/cases",
        "/rules",
        "/recommend",
        "/nothing",
        "/static/calx.css",
        "/sparql",
        "/openapi.json",
    ],
)
def test_every_reply_carries_the_headers_that_keep_a_browser_safe(
    path: str, client: httpx.Client
) -> None:
    headers = client.get(path, headers={"Accept": "text/html,*/*;q=0.1"}).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy
    assert ("unsafe-inline" in policy) == (path == "/sparql"), (
        "YASGUI writes style attributes; nothing else may"
    )
    assert re.search(r"script-src 'self'(;|$)", policy)
    assert "server" not in headers


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/cases",
        "/rules",
        "/studies",
        "/guideline",
        "/sparql",
        "/docs",
        "/login",
        "/?max_superficial_arc_deg=300",
    ],
)
def test_no_page_loads_anything_from_elsewhere(path: str, client: httpx.Client) -> None:
    text = client.get(path, headers={"Accept": "text/html"}).text
    assert not re.findall(r"""(?:src|href|action)=["'](?:https?:)?//(?!www\.w3\.org)[^"']+""", text)
    assert not re.findall(r"<script(?![^>]*src=)|\son[a-z]+=|<style|\sstyle=", text)


def test_too_large_a_body_is_refused_before_it_is_read(client: httpx.Client) -> None:
    assert (
        client.post(
            "/recommend", content=b" " * (1 << 21), headers={"Content-Type": "application/json"}
        ).status_code
        == 413
    )
    with socket.create_connection((client.base_url.host, client.base_url.port or 80)) as raw:
        raw.sendall(
            b"POST /recommend HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n"
        )
        assert b"413" in raw.recv(100)
    with socket.create_connection(
        (client.base_url.host, client.base_url.port or 80)
    ) as raw:  # without a length, in chunks
        raw.sendall(
            b"POST /recommend HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        try:
            for _ in range(40):
                raw.sendall(chunk)
        except (BrokenPipeError, ConnectionResetError):
            return
        assert b"413" in raw.recv(100)


def test_a_client_that_sends_drop_by_drop_is_let_go(service: Running) -> None:
    address = service.url.removeprefix("http://").split(":")
    waited: dict[str, float] = {}

    def drip(name: str, head: bytes) -> None:
        started = time.monotonic()
        with socket.create_connection((address[0], int(address[1]))) as raw:
            raw.settimeout(40)
            raw.sendall(head)
            try:
                while time.monotonic() - started < LONGEST:
                    raw.sendall(b"x" if head else b"")
                    raw.settimeout(1)
                    try:
                        raw.recv(1000)
                        break  # an answer, or the end
                    except TimeoutError:
                        raw.settimeout(40)
            except OSError:
                pass
        waited[name] = time.monotonic() - started

    threads = [
        threading.Thread(
            target=drip, args=("head", b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        ),
        threading.Thread(target=drip, args=("nothing", b"")),
        threading.Thread(
            target=drip,
            args=(
                "body",
                b"POST /recommend HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n",
            ),
        ),
    ]

    def deaf() -> None:
        """Asks for much and reads nothing."""
        with socket.socket() as raw:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            raw.connect((address[0], int(address[1])))
            raw.sendall(
                b"GET /sparql?query=SELECT%20*%20%7B%3Fs%20%3Fp%20%3Fo%20.%20%3Fa%20a%20%3Fb%7D%20LIMIT%2050000 HTTP/1.1\r\nHost: localhost\r\n\r\n"
            )
            started = time.monotonic()
            port, peers = raw.getsockname()[1], Path(f"/proc/{service.process.pid}/net/tcp")
            while f"{port:04X} 01 " in peers.read_text() and time.monotonic() - started < LONGEST:
                time.sleep(0.5)
            waited["deaf"] = time.monotonic() - started

    threads.append(threading.Thread(target=deaf))
    for thread in threads:
        thread.start()
    with service.client() as client:
        assert client.get("/health").status_code == 200, "others are served meanwhile"
    for thread in threads:
        thread.join()
    assert set(waited) == {"head", "nothing", "body", "deaf"}
    assert all(10 < seconds < LONGEST for seconds in waited.values()), waited


def test_aborted_uploads_leave_nothing_behind(service: Running) -> None:
    address = service.url.removeprefix("http://").split(":")
    with service.client() as client:
        cases = {line["case_id"] for line in client.get("/cases?limit=1000").json()["cases"]}
        before = len(list(Path(f"/proc/{service.process.pid}/fd").iterdir()))
    for _ in range(200):
        with socket.create_connection((address[0], int(address[1]))) as raw:
            raw.sendall(
                b'POST /cases HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{"case_id": '
            )
    files = Path(f"/proc/{service.process.pid}/fd")
    with service.client() as client:
        assert client.get("/health").status_code == 200
        assert until(lambda: len(list(files.iterdir())) <= before + 5), "their connections are gone"
        assert {
            line["case_id"] for line in client.get("/cases?limit=1000").json()["cases"]
        } == cases


def test_more_than_the_allowed_rate_is_refused_for_that_client_alone(tmp_path: Path) -> None:
    with serving(tmp_path, "--rate", "1") as running, running.client() as client:
        replies = [client.get("/health") for _ in range(40)]
        statuses = [reply.status_code for reply in replies]
        assert {
            reply.headers.get("retry-after") for reply in replies if reply.status_code == 429
        } == {"1"}
        assert statuses[:10] == [200] * 10
        assert 429 in statuses[10:]
        assert until(lambda: client.get("/health").status_code == 200)


# --- audit ---------------------------------------------------------------------------


def test_the_log_tells_who_asked_what_and_never_a_fact(guarded: Running) -> None:
    with guarded.client() as client:
        client.post("/cases", json=case("audited"), headers=KEY)
        client.post("/recommend", json=case("audited"))
        client.delete("/cases/audited", headers=KEY)
    text = (guarded.data / "audit.jsonl").read_text()
    lines = [json.loads(line) for line in text.splitlines() if '"audited"' in line]
    assert [(line["did"], line["who"]) for line in lines] == [
        ("stored", "127.0.0.1 (token)"),
        ("answered", "127.0.0.1"),
        ("deleted", "127.0.0.1 (token)"),
    ]
    assert all(line["guideline"].startswith("sha256:") for line in lines)
    assert "arc" not in text
    assert TOKEN not in text
    assert not verify(guarded.data / "audit.jsonl").faults


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "audit.jsonl"
    audit = Audit(path)
    for number in range(6):
        audit.note("me", "answered", case=f"c{number}")
    audit.close()
    return path


@pytest.mark.parametrize("harm", ["change", "remove", "swap", "insert", "half"])
def test_a_log_that_was_tampered_with_is_found_out(harm: str, log: Path) -> None:
    lines = log.read_bytes().splitlines(keepends=True)
    assert not verify(log).faults
    if harm == "change":
        lines[2] = lines[2].replace(b"c2", b"c9")
    elif harm == "remove":
        del lines[3]
    elif harm == "swap":
        lines[1], lines[2] = lines[2], lines[1]
    elif harm == "insert":
        lines.insert(3, lines[3])
    else:
        lines[-1] = lines[-1][:20]
    log.write_bytes(b"".join(lines))
    assert verify(log).faults
    done = calx("audit", "--data", log.parent)
    assert done.returncode == 1
    assert f"{log}:" in done.stderr


def test_lines_cut_off_at_the_end_show_against_a_noted_seal(log: Path) -> None:
    seal = verify(log).seal
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:-2]))
    assert not verify(log).faults
    assert verify(log, seal).faults
    assert not verify(log, json.loads(lines[3])["seal"]).faults


def test_a_log_goes_on_after_a_crash(log: Path) -> None:
    with log.open("ab") as file:
        file.write(b'{"n": 7, "ti')
    audit = Audit(log)
    audit.note("me", "answered")
    audit.close()
    assert [line for line, _ in verify(log).faults] == [7]
    assert verify(log).entries == 7

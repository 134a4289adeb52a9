"""The service under strain: whatever the description allows, a thousand connections, fifty thousand requests."""

from __future__ import annotations

import asyncio
import json
import os
import resource
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from benchmarks.load import request, run
from tests.api.running import Running, case, serving
from tests.sampling import much

SOAK = int(os.environ.get("CALX_SOAK", much(50_000, 3_000)))
OPERATIONS = 25
"""At least so many operations the description holds."""


def port_of(running: Running) -> int:
    return int(running.url.rpartition(":")[2])


@pytest.fixture(scope="module")
def strained(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with serving(tmp_path_factory.mktemp("strained"), "--timeout", "1") as running:
        yield running


@pytest.fixture(scope="module")
def described(strained: Running) -> Any:
    return schemathesis.openapi.from_url(f"{strained.url}/openapi.json")


@pytest.mark.long
def test_whatever_the_description_allows_is_no_fault_of_the_service(
    described: Any, strained: Running
) -> None:
    """No 5xx, but for those that say "not now" and "took too long" as problems do."""
    tried = 0
    for found in described.get_all_operations():
        operation = found.ok()
        if operation.path == "/restore":
            continue  # takes gzip, which cannot be made from a description; test_store hands it damaged files
        tried += 1

        @settings(
            max_examples=much(12, 3),
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
        )
        @given(case=operation.as_strategy())
        def one(case: Any) -> None:
            response = case.call(base_url=strained.url)
            assert response.status_code < 500 or response.status_code in (503, 504), (
                case.as_curl_command(),
                response.text,
            )
            if response.status_code >= 400 and "/fhir" not in case.path:
                assert json.loads(response.content)["status"] == response.status_code

        one()
    assert tried >= OPERATIONS


def test_a_thousand_connections_are_served_at_once(service: Running) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    try:
        body = json.dumps(case("many")).encode()
        load = run(port_of(service), lambda number: request("POST", "/recommend", body), 3000, 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert load.statuses == {200: 3000}
    assert load.failures == 0


def test_a_thousand_idle_connections_keep_nobody_out(service: Running) -> None:
    async def idle() -> int:
        open_ = [await asyncio.open_connection("127.0.0.1", port_of(service)) for _ in range(1000)]
        async with httpx.AsyncClient(base_url=service.url, trust_env=False) as client:
            status = (await client.get("/health")).status_code
        for _, writer in open_:
            writer.close()
        return status

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    try:
        assert asyncio.run(idle()) == 200
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def memory_of(process: int) -> int:
    """Resident bytes."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.long
def test_fifty_thousand_requests_make_no_error_and_leave_memory_flat(tmp_path: Path) -> None:
    good, bad = (
        json.dumps(case("soak")).encode(),
        b'{"case_id": "soak", "max_superficial_arc_deg": 999, "thrombs": 1}',
    )
    kinds = [
        request("POST", "/recommend", good),
        request("GET", "/health"),
        request("POST", "/recommend", bad),
        request("POST", "/recommend", good),
        request("GET", "/cases/none"),
        request("GET", "/rules/D4"),
    ] * 8 + [
        request("GET", "/advice?max_superficial_arc_deg=300", accept="text/html"),
        request("POST", "/recommend", good, accept="text/plain"),
    ]
    with serving(tmp_path) as running:
        warm = run(port_of(running), lambda number: kinds[number % len(kinds)], SOAK // 10, 16)
        before = memory_of(running.process.pid)
        load = run(port_of(running), lambda number: kinds[number % len(kinds)], SOAK, 16)
        after = memory_of(running.process.pid)
    assert warm.failures == load.failures == 0
    assert set(load.statuses) == {200, 422, 404}
    assert sum(load.statuses.values()) == SOAK
    assert after - before < 16 * 1024 * 1024, (before, after)

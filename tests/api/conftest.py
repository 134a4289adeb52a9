"""One service for all tests that need no settings of their own."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.api.running import Running, serving


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serving(tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture
def client(service: Running) -> Iterator[httpx.Client]:
    with service.client() as client:
        yield client

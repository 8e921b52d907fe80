"""Lets tests import `virtlab`, and gives them a lab each for as long as their file needs it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: needs minutes, or downloads")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--lab-slow", action="store_true", help="also the slow tests of the lab (Debian 13)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--lab-slow"):
        return
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.skip(reason="slow; --lab-slow runs it"))

"""What the Ray engine says where there is no Ray or no cluster; a real one is at work in test_extract_ray.py."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from stages.core.errors import BackendError
from stages.pose.engines.base import WorkParams
from stages.pose.engines.cluster import Cluster, _environment, _knock
from tests.pose.engines.chores import do


def test_without_ray_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(BackendError, match="Ray is not installed") as error:
        Cluster(do, WorkParams())
    assert "pip install 'normotion[ray]'" in error.value.fix


def test_who_does_not_listen_is_found_out_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        _knock(f"127.0.0.1:{port}")
        _knock(f"ray://127.0.0.1:{port}")
    with pytest.raises(OSError, match="refused"):
        _knock(f"127.0.0.1:{port}")


def test_an_address_without_a_port_is_left_to_ray() -> None:
    _knock("auto")


def test_workers_find_the_package_and_what_the_user_added(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    assert _environment() == {"PYTHONPATH": f"{root}{os.pathsep}elsewhere"}
    monkeypatch.delenv("PYTHONPATH")
    assert _environment() == {"PYTHONPATH": str(root)}

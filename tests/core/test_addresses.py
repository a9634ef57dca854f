"""Addresses as they are shown: without passwords, however a camera writes them."""

from __future__ import annotations

import pytest

from stages.core.addresses import masked, short_name


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://me:secret@camera:554/1", "rtsp://me:***@camera:554/1"),
        ("rtsp://me:secr@t@camera/1", "rtsp://me:***@camera/1"),
        ("http://camera/live?user=me&pwd=secret", "http://camera/live?…"),
        ("rtsp://camera/user=me&password=secret&channel=1", "rtsp://camera/user=me&password=***&channel=1"),
        (
            "rtsp://10.0.0.5/user=admin_password=tlJw_po6_channel=1_stream=0.sdp?real_stream",
            "rtsp://10.0.0.5/user=admin_password=***_channel=1_stream=0.sdp?…",
        ),
        ("rtsp://me:se/cret@camera:554/live", "rtsp://me:***@camera:554/live"),
        ("http://camera/live/psw=secret&auth=secret", "http://camera/live/psw=***&auth=***"),
        ("rtsp://camera:554/live@main", "rtsp://camera:554/live@main"),
        ("rtsp://camera/1", "rtsp://camera/1"),
        ("films/me:secret@home.mp4", "films/me:secret@home.mp4"),  # a file's name is no address
    ],
)
def test_passwords_are_masked(address: str, shown: str) -> None:
    assert masked(address) == shown


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("rtsp://admin:s3cret@10.0.0.5/user=admin_password=x_channel=1.sdp?pwd=b", "10.0.0.5"),
        ("rtsp://admin:s3/cret@10.0.0.5:554", "10.0.0.5"),
        ("http://[fe80::1]/live", "fe80--1"),
        ("films/gate.mp4", "gate.mp4"),
        ("0", "0"),
    ],
)
def test_a_short_name_is_a_folder_and_holds_no_password(source: str, name: str) -> None:
    assert short_name(source) == name

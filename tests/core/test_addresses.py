"""Addresses as they are shown: without passwords, however a camera writes them."""

from __future__ import annotations

import pytest

from stages.core.addresses import masked, masked_within, short_name


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
        ("rtsp://me:12/34@camera/live", "rtsp://me:***@camera/live"),  # 12/ is no port: what follows the @ is a host
        ("rtsp://me:se#cret@camera/live", "rtsp://me:***@camera/live"),
        ("rtsp://me:se?cret@camera/live", "rtsp://me:***?…"),
        ("http://camera:80/live?pwd=secr@t", "http://camera:80/live?…"),
        # A password in the path with an @, a / and a _ in it, behind a login.
        (
            "rtsp://me:secret@1.2.3.4/user=me_password=s@/c_t_channel=1",
            "rtsp://me:***@1.2.3.4/user=me_password=***_channel=1",
        ),
        ("http://camera/userpassword=secret;channel=1", "http://camera/userpassword=***;channel=1"),
        ("rtsp://user=me&password=secret/1", "rtsp://user=me&password=***"),
        ("rtsp://camera/0/me:secret/main", "rtsp://camera/0/me:***/main"),
        ("rtsp://me:secret@[::1]:554/1", "rtsp://me:***@[::1]:554/1"),
        ("rtsp://[::1]:554/live@main", "rtsp://[::1]:554/live@main"),
        ("--webhook=https://me:secret@here/x", "--webhook=https://me:***@here/x"),
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
        ("http://[fe80::1]:80/live", "fe80--1"),
        ("rtsp://me:secret@camera:99999999/1", "camera"),  # no port that there could be
        ("rtsp://[camera/1", "camera"),
        ("rtsp://user=me&password=secret/1", "camera"),
        ("http://../live", "camera"),
        ("http://", "camera"),
        ("films/gate.mp4", "gate.mp4"),
        ("0", "0"),
    ],
)
def test_a_short_name_is_a_folder_and_holds_no_password(source: str, name: str) -> None:
    assert short_name(source) == name


def test_addresses_within_a_text_are_masked() -> None:
    text = "it is at 'rtsp://me:secret@camera/1',\nor at http://camera/live?pwd=secret here"
    assert masked_within(text) == "it is at 'rtsp://me:***@camera/1',\nor at http://camera/live?… here"

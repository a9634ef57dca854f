"""The site of the documentation as it is built: it loads nothing from elsewhere, and people can read and search it."""

from __future__ import annotations

import functools
import http.server
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from tests.pipelines.helpers import open_browser

ROOT = Path(__file__).resolve().parents[2]
FETCHING = {("script", "src"), ("img", "src"), ("link", "href"), ("iframe", "src"), ("source", "src"), ("video", "src")}
"""Attributes from which a browser loads something by itself."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "-q", "--strict", "-d", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stdout + done.stderr
    return folder


class Tags(HTMLParser):
    """A page's links, what it loads, and its anchors."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for key, value in attrs:
            if key in ("id", "name") and value:
                self.anchors.add(value)
            if value and (tag, key) in FETCHING:
                self.loaded.append(value)
            if value and (tag, key) == ("a", "href"):
                self.links.append(value)


@pytest.mark.slow
def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for path in site.rglob("*.html"):
        found = [at for at in Tags(path.read_text()).loaded if urlsplit(at).netloc or at.startswith("//")]
        assert found == [], path
    for path in site.rglob("*.css"):
        assert not re.search(r"@import|url\([\"']?(https?:)?//", path.read_text()), path


@pytest.mark.slow
def test_every_link_of_the_site_resolves(site: Path) -> None:
    pages = {path: Tags(path.read_text()) for path in site.rglob("*.html")}
    assert len(pages) > 60
    for path, tags in pages.items():
        for link in [*tags.links, *tags.loaded]:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or link.startswith("/") or path.name == "404.html":
                continue
            there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            there = there / "index.html" if there.is_dir() else there
            assert there.exists(), f"{path.relative_to(site)}: {link}"
            if parts.fragment and there in pages:
                assert unquote(parts.fragment) in pages[there].anchors | {"__comments"}, f"{path}: {link}"


@pytest.mark.slow
def test_no_place_is_left_to_be_filled(site: Path) -> None:
    for path in site.rglob("*.html"):
        assert not re.search(r"<!-- (figures|suites|params|messages): |arithmatex", path.read_text()), path
    assert not list(site.rglob("*.py"))


class Silent(http.server.SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def served(site: Path) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Silent, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


LOOKED_AT = (
    "index.html",
    "methods/gepc.html",
    "errors/dataset-error.html",
    "reference/parameters.html",
    "cards/index.html",
)


@pytest.mark.ui
def test_people_can_read_and_search_it(served: str) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = open_browser(playwright)
        for scheme in ("light", "dark"):
            context = browser.new_context(viewport={"width": 360, "height": 780}, color_scheme=scheme)
            asked: list[str] = []
            broken: list[object] = []
            page = context.new_page()
            page.on("request", functools.partial(_note_request, asked))
            page.on("pageerror", functools.partial(_note_error, broken))
            for place in LOOKED_AT:
                page.goto(f"{served}/{place}")
                assert page.evaluate("document.documentElement.scrollWidth") <= 360, f"{place} scrolls sideways"
                assert page.evaluate("parseFloat(getComputedStyle(document.querySelector('article p')).fontSize)") >= 14
                assert page.evaluate(CONTRAST) >= 4.5, f"{place}, {scheme}"
            assert [address for address in asked if not address.startswith((served, "data:", "blob:"))] == []
            assert broken == []
            context.close()
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"{served}/index.html")
        page.click("[data-md-component=search-query]")
        page.keyboard.type("the video is empty")
        first = page.locator(".md-search-result__link").first
        first.wait_for(timeout=10_000)
        assert "video-error.html" in str(first.get_attribute("href"))
        page.goto(f"{served}/methods/gepc.html")
        tall = page.evaluate("document.querySelector('.equation math').getBoundingClientRect().height")
        assert tall > 15, "equations are drawn"
        browser.close()


def _note_request(asked: list[str], request: Any) -> None:
    asked.append(request.url)


def _note_error(broken: list[object], error: object) -> None:  # Playwright takes no method of a list
    broken.append(error)


CONTRAST = """() => {
    const light = text => {
        const [r, g, b] = text.match(/[\\d.]+/g).map(Number).map(v => v / 255)
            .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = light(getComputedStyle(document.body).backgroundColor);
    const ratios = ["article p", "article a[href]", "article td", "article h1"]
        .map(what => document.querySelector(what)).filter(found => found)
        .map(found => light(getComputedStyle(found).color))
        .map(ink => (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05));
    return Math.min(...ratios);
}"""
"""Lowest contrast of words with the ground, as WCAG computes it; opaque colours."""

"""`normotion label VIDEO`: a page on this machine to mark intervals on with the keyboard, while scores are shown."""

from __future__ import annotations

import errno
import threading
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.stopping import until_stopped
from stages.core.errors import PipelineError
from stages.core.paths import Project
from stages.core.progress import log
from stages.live.labelling.book import Book
from stages.live.labelling.finding import find
from stages.live.labelling.server import Labelling

PORT = 8765
"""Where the page is, if nobody else is there and none is asked for."""
MOST = 65535


def run(
    project: Project, video: str, *, dataset: str | None = None, clip: str | None = None, scores: str | None = None,
    out: str | None = None, port: str | None = None, no_open: bool = False,
) -> None:  # fmt: skip
    """Serve the page until Ctrl-C or SIGTERM; labels are written after each change.

    Args:
        project: whose datasets are meant.
        video: a file, a folder of files, or a dataset in data/raw.
        dataset: the dataset that a file belongs to.
        clip: what a file's clip is called, or which of several is first.
        scores: table of frame scores to show.
        out: file of labels, where not the usual one.
        port: of the page; without it 8765, or any that is free.
        no_open: do not open a browser.

    Raises:
        DatasetError: there is nothing to label, or labels.csv is damaged.
        VideoError: a file is no video.
        PipelineError: the port is taken or no port.
    """
    book = find(project, video, dataset=dataset, clip=clip, scores=scores, out=out)
    with until_stopped() as stopped, _serving(book, port) as server:
        many = f"{len(book.clips)} clips" if len(book.clips) > 1 else book.clips[0].name
        log.info(f"label {many} at {server.url}\nCtrl-C stops; labels are in {book.path} after each change")
        if not no_open:
            threading.Thread(target=webbrowser.open, args=(server.url,), daemon=True).start()
        stopped.wait()
    log.info(_result(book))


@contextmanager
def _serving(book: Book, port: str | None) -> Iterator[Labelling]:
    server = _server(book, port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join()


def _server(book: Book, port: str | None) -> Labelling:
    asked = None if port is None else _port(port)
    try:
        return Labelling(book, PORT if asked is None else asked)
    except OSError as error:
        if asked is None:
            return Labelling(book)
        what = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
        raise PipelineError(
            f"port {asked} {what}", where="--port", fix="name another one, or leave --port out to get a free one"
        ) from error


def _port(text: str) -> int:
    if not text.isdigit() or not 0 <= int(text) <= MOST:
        raise PipelineError(f"{text!r} is no port", where="--port", fix=f"a whole number up to {MOST}")
    return int(text)


def _result(book: Book) -> str:
    """What was done, and what to do next."""
    names = [clip.name for clip in book.clips]
    sheet = book.sheet()
    marked = sum(bool(sheet.intervals(name)) for name in names)
    intervals = "1 interval" if (total := sheet.total(names)) == 1 else f"{total} intervals"
    if not book.changes:
        return f"nothing was changed; {intervals} of these clips in {book.path}"
    kept = f"; as it was before: {book.backup}" if book.backup.exists() else ""
    done = f"{intervals} in {marked} of {len(names)} clips are in {book.path}{kept}"
    return f"{done}\nnext: {_next(book)}"


def _next(book: Book) -> str:
    folder = book.path.absolute().parent
    if (folder / "clips.csv").is_file():
        return "`normotion check` holds the labels against the clips; `normotion repro` judges by them"
    video = book.clips[0].video
    if not book.traces.files:
        return f"`normotion run {video} --out {Path(video).stem}` scores it, and the scores show here the next time"
    return "make a dataset of it, as docs/howto/labels.md says, to get figures"

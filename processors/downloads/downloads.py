"""Answers what the processor File asks: the file at each URL, described, its bytes in the object store.

Each URL is fetched once for a batch, and not again for a while. A file that cannot be had is an answer, not
an error: one record's bad URL must not hold up the others.
"""

import asyncio
import mimetypes
from collections import Counter
from collections.abc import Collection, Hashable, Mapping
from functools import partial
from urllib.parse import urlsplit

from headwater.domain.errors import Refused
from headwater.runtime.clock import Clock
from headwater.runtime.files import Files, FilesUnavailable
from headwater.runtime.health import Health
from headwater.runtime.outbound import UNTYPED, Fetched, Outbound, SourceUnavailable
from processors.downloads.exif import metadata_of
from processors.downloads.recent import Recent
from processors.downloads.settings import DownloadSettings
from processors.keeper import NO_STORE
from processors.media import NotThatType, described_file
from processors.persistence import Persistence
from processors.settings import ProcessorSettings
from processors.stack.file import Answer, Away, Download, Downloaded, NotDownloaded
from processors.stack.processor import LookUp

PAGES = frozenset(
    {"text/html", "application/xhtml+xml"}
)  # what one gets instead of a file: a login, an error
_SAYS_NOTHING = frozenset({UNTYPED, "binary/octet-stream", "application/binary"})
GIVE_UP_HOST_AFTER = 3  # addresses of a batch at which a server was away: the others are not tried


class Downloads:
    """The service of the processor File."""

    def __init__(
        self,
        settings: ProcessorSettings,
        downloads: DownloadSettings,
        *,
        outbound: Outbound,
        files: Files | None,
        health: Health,
        clock: Clock,
    ) -> None:
        self._settings = downloads
        self._outbound = outbound
        self._files = files
        self._persistence = Persistence(
            settings, health, check="files", cause="files", failure=FilesUnavailable
        )
        self._slots = asyncio.Semaphore(downloads.at_once)
        self._recent: Recent[Answer] = Recent(downloads.remembered, downloads.remembered_s, clock)

    async def answer(
        self, step: LookUp, questions: Collection[Hashable], dataset: str
    ) -> Mapping[Hashable, Answer]:
        """Return an answer to each URL; the bytes of all files are kept for the dataset on return.

        What is not begun within `call_max_s` is Away: a run may not take longer than its process is patient.
        """
        assert isinstance(step, Download), "no other step asks for files"
        if self._files is None:
            return dict.fromkeys(questions, NotDownloaded(NO_STORE))
        absences: Counter[str] = Counter()
        latest_s = asyncio.get_running_loop().time() + self._settings.call_max_s
        async with asyncio.TaskGroup() as group:
            tasks = {
                url: group.create_task(self._answered(step, str(url), dataset, absences, latest_s))
                for url in questions
            }
        return {url: task.result() for url, task in tasks.items()}

    async def _answered(
        self, step: Download, url: str, dataset: str, absences: Counter[str], latest_s: float
    ) -> Answer:
        place = (dataset, url, step.extract_metadata)
        known = self._recent.get(place)
        if known is not None:
            return known
        host = host_of(url)
        async with self._slots:
            if absences[host] >= GIVE_UP_HOST_AFTER:
                return Away(host, f"{host} does not answer")
            if asyncio.get_running_loop().time() > latest_s:
                return Away(host, "the files before it took all the time")
            try:
                answer = await self._download(step, url, dataset)
            except SourceUnavailable as error:
                absences[host] += 1
                return Away(host, str(error))
            except (Refused, NotThatType) as error:
                answer = NotDownloaded(str(error))
        self._recent.put(place, answer)
        return answer

    async def _download(self, step: Download, url: str, dataset: str) -> Answer:
        """Return the file, kept. Raises Refused, NotThatType, SourceUnavailable."""
        assert self._files is not None, "without an object store nothing is downloaded"
        settings = self._settings
        fetched = await self._outbound.fetch(url, max_bytes=settings.max_bytes, timeout_s=settings.timeout_s)
        declared = declared_type(fetched)
        if declared in PAGES:
            return NotDownloaded("the address leads to a web page, not to a file")
        description = described_file(fetched.content, declared, fetched.filename)
        metadata = metadata_of(fetched.content, description["mimetype"]) if step.extract_metadata else {}
        await self._persistence.persist(
            partial(self._files.put, dataset, description["id"], fetched.content, description)
        )
        return Downloaded(description, metadata)


def host_of(url: str) -> str:
    """Return host and port of a URL; empty for what is none."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:  # brackets that do not match
        return ""


def declared_type(fetched: Fetched) -> str:
    """Return the type that a file is said to be of; where the server does not know, its name says it."""
    if fetched.content_type not in _SAYS_NOTHING:
        return fetched.content_type
    guessed, encoding = mimetypes.guess_type(fetched.filename)
    return guessed if guessed and not encoding else UNTYPED

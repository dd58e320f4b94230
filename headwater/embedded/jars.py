"""Where are Kafka's jars?  In the cache, downloaded once from Maven Central and checked against jar_list.

A manifest is written last, so a cache without one is incomplete: the next start checks what is there and
downloads the rest. With a manifest nothing is imported, downloaded or hashed.
"""

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import stamina

from headwater.embedded.errors import JarsUnavailable
from headwater.embedded.jar_list import KAFKA_JARS, KAFKA_VERSION, Jar

DOWNLOADS = 8  # at once
ATTEMPTS = 4  # for each jar
TIMEOUT_S = 30  # seconds without a byte

Advance = Callable[[int], None]


def cache_dir() -> Path:
    """Return where downloads are kept: $XDG_CACHE_HOME/headwater, or ~/.cache/headwater."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "headwater"


def try_cached_jars(cache: Path) -> list[Path] | None:
    """Return the class path if the cache is complete. No network, no hashing."""
    try:
        names = orjson.loads(_manifest(cache).read_bytes())["jars"]
    except (FileNotFoundError, orjson.JSONDecodeError, KeyError):
        return None
    paths = [cache / name for name in names]
    complete = len(paths) == len(KAFKA_JARS) and all(path.is_file() for path in paths)
    return paths if complete else None


def ensure_jars(cache: Path | None = None, jars: Sequence[Jar] = KAFKA_JARS) -> list[Path]:
    """Return the class path, downloading with a progress bar what is missing. Blocks; repeatable.

    Safe from several processes at once: the second waits for the first. Raises JarsUnavailable.
    """
    cache = cache or cache_dir()
    if (cached := try_cached_jars(cache)) is not None:
        return cached
    cache.mkdir(parents=True, exist_ok=True)
    with _locked(cache / "jars.lock"):
        if (cached := try_cached_jars(cache)) is not None:
            return cached
        paths = _download_all(cache, jars)
        _write_manifest(cache, paths)
        return paths


def _manifest(cache: Path) -> Path:
    return cache / f"kafka-{KAFKA_VERSION}.json"


def _write_manifest(cache: Path, paths: Sequence[Path]) -> None:
    manifest = _manifest(cache)
    partial = manifest.with_suffix(".partial")
    names = [str(path.relative_to(cache)) for path in paths]
    partial.write_bytes(orjson.dumps({"version": KAFKA_VERSION, "jars": names}, option=orjson.OPT_INDENT_2))
    partial.replace(manifest)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _download_all(cache: Path, jars: Sequence[Jar]) -> list[Path]:
    with _progress(sum(jar.size for jar in jars)) as advance, ThreadPoolExecutor(DOWNLOADS) as pool:
        context = _maven(cache / "jars", advance)
        try:
            return list(pool.map(lambda jar: _ensure_jar(context, jar, advance), jars))
        except (OSError, RuntimeError) as error:
            pool.shutdown(cancel_futures=True)
            raise JarsUnavailable(
                f"Apache Kafka's jars could not be downloaded from Maven Central ({error}); "
                "check the network (HTTPS_PROXY is honoured) and start again, it resumes"
            ) from error


def _ensure_jar(context: Any, jar: Jar, advance: Advance) -> Path:
    """Return the path of one jar whose content is right, downloading it if it is not there."""
    artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact()
    path = Path(artifact.cached_path)
    if path.is_file() and _sha256(path) == jar.sha256:
        advance(jar.size)
        return path
    for attempt in stamina.retry_context(on=(OSError, RuntimeError), attempts=ATTEMPTS, timeout=300.0):
        with attempt:
            path.unlink(missing_ok=True)  # what an interrupted download left
            artifact.resolve()
            if _sha256(path) != jar.sha256:
                path.unlink()
                raise RuntimeError(f"{jar.name} arrived damaged: its SHA-256 is not the expected one")
    return path


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _maven(repository: Path, advance: Advance) -> Any:
    """Return jgo's Maven client, which reports every downloaded byte to `advance`."""
    import logging

    from jgo.maven import MavenContext, PythonResolver

    logging.getLogger("jgo").setLevel(logging.ERROR)

    @contextmanager
    def counted(_name: str, _size: int) -> Iterator[Advance]:
        yield advance

    return MavenContext(
        resolver=PythonResolver(progress_callback=counted), repo_cache=repository, timeout=TIMEOUT_S
    )


@contextmanager
def _progress(total_bytes: int) -> Iterator[Advance]:
    """Show one bar over all bytes on stderr."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(f"Downloading Apache Kafka {KAFKA_VERSION} (once)", total=total_bytes)
        yield lambda count: progress.advance(task, count)

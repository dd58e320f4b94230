"""The cache of jars, without a network."""

import pytest

from headwater.embedded import jars
from headwater.embedded.errors import JarsUnavailable
from headwater.embedded.jar_list import KAFKA_JARS


class FakeMaven:
    """Knows some jars by name; hands out paths in a repository as jgo does."""

    def __init__(self, repository, contents):
        self.repository = repository
        self.contents = contents
        self.downloads = []

    def project(self, _group, artifact):
        return FakeProject(self, artifact)


class FakeProject:
    def __init__(self, maven, artifact):
        self.maven, self.name = maven, artifact
        self.cached_path = maven.repository / f"{artifact}.jar"

    def at_version(self, _version):
        return self

    def artifact(self):
        return self

    def resolve(self):
        self.maven.downloads.append(self.name)
        if self.name not in self.maven.contents:
            raise RuntimeError("not found")
        self.cached_path.write_bytes(self.maven.contents[self.name])


def jar(name, content):
    return jars.Jar("group", name, "1", len(content), jars.hashlib.sha256(content).hexdigest())


@pytest.fixture
def maven(monkeypatch, tmp_path):
    repository = tmp_path / "jars"
    repository.mkdir()
    maven = FakeMaven(repository, {"a": b"AAA", "b": b"BB"})
    monkeypatch.setattr(jars, "_maven", lambda _repository, _advance: maven)
    monkeypatch.setattr(jars, "KAFKA_JARS", (jar("a", b"AAA"), jar("b", b"BB")))
    monkeypatch.setattr(jars, "ATTEMPTS", 1)
    return maven


def ensure(tmp_path):
    return jars.ensure_jars(tmp_path, jars.KAFKA_JARS)


def test_jars_are_downloaded_once(maven, tmp_path):
    """With a complete cache nothing is asked of the network."""
    first = ensure(tmp_path)
    assert sorted(maven.downloads) == ["a", "b"]
    maven.downloads.clear()
    assert first == ensure(tmp_path)
    assert maven.downloads == []


def test_interrupted_download_is_resumed(maven, tmp_path):
    """Jars that arrived whole are kept, one that did not is fetched again."""
    (tmp_path / "jars" / "a.jar").write_bytes(b"AAA")
    (tmp_path / "jars" / "b.jar").write_bytes(b"B")
    ensure(tmp_path)
    assert maven.downloads == ["b"]


def test_jar_with_wrong_content_is_never_used(maven, tmp_path):
    """What we run is exactly what the list says, wherever it came from."""
    maven.contents["a"] = b"evil"
    with pytest.raises(JarsUnavailable, match="SHA-256"):
        ensure(tmp_path)
    assert jars.try_cached_jars(tmp_path) is None


def test_missing_jar_is_told_in_a_sentence(maven, tmp_path):
    """The operator learns what to do."""
    del maven.contents["b"]
    with pytest.raises(JarsUnavailable, match="check the network"):
        ensure(tmp_path)


@pytest.mark.usefixtures("maven")
def test_cache_that_lost_a_jar_is_incomplete(tmp_path):
    """Somebody cleans caches."""
    paths = ensure(tmp_path)
    paths[0].unlink()
    assert jars.try_cached_jars(tmp_path) is None
    assert paths == ensure(tmp_path)


def test_list_names_each_jar_once():
    """Two versions of a jar on one class path are a riddle."""
    assert len(KAFKA_JARS) == len({(one.group, one.artifact) for one in KAFKA_JARS})

"""What a data directory keeps, and who may use it."""

import stat

import pytest

from headwater.embedded.datadir import DataDir
from headwater.embedded.errors import DataDirInUse, EmbeddedError, NotRunning
from headwater.embedded.state import ProcessState, RunState, State, read_state


@pytest.fixture
def data_dir(tmp_path):
    return DataDir(tmp_path / "data")


def state():
    return RunState(
        pid=1,
        kafka="127.0.0.1:9092",
        urls={"push": "http://127.0.0.1:8480"},
        processes={"kafka": ProcessState(pid=7, state=State.READY)},
    )


def test_only_one_stack_at_a_time(data_dir):
    """Two brokers over one directory would destroy it."""
    with data_dir.locked(), pytest.raises(DataDirInUse, match="--data-dir"), DataDir(data_dir.path).locked():
        pass
    with data_dir.locked():
        assert data_dir.is_locked
    assert not data_dir.is_locked


def test_directory_that_cannot_be_made_is_a_sentence(tmp_path):
    """A file is in the way."""
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedError, match="cannot be used"), DataDir(tmp_path / "file" / "data").locked():
        pass


def test_admin_key_is_made_once_and_private(data_dir):
    """Only its owner may read it; the next start has the same."""
    data_dir.path.mkdir()
    key = data_dir.ensure_admin_key({})
    assert len(key) == 56
    assert key == data_dir.ensure_admin_key({})
    assert stat.S_IMODE(data_dir.admin_key_file.stat().st_mode) == 0o600


def test_given_admin_key_is_not_kept(data_dir):
    """What the environment says stays in the environment."""
    data_dir.path.mkdir()
    assert data_dir.ensure_admin_key({"HEADWATER_ADMIN_KEY": "given"}) == "given"
    assert data_dir.try_admin_key() is None


def test_secret_key_is_made_once_private_and_another(data_dir):
    """As the administrator's; whoever has the one must not have the other."""
    data_dir.path.mkdir()
    key = data_dir.ensure_secret_key({})
    assert key == data_dir.ensure_secret_key({}) != data_dir.ensure_admin_key({})
    assert stat.S_IMODE(data_dir.secret_key_file.stat().st_mode) == 0o600
    assert data_dir.ensure_secret_key({"HEADWATER_SECRET_KEY": "given"}) == "given"


def test_state_is_read_back_while_the_stack_runs(data_dir):
    """A file of a killed stack is no running stack."""
    with pytest.raises(NotRunning):
        read_state(data_dir)
    with data_dir.locked():
        state().write(data_dir.run_file)
        assert state() == read_state(data_dir)
        assert read_state(data_dir).is_ready
    with pytest.raises(NotRunning, match="headwater up"):
        read_state(data_dir)

"""How much memory has each process?"""

import os

import pytest

from benchmarks.expectations import ExpectationFailed
from benchmarks.measures.memory import resident_mb


def test_a_process_that_is_gone_ends_the_benchmark():
    """A crashed service must not be reported as a small one."""
    with pytest.raises(ExpectationFailed, match="gateway"):
        resident_mb({"gateway": 2**22 + 1})


def test_memory_of_this_process_is_some_megabytes():
    """The unit is MB."""
    assert 5 < resident_mb({"own": os.getpid()})["own"] < 5_000

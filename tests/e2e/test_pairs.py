"""Two processors and two sinks at once: nobody coordinates them, and one of each may die."""

import pytest

from tests.e2e.test_failures import assert_tables_equal, kill_together, loads_of, middle_of

pytestmark = pytest.mark.timeout(150)


async def test_table_equals_model_when_one_of_each_is_killed(pairs, api):
    """The other ones take over what was in the hands of the killed, and both sides converge."""
    loads = await loads_of(api, "one-of-each")
    async with middle_of(*loads):
        await kill_together(pairs, "processors-0", "sinks-1")
    await assert_tables_equal(api, *loads)

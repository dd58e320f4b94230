"""The questions of a batch: each once, from the nearest who knows, and never an exception."""

import asyncio

import pytest

from headwater.runtime.clock import ManualClock
from headwater.runtime.memory.store import MemoryStore
from processors.geocoding.providers import ProviderAway
from processors.geocoding.service import Geocoding
from processors.geocoding.settings import BanSettings, GeocodingSettings, NominatimSettings
from processors.stack.geocoders import GeocodeWithBan
from processors.stack.geocoding_answers import ANY, Away, Found, NotFound, Question, Refused
from tests.assertions import eventually

DAY_S = 24 * 3600
FAST = {"rate_per_s": 1000.0, "at_once": 4}


class FakeProvider:
    """Answers what it was told to, and notes what it was asked; `hold` lets answers wait."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []
        self.under_way = self.most_under_way = 0
        self.hold = None

    async def answer(self, question):
        address = question.part("address")
        self.asked.append(address)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            if self.hold is not None:
                await self.hold.wait()
            answer = self.answers.get(address, Found(1, 2))
            if isinstance(answer, Exception):
                raise answer
            return answer
        finally:
            self.under_way -= 1

    def check_under_way(self, count):
        assert self.under_way == count


def question(address, provider="ban"):
    return Question(provider, (("address", address),))


class World:
    """A service with a fake provider, and what it shares with other processes."""

    def __init__(self, **settings):
        self.ban = settings.pop("ban", BanSettings(**FAST))
        self.settings = GeocodingSettings(ban=self.ban, **settings)
        self.store, self.clock, self.provider = MemoryStore(), ManualClock(), FakeProvider()
        self.geocoding = self.other_process()

    def other_process(self):
        providers = {"ban": self.provider, "nominatim": self.provider}
        return Geocoding(self.settings, store=self.store, clock=self.clock, providers=providers)

    async def locate(self, *addresses, geocoding=None):
        answers = await (geocoding or self.geocoding).locate([question(one) for one in addresses])
        return [answers[question(one)] for one in addresses]


@pytest.fixture
def world():
    return World()


async def test_each_distinct_question_is_asked_once(world):
    """However often it stands in the batch."""
    answers = await world.locate("a", "b", "a", "a")

    assert answers == [Found(1, 2)] * 4
    assert sorted(world.provider.asked) == ["a", "b"]


async def test_no_questions_are_no_work(world):
    """Neither for the provider nor for the store."""
    world.store.available = False

    assert await world.locate() == []


async def test_answer_is_remembered(world):
    """Also that nothing was found; not what was refused, which the next batch may spell better."""
    world.provider.answers = {"lost": NotFound(), "bad": Refused("no")}
    for _ in range(2):
        assert await world.locate("a", "lost", "bad") == [Found(1, 2), NotFound(), Refused("no")]

    assert sorted(world.provider.asked) == ["a", "bad", "bad", "lost"]


async def test_answers_are_shared_through_the_store(world):
    """A second process, or this one after a restart, does not ask again; once read, it remembers."""
    world.provider.answers = {"lost": NotFound()}
    await world.locate("a", "lost")
    other = world.other_process()

    assert await world.locate("a", "lost", geocoding=other) == [Found(1, 2), NotFound()]
    world.store.available = False
    assert await world.locate("a", "lost", geocoding=other) == [Found(1, 2), NotFound()]

    assert len(world.provider.asked) == 2


async def test_store_holds_no_address(world):
    """A dataset that is deleted must not live on in a cache."""
    await world.locate("rue secrète")

    rows = world.store._tables["geocoding_cache"].rows
    assert rows
    assert "secr" not in repr(rows)


async def test_what_was_not_found_is_asked_again_sooner(world):
    """New houses are built; found ones rarely move."""
    world.provider.answers = {"lost": NotFound()}
    await world.locate("a", "lost")

    world.clock.advance(8 * DAY_S)
    await world.locate("a", "lost")
    assert world.provider.asked[2:] == ["lost"]

    world.clock.advance(180 * DAY_S)
    await world.locate("a")
    assert world.provider.asked[3:] == ["a"]


async def test_store_that_is_away_is_gone_without(world):
    """Questions are asked and remembered all the same."""
    world.store.available = False

    assert await world.locate("a") == [Found(1, 2)]
    assert await world.locate("a") == [Found(1, 2)]
    assert world.provider.asked == ["a"]


async def test_store_that_hangs_is_given_up():
    """It may not hold up what does not need it."""
    world = World(cache_timeout_s=0.1)

    async def never(*_):
        await asyncio.Event().wait()

    world.store.cached_answers = never

    assert await world.locate("a") == [Found(1, 2)]
    loop = asyncio.get_running_loop()
    before_s = loop.time()
    assert await world.locate("b", "c", "d") == [Found(1, 2)] * 3
    assert loop.time() - before_s < 0.1  # it is left alone now


async def test_provider_that_is_away_is_told_and_not_remembered(world):
    """Its records wait; other questions of the batch have their answers."""
    world.provider.answers = {"a": ProviderAway("it is down")}

    away, found = await world.locate("a", "b")
    assert isinstance(away, Away)
    assert away.provider == "ban"
    assert "it is down" in away.message
    assert found == Found(1, 2)

    world.provider.answers = {}
    assert await world.locate("a") == [Found(1, 2)]


async def test_provider_that_keeps_failing_is_left_alone():
    """A batch does not go on asking who is down; the reason is told to those who were not asked."""
    world = World(failures_to_rest=3, ban=BanSettings(rate_per_s=1000, at_once=1))
    addresses = [str(number) for number in range(50)]
    world.provider.answers = {one: ProviderAway("it is down") for one in addresses}

    answers = await world.locate(*addresses)

    assert all(isinstance(one, Away) for one in answers)
    assert "it is down" in answers[-1].message
    assert len(world.provider.asked) == 3


async def test_provider_that_asks_for_a_rest_gets_it_at_once(world):
    """One answer that says too many requests is enough."""
    world.provider.answers = {"a": ProviderAway("it is asked too much", rest_s=60)}
    await world.locate("a")

    (answer,) = await world.locate("b")

    assert isinstance(answer, Away)
    assert world.provider.asked == ["a"]


async def test_only_so_many_requests_are_under_way(world):
    """Over all batches together."""
    world.provider.hold = asyncio.Event()
    batches = [
        asyncio.create_task(world.locate(*(f"{batch}-{number}" for number in range(20))))
        for batch in range(3)
    ]
    await eventually(lambda: world.provider.check_under_way(4), every_s=0)
    world.provider.hold.set()
    await asyncio.gather(*batches)

    assert len(world.provider.asked) == 60
    assert world.provider.most_under_way <= 4


async def test_two_batches_with_one_address_ask_for_it_once():
    """The second finds the answer of the first when its turn comes."""
    world = World(ban=BanSettings(rate_per_s=1000, at_once=1))
    world.provider.hold = asyncio.Event()
    batches = [asyncio.create_task(world.locate("a", "b")) for _ in range(2)]
    await eventually(lambda: world.provider.check_under_way(1), every_s=0)
    world.provider.hold.set()

    assert await asyncio.gather(*batches) == [[Found(1, 2)] * 2] * 2
    assert sorted(world.provider.asked) == ["a", "b"]


async def test_what_exceeds_the_rate_waits_for_the_next_try():
    """At once, instead of sitting out time in which its turn cannot come."""
    world = World(ban=BanSettings(rate_per_s=0.01, at_once=4), call_max_s=1)

    answers = await world.locate("a", "b", "c")

    assert [type(one) for one in answers] == [Found, Away, Away]
    assert "rate" in answers[1].message
    assert world.provider.asked == ["a"]


async def test_call_ends_in_time_whatever_the_provider_does():
    """What it knows by then is answered, and kept."""
    world = World(call_max_s=0.1)
    await world.locate("known")
    world.provider.hold = asyncio.Event()

    async with asyncio.timeout(10):
        answers = await world.locate("known", "slow")

    assert answers[0] == Found(1, 2)
    assert isinstance(answers[1], Away)


async def test_question_for_anybody_goes_to_the_chosen_geocoder():
    """And is answered from what was asked of that one by name."""
    world = World(nominatim=NominatimSettings(url="http://127.0.0.1:1", rate_per_s=1000))

    answers = await world.geocoding.locate([question("a", ANY), question("a", "nominatim")])

    assert answers == {question("a", ANY): Found(1, 2), question("a", "nominatim"): Found(1, 2)}
    assert world.provider.asked == ["a"]


@pytest.mark.parametrize("provider", [ANY, "arcgis", "unheard"])
async def test_provider_that_nobody_configured_is_away(world, provider):
    """The operator may have taken a key away; the records wait, the sentence says for what."""
    answers = await world.geocoding.locate([question("a", provider)])

    assert isinstance(answers[question("a", provider)], Away)
    assert not world.provider.asked


async def test_step_of_the_stack_gets_what_it_asks(world):
    """As whoever runs stacks calls it: step, questions, dataset."""
    step = GeocodeWithBan(address="a", output_field="p").compiled()
    records = [{"a": " A "}, {"a": "a"}, {"a": ""}]
    questions = step.ask(records)

    answers = await world.geocoding.answer(step, {one for one in questions if one}, "da_1")
    outcomes = step.tell(records, [1, 2, 3], [answers.get(one) for one in questions])

    assert [one["p"] for one in outcomes] == [{"lat": 1, "lon": 2}] * 2 + [None]
    assert world.provider.asked == ["a"]


async def test_closing_twice_is_harmless(world):
    """Also when nothing was opened."""
    for _ in range(2):
        await world.geocoding.close()

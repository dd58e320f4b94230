"""Idempotency keys on a Kafka of their own: races, restarts, expiry, a broker that is away."""

import asyncio

import pytest

from gateway.claim_book import KEPT_US, Claim, digest_of, encode_claim, token_of
from gateway.claims import KafkaClaims
from headwater.domain.errors import BrokerUnavailable, RateLimited
from headwater.domain.versions import stamp_at
from headwater.runtime.clock import ManualClock, Stamper
from headwater.runtime.kafka.admin import ensure_topics
from headwater.runtime.kafka.producer import KafkaProducer
from headwater.runtime.kafka.tail import Tail
from headwater.runtime.settings import KafkaSettings

WAIT_S = 30.0
DIGEST = digest_of("upsert", b"body")


class Gateways:
    """Gateways over one topic, each with a producer, a book and a stamper of its own."""

    def __init__(self, kafka):
        self.kafka = kafka
        self.clock = ManualClock()
        self._parts = []

    async def open(self, *, limit=100):
        producer = KafkaProducer(self.kafka)
        self._parts.append(producer)
        await producer.start()
        claims = KafkaClaims(self.kafka, producer, self.clock, limit=limit)
        self._parts.append(claims)
        await claims.start()
        return claims, Stamper(self.clock), producer

    async def close(self):
        while self._parts:
            await self._parts.pop().close()

    async def lines(self):
        lines = []
        tail = Tail(self.kafka, self.kafka.topics.claims, lines.extend)
        await tail.start()
        await tail.close()
        return lines


@pytest.fixture
async def gateways(broker, unique):
    kafka = KafkaSettings(bootstrap=broker.bootstrap, topic_prefix=unique, produce_timeout_s=5)
    await ensure_topics(kafka)
    gateways = Gateways(kafka)
    yield gateways
    await gateways.close()


def token(key="k"):
    return token_of("da_1", "re_1", key)


async def wanted(gateway, key="k", count=1):
    """Claim a key as a request does; return the entry that counts."""
    claims, stamper, _ = gateway
    claim = Claim(stamper.stamp(count), count, DIGEST)
    return await asyncio.wait_for(claims.claim(token(key), claim), WAIT_S)


async def test_gateways_that_race_for_one_key_agree(gateways):
    """Many requests with one key, at two gateways at once: one version, whoever was first."""
    first, second = await gateways.open(), await gateways.open()
    keys = [f"k{number}" for number in range(20)]
    entries = await asyncio.gather(
        *[wanted(gateway, key) for key in keys for gateway in (first, second, first, second)]
    )

    versions = [entry.claim.version for entry in entries]
    by_key = [set(versions[start : start + 4]) for start in range(0, len(versions), 4)]
    assert [len(of_key) for of_key in by_key] == [1] * len(keys)
    assert len(await gateways.lines()) >= len(keys)


async def test_claims_survive_a_restart(gateways):
    """A gateway reads all claims before it takes requests; what was acknowledged before it cannot know."""
    entry = await wanted(await gateways.open(), count=3)
    await gateways.close()
    gateways.clock.advance(60)
    restarted = await gateways.open()

    again = await wanted(restarted, count=3)
    assert again.claim == entry.claim
    assert again.outcome is None
    assert len(await gateways.lines()) == 1


async def test_a_key_is_new_after_a_day(gateways):
    """The same for a gateway that ran all the time and for one that starts then."""
    running = await gateways.open()
    entry = await wanted(running)
    gateways.clock.advance(KEPT_US / 1_000_000 - 1)
    assert (await wanted(running)).claim == entry.claim
    gateways.clock.advance(1)
    renewed = await wanted(running)

    assert renewed.claim.version > entry.claim.version
    assert (await wanted(await gateways.open())).claim == renewed.claim


async def test_foreign_lines_and_lost_races_change_nothing(gateways):
    """Whoever starts later sees the first good line for a key, as everybody did."""
    running = await gateways.open()
    entry = await wanted(running)
    _, stamper, producer = running
    late = encode_claim(Claim(stamper.stamp(), 1, DIGEST))
    for key, value in ((token(), late), (token(), b"nonsense"), (b"short", late), (token(), None)):
        await producer.send(gateways.kafka.topics.claims, value, key=key, partition=0)

    assert (await wanted(await gateways.open())).claim == entry.claim


async def test_full_book_refuses_new_keys_only(gateways):
    """Known keys go on; another gateway with more room fills this one's memory to twice its limit at most."""
    small, large = await gateways.open(limit=2), await gateways.open()
    known = await wanted(small, "k0")
    for number in range(1, 8):
        await wanted(large, f"k{number}")
    async with asyncio.timeout(WAIT_S):
        while token("k7") not in small[0]:  # noqa: ASYNC110 - it is not told
            await asyncio.sleep(0.01)

    assert len(small[0]) == 4
    with pytest.raises(RateLimited):
        await wanted(small, "new")
    assert (await wanted(large, "k0")).claim == known.claim


async def test_claim_that_cannot_be_written_is_a_refusal_with_a_time_limit(gateways):
    """While the log is away a new key gets nothing, a known key its version."""
    gateway = await gateways.open()
    known = await wanted(gateway)
    claims, _, producer = gateway
    await producer.close()

    with pytest.raises(BrokerUnavailable):
        await wanted(gateway, "other")
    assert (await wanted(gateway)).claim == known.claim
    assert not claims._awaited


async def test_lines_that_have_long_expired_are_not_kept(gateways):
    """The topic keeps lines a little longer than they count."""
    gateway = await gateways.open()
    _, _, producer = gateway
    old = Claim(stamp_at(gateways.clock.now_us() - 2 * KEPT_US), 1, DIGEST)
    await producer.send(gateways.kafka.topics.claims, encode_claim(old), key=token(), partition=0)
    started, *_ = await gateways.open()

    assert len(started) == 0

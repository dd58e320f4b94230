"""Do we speak to geocoders as they speak?  Against local servers that answer as each of them does."""

import asyncio
import logging
from collections import deque

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from headwater.runtime.clock import ManualClock
from headwater.runtime.memory.store import MemoryStore
from headwater.runtime.settings import Secret
from processors.geocoding.geocoders import MAX_ANSWER_BYTES
from processors.geocoding.service import Geocoding
from processors.geocoding.settings import (
    ArcGisSettings,
    BanSettings,
    CensusSettings,
    GeocodingSettings,
    NominatimSettings,
    PdokSettings,
    What3WordsSettings,
)
from processors.stack.geocoding_answers import Away, Found, FoundWords, NotFound, Refused, question_of

ARCGIS = {
    "spatialReference": {"wkid": 4326, "latestWkid": 4326},
    "candidates": [
        {
            "address": "380 New York St, Redlands, California, 92373",
            "location": {"x": -117.195681386, "y": 34.056457146},
            "score": 100,
            "attributes": {},
            "extent": {"xmin": -117.19, "ymin": 34.05, "xmax": -117.18, "ymax": 34.06},
        }
    ],
}
BAN = {
    "type": "FeatureCollection",
    "version": "draft",
    "features": [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [2.290084, 49.897443]},
            "properties": {
                "label": "8 Boulevard du Port 80000 Amiens",
                "score": 0.91,
                "housenumber": "8",
                "id": "80021_6590_00008",
                "name": "8 Boulevard du Port",
                "postcode": "80000",
                "citycode": "80021",
                "city": "Amiens",
                "context": "80, Somme, Hauts-de-France",
                "type": "housenumber",
                "importance": 0.67,
                "street": "Boulevard du Port",
            },
        }
    ],
    "attribution": "BAN",
    "licence": "ETALAB-2.0",
    "query": "8 bd du port",
    "limit": 1,
}
CENSUS = {
    "result": {
        "input": {
            "address": {"zip": "20233", "city": "washington", "street": "4600 silver hill rd", "state": "dc"},
            "benchmark": {
                "isDefault": True,
                "benchmarkDescription": "Public Address Ranges - Current Benchmark",
                "id": "4",
                "benchmarkName": "Public_AR_Current",
            },
        },
        "addressMatches": [
            {
                "tigerLine": {"side": "L", "tigerLineId": "76355984"},
                "coordinates": {"x": -76.928365658124, "y": 38.846048257116},
                "addressComponents": {"zip": "20233", "streetName": "SILVER HILL", "city": "WASHINGTON"},
                "matchedAddress": "4600 SILVER HILL RD, WASHINGTON, DC, 20233",
            }
        ],
    }
}
NOMINATIM = [
    {
        "place_id": 100149,
        "licence": "Data © OpenStreetMap contributors, ODbL 1.0. http://osm.org/copyright",
        "osm_type": "node",
        "osm_id": 107775,
        "boundingbox": ["51.3473219", "51.6673219", "-0.2876474", "0.0323526"],
        "lat": "51.5073219",
        "lon": "-0.1276474",
        "display_name": "London, Greater London, England, United Kingdom",
        "class": "place",
        "type": "city",
        "importance": 0.96,
    }
]
PDOK = {
    "response": {
        "numFound": 1,
        "start": 0,
        "maxScore": 15.9,
        "numFoundExact": True,
        "docs": [
            {"weergavenaam": "Laan van Westenenk 701, 7334DP Apeldoorn", "centroide_ll": "POINT(5.93 52.19)"}
        ],
    }
}
WORDS = {
    "country": "GB",
    "square": {
        "southwest": {"lng": -0.195543, "lat": 51.520833},
        "northeast": {"lng": -0.195499, "lat": 51.52086},
    },
    "nearestPlace": "Bayswater, London",
    "coordinates": {"lng": -0.195521, "lat": 51.520847},
    "words": "filled.count.soap",
    "language": "en",
    "map": "https://w3w.co/filled.count.soap",
}
TOKEN = {"access_token": "token-1", "expires_in": 7200}

ADDRESS = (("address", "8 bd du port"), ("city", "amiens"))
QUESTIONS = {
    "arcgis": ADDRESS,
    "ban": ADDRESS,
    "census": (("street_address", "4600 silver hill rd"), ("zip", "20233")),
    "nominatim": ADDRESS,
    "pdok": ADDRESS,
    "what3words": (("words", "filled.count.soap"),),
}
ANSWERS = {
    "arcgis": (ARCGIS, Found(34.056457146, -117.195681386)),
    "ban": (BAN, Found(49.897443, 2.290084)),
    "census": (CENSUS, Found(38.846048257116, -76.928365658124)),
    "nominatim": (NOMINATIM, Found(51.5073219, -0.1276474)),
    "pdok": (PDOK, Found(52.19, 5.93)),
    "what3words": (WORDS, Found(51.520847, -0.195521)),
}
EMPTY = {
    "arcgis": {"spatialReference": {"wkid": 4326}, "candidates": []},
    "ban": BAN | {"features": []},
    "census": {"result": {"input": {}, "addressMatches": []}},
    "nominatim": [],
    "pdok": {"response": {"numFound": 0, "start": 0, "maxScore": 0.0, "numFoundExact": True, "docs": []}},
}
PROVIDERS = list(ANSWERS)


class World:
    """All providers on one server, each under a path of its own, which says what it is told to."""

    def __init__(self):
        self.said = deque()  # answers in their order; the last one is repeated
        self.tokens = deque([TOKEN])
        self.asked = []  # requests, without those for tokens
        self.forms = []
        self.release = asyncio.Event()
        application = web.Application()
        application.router.add_post("/arcgis/token", self._token)
        application.router.add_get("/{path:.*}", self._answer)
        self.server = TestServer(application)

    async def start(self, **own):
        await self.server.start_server()
        base = str(self.server.make_url("")).rstrip("/")
        common = {"timeout_s": 0.5, "rate_per_s": 1000}
        settings = GeocodingSettings(
            arcgis=ArcGisSettings(
                url=f"{base}/arcgis/locator",
                token_url=f"{base}/arcgis/token",
                client_id="id-1",
                client_secret=Secret("secret-1"),
                **common,
            ),
            ban=BanSettings(url=f"{base}/ban/", **common),
            census=CensusSettings(url=f"{base}/census/geocoder", **common),
            nominatim=NominatimSettings(url=f"{base}/osm/nominatim", **common),
            pdok=PdokSettings(url=f"{base}/pdok/v3_1", **common),
            what3words=What3WordsSettings(url=f"{base}/w3w/v3", key=Secret("key-1"), **common),
            **{"contact": "ops@example.org", "failures_to_rest": 100, **own},
        )
        self.geocoding = Geocoding(settings, store=MemoryStore(), clock=ManualClock())

    async def close(self):
        await self.geocoding.close()
        self.release.set()
        await self.server.close()

    def say(self, body="", *, status=200, headers=None, **more):
        self.said.append({"status": status, "headers": headers, "body": body, **more})

    async def ask(self, provider, parts=None):
        question = question_of(provider, QUESTIONS[provider] if parts is None else parts)
        return (await self.geocoding.locate([question]))[question]

    async def _answer(self, request):
        self.asked.append(request)
        said = self.said.popleft() if len(self.said) > 1 else self.said[0]
        if said.get("silent"):
            await self.release.wait()
        body, options = said["body"], {"status": said["status"], "headers": said["headers"]}
        if isinstance(body, (dict, list)):
            return web.json_response(body, **options)
        return web.Response(body=body, content_type="text/html", **options)

    async def _token(self, request):
        self.forms.append(dict(await request.post()))
        said = self.tokens.popleft() if len(self.tokens) > 1 else self.tokens[0]
        return web.json_response(said, status=said.get("status", 200))


@pytest.fixture
async def world():
    world = World()
    await world.start()
    yield world
    await world.close()


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_found_place(world, provider):
    """Each provider's own form of answer."""
    body, expected = ANSWERS[provider]
    world.say(body)

    assert await world.ask(provider) == expected


@pytest.mark.parametrize("provider", EMPTY)
async def test_unknown_place(world, provider):
    """An empty list is an answer."""
    world.say(EMPTY[provider])

    assert await world.ask(provider) == NotFound()


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_every_request_says_who_asks(world, provider):
    """Providers block those who do not."""
    world.say(ANSWERS[provider][0])
    await world.ask(provider)

    assert world.asked[0].headers["User-Agent"].startswith("Headwater/")
    assert "ops@example.org" in world.asked[0].headers["User-Agent"]


@pytest.mark.parametrize(
    ("provider", "parts", "path", "query"),
    [
        (
            "arcgis",
            (("address", "380 new york st"), ("postal_code", "92373"), ("country", "usa")),
            "/arcgis/locator/findAddressCandidates",
            {
                "singleLine": "380 new york st, 92373, usa",
                "f": "json",
                "maxLocations": "1",
                "forStorage": "true",
            },
        ),
        (
            "ban",
            (
                ("address", "8 bd du port & côté"),
                ("postal_code", "80000"),
                ("insee_code", "2a004"),
                ("city", "amiens"),
            ),
            "/ban/search",
            {
                "q": "8 bd du port & côté, amiens",
                "limit": "1",
                "autocomplete": "0",
                "postcode": "80000",
                "citycode": "2A004",
            },
        ),
        (
            "census",
            (("street_address", "4600 silver hill rd"), ("city", "washington"), ("state", "dc")),
            "/census/geocoder/locations/address",
            {
                "street": "4600 silver hill rd",
                "city": "washington",
                "state": "dc",
                "benchmark": "Public_AR_Current",
                "format": "json",
            },
        ),
        (
            "census",
            (("street_address", "4600 silver hill rd, washington dc"),),
            "/census/geocoder/locations/onelineaddress",
            {
                "address": "4600 silver hill rd, washington dc",
                "benchmark": "Public_AR_Current",
                "format": "json",
            },
        ),
        (
            "nominatim",
            (("address", "10 downing st"), ("postal_code", "sw1a"), ("city", "london")),
            "/osm/nominatim/search",
            {"q": "10 downing st, sw1a, london", "format": "json", "limit": "1"},
        ),
        (
            "pdok",
            (("address", "laan van westenenk 701"),),
            "/pdok/v3_1/free",
            {"q": "laan van westenenk 701", "rows": "1", "fl": "weergavenaam,centroide_ll"},
        ),
        (
            "what3words",
            (("words", "डोलने.पीसना.संभाला"),),
            "/w3w/v3/convert-to-coordinates",
            {"words": "डोलने.पीसना.संभाला"},
        ),
        (
            "what3words",
            (("coordinates", "51.520847,-0.195521"), ("language", "fr")),
            "/w3w/v3/convert-to-3wa",
            {"coordinates": "51.520847,-0.195521", "language": "fr"},
        ),
    ],
)
async def test_question_is_asked_as_the_provider_wants_it(world, provider, parts, path, query):
    """Path and parameters, nothing else; keys are no part of an address."""
    world.say(ANSWERS[provider][0])
    await world.ask(provider, parts)

    assert world.asked[0].path == path
    assert dict(world.asked[0].query) == query


async def test_words_of_a_position(world):
    """The reverse direction."""
    world.say(WORDS)

    answer = await world.ask("what3words", (("coordinates", "51.5,-0.2"), ("language", "en")))

    assert answer == FoundWords("filled.count.soap")
    assert world.asked[0].headers["X-Api-Key"] == "key-1"


async def test_words_of_no_place_are_not_found(world):
    """what3words calls that a bad request, although it is an answer."""
    message = "words must be a valid 3 word address, such as filled.count.soap or ///filled.count.soap"
    world.say({"error": {"code": "BadWords", "message": message}}, status=400)

    assert await world.ask("what3words") == NotFound()


async def test_place_that_is_unlike_the_address_is_not_found(world):
    """BAN always finds something; its score says how like the address that is."""
    feature = BAN["features"][0]
    world.say(BAN | {"features": [feature | {"properties": feature["properties"] | {"score": 0.2}}]})

    assert await world.ask("ban") == NotFound()


async def test_arcgis_token_is_bought_once(world):
    """With client id and secret in a form; then it is sent in a header."""
    world.say(ARCGIS)
    for number in range(3):
        await world.ask("arcgis", (("address", f"{number} new york st"),))

    assert world.forms == [
        {
            "client_id": "id-1",
            "client_secret": "secret-1",
            "grant_type": "client_credentials",
            "f": "json",
        }
    ]
    assert {one.headers["X-Esri-Authorization"] for one in world.asked} == {"Bearer token-1"}


async def test_arcgis_token_that_is_refused_is_replaced(world):
    """Once: ArcGIS says so with status 200."""
    world.tokens.append({"access_token": "token-2", "expires_in": 7200})
    world.say({"error": {"code": 498, "message": "Invalid Token", "details": []}})
    world.say(ARCGIS)

    assert await world.ask("arcgis") == ANSWERS["arcgis"][1]
    assert [one.headers["X-Esri-Authorization"][-7:] for one in world.asked] == ["token-1", "token-2"]


@pytest.mark.parametrize(
    "token",
    [
        {"error": {"code": 400, "error": "invalid_client_id", "message": "Invalid client_id"}},
        {"error": {"code": 400, "message": "Invalid client_id"}, "status": 400},
        {"status": 500},
        {},
    ],
)
async def test_arcgis_without_a_token_is_away(world, token):
    """A wrong secret is the operator's to mend, and no record's fault."""
    world.tokens = deque([token])
    world.say(ARCGIS)

    assert isinstance(await world.ask("arcgis"), Away)
    assert not world.asked


@pytest.mark.parametrize("code", [403, 498, 499, 500, 504])
async def test_arcgis_errors_with_status_200_are_errors(world, code):
    """Also a token that is refused again and again."""
    world.say({"error": {"code": code, "message": "no", "details": []}})

    assert isinstance(await world.ask("arcgis"), Away)
    assert len(world.asked) <= 2


@pytest.mark.parametrize(
    ("provider", "body", "expected"),
    [
        (
            "arcgis",
            {"error": {"code": 400, "message": "Cannot perform query", "details": []}},
            "Cannot perform",
        ),
        ("ban", {"code": 400, "message": "q must contain between 3 and 200 chars"}, "3 and 200"),
        ("census", {"errors": ["Specify street with city and state"], "status": "400"}, "Specify street"),
        ("nominatim", {"error": {"code": 400, "message": "Parameter q is odd"}}, "odd"),
        ("pdok", {"status": 400, "title": "Bad Request", "detail": "q is missing"}, "missing"),
        ("what3words", {"error": {"code": "BadInput", "message": "words is odd"}}, "words is odd"),
        ("pdok", "<html>Bad Request</html>", "400"),
    ],
)
async def test_question_that_is_called_bad_is_refused(world, provider, body, expected):
    """The record's own fault, in the provider's words where it has some."""
    world.say(body, status=200 if provider == "arcgis" else 400)

    answer = await world.ask(provider)

    assert isinstance(answer, Refused)
    assert expected in answer.message


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("status", [401, 402, 403, 404, 408, 429, 500, 502, 503, 504])
async def test_every_other_error_means_away(world, provider, status):
    """Down, over its limits, or refusing our key: later may help."""
    world.say("<html>no</html>", status=status)

    answer = await world.ask(provider)

    assert isinstance(answer, Away)
    assert answer.provider == provider


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>welcome to the captive portal</html>",
        "{",
        "null",
        "7",
        '"text"',
        "[1]",
        {"result": 1},
        {"candidates": [{}]},
        {"features": [{}]},
        {"response": {"docs": [{"centroide_ll": "POINT(x y)"}]}},
        [{"lat": "91", "lon": "0"}],
        {"coordinates": {"lat": 91, "lng": 0}, "words": "a.b.c"},
    ],
)
@pytest.mark.filterwarnings("ignore:Latitude normalization:UserWarning")  # geopy, before it raises
async def test_unreadable_answer_means_away_or_nothing_found(world, provider, body):
    """Never an exception, and never a place that is none."""
    world.say(body)

    assert isinstance(await world.ask(provider), (Away, NotFound))


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_silence_means_away(world, provider):
    """After the provider's time-out."""
    world.say(silent=True)

    answer = await world.ask(provider)

    assert isinstance(answer, Away)
    assert "in time" in answer.message


async def test_answer_without_end_is_cut(world):
    """Memory stays flat whatever a provider sends."""
    world.say(b"[" + b" " * MAX_ANSWER_BYTES + b"]")

    assert isinstance(await world.ask("nominatim"), Away)


async def test_provider_that_cannot_be_reached_is_away(world):
    """Nobody listens."""
    await world.server.close()

    answer = await world.ask("pdok")

    assert isinstance(answer, Away)
    assert "reached" in answer.message


async def test_provider_that_names_a_time_is_left_alone_for_it(world):
    """Retry-After of a 429."""
    world.say(status=429, headers={"Retry-After": "120"})
    await world.ask("ban")

    assert isinstance(await world.ask("ban", (("address", "another"),)), Away)
    assert len(world.asked) == 1


async def test_provider_comes_back():
    """After its rest one request tries, then all may."""
    world = World()
    await world.start(failures_to_rest=1, rest_s=1)
    try:
        world.say(status=500)
        world.say(PDOK)
        assert isinstance(await world.ask("pdok"), Away)
        async with asyncio.timeout(20):
            while isinstance(answer := await world.ask("pdok"), Away):  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.05)

        assert answer == ANSWERS["pdok"][1]
        assert len(world.asked) == 2
    finally:
        await world.close()


async def test_no_key_and_no_address_is_logged(world, caplog):
    """Logs are read by more people than the data."""
    caplog.set_level(logging.INFO)
    for provider in PROVIDERS:
        world.say({"error": "no"}, status=500)
        await world.ask(provider)

    assert not any(text in caplog.text for text in ("key-1", "secret-1", "token-1", "bd du port"))

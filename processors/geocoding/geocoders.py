"""How is each provider spoken to?  Geocoders of geopy, and two of our own in the same shape.

Differences from geopy's own: base addresses with a path, BAN's filters, ArcGIS with the client id and secret
of an application, and keys in headers, so that no log or proxy ever shows them in an address.
"""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlencode

import orjson
import yarl
from aiohttp import ClientSession, ClientTimeout, DummyCookieJar
from geopy.adapters import AdapterHTTPError, AioHTTPAdapter
from geopy.exc import (
    GeocoderAuthenticationFailure,
    GeocoderInsufficientPrivileges,
    GeocoderParseError,
    GeocoderQueryError,
    GeocoderServiceError,
)
from geopy.geocoders import ArcGIS, BANFrance, Nominatim, What3WordsV3
from geopy.geocoders.base import NONE_RESULT, Geocoder
from geopy.location import Location

MAX_ANSWER_BYTES = 1024 * 1024  # one place has a few kB
MAX_ERROR_BYTES = 500
ERROR_STATUS = 400

BAD_REQUEST, FORBIDDEN = 400, 403
TOKEN_REFUSED = frozenset({498, 499})  # ArcGIS: invalid or expired, missing
TOKEN_SPARE_S = 60.0  # a token is renewed before it expires under way
SHORTEST_TOKEN_S = 60.0


class Adapter(AioHTTPAdapter):
    """geopy's adapter for aiohttp, with bounded answers, without cookies; one for all geocoders.

    Proxies of the environment are not used, as nowhere in Headwater.
    """

    def __init__(self) -> None:
        super().__init__(proxies={}, ssl_context=None)
        self._session: ClientSession | None = None

    @property
    def session(self) -> ClientSession:
        """The connections, made with the first request."""
        if self._session is None:
            self._session = ClientSession(cookie_jar=DummyCookieJar())
        return self._session

    async def close(self) -> None:
        """End all connections; closing twice is harmless."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def get_json(self, url: str, *, timeout: float, headers: Mapping[str, str]) -> Any:  # noqa: ASYNC109
        return await self.ask_json("GET", url, timeout_s=timeout, headers=headers)

    async def get_text(self, url: str, *, timeout: float, headers: Mapping[str, str]) -> str:  # noqa: ASYNC109
        with self._normalize_exceptions():
            return (await self._body("GET", url, timeout, headers, None)).decode(errors="replace")

    async def ask_json(
        self,
        method: str,
        url: str,
        *,
        timeout_s: float,
        headers: Mapping[str, str],
        form: Mapping[str, str] | None = None,
    ) -> Any:
        """Return the answer to a request, which may have a form; raises what geopy's adapters do."""
        with self._normalize_exceptions():
            body = await self._body(method, url, timeout_s, headers, form)
            try:
                return orjson.loads(body)
            except ValueError as error:
                raise GeocoderParseError("the answer is no JSON") from error

    async def _body(
        self,
        method: str,
        url: str,
        timeout_s: float,
        headers: Mapping[str, str],
        form: Mapping[str, str] | None,
    ) -> bytes:
        address = yarl.URL(url, encoded=True)
        timeout = ClientTimeout(total=timeout_s)
        async with self.session.request(
            method, address, data=form, headers=headers, timeout=timeout
        ) as answer:
            failed = answer.status >= ERROR_STATUS
            limit = MAX_ERROR_BYTES if failed else MAX_ANSWER_BYTES
            body = bytearray()
            async for chunk in answer.content.iter_any():
                body += chunk
                if len(body) > limit:
                    break
            if failed:
                raise AdapterHTTPError(
                    f"status {answer.status}",
                    status_code=answer.status,
                    headers=answer.headers,
                    text=bytes(body[:limit]).decode(errors="replace"),
                )
            if len(body) > limit:
                raise GeocoderParseError(f"the answer has more than {limit} bytes")
            return bytes(body)


class ArcGis(ArcGIS):
    """ArcGIS as an application: a token for client id and secret, renewed before it expires."""

    def __init__(self, url: str, token_url: str, client_id: str, client_secret: str, **options: Any) -> None:
        super().__init__(**options)
        self.api = f"{url.rstrip('/')}/findAddressCandidates"
        self._token_url = token_url
        self._form = {"client_id": client_id, "client_secret": client_secret}
        self._bearer = ""
        self._renew_at_s = 0.0
        self._renewing = asyncio.Lock()

    async def geocode(self, query: str) -> Location | None:
        """Return the best candidate for an address in one line."""
        wanted = {"singleLine": query, "f": "json", "maxLocations": 1, "forStorage": "true"}
        url = f"{self.api}?{urlencode(wanted)}"
        token = await self._token()
        answer = await self._asked(url, token)
        if _arcgis_code(answer) in TOKEN_REFUSED:
            self._drop(token)
            answer = await self._asked(url, await self._token())
        _check_arcgis(answer)
        return self._parse_geocode(answer, exactly_one=True)

    async def _asked(self, url: str, token: str) -> Any:
        headers = {"X-Esri-Authorization": f"Bearer {token}"}
        return await self._call_geocoder(url, lambda answer: answer, headers=headers)

    async def _token(self) -> str:
        async with self._renewing:
            now_s = asyncio.get_running_loop().time()
            if not self._bearer or now_s >= self._renew_at_s:
                answer = await self._bought()
                self._bearer = answer["access_token"]
                life_s = max(float(answer.get("expires_in", 0)) - TOKEN_SPARE_S, SHORTEST_TOKEN_S)
                self._renew_at_s = now_s + life_s
            return self._bearer

    def _drop(self, token: str) -> None:
        if self._bearer == token:
            self._bearer = ""

    async def _bought(self) -> dict[str, Any]:
        form = self._form | {"grant_type": "client_credentials", "f": "json"}
        try:
            answer = await self.adapter.ask_json(
                "POST", self._token_url, timeout_s=self.timeout, headers=self.headers, form=form
            )
        except AdapterHTTPError as error:
            if error.status_code == BAD_REQUEST:  # no question's fault: there is none yet
                raise GeocoderAuthenticationFailure(
                    "the token service refuses client id or secret"
                ) from error
            self._adapter_error_handler(error)
            raise
        if not isinstance(answer, dict) or not isinstance(answer.get("access_token"), str):
            raise GeocoderAuthenticationFailure("the token service gave no token for client id and secret")
        return answer


class Ban(BANFrance):
    """The French geocoder, with its filters and the score of what it found."""

    def __init__(self, url: str, **options: Any) -> None:
        super().__init__(**options)
        self.geocode_api = f"{url.rstrip('/')}{self.geocode_path}"

    async def geocode(self, query: str, *, postcode: str = "", citycode: str = "") -> Location | None:
        """Return the best match; `postcode` and `citycode` (INSEE) restrict where it may be."""
        given = {"q": query, "limit": "1", "autocomplete": "0", "postcode": postcode, "citycode": citycode}
        url = f"{self.geocode_api}?{urlencode({name: text for name, text in given.items() if text})}"
        return await self._call_geocoder(url, partial(self._parse_json, exactly_one=True))


class What3Words(What3WordsV3):
    """what3words; geopy refuses the words of scripts with combining marks, the provider does not."""

    def __init__(self, url: str, api_key: str, **options: Any) -> None:
        super().__init__(api_key, **options)
        base = url.rstrip("/")
        self.geocode_api = f"{base}/convert-to-coordinates"
        self.reverse_api = f"{base}/convert-to-3wa"
        self.headers["X-Api-Key"] = api_key

    async def geocode(self, query: str) -> Location | None:
        """Return the place of three words; None when no place has them."""
        return await self._place(self.geocode_api, {"words": query})

    async def reverse(self, query: str, *, lang: str) -> Location | None:
        """Return the place of `lat,lon`, whose address are its three words."""
        return await self._place(self.reverse_api, {"coordinates": query, "language": lang})

    async def _place(self, api: str, given: Mapping[str, str]) -> Location | None:
        return await self._call_geocoder(f"{api}?{urlencode(given)}", self._parse_json)

    def _geocoder_exception_handler(self, error: Exception) -> Any:
        refused: Any = error if isinstance(error, AdapterHTTPError) else None
        unknown = refused and refused.status_code == BAD_REQUEST and '"BadWords"' in refused.text
        return NONE_RESULT if unknown else None


class Pdok(Geocoder):
    """The Dutch Locatieserver, in geopy's shape."""

    def __init__(self, url: str, **options: Any) -> None:
        super().__init__(**options)
        self.geocode_api = f"{url.rstrip('/')}/free"

    async def geocode(self, query: str) -> Location | None:
        """Return the best match."""
        url = f"{self.geocode_api}?{urlencode({'q': query, 'rows': 1, 'fl': 'weergavenaam,centroide_ll'})}"
        return await self._call_geocoder(url, self._parse)

    @staticmethod
    def _parse(answer: Any) -> Location | None:
        docs = answer["response"]["docs"]
        if not docs:
            return None
        lon, lat = docs[0]["centroide_ll"].removeprefix("POINT(").removesuffix(")").split()
        return Location(docs[0].get("weergavenaam", ""), (float(lat), float(lon)), docs[0])


class Census(Geocoder):
    """The geocoder of the Census Bureau, in geopy's shape."""

    def __init__(self, url: str, benchmark: str, **options: Any) -> None:
        super().__init__(**options)
        self.api = f"{url.rstrip('/')}/locations"
        self._benchmark = benchmark

    async def geocode(self, query: Mapping[str, str]) -> Location | None:
        """Return the first match; a street without zip, or city and state, is taken for a whole address."""
        given = {name: text for name, text in query.items() if text}
        form = "address" if "zip" in given or {"city", "state"} <= given.keys() else "onelineaddress"
        if form == "onelineaddress":
            given = {"address": ", ".join(given.values())}
        wanted = {**given, "benchmark": self._benchmark, "format": "json"}
        return await self._call_geocoder(f"{self.api}/{form}?{urlencode(wanted)}", self._parse)

    @staticmethod
    def _parse(answer: Any) -> Location | None:
        matches = answer["result"]["addressMatches"]
        if not matches:
            return None
        place = matches[0]["coordinates"]
        return Location(matches[0]["matchedAddress"], (float(place["y"]), float(place["x"])), matches[0])


def nominatim(url: str, **options: Any) -> Nominatim:
    """Return geopy's geocoder for a Nominatim server, whose address may have a path."""
    scheme, _, rest = url.rstrip("/").partition("://")
    return Nominatim(scheme=scheme, domain=rest, **options)


def _arcgis_code(answer: Any) -> int:
    """Return the code of an error, which ArcGIS sends with status 200; 0 without one."""
    error = answer.get("error") if isinstance(answer, dict) else None
    return int(error.get("code", 0)) if isinstance(error, dict) else 0


def _check_arcgis(answer: Any) -> None:
    code = _arcgis_code(answer)
    if code in TOKEN_REFUSED:
        raise GeocoderAuthenticationFailure("the token is refused")
    if code == FORBIDDEN:
        raise GeocoderInsufficientPrivileges("the account may not geocode for storage")
    if code == BAD_REQUEST:
        raise GeocoderQueryError(str(answer["error"].get("message", "")))
    if code:
        raise GeocoderServiceError(f"code {code}")

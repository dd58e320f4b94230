"""How is a file of a stranger served so that it can do no harm?

What a browser would run (HTML, SVG, scripts, anything not listed) is sent for saving, never for showing,
and in any case in a sandbox without scripts; no type is guessed from the bytes.
"""

from urllib.parse import quote

from aiohttp import hdrs, web

from headwater.runtime.files import KeptFile

# Types that browsers show without running anything in them.
SHOWN = frozenset(
    {
        *("image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp", "image/tiff"),
        *("audio/mpeg", "audio/ogg", "audio/wav", "audio/mp4", "video/mp4", "video/webm", "video/ogg"),
        *("text/plain", "application/json"),
    }
)
FOREVER = "public, max-age=31536000, immutable"  # the path names the content
PRIVATE = "private, max-age=31536000, immutable"


def file_answer(kept: KeptFile, *, etag: str, public: bool, download: bool) -> web.Response:
    """Return the bytes with the type that was declared for them."""
    mimetype = str(kept.description.get("mimetype") or "application/octet-stream")
    shown = mimetype in SHOWN and not download
    name = quote(str(kept.description.get("filename") or etag), safe="")
    return web.Response(
        body=kept.content,
        headers={
            hdrs.CONTENT_TYPE: mimetype if mimetype != "text/plain" else "text/plain; charset=utf-8",
            hdrs.CONTENT_DISPOSITION: f"{'inline' if shown else 'attachment'}; filename*=UTF-8''{name}",
            hdrs.ETAG: f'"{etag}"',
            hdrs.CACHE_CONTROL: FOREVER if public else PRIVATE,
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cross-Origin-Resource-Policy": "cross-origin",
            hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: "*",
        },
    )


def is_known_already(request: web.Request, etag: str) -> bool:
    """Tell whether the caller has the content already: it never changes under its id."""
    given = request.headers.get(hdrs.IF_NONE_MATCH, "")
    tags = [one.strip().removeprefix("W/").strip('"') for one in given.split(",")]
    return etag in tags

"""Serves the web page: one document at each of its addresses, and its files, which browsers may keep for good."""

from typing import Annotated

from fastapi import APIRouter, Header, Response
from starlette.exceptions import HTTPException

from service.page import assets
from service.page.assets import Asset

routes = APIRouter(include_in_schema=False, default_response_class=Response)

POLICY = "; ".join(
    (
        "default-src 'self'",
        "base-uri 'none'",
        "object-src 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types lit-html",  # makes markup of our own templates, and of nothing else
    )
)
"""Content-Security-Policy: nothing comes from elsewhere, nothing runs in line, and no text becomes markup."""

_DOCUMENT_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}
_FILE_HEADERS = {"Cache-Control": "public, max-age=31536000, immutable"}

Accepts = Annotated[str, Header(alias="accept-encoding")]
Known = Annotated[str, Header(alias="if-none-match")]


@routes.api_route("/", methods=["GET", "HEAD"])
@routes.api_route("/conversations/{id}", methods=["GET", "HEAD"])
@routes.api_route("/answers/{id}", methods=["GET", "HEAD"])
@routes.api_route("/search", methods=["GET", "HEAD"])
@routes.api_route("/add", methods=["GET", "HEAD"])
@routes.api_route("/papers/{id:path}", methods=["GET", "HEAD"])
@routes.api_route("/map", methods=["GET", "HEAD"])
@routes.api_route("/watches", methods=["GET", "HEAD"])
async def document(accept_encoding: Accepts = "", if_none_match: Known = "") -> Response:
    """The page; the script in it shows what the address names."""
    return _response(assets.load().index, _DOCUMENT_HEADERS, accept_encoding, if_none_match)


@routes.api_route("/page/{version}/{path:path}", methods=["GET", "HEAD"])
async def file(version: str, path: str, accept_encoding: Accepts = "", if_none_match: Known = "") -> Response:
    """A file of the page. One of another version is not found, so that no browser mixes two."""
    loaded = assets.load()
    if loaded.base != f"/page/{version}" or path not in loaded.files:
        raise HTTPException(404)
    return _response(loaded.files[path], _FILE_HEADERS, accept_encoding, if_none_match)


def _response(asset: Asset, headers: dict[str, str], accepts: str, known: str) -> Response:
    headers = {**headers, "ETag": asset.tag, "Vary": "Accept-Encoding", "X-Content-Type-Options": "nosniff"}
    if asset.tag in {tag.strip().removeprefix("W/") for tag in known.split(",")}:
        return Response(status_code=304, headers=headers)
    if "gzip" in {coding.partition(";")[0].strip().lower() for coding in accepts.split(",")}:
        return Response(asset.gzipped, headers={**headers, "Content-Encoding": "gzip"}, media_type=asset.media_type)
    return Response(asset.content, headers=headers, media_type=asset.media_type)

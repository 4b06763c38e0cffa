"""One tree of errors for the whole application: each code with its HTTP status."""

from __future__ import annotations

import logging

from aiohttp import web
from aiohttp.typedefs import Handler

from agent.errors import DragomanError

from .metrics import METRICS

log = logging.getLogger(__name__)

STATUS = {
    "bad_glossary": 400,
    "bad_json": 400,
    "bad_name": 400,
    "bad_request": 400,
    "bad_title": 400,
    "unknown_language": 400,
    "unknown_policy": 400,
    "too_many_languages": 400,
    "host_secret_wrong": 401,
    "link_invalid": 403,
    "not_allowed": 403,
    "not_found": 404,
    "meeting_not_found": 404,
    "room_not_found": 404,
    "method_not_allowed": 405,
    "room_full": 409,
    "too_large": 413,
    "too_many_requests": 429,
    "too_many_trials": 429,
    "internal": 500,
    "audit_away": 503,
    "database_away": 503,
    "key_destroyed": 503,
    "key_refused": 503,
    "keys_away": 503,
    "ledger_broken": 503,
    "ledger_missing": 503,
    "no_key": 503,
    "pages_missing": 503,
    "restored_not_replayed": 503,
    "sfu_away": 503,
    "vault_away": 503,
}
WAIT = {
    "too_many_requests": "5",
    "too_many_trials": "60",
    "audit_away": "5",
    "database_away": "2",
    "keys_away": "5",
    "sfu_away": "2",
    "vault_away": "2",
}
"""Seconds after which asking again makes sense."""
BY_STATUS = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}
"""What aiohttp itself refuses, in our words."""
SENTENCES = {
    "not_found": "There is nothing at this address.",
    "method_not_allowed": "This address does not answer to that method.",
    "too_large": "The body is larger than 64 kB.",
    "bad_request": "The request makes no sense.",
}


def answer(request: web.Request, code: str, message: str, headers: dict[str, str] | None = None) -> web.Response:
    """An error as every client gets it, counted."""
    request.app[METRICS].errors.labels(code).inc()
    body = {"code": code, "message": message}
    wait = {"Retry-After": WAIT[code]} if code in WAIT else {}
    return web.json_response(body, status=STATUS[code], headers={**wait, **(headers or {})})


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turns what goes wrong into `{code, message}`: the outermost door, where everything is caught."""
    try:
        return await handler(request)
    except DragomanError as error:
        return answer(request, error.code, error.message)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        code = BY_STATUS.get(error.status, "bad_request")
        allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
        return answer(request, code, SENTENCES[code], allow)
    except Exception:
        log.exception("a bug", extra={"route": route_of(request)})
        return answer(request, "internal", "Something is broken on our side.")


async def refuse_what_is_too_large(request: web.Request) -> web.StreamResponse | None:
    """For a client that asks before it sends (`Expect: 100-continue`): send nothing, or go on."""
    if request.headers.get("Expect", "").lower() == "100-continue":
        if (request.content_length or 0) > request.client_max_size:
            refusal = answer(request, "too_large", SENTENCES["too_large"])
            refusal.force_close()
            return refusal
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return None


def route_of(request: web.Request) -> str:
    """The pattern that matched: an address may hold what belongs in no log."""
    resource = request.match_info.route.resource
    return resource.canonical if resource else "none"

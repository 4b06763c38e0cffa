"""The API described, against the API that is."""

from __future__ import annotations

import re

from openapi_spec_validator import validate

from agent.settings import Settings
from tests.web.conftest import House
from web.app import ROUTES, build


async def test_the_document_is_openapi(house: House):
    document = await (await house.client.get("/openapi.json")).json()

    validate(document)


async def test_every_route_is_in_the_document_and_everything_in_it_is_a_route(house: House):
    document = await (await house.client.get("/openapi.json")).json()

    routed = {
        (route.method, re.sub(r"{(\w+):.*}", r"{\1}", route.resource.canonical))
        for route in build(Settings()).router.routes()
        if route.resource and route.method != "HEAD"
    }
    described = {(method.upper(), path) for path, operations in document["paths"].items() for method in operations}
    assert described == routed
    assert len(described) == len(ROUTES)


async def test_answers_have_the_shape_that_the_document_promises(house: House):
    document = await (await house.client.get("/openapi.json")).json()
    seen = await (await house.client.get("/api/rooms/demo")).json()
    joined = await (await house.join()).json()

    shapes = document["components"]["schemas"]
    assert set(seen) == set(shapes["RoomSeen"]["properties"]) == set(shapes["RoomSeen"]["required"])
    assert set(joined) == set(shapes["Joined"]["properties"])
    assert set(shapes["Readable"]["properties"]) == {"from"}


async def test_what_needs_a_secret_says_so(house: House):
    document = await (await house.client.get("/openapi.json")).json()

    assert document["paths"]["/api/rooms"]["post"]["security"] == [{"bearer": []}]
    assert "security" not in document["paths"]["/api/rooms/{room}/join"]["post"]

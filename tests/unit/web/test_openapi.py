"""The served document holds every call, and every reference in it leads somewhere."""

import json
from collections.abc import Iterator
from typing import Any

from bot.dashboard.register import BLUEPRINTS
from bot.web.application import ROOMS
from bot.web.openapi import document
from bot.web.reference import api_reference
from tests.unit.web.conftest import Api, said_by


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def test_it_is_served(api: Api) -> None:
    answer = api.call("GET", "/openapi.json", token=api.token("read"))
    assert answer.content_type == "application/json"
    assert said_by(answer) == document(ROOMS)


def test_every_route_is_in_it_and_no_other(api: Api) -> None:
    pages = {blueprint.name for blueprint in BLUEPRINTS}
    routes = {
        (method.lower(), rule.rule.replace("<", "{").replace(">", "}"))
        for rule in api.client.application.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.endpoint.partition(".")[0] not in pages
    }
    described = {(method, path) for path, methods in document(ROOMS)["paths"].items() for method in methods}
    assert described == routes


def test_references_lead_somewhere_and_nothing_is_left_over() -> None:
    made = document(ROOMS)
    schemas = {f"#/components/schemas/{name}" for name in made["components"]["schemas"]}
    assert set(references(made)) == schemas


def test_every_operation_is_complete() -> None:
    seen = set()
    for path, methods in document(ROOMS)["paths"].items():
        for operation in methods.values():
            assert operation["summary"].endswith((".", ")", "`")), path
            assert operation["operationId"] not in seen
            seen.add(operation["operationId"])
            assert all(answer["description"] for answer in operation["responses"].values())
            in_path = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
            assert in_path == {part[1:-1] for part in path.split("/") if part.startswith("{")}
            assert bool(operation["security"]) == ("401" in operation["responses"])


def test_it_is_the_same_every_time() -> None:
    assert json.dumps(document(ROOMS)) == json.dumps(document(ROOMS))
    assert api_reference() == api_reference()


def test_names_of_members_survive() -> None:
    made = document(ROOMS)["components"]["schemas"]
    assert "title" in made["TaskShown"]["properties"]
    assert "title" not in made["TaskShown"]["properties"]["title"]

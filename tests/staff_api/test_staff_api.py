"""The JSON for staff: permissions, contents, and independence of the project's settings."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from rest_framework.authtoken.models import Token

from alhena_tracking.models import CartEvent, Company, Order, Standing, Trust, VisitorSession
from tests.support import factories
from tests.support.factories import at
from tests.support.published_schema import STAFF_PREFIX, staff_operation, staff_validator

pytestmark = pytest.mark.django_db

MONDAY = date(2026, 3, 2)
THAT_WEEK = {"start": "2026-03-02", "end": "2026-03-08"}
RIGHTS = {
    "revenue-impact": "view_revenueimpact",
    "orders": "view_order",
    "cart-events": "view_cartevent",
    "sessions": "view_visitorsession",
}
LISTS = ["orders", "cart-events", "sessions"]
MODELS: dict[str, type[Any]] = {"orders": Order, "cart-events": CartEvent, "sessions": VisitorSession}


def staff(*rights: str, **facts: Any) -> Any:
    user = factories.UserFactory.create(**facts)
    user.user_permissions.set(
        Permission.objects.get(content_type__app_label="alhena_tracking", codename=right) for right in rights
    )
    return user


@pytest.fixture
def read(client: Client) -> Callable[..., Any]:
    """Read an endpoint with every permission, and validate the answer by the published schema."""
    client.force_login(staff(*RIGHTS.values()))

    def read(path: str, expected: int = 200, **parameters: Any) -> Any:
        response = client.get(STAFF_PREFIX + path, parameters)
        answer = response.json()
        assert response.status_code == expected, answer
        staff_validator(path, expected).validate(answer)
        return answer

    return read


@pytest.fixture
def shop(company: Company) -> Company:
    """Two sessions with two cart events and two orders, and one refund on a later day."""
    for number, channel in enumerate(("CHAT", "FAQ")):
        session = factories.VisitorSessionFactory.create(
            company=company, started_at=at(MONDAY, 9 + number), channel=channel, ai_profile=f"profile {number}"
        )
        factories.CartEventFactory.create(session=session, gmv_minor=1000 + number, product_id=f"sku {number}")
        order = factories.OrderFactory.create(session=session, value_minor=5000 + number, order_id=f"order {number}")
        factories.OrderLineFactory.create(order=order)
        factories.RefundFactory.create(refunded_order=order, value_minor=100, occurred_at=at(date(2026, 3, 20)))
    return company


# Permissions


@pytest.mark.parametrize("path", RIGHTS)
@pytest.mark.parametrize("right", [*RIGHTS.values(), "view_company", "export_revenueimpact"])
def test_endpoint_when_read_needs_its_own_permission(client: Client, shop: Company, path: str, right: str) -> None:
    client.force_login(staff(right))
    response = client.get(STAFF_PREFIX + path, THAT_WEEK)
    assert response.status_code == (200 if right == RIGHTS[path] else 403)
    staff_validator(path, response.status_code).validate(response.json())


@pytest.mark.parametrize("path", RIGHTS)
def test_endpoint_when_not_logged_in_is_401(client: Client, path: str) -> None:
    for headers in ({}, {"Authorization": "Token no-such"}, {"Authorization": "Bearer alhena_sk_x"}):
        response = client.get(STAFF_PREFIX + path, headers=headers)
        assert (response.status_code, response["WWW-Authenticate"]) == (401, "Token")
        staff_validator(path, 401).validate(response.json())


@pytest.mark.parametrize("facts", [{"is_staff": False}, {"is_active": False}])
def test_endpoint_when_the_user_is_not_active_staff_is_forbidden(client: Client, facts: dict[str, bool]) -> None:
    user = staff(*RIGHTS.values(), **facts)
    token = Token.objects.create(user=user)
    client.force_login(user)
    for headers in ({}, {"Authorization": f"Token {token.key}"}):
        assert client.get(STAFF_PREFIX + "orders", headers=headers).status_code in {401, 403}


def test_endpoint_when_a_token_is_shown_answers(client: Client, shop: Company) -> None:
    token = Token.objects.create(user=staff("view_order"))
    response = client.get(STAFF_PREFIX + "orders", headers={"Authorization": f"Token {token.key}"})
    assert [order["order_id"] for order in response.json()["results"]] == ["order 1", "order 0"]


def test_token_when_the_project_has_none_is_not_asked_for(client: Client, settings: Any) -> None:
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "rest_framework.authtoken"]
    response = client.get(STAFF_PREFIX + "orders", headers={"Authorization": "Token x"})
    assert (response.status_code, response["WWW-Authenticate"]) == (401, "Session")
    client.force_login(staff("view_order"))
    assert client.get(STAFF_PREFIX + "orders").status_code == 200


@pytest.mark.parametrize("path", LISTS)
def test_list_when_a_company_is_restricted_hides_it(client: Client, shop: Company, path: str) -> None:
    group = factories.GroupFactory.create()
    factories.restrict(shop, group)
    other = factories.OrderFactory.create(session__company=factories.CompanyFactory.create(key="open"))
    factories.CartEventFactory.create(session=other.session)
    outsider, member = staff(*RIGHTS.values()), staff(*RIGHTS.values())
    member.groups.add(group)

    client.force_login(outsider)
    answer = client.get(STAFF_PREFIX + path).json()
    assert [row["company"] for row in answer["results"]] == ["open"]
    hidden = client.get(STAFF_PREFIX + path, {"company": "acme"})
    unknown = client.get(STAFF_PREFIX + path, {"company": "nowhere"})
    assert hidden.status_code == unknown.status_code == 400
    assert hidden.content.replace(b"acme", b"nowhere") == unknown.content

    client.force_login(member)
    assert len(client.get(STAFF_PREFIX + path, {"company": "acme"}).json()["results"]) == 2


def test_report_when_a_company_is_restricted_hides_it(client: Client, shop: Company) -> None:
    factories.restrict(shop, factories.GroupFactory.create())
    client.force_login(staff("view_revenueimpact"))
    response = client.get(STAFF_PREFIX + "revenue-impact")
    assert response.status_code == 404
    staff_validator("revenue-impact", 404).validate(response.json())
    factories.CompanyFactory.create(key="open")
    assert client.get(STAFF_PREFIX + "revenue-impact").json()["company"] == "open"
    hidden = client.get(STAFF_PREFIX + "revenue-impact", {"company": "acme"})
    unknown = client.get(STAFF_PREFIX + "revenue-impact", {"company": "nowhere"})
    assert hidden.status_code == unknown.status_code == 400
    assert hidden.content.replace(b"acme", b"nowhere") == unknown.content


# The policy


@pytest.mark.parametrize("path", RIGHTS)
def test_endpoint_when_another_site_asks_gives_no_cors(client: Client, shop: Company, path: str) -> None:
    shop.allowed_origins = "https://www.shop.example"
    shop.save()
    client.force_login(staff(*RIGHTS.values()))
    headers = {"Origin": "https://www.shop.example", "Access-Control-Request-Method": "GET"}
    for method in (client.get, client.head, client.options, client.post):
        response = method(STAFF_PREFIX + path, headers=headers)
        assert not [name for name in response.headers if name.lower().startswith("access-control")]
    assert client.get(STAFF_PREFIX + path)["Cache-Control"] == "no-store, private"


@pytest.mark.parametrize("path", RIGHTS)
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_endpoint_when_asked_to_write_rejects_it(client: Client, path: str, method: str) -> None:
    client.force_login(staff(*RIGHTS.values()))
    response = getattr(client, method)(STAFF_PREFIX + path, {"a": 1}, "application/json")
    assert (response.status_code, response["Allow"]) == (405, "GET, HEAD, OPTIONS")
    staff_validator(path, 405).validate(response.json())


def test_endpoint_when_html_is_wanted_answers_json(client: Client, shop: Company) -> None:
    client.force_login(staff("view_order"))
    response = client.get(STAFF_PREFIX + "orders", headers={"Accept": "text/html"})
    assert response["Content-Type"] == "application/json"


HOSTILE = """
import os
os.environ["DATABASE_URL"] = ""
from tests import settings
settings.DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
settings.REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.AllowAny"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.StaticHTMLRenderer"],
    "DEFAULT_PARSER_CLASSES": [],
    "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.AnonRateThrottle"],
    "DEFAULT_THROTTLE_RATES": {"anon": "0/day"},
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "DEFAULT_FILTER_BACKENDS": ["rest_framework.filters.SearchFilter"],
    "DEFAULT_VERSIONING_CLASS": "rest_framework.versioning.AcceptHeaderVersioning",
    "DEFAULT_METADATA_CLASS": "rest_framework.metadata.SimpleMetadata",
    "EXCEPTION_HANDLER": "builtins.print",
    "PAGE_SIZE": 1,
    "UNAUTHENTICATED_USER": None,
    "DATETIME_FORMAT": "%d",
    "COERCE_DECIMAL_TO_STRING": False,
    "URL_FORMAT_OVERRIDE": "format",
}
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django.test import Client
from alhena_tracking.models import Company
from tests.support import factories
session = factories.VisitorSessionFactory.create(company=Company.objects.get())
for _ in range(2):
    factories.OrderFactory.create(session=session)
anybody = Client().get("/alhena/api/orders", headers={"Host": "localhost"})
assert anybody.status_code == 401, anybody.content
assert anybody["Content-Type"] == "application/json"
client = Client(headers={"Host": "localhost"})
client.force_login(factories.UserFactory.create(is_superuser=True))
for path in ("orders", "cart-events", "sessions", "revenue-impact"):
    response = client.get("/alhena/api/" + path)
    assert response.status_code == 200, response.content
    assert response["Content-Type"] == "application/json"
orders = client.get("/alhena/api/orders").json()["results"]
assert len(orders) == 2 and orders[0]["occurred_at"].endswith("Z")
assert client.options("/alhena/api/orders").status_code == 204
assert client.get("/alhena/api/orders?x=1").json()["status"] == "invalid"
"""


def test_endpoint_when_the_project_has_other_defaults_is_the_same() -> None:
    subprocess.run(
        [sys.executable, "-c", HOSTILE],
        check=True,
        env={"DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONPATH": "."},
        cwd=Path(__file__).parents[2],
    )


# Parameters


@pytest.mark.parametrize(
    ("path", "parameters", "expected"),
    [
        ("orders", {"chanel": "CHAT"}, {("chanel", "unknown_parameter")}),
        ("orders", {"trust": ["CONFIRMED", "REPORTED"]}, {("trust", "repeated")}),
        ("orders", {"channel": "SMS", "x": "1"}, {("channel", "invalid_choice"), ("x", "unknown_parameter")}),
        ("orders", {"has_conflict": "maybe"}, {("has_conflict", "invalid_choice")}),
        ("orders", {"start": "2026-02-30"}, {("start", "invalid")}),
        ("orders", {"start": "2026-03-02", "end": "2026-03-01"}, {("end", "reversed")}),
        (
            "orders",
            {"start": "2026-03-02", "end": "2026-03-01", "trust": "SURE"},
            {("end", "reversed"), ("trust", "invalid_choice")},
        ),
        ("orders", {"start": "2026-02-30", "end": "2026-03-01"}, {("start", "invalid")}),
        ("orders", {"company": "\0"}, {("company", "invalid_choice")}),
        ("orders", {"order_id": "\0"}, {("order_id", "null_characters_not_allowed")}),
        ("orders", {"profile": "x" * 256}, {("profile", "max_length")}),
        ("orders", {"page_size": "0", "cursor": "?"}, {("page_size", "invalid"), ("cursor", "invalid")}),
        ("orders", {"page_size": "501"}, {("page_size", "invalid")}),
        ("orders", {"page_size": "٣"}, {("page_size", "invalid")}),
        ("cart-events", {"currency": "eur"}, {("currency", "invalid_choice")}),
        ("cart-events", {"type": "ADDED"}, {("type", "invalid_choice")}),
        ("cart-events", {"order_id": "1"}, {("order_id", "unknown_parameter")}),
        ("sessions", {"has_order": "1"}, {("has_order", "invalid_choice")}),
        ("sessions", {"currency": "EUR"}, {("currency", "unknown_parameter")}),
        ("revenue-impact", {"currency": "XXX"}, {("currency", "invalid_choice")}),
        ("revenue-impact", {"start": "2026-03-02"}, {("end", "required")}),
        (
            "revenue-impact",
            {"range": "ever", "page": "2"},
            {("range", "invalid_choice"), ("page", "unknown_parameter")},
        ),
        ("revenue-impact", {"start": "2020-01-01", "end": "2026-01-01"}, {("end", "too_many")}),
    ],
)
def test_parameter_when_invalid_is_named_with_its_code(
    read: Callable[..., Any], company: Company, path: str, parameters: dict[str, Any], expected: set[tuple[str, str]]
) -> None:
    answer = read(path, 400, **parameters)
    assert answer["status"] == "invalid"
    assert {(error["field"], error["code"]) for error in answer["errors"]} == expected
    assert all(error["message"] for error in answer["errors"])


@pytest.mark.parametrize("cursor", ["MjAyNg", "YWJj", "é", "====", "MjAyNi0wMy0wMlQwOTowMDowMCswMDowMCAtMQ", "A" * 999])
def test_cursor_when_it_is_not_ours_is_400(read: Callable[..., Any], company: Company, cursor: str) -> None:
    assert read("orders", 400, cursor=cursor)["errors"][0]["field"] == "cursor"


@pytest.mark.parametrize(
    ("path", "parameters", "numbers"),
    [
        *(
            (path, parameters, numbers)
            for path in LISTS
            for parameters, numbers in [
                ({}, [1, 0]),
                ({"company": "acme"}, [1, 0]),
                ({"channel": "FAQ"}, [1]),
                ({"start": "2026-03-03"}, []),
                ({"start": "2026-03-02", "end": "2026-03-02"}, [1, 0]),
            ]
        ),
        ("orders", {"profile": "profile 0"}, []),
        ("sessions", {"profile": "profile 0"}, [0]),
        ("orders", {"currency": "EUR"}, [1, 0]),
        ("orders", {"currency": "JPY"}, []),
        ("orders", {"trust": "CONFIRMED"}, []),
        ("orders", {"order_id": "order 1"}, [1]),
        ("orders", {"order_id": "Order 1"}, []),
        ("orders", {"order_id": ""}, [1, 0]),
        ("orders", {"has_conflict": "false"}, [1, 0]),
        ("orders", {"has_conflict": "true"}, []),
        ("orders", {"is_excluded": "true"}, []),
        ("cart-events", {"is_excluded": "true"}, []),
        ("cart-events", {"is_excluded": "false"}, [1, 0]),
        ("sessions", {"is_excluded": "true"}, []),
        ("sessions", {"is_excluded": "false"}, [1, 0]),
        ("orders", {"is_counted": "true"}, [1, 0]),
        ("orders", {"is_counted": "false"}, []),
        ("cart-events", {"product_id": "sku 0"}, [0]),
        ("cart-events", {"product_id": "SKU 0"}, []),
        ("cart-events", {"type": "ITEM_REMOVED"}, []),
        ("sessions", {"has_order": "true"}, [1, 0]),
        ("sessions", {"has_order": "false"}, []),
    ],
)
def test_list_when_filtered_has_the_matching_rows(
    read: Callable[..., Any], shop: Company, path: str, parameters: dict[str, str], numbers: list[int]
) -> None:
    found = [row["channel"] for row in read(path, **parameters)["results"]]
    assert found == [("CHAT", "FAQ")[number] for number in numbers]


def test_orders_when_excluded_or_only_reported_are_not_counted(
    read: Callable[..., Any], shop: Company, settings: Any
) -> None:
    first, second = Order.objects.order_by("order_id")
    Order.objects.filter(pk=first.pk).update(
        excluded_at=at(MONDAY), exclusion_reason="test", standing=Standing.EXCLUDED
    )

    def ids(**parameters: str) -> list[str]:
        return [order["order_id"] for order in read("orders", **parameters)["results"]]

    assert ids(is_excluded="true") == ids(is_counted="false") == ["order 0"]
    assert ids(is_counted="true") == ["order 1"]
    assert [one["is_counted"] for one in read("orders")["results"]] == [True, False]
    assert [one["has_order"] for one in read("sessions")["results"]] == [True, False]

    settings.ALHENA_TRACKING = {**settings.ALHENA_TRACKING, "CONFIRMED_ORDERS_ONLY": True}
    assert ids(is_counted="true") == []
    Order.objects.filter(pk=second.pk).update(trust=Trust.CONFIRMED)
    assert ids(is_counted="true") == ["order 1"]
    assert [one["is_counted"] for one in read("orders")["results"]] == [True, False]


# Pages


@pytest.mark.parametrize("path", LISTS)
def test_pages_when_followed_have_every_row_once_in_order(
    client: Client, read: Callable[..., Any], company: Company, path: str
) -> None:
    session = factories.VisitorSessionFactory.create(company=company, started_at=at(MONDAY))
    interaction = factories.InteractionFactory.create(session=session)
    for minute in (0, 0, 0, 0, 1, 1, 2):
        moment = at(MONDAY, 12, minute) + timedelta(microseconds=7)
        if path == "sessions":
            factories.VisitorSessionFactory.create(company=company, started_at=moment)
            continue
        factory: Any = factories.OrderFactory if path == "orders" else factories.CartEventFactory
        factory.create(session=session, credited_interaction=interaction, occurred_at=moment)
    model = MODELS[path]
    expected = [str(getattr(row, "event_id", row.pk)) for row in model.objects.all()]  # the latest first

    answer, found = read(path, page_size=3), []
    while True:
        found += [str(row["id"]) for row in answer["results"]]
        if answer["next"] is None:
            break
        assert len(answer["results"]) == 3
        answer = client.get(answer["next"]).json()
    assert found == expected


@pytest.mark.parametrize("path", LISTS)
def test_page_when_larger_takes_no_more_queries(
    client: Client, read: Callable[..., Any], shop: Company, path: str, django_assert_max_num_queries: Any
) -> None:
    for size in (1, 2):
        # Session, user, permissions twice, companies; the rows' ids, the rows, and lines and refunds of orders.
        with django_assert_max_num_queries(9 if path == "orders" else 7) as captured:
            read(path, page_size=size)
        counts = len(captured)
    with django_assert_max_num_queries(counts):
        read(path)


# Contents


def test_order_when_read_has_refunds_lines_and_credit(read: Callable[..., Any], shop: Company) -> None:
    order = read("orders", order_id="order 0")["results"][0]
    assert (order["value_minor"], order["refunded_minor"], order["net_minor"]) == (5000, 100, 4900)
    assert (order["occurred_on"], order["refunds"][0]["occurred_on"]) == ("2026-03-02", "2026-03-20")
    assert order["line_items"][0]["quantity"] == "1.000"
    assert (order["currency"], order["currency_decimals"]) == ("EUR", 2)
    assert order["credited_interaction"]["kind"] == order["channel"] == "CHAT"
    assert (order["attribution_window"], order["attribution_model"]) == (86400, "first_touch")
    assert order["session"] in [session["id"] for session in read("sessions")["results"]]


def test_report_when_read_has_the_numbers_of_the_page(read: Callable[..., Any], shop: Company) -> None:
    factories.VisitorSessionFactory.create(company=shop, started_at=at(date(2026, 2, 22)))
    report = read("revenue-impact", **THAT_WEEK)
    assert report["current"] | {"purchase_minor": 10001, "orders": 2, "net_minor": 9801} == report["current"]
    assert report["current"]["average_order_minor"] == "5000.500000"
    assert report["current"]["conversion_rate"] == "1.000000"
    assert report["previous"]["orders"] == 0
    assert set(report["changes"].values()) == {None}
    assert [one["channel"] for one in report["channels"]] == ["CHAT", "FAQ"]
    assert (report["previous_start"], report["previous_end"]) == ("2026-02-23", "2026-03-01")
    assert len(report["products"]) == report["product_count"] == 4
    alone = read("revenue-impact", compare="none", **THAT_WEEK)
    assert (alone["previous"], alone["previous_start"]) == (None, None)
    empty = read("revenue-impact", range="today")
    assert (empty["currency"], empty["currency_decimals"], empty["current"]["average_order_minor"]) == ("", 0, None)


def test_examples_when_published_are_answers_by_the_schema() -> None:
    for path in RIGHTS:
        responses = staff_operation(path)["responses"]
        assert {"200", "400", "401", "403", "405", "503"} == responses.keys() - {"404"}
        assert ("404" in responses) == (path == "revenue-impact")
        for status, response in responses.items():
            assert response["description"]
            examples = response["content"]["application/json"]["examples"].values()
            assert examples
            for example in examples:
                validator, answer = staff_validator(path, int(status)), json.loads(json.dumps(example["value"]))
                validator.validate(answer)
                assert not validator.is_valid({**answer, "extra": 1})
                for name in answer:
                    assert not validator.is_valid({key: value for key, value in answer.items() if key != name})

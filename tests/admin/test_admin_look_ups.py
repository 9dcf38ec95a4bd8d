"""What staff can type or link to in the admin: searches, filters, pages and forms that make no sense (F18).

Everything is asked of the admin itself, so that a model, a filter or a field that is added is tested, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib import admin
from django.db.models import ForeignKey, Model
from django.test import Client, RequestFactory
from django.urls import reverse

from alhena_tracking import models
from alhena_tracking.models import Company, RevenueImpact
from alhena_tracking.reports.forms import ReportForm
from tests.support import factories
from tests.support.runs import some

pytestmark = pytest.mark.django_db

REGISTERED = [model for model in admin.site._registry if model._meta.app_label == "alhena_tracking"]
LISTED = [model for model in REGISTERED if model is not RevenueImpact]

#: Not every database takes these in a text, or as one of its other types.
NOT_STORABLE = ["\0", "a\0b", "1,\0", "\ud800", "\udfffx"]
BIDI = ["\u202e", "\u2066x\u2069", "\u200f1"]
NO_VALUES = [
    *(
        "",
        " ",
        "x",
        "-1",
        "0",
        "9" * 23,
        "1e400",
        "NaN",
        "٣",
        "1_000",
        "True",
        "1,x",
        "[1]",
        "{}",
        "(",
        "*",
        "\\",
        "%_'\"",
    ),
    *(
        "99999",
        "9999",
        "2026-02-30",
        "0001-01-01",
        "9999-12-31",
        "9999-12-31T23:59:59-14:00",
        "1.-1.99",
        "🍵",
        "Á" * 1000,
    ),
    *("a " * 2000, "</script>", "None", "null", "pk", "../..", "'; --"),
]
TEXTS = [*NOT_STORABLE, *BIDI, *NO_VALUES]
LOOK_UPS = ["exact", "in", "regex", "iregex", "icontains", "gte", "isnull", "year", "range", "nothing"]


@pytest.fixture
def staff(client: Client, company: Company) -> Client:
    """Somebody who may do anything, among rows of two companies. What goes wrong is answered, not raised."""
    for shop in (company, factories.CompanyFactory.create()):
        session = factories.VisitorSessionFactory.create(company=shop)
        order = factories.OrderFactory.create(session=session)
        factories.OrderLineFactory.create(order=order)
        factories.OrderClaimFactory.create(order=order, session=session)
        factories.CartEventFactory.create(session=session)
        factories.PendingConfirmationFactory.create(company=shop)
        factories.RefundFactory.create(refunded_order=order)
        models.SecretKey(company=shop, name="server").issue()
    client.force_login(factories.UserFactory.create(is_superuser=True))
    client.raise_request_exception = False
    return client


def url_of(model: type[Model], page: str = "changelist", *args: Any) -> str:
    return reverse(f"admin:alhena_tracking_{model._meta.model_name}_{page}", args=args)


def query(**state: str) -> str:
    """A query string as bytes in the form of UTF-8, surrogates included."""
    return "&".join(f"{quote(name)}={quote(text.encode(errors='surrogatepass'))}" for name, text in state.items())


def check_answered(client: Client, url: str, queries: Iterable[str]) -> None:
    statuses = {query: client.get(f"{url}?{query}").status_code for query in queries}
    assert {query: status for query, status in statuses.items() if status >= 500} == {}


def filter_keys(model: type[Model], client: Client) -> list[str]:
    """The keys of the list's filters in a query string."""
    request = RequestFactory().get("/")
    request.user = client.get(url_of(model)).wsgi_request.user
    model_admin = admin.site.get_model_admin(model)
    specs = model_admin.get_changelist_instance(request).filter_specs
    assert len(specs) == len(model_admin.get_list_filter(request))
    return [str(key) for spec in specs for key in spec.expected_parameters()]


def list_keys(model: type[Model]) -> list[str]:
    """The keys that every list has: search, pages, order, pop-ups, and the days of its hierarchy."""
    day = admin.site.get_model_admin(model).date_hierarchy
    days = [f"{day}__{part}" for part in ("year", "month", "day", "gte", "lt")] if day else []
    return ["q", "p", "o", "all", "e", "_popup", "_to_field", "_facets", "_changelist_filters", "unknown", *days]


# Lists


@pytest.mark.parametrize("model", LISTED)
def test_list_when_searched_or_filtered_by_anything_is_answered(staff: Client, model: type[Model]) -> None:
    keys = [*filter_keys(model, staff), *list_keys(model)]
    asked = [*product(keys, ["\0"]), *some(product(keys, TEXTS), 6, model)]
    check_answered(staff, url_of(model), (query(**{key: text}) for key, text in asked))


@pytest.mark.parametrize("model", LISTED)
def test_list_when_looked_up_by_any_field_is_answered(staff: Client, model: type[Model]) -> None:
    """Fields can be named in the address, even where no filter does."""
    names = [field.name for field in model._meta.fields]
    keys = [name if look_up == "exact" else f"{name}__{look_up}" for name in names for look_up in LOOK_UPS]
    keys += ["pk", "pk__in", "company__key", "company__key__regex", "session__ai_profile", "groups__name", "id__x__y"]
    asked = [*product(names, ["\0"]), *some(product(keys, TEXTS), 6, model)]
    check_answered(staff, url_of(model), (query(**{key: text}) for key, text in asked))


@pytest.mark.parametrize("model", [model for model in LISTED if admin.site.get_model_admin(model).date_hierarchy])
def test_list_when_its_days_are_no_days_is_answered(staff: Client, model: type[Model]) -> None:
    day = admin.site.get_model_admin(model).date_hierarchy
    parts = ["", "\0", "0", "1", "2", "12", "13", "31", "2026", "9999", "10000", "9" * 23, "٣", "-1"]
    names = [f"{day}__{part}" for part in ("year", "month", "day")]
    asked = some(product(parts, repeat=3), 8, model)
    check_answered(staff, url_of(model), (query(**dict(zip(names, texts, strict=True))) for texts in asked))


# Look-ups beside lists


def test_related_rows_when_looked_up_by_anything_are_answered(staff: Client) -> None:
    """What completes the search for a related row. Django lets any foreign key be named there."""
    keys = [
        {"app_label": "alhena_tracking", "model_name": str(model._meta.model_name), "field_name": field.name}
        for model in REGISTERED
        for field in model._meta.fields
        if isinstance(field, ForeignKey) and field.related_model in LISTED
    ]
    assert keys
    asked = [*product(keys, ["term"], ["\0", "a " * 2000]), *some(product(keys, ["term", "page"], TEXTS), 20)]
    check_answered(staff, reverse("admin:autocomplete"), (query(**key, **{name: text}) for key, name, text in asked))


@pytest.mark.parametrize("model", LISTED)
def test_page_when_its_row_cannot_be_is_answered(staff: Client, model: type[Model]) -> None:
    ids = [quote(text.encode(errors="surrogatepass"), safe="") for text in [*TEXTS, "_00", "_", "1/change"] if text]
    pages = ["change", "history", "delete", *(["revoke"] if model is models.SecretKey else [])]
    asked = [*product(["%00"], pages), *some(product(ids, pages), 5, model)]
    for pk, page in asked:
        assert staff.get(f"{url_of(model)}{pk}/{page}/", follow=True).status_code in {200, 403, 404}, (pk, page)


# Forms


def test_report_when_any_query_string_is_sent_is_answered(staff: Client) -> None:
    keys = [*ReportForm.base_fields, *list_keys(RevenueImpact)]
    asked = [*product(keys, ["\0"]), *some(product(keys, TEXTS), 12)]
    check_answered(staff, url_of(RevenueImpact), (query(**{key: text}) for key, text in asked))
    days = some(product(TEXTS, TEXTS), 6)
    check_answered(staff, url_of(RevenueImpact), (query(start=start, end=end) for start, end in days))


@pytest.mark.parametrize("model", [Company, models.SecretKey])
def test_form_when_no_database_can_store_its_text_stores_none(
    staff: Client, company: Company, model: type[Model]
) -> None:
    fields = {"name": "Beta", "key": "beta", "time_zone": "UTC", "allowed_origins": "", "company": str(company.pk)}
    for name, text in some(product([*fields, "groups"], [*NOT_STORABLE, *BIDI]), 20, model):
        data = query(**{**fields, name: text})
        response = staff.post(url_of(model, "add"), data, content_type="application/x-www-form-urlencoded")
        assert response.status_code in {200, 302}, (name, text)
    texts = [value for row in model._default_manager.values() for value in row.values() if isinstance(value, str)]
    assert texts
    assert not [text for text in texts if "\0" in text]

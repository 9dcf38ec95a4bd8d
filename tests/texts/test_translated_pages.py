"""Pages and answers in German and French, in which every word is either translated or somebody's own.

Each text that a catalog translates is marked, and everything that visitors and staff wrote is Greek: Latin letters
without a mark come from a string that nobody made translatable, or that has no translation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import django
import polib
import pytest
from django.contrib import admin
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import trans_real

from alhena_tracking import models
from alhena_tracking.contract import rules
from alhena_tracking.contract.currencies import MINOR_UNITS
from alhena_tracking.diagnosis import event_counts, outcomes
from alhena_tracking.exports import reconciliation_table
from alhena_tracking.models import Company, SecretKey, Trust
from alhena_tracking.reconciliation import ComparedOrder, Reconciliation, Verdict, sentences
from alhena_tracking.reports import Section
from tests.support import catalogs, factories
from tests.support.admin_pages import RECORDS, REPORT_URL, admin_url
from tests.support.endpoints import IDENTITY, PATHS, PREFIX, body_of
from tests.support.findings import URL as DIAGNOSTICS_URL
from tests.support.findings import texts_of_findings
from tests.support.published_schema import STAFF_PREFIX
from tests.support.runs import some

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]

#: Private characters, which no text has.
BEGIN, END = "\ue000", "\ue001"
_MARK = re.compile(f"[{BEGIN}{END}]")
#: What is the same in all languages: currencies, zones, kinds of files, ids of events, times for machines.
_NEUTRAL = re.compile(
    rf"\b({'|'.join(MINOR_UNITS)}|CSV|Excel|XLSX|Europe/Berlin|UTC)\b"
    r"|\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\bacme\b|https://\S+"
)
_LATIN = re.compile(r"[^\W\d_]*[A-Za-z]+[^\W\d_]*")
#: Not ``alt``: the admin's own images alone have one, in English.
_ATTRIBUTES = ("title", "aria-label", "placeholder", "data-label", "data-entry")
MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
THAT_WEEK = "?start=2026-03-02&end=2026-03-08"


@pytest.fixture(params=catalogs.LANGUAGES, autouse=True)
def language(request: pytest.FixtureRequest, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The only language, whose catalog (ours and those of all other apps as one) marks what it translates."""
    language: str = request.param
    settings.LANGUAGES = [(language, language)]
    settings.LANGUAGE_CODE = language
    catalog: Any = trans_real.translation(language)
    words, one, many = catalog._catalog, catalog.gettext, catalog.ngettext

    djangos = _strings_of_django()

    def gettext(text: str) -> str:
        is_known = text in words or (text, 0) in words or text in djangos
        return f"{BEGIN}{one(text)}{END}" if text and is_known else one(text)

    def ngettext(singular: str, plural: str, number: int) -> str:
        text = many(singular, plural, number)
        return f"{BEGIN}{text}{END}" if (singular, 0) in words or singular in djangos else text

    reverse("admin:index")  # the URLs are made once, of what is registered then
    for model in [model for model in admin.site._registry if model._meta.app_label == "shop"]:
        monkeypatch.delitem(admin.site._registry, model)  # the example's own models are English
    monkeypatch.setattr(catalog, "gettext", gettext)
    monkeypatch.setattr(catalog, "ngettext", ngettext)
    with translation.override(language):
        yield language


@cache
def _strings_of_django() -> frozenset[str]:
    """What Django itself says, and a new release of it has not translated into each language."""
    folders = [Path(django.__file__).parent / folder for folder in ("conf", "contrib/admin", "contrib/auth")]
    catalogs_of_django = [polib.pofile(str(folder / "locale/en/LC_MESSAGES/django.po")) for folder in folders]
    return frozenset(entry.msgid for catalog in catalogs_of_django for entry in catalog)


def untranslated(text: str) -> list[str]:
    """The words outside all marks."""
    depth, outside = 0, []
    for part in re.split(f"([{BEGIN}{END}])", text):
        if _MARK.fullmatch(part):
            depth += 1 if part == BEGIN else -1
            assert depth >= 0, text
        elif not depth:
            outside.append(part)
    assert depth == 0, text
    return _LATIN.findall(_NEUTRAL.sub(" ", "\n".join(outside)))


class _Text(HTMLParser):
    """What a page says, to be seen or heard."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.heard: list[str] = []
        self._silent = 0
        self._is_of_zones = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag == "select":
            self._is_of_zones = named.get("name") == "time_zone"  # whose names are the same everywhere
        if tag in {"script", "style", "code", "pre"} or (tag == "select" and self._is_of_zones):
            self._silent += 1
        self.heard += [named[name] or "" for name in _ATTRIBUTES if name in named]
        if tag == "input" and named.get("type") in {"submit", "button"}:
            self.heard.append(named.get("value") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in {"script", "style", "code", "pre"} or (tag == "select" and self._is_of_zones):
            self._silent -= 1

    def handle_data(self, data: str) -> None:
        # Marks count everywhere: a sentence may have code in its midst.
        self.seen.append("".join(_MARK.findall(data)) if self._silent else data)


def check_page(response: Any, expected: int = 200) -> None:
    html = response.content.decode()
    assert response.status_code == expected, html[:500]
    text = _Text(html)
    assert untranslated("\n".join(text.seen)) == []
    assert [word for each in text.heard for word in untranslated(each)] == []


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(factories.UserFactory.create(username="χρήστης", is_superuser=True))
    return client


@pytest.fixture
def shop(company: Company) -> Company:
    """A week with everything in it."""
    Company.objects.filter(pk=company.pk).update(time_zone="Europe/Berlin", name="Κατάστημα")
    company.refresh_from_db()
    factories.CompanyFactory.create(name="Άλλο", key="acme-2")
    for channel in ("CHAT", "FAQ", "NUDGE", ""):
        session = factories.VisitorSessionFactory.create(
            company=company, started_at=MONDAY, channel=channel, ai_profile="Προφίλ"
        )
        if not channel:
            continue
        said = {"session": session, "ai_profile": "Προφίλ", "source": "πηγή"}
        for number, type_ in enumerate(models.CartEvent.Type):
            factories.CartEventFactory.create(
                **said,
                occurred_at=MONDAY + timedelta(minutes=10 + number),
                type=type_,
                product_id="κ",
                product_name="Κύπελλο",
                quantity=Decimal(number),
                cart_quantity=Decimal(number),
                claimed_units=Decimal(number % 2),
            )
        order = factories.OrderFactory.create(
            **said,
            order_id=f"παρ. {channel.translate(_GREEK)}",
            occurred_at=MONDAY + timedelta(hours=1),
            value_minor=123_456,
            has_conflict=channel == "FAQ",
            trust=Trust.CONFIRMED if channel == "FAQ" else Trust.REPORTED,
        )
        factories.OrderLineFactory.create(order=order, product_id="κ", product_name="Κύπελλο", quantity=Decimal("0.3"))
        factories.RefundFactory.create(refunded_order=order, refund_id="επ.")
        for value in (123_456, 1000):
            claimant = (
                session
                if value == 123_456
                else factories.VisitorSessionFactory.create(
                    company=company, started_at=MONDAY, channel=channel, ai_profile="Προφίλ"
                )
            )
            factories.OrderClaimFactory.create(
                order=order, session=claimant, value_minor=value, currency="EUR", source="πηγή", ai_profile="Προφίλ"
            )
    factories.OrderFactory.create(session=session_of(company), order_id="γεν", currency="JPY", value_minor=1500)
    return company


#: Words of the app's own in places of staff's.
_GREEK = str.maketrans("CHATFAQNUDGE", "χατφακνουδγε"[:12])


def session_of(company: Company) -> Any:
    return models.VisitorSession.objects.filter(company=company, channel="CHAT").first()


@pytest.mark.parametrize(
    "query",
    [
        THAT_WEEK,
        THAT_WEEK + "&channel=CHAT&profile=Προφίλ&trust=REPORTED&compare=none",
        *(f"{THAT_WEEK}&show={section}" for section in Section),
        "?range=today",
        "?start=2026-03-08&end=2026-03-02&channel=%CE%B1&currency=%CE%B1&trust=%CE%B1&compare=%CE%B1&range=%CE%B1",
        "?start=1999-03-08&end=2026-03-02&company=%CE%B1",
        "?start=2024-03-08&end=2026-03-02",
        "?start=%CE%B1",
        "?start=2026-03-02",
        "?start=2020-03-02&end=2020-03-08",
    ],
)
def test_report_when_opened_is_translated(staff: Client, shop: Company, query: str) -> None:
    check_page(staff.get(REPORT_URL + query))


def test_report_when_of_a_day_without_credit_is_translated(staff: Client, company: Company) -> None:
    Company.objects.update(name="Κατάστημα")
    check_page(staff.get(REPORT_URL))
    factories.VisitorSessionFactory.create(company=company)
    check_page(staff.get(REPORT_URL + "?range=today"))
    check_page(staff.get(REPORT_URL + "export/orders.csv?range=α&ξ=1"), 400)


def test_pages_when_without_a_company_are_translated(client: Client) -> None:
    Company.objects.all().delete()
    client.force_login(factories.UserFactory.create(username="χρήστης", is_superuser=True))
    check_page(client.get(REPORT_URL))
    check_page(client.get(DIAGNOSTICS_URL))


@pytest.mark.parametrize("name", ["cards.csv", "days.csv", "channels.csv", "products.csv", "profiles.csv"])
def test_export_headings_when_downloaded_are_translated(staff: Client, shop: Company, name: str) -> None:
    response: Any = staff.get(REPORT_URL + "export/" + name + THAT_WEEK)
    assert untranslated(b"".join(response.streaming_content).decode().splitlines()[0]) == []


@pytest.mark.parametrize("change", [{}, {"attribution_model": "last_touch"}, {"trust": "CONFIRMED"}])
def test_traces_when_opened_are_translated(staff: Client, shop: Company, change: dict[str, Any]) -> None:
    for model in (models.Order, models.CartEvent):
        model._default_manager.update(**change)
        rows = model._default_manager.all()
        for row in rows.filter(session__channel="FAQ") if change else rows:
            check_page(staff.get(admin_url(model, "change", row.pk)))


def test_exclusion_when_asked_for_is_translated(staff: Client, shop: Company) -> None:
    order = models.Order.objects.earliest("pk")
    url = admin_url(models.Order, "exclude", order.pk)
    check_page(staff.get(url))
    check_page(staff.post(url, {"reason": ""}))
    check_page(staff.post(url, {"reason": "α" * 300}))
    check_page(staff.post(url, {"reason": "δοκιμή"}, follow=True))
    check_page(staff.get(url))
    url = admin_url(models.Order, "include", order.pk)
    check_page(staff.get(url))
    check_page(staff.post(url, follow=True))
    check_page(staff.get(url))
    check_page(staff.get(admin_url(models.Order, "history", order.pk)))


def test_pending_confirmation_when_opened_is_translated(staff: Client, shop: Company) -> None:
    for at in (MONDAY, timezone.now()):
        row = factories.PendingConfirmationFactory.create(company=shop, order_id="παρ" * at.day, occurred_at=at)
        check_page(staff.get(admin_url(models.PendingConfirmation, "change", row.pk)))


def test_lists_and_rows_when_opened_are_translated(staff: Client, shop: Company) -> None:
    check_page(staff.get("/admin/"))
    check_page(staff.get("/admin/alhena_tracking/"))
    for model in (*RECORDS, Company):
        check_page(staff.get(admin_url(model, "changelist")))
        for row in model._default_manager.all()[:2]:
            if model is not Company or row == shop:
                check_page(staff.get(admin_url(model, "change", row.pk)))
    check_page(staff.get(admin_url(Company, "add")))
    wrong = {"name": "", "key": "Α!", "time_zone": "Άρης", "allowed_origins": "ξ"}
    check_page(staff.post(admin_url(Company, "add"), wrong))


def test_secret_keys_when_opened_are_translated(staff: Client, shop: Company) -> None:
    check_page(staff.get(admin_url(SecretKey, "add")))
    issued = staff.post(admin_url(SecretKey, "add"), {"company": shop.pk, "name": "κλειδί"})
    check_page(issued)
    key = SecretKey.objects.get()
    check_page(staff.get(admin_url(SecretKey, "change", key.pk)))
    check_page(staff.get(admin_url(SecretKey, "revoke", key.pk)))
    check_page(staff.post(admin_url(SecretKey, "revoke", key.pk), follow=True))
    check_page(staff.get(admin_url(SecretKey, "revoke", key.pk)))
    check_page(staff.get(admin_url(SecretKey, "changelist")))


# Event diagnostics


def test_diagnostics_when_opened_are_translated(staff: Client, shop: Company) -> None:
    check_page(staff.get(DIAGNOSTICS_URL))
    check_page(staff.get(DIAGNOSTICS_URL + "?company=ξ"))
    for method in outcomes.METHODS:
        event_counts.count(shop, method, "recorded")
    for number, code in enumerate(outcomes.REASONS):
        method = list(outcomes.METHODS)[number % len(outcomes.METHODS)]
        for outcome in outcomes.OUTCOMES if number < len(outcomes.METHODS) else ["invalid"]:
            event_counts.reject(shop, method, outcome, [("", code), ("πεδίο", code)], "https://ξένο.example")
    event_counts.flush()
    check_page(staff.get(DIAGNOSTICS_URL))


@pytest.mark.parametrize("number", [1, 2000])
def test_comparison_when_shown_is_translated(staff: Client, shop: Company, number: int) -> None:
    url = DIAGNOSTICS_URL + "reconcile/"
    check_page(staff.get(url))
    titles = {"order_id": "α", "value": "β", "currency": "EUR"}
    lines = "".join(f"α{line};1\n" for line in range(number))
    for content in (b"", b"\0", f"β\n{lines}".encode(), f"α;β\n{lines};\nα;ξ\n".encode()):
        check_page(staff.post(url, {"file": SimpleUploadedFile("α.csv", content), **titles}))
    orders = [ComparedOrder(verdict=verdict, order_id="α") for verdict in Verdict for _ in range(number)]
    found = Reconciliation(company=shop, orders=orders, repeated=number, without_id=number, is_cut=True)
    table = reconciliation_table(found)
    texts = [*sentences(found), table.title, *table.columns, *(str(verdict.label) for verdict in Verdict)]
    assert [words for text in texts if (words := untranslated(text))] == []


@pytest.mark.parametrize("count", [1, 2000])
def test_findings_when_shown_are_translated(company: Company, count: int) -> None:
    for finding, texts in texts_of_findings(company, count):
        assert texts["headline"]
        assert {field: untranslated(text) for field, text in texts.items() if untranslated(text)} == {}, finding


# What the API answers


def check_answer(response: Any, expected: int = 400) -> None:
    answer = response.json()
    assert response.status_code == expected, answer
    errors = answer.get("errors") or [error for result in answer["results"] for error in result["errors"]]
    assert errors
    assert {error["code"]: untranslated(error["message"]) for error in errors if untranslated(error["message"])} == {}


@pytest.fixture
def post(company: Company, settings: Any) -> Callable[..., Any]:
    settings.ALHENA_TRACKING = {"COMPANY_KEY": "acme", "RATE_LIMIT_PER_SOURCE": None, "RATE_LIMIT_PER_COMPANY": None}
    key = SecretKey(company=company, name="κλειδί").issue()

    def post(path: str, body: Any, is_server: bool = True, **headers: str) -> Any:
        data = body if isinstance(body, bytes) else json.dumps(body).encode(errors="surrogatepass")
        authorization = {"Authorization": f"Bearer {key}"} if is_server else {}
        return Client().post(PREFIX + path, data, content_type="application/json", headers={**authorization, **headers})

    return post


WRONG: list[Any] = [
    None,
    "",
    "  ",
    "α\0",
    "α" * 600,
    True,
    -1,
    10**30,
    1e400,
    [],
    {},
    "00000000-0000-0000-0000-000000000000",
]


@pytest.mark.parametrize("path", PATHS)
def test_answers_when_values_are_invalid_are_translated(post: Callable[..., Any], path: str) -> None:
    for wrong in WRONG:
        body = body_of(path)
        for name in body:
            if name == "sent_at" or wrong not in some(WRONG, 4, f"{path} {name}"):
                continue
            response = post(path, {**body, name: wrong})
            if response.status_code == 400:
                check_answer(response)
        if path == "batch":
            check_answer(post(path, {**body, "events": [wrong, {"method": wrong}]}), 200)


@pytest.mark.parametrize("code", rules.MESSAGES)
def test_messages_when_shown_are_translated(code: str) -> None:
    values = {"expected": "α", "actual": "β", "limit": 1, "decimals": 2}
    assert untranslated(str(rules.MESSAGES[code]) % values) == []


def test_answers_when_of_other_kinds_are_translated(post: Callable[..., Any], company: Company, settings: Any) -> None:
    body = body_of("interactions")
    check_answer(post("interactions", {**body, "company_key": "ξ"}), 403)
    check_answer(
        post("interactions", body, is_server=False, Origin="https://ξ.example".encode().decode("latin-1")), 403
    )
    check_answer(post("interactions", body, Authorization="Bearer ξ".encode().decode("latin-1")), 401)
    check_answer(post("refunds", body_of("refunds"), is_server=False), 401)
    check_answer(post("interactions", b'{"a": 1, "a": 2}'))
    check_answer(post("interactions", b"[" * 30_000))
    check_answer(post("interactions", b'"' + b"a" * 70_000), 413)
    check_answer(Client().get(PREFIX + "interactions"), 405)
    check_answer(Client().post(PREFIX + "interactions", b"x", content_type="image/png"), 415)
    settings.ALHENA_TRACKING = {"COMPANY_KEY": "acme", "RATE_LIMIT_PER_SOURCE": "1/m"}
    responses = [post("interactions", {**IDENTITY, "type": "CHAT"}, is_server=False) for _ in range(3)]
    check_answer(responses[-1], 429)


@pytest.mark.parametrize(
    "query",
    [
        "ξ=1&company=a&company=b",
        "company=ξ&channel=ξ&currency=ξ&trust=ξ&start=ξ&end=ξ&compare=ξ&range=ξ",
        "start=2026-03-08&end=2026-03-02",
        "page_size=0&cursor=ξ&has_order=ξ&has_conflict=ξ&type=ξ&profile=" + "α" * 300,
    ],
)
@pytest.mark.parametrize("path", ["revenue-impact", "orders", "cart-events", "sessions"])
def test_answers_when_sent_to_staff_are_translated(staff: Client, shop: Company, path: str, query: str) -> None:
    check_answer(staff.get(f"{STAFF_PREFIX}{path}?{query}"))
    check_answer(Client().get(STAFF_PREFIX + path), 401)
    check_answer(staff.post(STAFF_PREFIX + path), 405)

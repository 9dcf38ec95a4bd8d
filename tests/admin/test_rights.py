"""Who sees what: every person against every view, as two tables written out by hand."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from io import BytesIO
from typing import Any

import openpyxl
import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alhena_tracking import models
from alhena_tracking.downloads.asked import ROW_PERMISSIONS
from alhena_tracking.exports import FIGURE_TABLES, ROW_TABLES
from alhena_tracking.ingestion import review
from alhena_tracking.models import Company
from tests.support import factories
from tests.support.factories import at
from tests.support.published_schema import STAFF_PREFIX

pytestmark = pytest.mark.django_db

MONDAY = date(2026, 3, 2)
THAT_WEEK = {"start": "2026-03-02", "end": "2026-03-08"}

PERSONS = {
    "visitor": None,
    "staff": "",
    "reader": "view_revenueimpact",
    "taker": "export_revenueimpact",
    "exporter": "view_revenueimpact export_revenueimpact",
    "+orders": "view_revenueimpact export_revenueimpact view_order",
    "+carts": "view_revenueimpact export_revenueimpact view_cartevent",
    "+visits": "view_revenueimpact export_revenueimpact view_visitorsession",
    "clerk": "view_order",
    "excluder": "exclude_order accept_order exclude_visitorsession",
    "auditor": "view_order exclude_order accept_order view_visitorsession exclude_visitorsession",
    "ops": "view_eventdiagnostics",
    "root": "everything",
}

#: What each view answers each person: ``ok`` is 200, ``.`` is 403, and ``login`` the way to the login page.
WHO_SEES_WHAT = """
                         visitor staff reader taker exporter +orders +carts +visits clerk excluder auditor ops   root
report                   login   .     ok     .     ok       ok      ok     ok      .     .        .       .     ok
export cards.csv         login   .     .      .     ok       ok      ok     ok      .     .        .       .     ok
export cards.excel       login   .     .      .     ok       ok      ok     ok      .     .        .       .     ok
export days.csv          login   .     .      .     ok       ok      ok     ok      .     .        .       .     ok
export days.excel        login   .     .      .     ok       ok      ok     ok      .     .        .       .     ok
export channels.csv      login   .     .      .     ok       ok      ok     ok      .     .        .       .     ok
export channels.excel    login   .     .      .     ok       ok      ok     ok      .     .        .       .     ok
export products.csv      login   .     .      .     ok       ok      ok     ok      .     .        .       .     ok
export products.excel    login   .     .      .     ok       ok      ok     ok      .     .        .       .     ok
export profiles.csv      login   .     .      .     ok       ok      ok     ok      .     .        .       .     ok
export profiles.excel    login   .     .      .     ok       ok      ok     ok      .     .        .       .     ok
export currencies.csv    login   .     .      .     ok       ok      ok     ok      .     .        .       .     ok
export currencies.excel  login   .     .      .     ok       ok      ok     ok      .     .        .       .     ok
export differences.csv   login   .     .      .     ok       ok      ok     ok      .     .        .       .     ok
export differences.excel login   .     .      .     ok       ok      ok     ok      .     .        .       .     ok
export models.csv        login   .     .      .     ok       ok      ok     ok      .     .        .       .     ok
export models.excel      login   .     .      .     ok       ok      ok     ok      .     .        .       .     ok
export conversations.csv login   .     .      .     ok       ok      ok     ok      .     .        .       .     ok
export conversations.excel login   .     .      .     ok       ok      ok     ok      .     .        .       .     ok
export figures.xlsx      login   .     .      .     ok       ok      ok     ok      .     .        .       .     ok
export orders.csv        login   .     .      .     .        ok      .      .       .     .        .       .     ok
export orders.excel      login   .     .      .     .        ok      .      .       .     .        .       .     ok
export orders.xlsx       login   .     .      .     .        ok      .      .       .     .        .       .     ok
export cart_events.csv   login   .     .      .     .        .       ok     .       .     .        .       .     ok
export cart_events.excel login   .     .      .     .        .       ok     .       .     .        .       .     ok
export cart_events.xlsx  login   .     .      .     .        .       ok     .       .     .        .       .     ok
files                    login   .     .      .     ok       ok      ok     ok      .     .        .       .     ok
list Order               login   .     .      .     .        ok      .      .       ok    .        ok      .     ok
page Order               login   .     .      .     .        ok      .      .       ok    .        ok      .     ok
history Order            login   .     .      .     .        ok      .      .       ok    .        ok      .     ok
exclude Order            login   .     .      .     .        .       .      .       .     .        ok      .     ok
include Order            login   .     .      .     .        .       .      .       .     .        ok      .     ok
accept Order             login   .     .      .     .        .       .      .       .     .        ok      .     ok
list CartEvent           login   .     .      .     .        .       ok     .       .     .        .       .     ok
page CartEvent           login   .     .      .     .        .       ok     .       .     .        .       .     ok
list VisitorSession      login   .     .      .     .        .       .      ok      .     .        ok      .     ok
page VisitorSession      login   .     .      .     .        .       .      ok      .     .        ok      .     ok
exclude VisitorSession   login   .     .      .     .        .       .      .       .     .        ok      .     ok
include VisitorSession   login   .     .      .     .        .       .      .       .     .        ok      .     ok
list Interaction         login   .     .      .     .        .       .      .       .     .        .       .     ok
page Interaction         login   .     .      .     .        .       .      .       .     .        .       .     ok
list OrderClaim          login   .     .      .     .        .       .      .       .     .        .       .     ok
page OrderClaim          login   .     .      .     .        .       .      .       .     .        .       .     ok
list PendingConfirmation login   .     .      .     .        .       .      .       .     .        .       .     ok
page PendingConfirmation login   .     .      .     .        .       .      .       .     .        .       .     ok
list Refund              login   .     .      .     .        .       .      .       .     .        .       .     ok
page Refund              login   .     .      .     .        .       .      .       .     .        .       .     ok
list PrivacyRequest      login   .     .      .     .        .       .      .       .     .        .       .     ok
page PrivacyRequest      login   .     .      .     .        .       .      .       .     .        .       .     ok
list SecretKey           login   .     .      .     .        .       .      .       .     .        .       .     ok
page SecretKey           login   .     .      .     .        .       .      .       .     .        .       .     ok
list Company             login   .     .      .     .        .       .      .       .     .        .       .     ok
page Company             login   .     .      .     .        .       .      .       .     .        .       .     ok
connections              login   .     .      .     .        .       .      .       .     .        .       .     ok
diagnostics              login   .     .      .     .        .       .      .       .     .        .       ok    ok
reconciliation           login   .     .      .     .        .       .      .       .     .        .       .     ok
json revenue-impact      401     .     ok     .     ok       ok      ok     ok      .     .        .       .     ok
json orders              401     .     .      .     .        ok      .      .       ok    .        ok      .     ok
json cart-events         401     .     .      .     .        .       ok     .       .     .        .       .     ok
json sessions            401     .     .      .     .        .       .      ok      .     .        ok      .     ok
"""

#: The entries of the menu *Analytics*.
MENUS = {
    "staff": set(),
    "reader": {"RevenueImpact"},
    "taker": set(),
    "exporter": {"RevenueImpact"},
    "+orders": {"RevenueImpact", "Order"},
    "+carts": {"RevenueImpact", "CartEvent"},
    "+visits": {"RevenueImpact", "VisitorSession"},
    "clerk": {"Order"},
    "excluder": set(),
    "auditor": {"Order", "VisitorSession"},
    "ops": {"EventDiagnostics"},
    "root": {
        *("RevenueImpact", "EventDiagnostics", "Company", "SecretKey", "VisitorSession"),
        *("CartEvent", "Order", "PendingConfirmation", "Refund", "PrivacyRequest", "ShopConnection"),
    },
}

#: What one who may do everything, but only with company A, is answered who asks for company B.
WHAT_OF_ANOTHER_COMPANY = """
report                    ok
export cards.csv          400
export cards.excel        400
export days.csv           400
export days.excel         400
export channels.csv       400
export channels.excel     400
export products.csv       400
export products.excel     400
export profiles.csv       400
export profiles.excel     400
export currencies.csv     400
export currencies.excel   400
export differences.csv    400
export differences.excel  400
export models.csv         400
export models.excel       400
export conversations.csv  400
export conversations.excel 400
export figures.xlsx       400
export orders.csv         400
export orders.excel       400
export orders.xlsx        400
export cart_events.csv    400
export cart_events.excel  400
export cart_events.xlsx   400
files                     ok
list Order                ok
page Order                gone
history Order             gone
exclude Order             404
include Order             404
accept Order              404
list CartEvent            ok
page CartEvent            gone
list VisitorSession       ok
page VisitorSession       gone
exclude VisitorSession    404
include VisitorSession    404
list Interaction          ok
page Interaction          gone
list OrderClaim           ok
page OrderClaim           gone
list PendingConfirmation  ok
page PendingConfirmation  gone
list Refund               ok
page Refund               gone
list PrivacyRequest       ok
page PrivacyRequest       gone
list SecretKey            ok
page SecretKey            gone
list Company              ok
page Company              gone
connections               ok
diagnostics               ok
reconciliation            ok
json revenue-impact       400
json orders               400
json cart-events          400
json sessions             400
"""
ANSWERS = {
    " ".join(words[: -len(PERSONS)]): dict(zip(PERSONS, words[-len(PERSONS) :], strict=True))
    for words in (line.split() for line in WHO_SEES_WHAT.strip().splitlines()[1:])
}
OTHER_COMPANY = {line[:26].strip(): line[26:].strip() for line in WHAT_OF_ANOTHER_COMPANY.strip().splitlines()}


class Shop:
    """A company with a row of every model, each text and amount of which tells whose it is."""

    def __init__(self, company: Company, word: str, minor: int) -> None:
        self.company, self.word = company, word
        facts = {"company": company, "started_at": at(MONDAY), "ai_profile": f"{word}-profile"}
        session = factories.VisitorSessionFactory.create(**facts)
        told = {"session": session, "source": f"{word}-source"}
        interaction = factories.InteractionFactory.create(**told, product_id=f"{word}-sku", conversation_id=f"{word}-1")
        credited = {**told, "credited_interaction": interaction, "ai_profile": f"{word}-profile", "value_minor": minor}
        order = factories.OrderFactory.create(**credited, order_id=f"{word}-order")
        factories.OrderLineFactory.create(
            order=order, product_id=f"{word}-sku", product_name=f"{word} tea", total_minor=minor
        )
        self.rows: dict[type[Any], Any] = {
            models.Company: company,
            models.SecretKey: self._key(),
            models.VisitorSession: session,
            models.Interaction: interaction,
            models.CartEvent: factories.CartEventFactory.create(
                **credited, product_id=f"{word}-sku", product_name=f"{word} tea"
            ),
            models.Order: order,
            models.OrderClaim: factories.OrderClaimFactory.create(**credited, order=order),
            models.PendingConfirmation: factories.PendingConfirmationFactory.create(
                company=company, order_id=f"{word}-pending", value_minor=minor
            ),
            models.PrivacyRequest: models.PrivacyRequest.objects.create(
                company=company,
                platform="shopify",
                kind="erase",
                order_ids=[f"{word}-order"],
                received_at=timezone.now(),
            ),
            models.Refund: factories.RefundFactory.create(
                refunded_order=order, refund_id=f"{word}-refund", value_minor=minor
            ),
        }
        # Something to compare with.
        models.DailySessions.objects.create(company=company, on=MONDAY - timedelta(days=7), sessions=1)
        models.EventCount.objects.create(
            company=company,
            counted_on=timezone.localdate(timezone=company.zone),
            method="sendCartEvent",
            outcome="invalid",
            count=1,
            last_at=timezone.now(),
        )
        models.RejectedEvent.objects.create(
            company=company,
            method="sendCartEvent",
            outcome="invalid",
            errors=[{"field": f"{word}-field", "code": "required"}],
            origin=f"https://{word}.example",
            received_at=timezone.now(),
        )

    def _key(self) -> models.SecretKey:
        key = models.SecretKey(company=self.company, name=f"{self.word}-key")
        key.issue()
        return key


@pytest.fixture
def shops(company: Company) -> tuple[Shop, Shop]:
    """Companies A and B, each restricted to a group of its own."""
    Company.objects.filter(pk=company.pk).update(name="alpha shop")
    company.refresh_from_db()
    other = factories.CompanyFactory.create(key="other", name="bravo shop")
    for restricted in (company, other):
        factories.restrict(restricted, factories.GroupFactory.create())
    # A is first in the settings, and B has more of everything, so that whatever is shown by mistake is seen.
    return Shop(company, "alpha", 123_400), Shop(other, "bravo", 987_654_300)


def is_of(word: str, content: str) -> bool:
    """Whether anything of the shop with this word is said, names or amounts."""
    digits = {"alpha": ("1,234.00", "1234.00", "123400"), "bravo": ("9,876,543.00", "9876543.00", "987654300")}[word]
    return word in content.lower() or any(number in content for number in digits)


def log_in(client: Client, person: str, *shops: Shop) -> None:
    rights = PERSONS[person]
    if rights is None:
        return
    user = factories.UserFactory.create(is_superuser=person == "root")
    if person != "root":
        codenames = rights.split()
        user.user_permissions.set(
            Permission.objects.filter(content_type__app_label="alhena_tracking", codename__in=codenames)
        )
        assert user.user_permissions.count() == len(codenames)
    user.groups.set(group for shop in shops for group in shop.company.groups.all())
    for company in Company.objects.all():  # asked for when the person was not restricted yet
        factories.ExportFactory.create(requested_by=user, company=company)
    client.force_login(user)


def log_in_with_every_right(client: Client, *shops: Shop) -> None:
    user = factories.UserFactory.create()
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="alhena_tracking"))
    user.groups.set(group for shop in shops for group in shop.company.groups.all())
    client.force_login(user)


def url_of(view: str, shop: Shop, *, pk: Any = None) -> tuple[str, dict[str, str]]:
    """Where a view is, and what to ask it for to be told of a shop; ``pk`` stands for another row."""
    kind, _space, name = view.partition(" ")
    of_that_week = {"company": shop.company.key, **THAT_WEEK}
    if kind == "report":
        return reverse("admin:alhena_tracking_revenueimpact_changelist"), of_that_week
    if kind == "export":
        return reverse("admin:alhena_tracking_revenueimpact_export", args=name.split(".")), of_that_week
    if kind == "files":
        return reverse("admin:alhena_tracking_revenueimpact_files"), {}
    if kind == "connections":
        return reverse("admin:alhena_tracking_shopconnection_changelist"), {"company": shop.company.key}
    if kind == "diagnostics":
        return reverse("admin:alhena_tracking_eventdiagnostics_changelist"), {"company": shop.company.key}
    if kind == "reconciliation":
        return reverse("admin:alhena_tracking_eventdiagnostics_reconcile"), {"company": shop.company.key}
    if kind == "json":
        return STAFF_PREFIX + name, of_that_week
    page = {"list": "changelist", "page": "change"}.get(kind, kind)
    model = getattr(models, name)
    args = [] if kind == "list" else [shop.rows[model].pk if pk is None else pk]
    return reverse(f"admin:alhena_tracking_{model._meta.model_name}_{page}", args=args), {}


def ask(client: Client, view: str, shop: Shop, **more: str) -> tuple[str, str]:
    """What is answered in the tables' words, and all that is said."""
    url, parameters = url_of(view, shop)
    response: Any = client.get(url, {**parameters, **more})
    answer = str(response.status_code)
    if answer == "302":
        answer = "login" if "/login/" in response["Location"] else "gone"
    return {"200": "ok", "403": "."}.get(answer, answer), text_of(response)


def text_of(response: Any) -> str:
    content = b"".join(response.streaming_content) if response.streaming else response.content
    if "spreadsheetml" not in response.get("Content-Type", ""):
        return str(content.decode())
    book = openpyxl.load_workbook(BytesIO(content))
    return "\n".join(str(cell.value) for sheet in book for row in sheet for cell in row if cell.value is not None)


def test_tables_know_every_view() -> None:
    """A new model, export or endpoint must be put into the tables."""
    pages = {model.__name__ for model in admin.site._registry if model._meta.app_label == "alhena_tracking"}
    rows = {name.partition(" ")[2] for name in ANSWERS if name.startswith(("list ", "page "))}
    assert rows | {"RevenueImpact", "EventDiagnostics", "ShopConnection"} == pages
    # What only links lead to is not in the menu.
    assert pages == MENUS["root"] | {"Interaction", "OrderClaim"}
    files = {f"{name}.{form}" for name in (*FIGURE_TABLES, *ROW_TABLES) for form in ("csv", "excel")}
    files |= {"figures.xlsx", *(f"{name}.xlsx" for name in ROW_TABLES)}
    assert {name.partition(" ")[2] for name in ANSWERS if name.startswith("export ")} == files
    assert set(ROW_TABLES) == set(ROW_PERMISSIONS)
    assert list(OTHER_COMPANY) == list(ANSWERS)
    assert WHO_SEES_WHAT.split("\n")[1].split() == list(PERSONS)


@pytest.mark.parametrize("person", PERSONS)
def test_view_when_requested_answers_as_in_the_table(client: Client, shops: tuple[Shop, Shop], person: str) -> None:
    mine, _other = shops
    log_in(client, person, mine)
    may_see_rows = person in {"+orders", "clerk", "auditor", "root"}
    for view, expected in ANSWERS.items():
        answer, said = ask(client, view, mine)
        assert answer == expected[person], view
        if answer == "ok":
            assert is_of("alpha", said), view
        if answer in {".", "401"}:
            assert not is_of("alpha", said), view
        if person != "root":
            assert not is_of("bravo", said), view
        if not may_see_rows:
            assert "alpha-order" not in said, view
            assert mine.rows[models.Order].event_id.hex not in said.replace("-", ""), view
            assert url_of("page Order", mine)[0] not in said, view


@pytest.mark.parametrize("person", MENUS)
def test_menu_when_a_person_looks_has_entries_for_what_may_be_seen(client: Client, person: str) -> None:
    log_in(client, person)
    for url in ("/admin/", "/admin/alhena_tracking/"):
        response = client.get(url)
        if not MENUS[person] and url != "/admin/":
            assert response.status_code == 404
            continue
        apps = [app for app in response.context["app_list"] if app["app_label"] == "alhena_tracking"]
        assert {model["object_name"] for app in apps for model in app["models"]} == MENUS[person]
        for model in MENUS["root"]:
            entry = reverse(f"admin:alhena_tracking_{model.lower()}_changelist")
            assert (f'href="{entry}"' in response.content.decode()) == (model in MENUS[person])


@pytest.mark.parametrize("person", PERSONS)
def test_view_when_another_company_is_named_reveals_nothing(
    client: Client, shops: tuple[Shop, Shop], person: str
) -> None:
    """Whoever is restricted to A: B's rows are neither in lists nor to be had by id, whatever the question."""
    mine, other = shops
    if person == "root":
        log_in_with_every_right(client, mine)
    else:
        log_in(client, person, mine)
    for view, expected in ANSWERS.items():
        answer, said = ask(client, view, other)
        may = expected[person] == "ok"
        assert answer == (OTHER_COMPANY[view] if may else expected[person]), view
        assert not is_of("bravo", said), view


LOOK_UPS = [
    lambda other, row: {"id__exact": str(row.pk)},
    lambda other, row: {"company__id__exact": str(other.company.pk)},
    lambda other, row: {"q": "rav"},
    lambda other, row: {"o": "1", "all": ""},
]


@pytest.mark.parametrize("look_up", LOOK_UPS, ids=["id", "company", "search", "order"])
@pytest.mark.parametrize("name", [view.partition(" ")[2] for view in ANSWERS if view.startswith("list ")])
def test_list_when_looked_up_in_any_way_holds_no_row_of_another_company(
    client: Client, shops: tuple[Shop, Shop], name: str, look_up: Callable[[Shop, Any], dict[str, str]]
) -> None:
    mine, other = shops
    log_in_with_every_right(client, mine)
    asked = look_up(other, other.rows[getattr(models, name)])
    if name == "Company":
        asked.pop("company__id__exact", None)
    answer, said = ask(client, f"list {name}", mine, **asked)
    if answer == "gone":  # the admin's own answer to look-ups that a list does not offer
        return
    assert answer == "ok"
    assert not is_of("bravo", said)


ONE_ROW = [view for view, answer in OTHER_COMPANY.items() if answer in {"gone", "404"}]


@pytest.mark.parametrize("view", ONE_ROW)
def test_row_when_of_another_company_is_as_one_that_does_not_exist(
    client: Client, shops: tuple[Shop, Shop], view: str
) -> None:
    mine, other = shops
    log_in_with_every_right(client, mine)
    answers = []
    for pk in (other.rows[getattr(models, view.partition(" ")[2])].pk, 4_000_000_000):
        response = client.get(url_of(view, other, pk=pk)[0], follow=True)
        text = re.sub(r'csrfmiddlewaretoken" value="\w+"|nonce="[^"]+"', "", response.content.decode())
        answers.append((response.status_code, response.redirect_chain, text.replace(str(pk), "PK")))
    assert answers[0][:2] == answers[1][:2]
    assert not is_of("bravo", answers[0][2])
    assert answers[0][2].count("PK") >= answers[1][2].count("PK")


def test_row_of_another_company_when_posted_to_stays_as_it_is(client: Client, shops: tuple[Shop, Shop]) -> None:
    mine, other = shops
    log_in_with_every_right(client, mine)
    for view in ("exclude Order", "include Order", "accept Order", "exclude VisitorSession", "include VisitorSession"):
        url, _ = url_of(view, other)
        assert client.post(url, {"reason": "a test"}).status_code == 404
    assert client.post(url_of("page SecretKey", other)[0].replace("/change/", "/revoke/")).status_code == 404
    for model in (models.Order, models.VisitorSession):
        assert model.objects.get(pk=other.rows[model].pk).excluded_at is None
    assert models.SecretKey.objects.active().count() == 2


ACTIONS = [(models.Order, "exclude"), (models.Order, "accept"), (models.VisitorSession, "exclude")]


@pytest.mark.parametrize("select_across", ["0", "1"])
@pytest.mark.parametrize(("model", "action"), ACTIONS)
def test_action_when_others_rows_are_posted_changes_only_ones_own(
    client: Client, shops: tuple[Shop, Shop], model: type[Any], action: str, select_across: str
) -> None:
    mine, other = shops
    models.Order.objects.update(standing="HELD", held_reason="ABOVE_CEILING")
    log_in_with_every_right(client, mine)
    own, hidden = mine.rows[model], other.rows[model]
    posted = {"action": action, "select_across": select_across, "_selected_action": [own.pk, hidden.pk]}
    url, _ = url_of(f"list {model.__name__}", mine)
    asked = client.post(url, {**posted, "index": "0"})
    assert not is_of("bravo", asked.content.decode())
    assert client.post(url, {**posted, "is_answered": "1", "reason": "a test"}).status_code == 302
    column = f"{action}ed_at" if action == "accept" else "excluded_at"
    assert set(model.objects.exclude(**{column: None})) == {own}


@pytest.mark.parametrize("person", [person for person in PERSONS if person not in {"auditor", "root", "visitor"}])
@pytest.mark.parametrize(("model", "action"), ACTIONS)
def test_action_when_a_person_lacks_its_permission_changes_nothing(
    client: Client, shops: tuple[Shop, Shop], person: str, model: type[Any], action: str
) -> None:
    mine, _other = shops
    models.Order.objects.update(standing="HELD", held_reason="ABOVE_CEILING")
    log_in(client, person, mine)
    posted = {"action": action, "_selected_action": mine.rows[model].pk, "is_answered": "1", "reason": "a test"}
    url, _ = url_of(f"list {model.__name__}", mine)
    client.post(url, posted)
    client.post(url, {**posted, "index": "0"})
    client.post(url_of(f"{action} {model.__name__}", mine)[0], {"reason": "a test"})
    assert not models.Order.objects.exclude(standing="HELD").exists()
    assert not models.VisitorSession.objects.exclude(excluded_at=None).exists()


# Links


def may_only_view(model: type[Any]) -> Any:
    user = factories.UserFactory.create()
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label="alhena_tracking", codename=f"view_{model._meta.model_name}")
    )
    return user


def exclude_all(shop: Shop) -> None:
    user = factories.UserFactory.create()
    order, session = shop.rows[models.Order], shop.rows[models.VisitorSession]
    review.exclude_orders([order.pk], user, "a test")
    review.exclude_sessions([session.pk], user, "a test")
    order.refresh_from_db()
    session.refresh_from_db()


def links_of(content: str) -> set[str]:
    return {link for link in re.findall(r'href="([^"]*)"', content) if re.match(r"/admin/\w+/\w+/\d+/", link)}


PAGES = [view.partition(" ")[2] for view in ANSWERS if view.startswith("page ")]


@pytest.mark.parametrize("name", PAGES)
def test_page_when_only_its_row_may_be_viewed_links_nothing_else(
    client: Client, shops: tuple[Shop, Shop], name: str
) -> None:
    mine, _other = shops
    exclude_all(mine)
    model = getattr(models, name)
    user = may_only_view(model)
    user.groups.set(mine.company.groups.all())
    client.force_login(user)
    answer, said = ask(client, f"page {name}", mine)
    assert answer == "ok"
    own = url_of(f"page {name}", mine)[0].removesuffix("change/")
    assert {link for link in links_of(said) if not link.startswith(own)} == set()
    for field in model._meta.get_fields():
        if field.many_to_one and field.name in said:
            related = getattr(mine.rows[model], field.name)
            assert related is None or str(related) in said  # as text


@pytest.mark.parametrize("name", PAGES)
def test_page_when_everything_may_be_viewed_links_what_can_be_opened(
    client: Client, shops: tuple[Shop, Shop], name: str
) -> None:
    mine, _other = shops
    log_in(client, "root")
    exclude_all(mine)
    _answer, said = ask(client, f"page {name}", mine)
    links = links_of(said)
    for link in links:
        assert client.get(link).status_code == 200, link
    if name not in {"Company"}:
        assert url_of("page Company", mine)[0] in links

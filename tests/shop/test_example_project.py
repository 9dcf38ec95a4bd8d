"""The example shop: its own behaviour, and that it reports what a shop should."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from io import StringIO
from socket import socket
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.staticfiles import finders
from django.core.management import CommandError, call_command
from django.db.models import Count, Sum
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import reverse

from alhena_tracking.ingestion import CartEventData, InteractionData, OrderData, RefundData, Visitor
from alhena_tracking.models import (
    CartEvent,
    Channel,
    Company,
    EventCount,
    Interaction,
    OrderTouch,
    Refund,
    Standing,
    Trust,
    VisitorSession,
)
from alhena_tracking.models import Order as TrackedOrder
from example_project.shop import visits
from example_project.shop.assistant import answer
from example_project.shop.cart import MAX_QUANTITY, Cart
from example_project.shop.catalogue import CATALOGUE, load_catalogue
from example_project.shop.currencies import CURRENCIES, EUR, JPY
from example_project.shop.history import clear_history, exclude_test_order, lay_history, make_history
from example_project.shop.models import Order, Product
from example_project.shop.templatetags.shop import amount
from tests.support import factories
from tests.support.runs import IS_FULL_RUN, examples

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]

BUYER = {"name": "Ada Lovelace", "email": "ada@example.com"}


class Page(HTMLParser):
    """What a test asks of a page: its elements, as (tag, attributes), and the inline code it should not have."""

    def __init__(self, response: Any) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(response.content.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def all(self, attribute: str) -> list[str | None]:
        return [attributes[attribute] for _, attributes in self.elements if attribute in attributes]

    def cart_events(self) -> list[dict[str, Any]]:
        return [json.loads(data or "") for data in self.all("data-cart-event")]

    def inline_code(self, nonce: str) -> Iterator[str]:
        for tag, attributes in self.elements:
            if tag == "style" or (tag == "script" and "src" not in attributes and attributes.get("nonce") != nonce):
                yield tag
            yield from (name for name in attributes if name == "style" or name.startswith("on"))


@pytest.fixture(autouse=True)
def catalogue() -> None:
    load_catalogue()


@pytest.fixture
def session() -> SessionBase:
    return SessionStore()


@pytest.fixture
def cart(session: SessionBase) -> Cart:
    return Cart(session)


@pytest.fixture
def beans() -> Product:
    return Product.objects.get(sku="COF-GUJI")


@pytest.fixture
def kettle() -> Product:
    return Product.objects.get(sku="BRW-KETTLE")


def change(client: Client, product: Product, action: str, quantity: str = "", **data: str) -> HttpResponse:
    """Send a form of the cart, and follow it to the page that it leads to."""
    url = reverse("shop:change_cart", args=[product.sku, action])
    return client.post(url, {"quantity": quantity, **data}, follow=True)  # type: ignore[return-value]


def check_out(client: Client) -> Any:
    return client.post(reverse("shop:checkout"), BUYER, follow=True)


# The catalogue


def test_catalogue_when_listed_is_complete() -> None:
    assert Product.objects.count() == len(CATALOGUE) == 12
    for product in Product.objects.all():
        assert product.description
        assert product.price_in(EUR) > 0
        assert product.price_in(JPY) > 0
        assert product.price_in(JPY) == product.price_in(JPY).to_integral_value()
        assert len(product.faq) == 3
        assert product.goes_with.count() == 3
        assert finders.find(product.picture)


def test_catalogue_when_loaded_again_stays_as_it_is() -> None:
    pks = set(Product.objects.values_list("pk", flat=True))
    load_catalogue()
    assert set(Product.objects.values_list("pk", flat=True)) == pks


def test_pictures_when_read_have_no_style_and_no_script() -> None:
    for path in [finders.find(product.picture) for product in Product.objects.all()]:
        assert isinstance(path, str)
        with open(path) as file:
            assert not re.search(r"style=|<style|<script|\son\w+=|href=", file.read())


@pytest.mark.parametrize(("quantity", "written"), [("0.25", "250 g"), ("1.250", "1.25 kg"), ("10", "10 kg")])
def test_amount_when_sold_by_weight_is_in_grams_or_kilograms(beans: Product, quantity: str, written: str) -> None:
    assert amount(Decimal(quantity), beans) == written


# The cart


def test_cart_when_added_up_is_exact(cart: Cart, beans: Product, kettle: Product) -> None:
    cart.add(beans, Decimal("0.75"))
    cart.add(kettle, Decimal(2))
    assert [line.total for line in cart.lines] == [Decimal("28.50"), Decimal("178.00")]
    assert cart.total == Decimal("206.50")
    assert len(cart) == 2


def test_cart_when_in_yen_has_no_decimals(cart: Cart, beans: Product) -> None:
    cart.add(beans, Decimal("0.25"))
    cart.currency = JPY
    assert cart.total == 1600
    assert JPY.format(cart.total) == "¥1,600"


def test_cart_when_changed_reports_the_new_quantity(cart: Cart, beans: Product) -> None:
    cart.add(beans, Decimal("0.5"))
    cart.increase(beans)
    cart.add(beans, Decimal("0.25"))
    cart.decrease(beans)
    cart.set_quantity(beans, Decimal("0.25"))
    cart.remove(beans)
    events = cart.take_events()
    assert [(event["type"], event["quantity"]) for event in events] == [
        ("ITEM_ADDED", 0.5),
        ("QUANTITY_INCREASED", 0.75),
        ("QUANTITY_INCREASED", 1.0),
        ("QUANTITY_DECREASED", 0.75),
        ("QUANTITY_DECREASED", 0.25),
        ("ITEM_REMOVED", 0.0),
    ]
    assert {(event["productId"], event["productName"], event["value"], event["currency"]) for event in events} == {
        ("COF-GUJI", "Guji Dawn", 38.0, "EUR")
    }


def test_cart_reports_nothing_when_nothing_changes(cart: Cart, beans: Product, kettle: Product) -> None:
    cart.remove(beans)
    cart.set_quantity(kettle, MAX_QUANTITY)
    cart.take_events()
    cart.increase(kettle)
    cart.set_quantity(kettle, MAX_QUANTITY)
    assert cart.take_events() == []


def test_product_when_reduced_to_none_is_removed(cart: Cart, kettle: Product) -> None:
    cart.add(kettle, Decimal(1))
    cart.decrease(kettle)
    assert cart.take_events()[-1]["type"] == "ITEM_REMOVED"
    assert len(cart) == 0


def test_cart_when_a_product_is_no_longer_sold_drops_it(cart: Cart, beans: Product, kettle: Product) -> None:
    cart.add(beans, Decimal(1))
    cart.add(kettle, Decimal(1))
    beans.delete()
    assert [line.product for line in Cart(cart._session).lines] == [kettle]


def test_action_when_shown_to_the_script_is_shown_once(client: Client, beans: Product) -> None:
    page = Page(change(client, beans, "add", "0.500"))
    assert page.cart_events() == [
        {
            "type": "ITEM_ADDED",
            "productId": "COF-GUJI",
            "productName": "Guji Dawn",
            "value": 38.0,
            "currency": "EUR",
            "quantity": 0.5,
            "previousQuantity": 0.0,
        }
    ]
    reloaded = client.get(reverse("shop:cart"))
    assert Page(reloaded).cart_events() == []
    assert "no-store" in reloaded["Cache-Control"]


def test_action_when_taken_reports_one_event(client: Client, kettle: Product) -> None:
    pages = [
        change(client, kettle, "add", "2"),
        change(client, kettle, "increase"),
        change(client, kettle, "decrease"),
        change(client, kettle, "set", "5"),
        change(client, kettle, "remove"),
    ]
    events = [Page(page).cart_events() for page in pages]
    assert [len(each) for each in events] == [1, 1, 1, 1, 1]
    assert [(each[0]["type"], each[0]["previousQuantity"], each[0]["quantity"]) for each in events] == [
        ("ITEM_ADDED", 0, 2),
        ("QUANTITY_INCREASED", 2, 3),
        ("QUANTITY_DECREASED", 3, 2),
        ("QUANTITY_INCREASED", 2, 5),
        ("ITEM_REMOVED", 5, 0),
    ]


@pytest.mark.parametrize("quantity", ["", "0.1", "-1", "100", "NaN", "many"])
def test_cart_when_the_quantity_is_invalid_is_unchanged(client: Client, beans: Product, quantity: str) -> None:
    response = change(client, beans, "add", quantity)
    assert response.status_code == 200
    assert Page(response).cart_events() == []
    assert len(Cart(client.session)) == 0


def test_action_when_unknown_is_not_found(client: Client, beans: Product) -> None:
    assert change(client, beans, "double").status_code == 404


@pytest.mark.parametrize(
    ("target", "place"), [("/products/guji-dawn/", "/products/guji-dawn/"), ("https://evil.example/", "/cart/")]
)
def test_form_when_sent_leads_back_to_the_shop(client: Client, beans: Product, target: str, place: str) -> None:
    url = reverse("shop:change_cart", args=[beans.sku, "add"])
    assert client.post(url, {"quantity": "0.25", "next": target})["Location"] == place


def test_currency_when_chosen_is_kept_and_reports_nothing(client: Client, beans: Product) -> None:
    change(client, beans, "add", "0.25")
    page = Page(client.post(reverse("shop:change_currency"), {"currency": "JPY", "next": "/cart/"}, follow=True))
    assert page.cart_events() == []
    assert Cart(client.session).currency == JPY
    client.post(reverse("shop:change_currency"), {"currency": "XXX"})
    assert Cart(client.session).currency == JPY


# The checkout


def test_checkout_when_complete_makes_one_order(client: Client, beans: Product, kettle: Product) -> None:
    change(client, beans, "add", "0.75")
    change(client, kettle, "add", "1")
    response = check_out(client)
    order = Order.objects.get()
    assert response.redirect_chain == [(order.get_absolute_url(), 302)]
    assert (order.name, order.currency, order.total) == ("Ada Lovelace", "EUR", Decimal("117.50"))
    assert list(order.lines.values_list("name", "quantity", "unit_price", "total")) == [
        ("Guji Dawn", Decimal("0.75"), Decimal(38), Decimal("28.50")),
        ("Gooseneck Kettle", Decimal(1), Decimal(89), Decimal(89)),
    ]
    assert len(Cart(client.session)) == 0


def test_checkout_when_sent_again_leads_to_the_same_order(client: Client, beans: Product) -> None:
    change(client, beans, "add", "0.25")
    first, second = check_out(client), check_out(client)
    assert first.redirect_chain == second.redirect_chain
    assert Order.objects.count() == 1


def test_cart_when_checked_out_twice_at_once_is_one_order(session: SessionBase, beans: Product) -> None:
    Cart(session).add(beans, Decimal("0.25"))
    other = SessionStore()
    other.update(dict(session.items()))
    first, second = (Cart(each).check_out(**BUYER) for each in (session, other))
    assert first == second
    assert first.lines.count() == 1


@pytest.mark.parametrize("data", [{}, {"name": "Ada"}, {"name": "Ada", "email": "nowhere"}])
def test_checkout_when_incomplete_makes_no_order(client: Client, beans: Product, data: dict[str, str]) -> None:
    change(client, beans, "add", "0.25")
    response = client.post(reverse("shop:checkout"), data)
    assert response.status_code == 200
    assert response.context["form"].errors
    assert not Order.objects.exists()


def test_checkout_when_the_cart_is_empty_leads_to_the_cart(client: Client) -> None:
    assert check_out(client).redirect_chain == [(reverse("shop:cart"), 302)]
    assert not Order.objects.exists()


@pytest.mark.parametrize(("currency", "total"), [("EUR", 47.5), ("JPY", 8000)])
def test_thank_you_page_when_shown_has_the_order(client: Client, beans: Product, currency: str, total: float) -> None:
    client.post(reverse("shop:change_currency"), {"currency": currency})
    change(client, beans, "add", "1.25")
    page = Page(check_out(client))
    assert page.all("data-alhena-event") == ["sendCheckoutEvent"]
    (data,) = page.all("data-alhena-data")
    assert json.loads(data or "") == {
        "orderId": Order.objects.get().number,
        "value": total,
        "currency": currency,
        "lineItems": [
            {
                "productId": "COF-GUJI",
                "productName": "Guji Dawn",
                "quantity": 1.25,
                "value": total,
                "currency": currency,
            }
        ],
    }


def test_thank_you_page_when_opened_by_another_is_not_found(client: Client, beans: Product) -> None:
    change(client, beans, "add", "0.25")
    check_out(client)
    url = Order.objects.get().get_absolute_url()
    assert client.get(url).status_code == 200
    assert Client().get(url).status_code == 404


# The assistant


@pytest.mark.parametrize(
    ("question", "product"),
    [
        ("Which COFFEE for a French press?", "Press Pot"),
        ("My sencha is bitter", "Uji Sencha"),
        ("How long does it take to boil?", "Gooseneck Kettle"),
        ("something without caffeine", "Slow Sunday Decaf"),
        ("zzz", "Huila Orchard"),
    ],
)
def test_assistant_when_asked_recommends(question: str, product: str) -> None:
    assert product in [name for _, name in answer(question)["products"]]


def test_faq_question_when_asked_gets_its_answer() -> None:
    for item in CATALOGUE:
        for question, text in item.faq:
            assert answer(question)["answer"] == text


def test_conversation_when_continued_is_remembered(client: Client) -> None:
    response = client.post(reverse("shop:assistant"), {"question": "<b>Press?</b>"}, headers={"X-Fragment": "1"})
    assert b"&lt;b&gt;Press?" in response.content
    assert b"<html" not in response.content
    assert client.get(reverse("shop:catalogue")).context["conversation"].exchanges[0]["question"] == "<b>Press?</b>"


def test_question_when_sent_without_script_leads_to_the_page(client: Client) -> None:
    response = client.post(reverse("shop:assistant"), {"question": "Press?"})
    assert response["Location"].startswith(reverse("shop:assistant"))


def test_question_when_empty_is_rejected(client: Client) -> None:
    assert client.post(reverse("shop:assistant"), {}, headers={"X-Fragment": "1"}).status_code == 400


# Every page


def urls() -> list[str]:
    return [
        reverse("shop:catalogue"),
        *(reverse("shop:category", args=[category]) for category in Product.Category.values),
        *(reverse("shop:product", args=[item.slug]) for item in CATALOGUE),
        reverse("shop:cart"),
        reverse("shop:assistant"),
        reverse("admin:login"),
    ]


@pytest.mark.parametrize("url", urls())
def test_shop_page_when_the_csp_is_strict_works(client: Client, url: str) -> None:
    assert_strict(client.get(url))


def test_cart_pages_when_the_csp_is_strict_work(client: Client, beans: Product) -> None:
    assert_strict(change(client, beans, "add", "0.25"))
    assert_strict(client.get(reverse("shop:checkout")))
    assert_strict(check_out(client))


def assert_strict(response: Any) -> None:
    assert response.status_code == 200
    policy = response.headers["Content-Security-Policy"]
    match = re.search(r"script-src 'self' 'nonce-([\w-]{20,})'; style-src 'self';", policy)
    assert match
    assert list(Page(response).inline_code(match[1])) == []


def test_nonce_when_requested_again_is_new(client: Client) -> None:
    policies = {client.get(reverse("shop:cart")).headers["Content-Security-Policy"] for _ in range(3)}
    assert len(policies) == 3


def test_page_when_unknown_is_not_found(client: Client) -> None:
    for url in ("/nowhere/", reverse("shop:category", args=["cocoa"]), reverse("shop:product", args=["cocoa"])):
        response = client.get(url)
        assert response.status_code == 404
        assert "shop/base.html" in [template.name for template in response.templates]


def test_product_page_when_shown_marks_what_the_tracker_reads(client: Client, beans: Product) -> None:
    page = Page(client.get(beans.get_absolute_url()))
    assert page.all("data-alhena-faq") == [beans.sku] * 3
    assert len(page.all("data-alhena-chat")) == 1
    assert len(page.all("data-company-key")) == 1


# The demo


def figures() -> dict[str, Any]:
    return {
        "sessions": list(VisitorSession.objects.order_by("channel").values_list("channel").annotate(Count("pk"))),
        "interactions": Interaction.objects.count(),
        "carts": list(
            CartEvent.objects.order_by("occurred_on", "currency")
            .values_list("occurred_on", "currency")
            .annotate(Count("pk"), Sum("gmv_minor"))
        ),
        "orders": list(
            TrackedOrder.objects.order_by("occurred_on", "currency")
            .values_list("occurred_on", "currency")
            .annotate(Count("pk"), Sum("value_minor"))
        ),
    }


def noon(company: Company) -> datetime:
    """On the day on which clocks go forward in Berlin."""
    return datetime(2027, 3, 28, 12, tzinfo=company.zone)


@override_settings(DEBUG=True)
def test_demo_when_run_twice_gives_the_same_figures() -> None:
    outputs = [StringIO(), StringIO()]
    call_command("demo", no_serve=True, days=2, seed=7, stdout=outputs[0])
    first = figures()
    password = get_user_model().objects.get(username="demo").password
    call_command("demo", no_serve=True, days=2, seed=7, stdout=outputs[1])
    assert figures() == first
    assert get_user_model().objects.get(username="demo").password == password
    assert first["orders"]
    for output in outputs:
        assert "/admin/alhena_tracking/revenueimpact/" in output.getvalue()
        assert "demo / demo" in output.getvalue()
    user = get_user_model().objects.get(username="demo")
    assert user.is_superuser
    assert Company.objects.get(key="acme").currency == "EUR"
    assert user.check_password("demo")


@override_settings(DEBUG=True)
def test_demo_when_its_port_is_taken_reports_it_first() -> None:
    output = StringIO()
    with socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CommandError, match=f"--port {port + 1}"):
            call_command("demo", port=port, days=1, stdout=output)
    assert not output.getvalue()


@override_settings(DEBUG=False)
def test_demo_when_debug_is_off_is_rejected() -> None:
    with pytest.raises(CommandError):
        call_command("demo", no_serve=True)
    assert not get_user_model().objects.exists()


def test_history_when_laid_at_any_hour_is_the_same(company: Company) -> None:
    assert lay_history(company, days=2, seed=1, now=noon(company).replace(hour=1))
    morning = figures()
    clear_history(company)
    assert lay_history(company, days=2, seed=1, now=noon(company).replace(hour=23))
    assert figures() == morning


def test_history_when_the_seed_differs_replaces_the_first(company: Company) -> None:
    lay_history(company, days=2, seed=1, now=noon(company))
    first = figures()
    lay_history(company, days=1, seed=2, now=noon(company))
    second = figures()
    assert second != first
    assert {day for day, *_ in second["carts"]} == {noon(company).date()}


@pytest.mark.now("2027-03-28T10:00Z")
@pytest.mark.parametrize("days_later", range(0, 30, examples(15, full=1)))
@pytest.mark.parametrize("days", [3, 12] if IS_FULL_RUN else [3])
def test_history_when_laid_on_any_day_holds_all_that_staff_should_meet(
    company: Company, days: int, days_later: int
) -> None:
    user = factories.UserFactory.create()
    recorded = lay_history(company, days=days, seed=1, now=noon(company) + timedelta(days=days_later))
    exclude_test_order(company, user)
    refunds = Refund.objects.filter(refunded_order__isnull=False)
    assert refunds.count() == Refund.objects.count() > 0
    orders = TrackedOrder.objects.all()
    assert orders.filter(has_conflict=True, excluded_at=None).exists()
    assert orders.filter(order_id="").exists()
    assert orders.get(excluded_at__isnull=False).excluded_by == user
    assert set(orders.values_list("currency", flat=True)) == set(CURRENCIES)
    assert set(orders.values_list("trust", flat=True)) == set(Trust)
    assert set(orders.values_list("standing", flat=True)) == set(Standing)
    assert orders.filter(standing=Standing.COUNTED, versions__isnull=False).exists()
    assert set(Interaction.objects.values_list("kind", flat=True)) == set(Channel)
    assert set(orders.values_list("channel", flat=True)) == set(Channel)
    assert set(CartEvent.objects.values_list("type", flat=True)) == set(CartEvent.Type)
    touches = OrderTouch.objects.filter(order__standing=Standing.COUNTED).exclude(ai_profile="")
    assert (
        touches.order_by()
        .values("order")
        .annotate(profiles=Count("ai_profile", distinct=True))
        .filter(profiles__gt=1)
        .exists()
    )
    counted = EventCount.objects.filter(outcome="recorded").aggregate(total=Sum("count"))
    assert counted["total"] == recorded


@pytest.mark.now("2027-03-28T10:00Z")
@pytest.mark.parametrize("hour", [0, 12, 23])
def test_history_when_of_one_day_holds_a_dispute_and_a_refund(company: Company, hour: int) -> None:
    now = noon(company).replace(hour=hour, minute=5)
    lay_history(company, days=1, seed=1, now=now)
    exclude_test_order(company, factories.UserFactory.create())
    assert TrackedOrder.objects.filter(has_conflict=True, excluded_at=None).exists()
    assert Refund.objects.filter(refunded_order__isnull=False).exists()
    assert not EventCount.objects.exclude(counted_on=now.date()).exists()


def test_planned_visits_when_chance_brings_nothing_hold_it_all(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visits, "CHANCES", dict.fromkeys(visits.CHANCES, 0))
    for days_later in range(60):
        now = noon(company) + timedelta(days=days_later)
        events = list(make_history(company, days=2, seed=days_later, now=now))
        orders = [event for event in events if isinstance(event, OrderData)]
        reported = {order.order_id: order.value_minor for order in orders if order.trust == Trust.REPORTED}
        confirmed = {order.order_id: order.value_minor for order in orders if order.trust == Trust.CONFIRMED}
        assert any(reported[number] != confirmed[number] for number in reported.keys() & confirmed.keys())
        assert "" in reported
        assert {event.order_id for event in events if isinstance(event, RefundData)} & confirmed.keys()
        assert {event.type for event in events if isinstance(event, CartEventData)} == set(CartEvent.Type)
        assert {event.kind for event in events if isinstance(event, InteractionData)} == set(Channel)
        assert {order.currency for order in orders} == set(CURRENCIES)
        assert any(order.visitor is None for order in orders)
        assert any(order.value_minor > 10_000_000 for order in orders)
        assert any(order.is_cancelled for order in orders)
        corrected = {order.order_id for order in orders if order.visitor is None and not order.is_cancelled}
        assert any(len({order.value_minor for order in orders if order.order_id == one}) > 1 for one in corrected)
        used: dict[Visitor | None, set[str]] = {}
        for event in events:
            if isinstance(event, InteractionData) and event.ai_profile:
                used.setdefault(event.visitor, set()).add(event.ai_profile)
        assert any(len(used.get(order.visitor, ())) > 1 for order in orders)
        buyers: dict[str, set[Visitor | None]] = {}
        for order in orders:
            buyers.setdefault(order.order_id, set()).add(order.visitor)
        assert any(len(visitors - {None}) > 1 for visitors in buyers.values())


def test_history_when_laid_is_past_and_attributed(company: Company) -> None:
    now = noon(company)
    lay_history(company, days=3, seed=3, now=now)
    for model in (Interaction, CartEvent, TrackedOrder):
        rows = model._default_manager.all()
        assert rows.exists()
        assert not rows.filter(occurred_at__gt=now).exists()
    assert set(Interaction.objects.values_list("kind", flat=True)) == {"CHAT", "FAQ", "NUDGE"}
    assert set(CartEvent.objects.values_list("currency", flat=True)) <= set(CURRENCIES)
    assert set(CartEvent.objects.values_list("type", flat=True)) == set(CartEvent.Type.values)

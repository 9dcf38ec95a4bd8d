"""What several sides say of one order: the first report stands, the shop's own word stands above it (F9, F10)."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.admin.views.main import ChangeList
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alhena_tracking.models import Company, Order, OrderClaim, SecretKey, Standing, Trust, VisitorSession
from tests.support.endpoints import post_to
from tests.support.factories import UserFactory
from tests.support.runs import examples

pytestmark = pytest.mark.django_db

VISITORS = [str(uuid.UUID(int=number)) for number in range(0xA1, 0xA5)]
MINOR_UNITS = {"EUR": 2, "JPY": 0, "KWD": 3}


@dataclass(frozen=True)
class Word:
    """What somebody says of an order, by which visitor if that is said at all, amounts in minor units."""

    visitor: int | None
    currency: str
    value_minor: int
    lines: tuple[tuple[str, int], ...] = ()

    def body(self, order_id: str) -> bytes:
        unit = 10 ** MINOR_UNITS[self.currency]
        lines = [
            {"product_id": product, "product_name": product, "quantity": 1, "value": minor / unit}
            for product, minor in self.lines
        ]
        body = {
            "company_key": "acme",
            "user_fingerprint": None if self.visitor is None else VISITORS[self.visitor],
            "order_id": order_id,
            "currency": self.currency,
            "value": self.value_minor / unit,
            "line_items": [{**line, "currency": self.currency} for line in lines],
        }
        return json.dumps(body).encode()


AMOUNTS = st.sampled_from([0, 1, 1000, 1001, 99_999]) | st.integers(0, 10**13)
LINES = st.lists(st.tuples(st.sampled_from(["SKU-1", "SKU-2", "Tee"]), AMOUNTS), max_size=3).map(tuple)
REPORTS = st.builds(
    Word,
    visitor=st.sampled_from(range(len(VISITORS))),
    currency=st.sampled_from(list(MINOR_UNITS)),
    value_minor=AMOUNTS,
    lines=LINES,
)
FIGURES = st.builds(
    Word, visitor=st.none(), currency=st.sampled_from(list(MINOR_UNITS)), value_minor=AMOUNTS, lines=LINES
)
property_test = settings(
    max_examples=examples(6, full=1000), suppress_health_check=[HealthCheck.function_scoped_fixture]
)

Confirm = Callable[[str, Word], tuple[int, dict[str, Any]]]


@pytest.fixture
def sessions(company: Company, settings: Any, without_ceilings: None) -> list[VisitorSession]:
    """The visitors, each of whom used the assistant."""
    settings.ALHENA_TRACKING = {"COMPANY_KEY": "acme", "RATE_LIMIT_PER_SOURCE": None, "RATE_LIMIT_PER_COMPANY": None}
    for visitor in VISITORS:
        body = {"company_key": "acme", "user_fingerprint": visitor, "type": "CHAT"}
        assert post_to("interactions", json.dumps(body).encode())[0] == 201
    return list(VisitorSession.objects.order_by("id"))


@pytest.fixture
def confirm(company: Company) -> Confirm:
    headers = {"Authorization": f"Bearer {SecretKey(company=company, name='server').issue()}"}
    return lambda order_id, word: post_to("checkout_events", word.body(order_id), **headers)


def report(order_id: str, word: Word) -> tuple[int, dict[str, Any]]:
    return post_to("checkout_events", word.body(order_id))


def shown(order: Order) -> Word:
    """What the order shows, but for its visitor."""
    lines = tuple(order.lines.order_by("id").values_list("product_id", "total_minor"))
    return Word(None, order.currency, order.value_minor, lines)


def anonymous(word: Word) -> Word:
    return Word(None, word.currency, word.value_minor, word.lines)


def standing(words: list[Word]) -> dict[int, Word]:
    """What stands of what each visitor said, in order of arrival: the first, or the first above 0."""
    stands: dict[int, Word] = {}
    for word in words:
        if word.visitor is not None and (
            word.visitor not in stands or stands[word.visitor].value_minor == 0 < word.value_minor
        ):
            stands[word.visitor] = word
    return stands


def said(sessions: list[VisitorSession], words: list[Word]) -> set[tuple[int, str, int]]:
    return {(sessions[visitor].pk, word.currency, word.value_minor) for visitor, word in standing(words).items()}


def agree(words: list[Word]) -> bool:
    """Whether all are of one visitor, who says one amount, but for a first one of nothing."""
    amounts = [(word.currency, word.value_minor) for word in words]
    while len(amounts) > 1 and amounts[0][1] == 0 and amounts[1] in {amounts[0], *(one for one in amounts if one[1])}:
        amounts = amounts[1:]
    return len(standing(words)) == 1 and len(set(amounts)) == 1


def claimed(order: Order) -> list[tuple[int, str, int]]:
    return list(order.claims.order_by("id").values_list("session_id", "currency", "value_minor"))


# Reports that disagree (F9)


@property_test
@given(words=st.lists(REPORTS, min_size=2, max_size=6))
def test_order_when_reports_disagree_is_the_first_one(sessions: list[VisitorSession], words: list[Word]) -> None:
    order_id = str(uuid.uuid4())
    assert [report(order_id, word)[1]["status"] for word in words] == ["recorded"] + ["duplicate"] * (len(words) - 1)
    order = Order.objects.get(order_id=order_id)
    first = standing(words)[words[0].visitor or 0]
    assert (order.session_id, order.trust) == (sessions[first.visitor or 0].pk, Trust.REPORTED)
    assert shown(order) == anonymous(first)
    claims = claimed(order)
    assert len(claims) == len(set(claims))
    assert set(claims) == said(sessions, words)
    assert order.has_conflict != agree(words)


def test_conflict_when_there_is_one_is_seen_in_the_admin(
    sessions: list[VisitorSession], confirm: Confirm, client: Client
) -> None:
    """Disputed: by another amount, by another visitor, by the shop's server. Otherwise: the same is sent twice."""
    mine, dearer = Word(0, "EUR", 1000), Word(0, "EUR", 1001)
    disputes = {"1": dearer, "2": Word(1, "EUR", 1000), "3": Word(1, "EUR", 5), "4": mine}
    for order_id, other in disputes.items():
        report(order_id, mine)
        report(order_id, other)
    report("5", mine)
    confirm("5", Word(None, "EUR", 1300))
    client.force_login(UserFactory.create(is_superuser=True))

    def listed(model: type[Any], **query: str) -> ChangeList:
        url = reverse(f"admin:alhena_tracking_{model._meta.model_name}_changelist")
        found: ChangeList = client.get(url, query).context["cl"]
        return found

    orders = listed(Order)
    assert "has_conflict" in orders.list_filter
    model_admin: Any = orders.model_admin
    assert {order.order_id: model_admin.remarks(order) for order in orders.result_list} == {
        **dict.fromkeys("1235", "<div>Conflict</div>"),
        "4": "",
    }
    disputed = listed(Order, has_conflict__exact="1").result_list
    assert {order.order_id for order in disputed} == {"1", "2", "3", "5"}
    claims = listed(OrderClaim, q="1").result_list
    assert [(claim.session, claim.value_minor) for claim in claims] == [(sessions[0], 1000)]
    [page] = [client.get(reverse("admin:alhena_tracking_orderclaim_change", args=[claims[0].pk])).content.decode()]
    assert "10.00\xa0EUR" in page


# The shop's own word (F10)


@property_test
@given(
    squatters=st.lists(REPORTS, min_size=1, max_size=4),
    confirmed=REPORTS,
    late=st.lists(REPORTS, max_size=2),
)
def test_order_when_squatted_is_the_confirmed_one(
    sessions: list[VisitorSession], confirm: Confirm, squatters: list[Word], confirmed: Word, late: list[Word]
) -> None:
    order_id = str(uuid.uuid4())
    for word in squatters:
        report(order_id, word)
    assert confirm(order_id, confirmed) == (200, {"status": "confirmed"})
    assert [report(order_id, word)[1]["status"] for word in late] == ["duplicate"] * len(late)
    assert confirm(order_id, confirmed)[1] == {"status": "duplicate"}

    order = Order.objects.get(order_id=order_id)
    session = sessions[confirmed.visitor or 0]
    assert (order.session_id, order.trust) == (session.pk, Trust.VERIFIED)
    assert (order.credited_interaction.session_id, order.channel) == (session.pk, session.channel)
    assert shown(order) == anonymous(confirmed)
    words = [*squatters, confirmed, *late]
    # What was said before the confirmation stands; afterwards each visitor's first word does.
    firsts = {word.visitor: word for word in reversed([confirmed, *late])} | standing(squatters)
    assert set(claimed(order)) == said(sessions, list(firsts.values()))
    assert order.has_conflict or agree([word for word in words if word.value_minor] or words)
    assert Order.objects.counted().filter(order_id=order_id).count() == 1


@property_test
@given(squatters=st.lists(REPORTS, min_size=1, max_size=4), confirmed=FIGURES, is_first=st.booleans(), data=st.data())
def test_order_when_squatted_has_the_figures_that_the_shop_confirms(
    sessions: list[VisitorSession],
    confirm: Confirm,
    squatters: list[Word],
    confirmed: Word,
    is_first: bool,
    data: st.DataObject,
) -> None:
    """Without a visitor, as a webhook sends them: then a claim with those figures is believed, else none is."""
    if data.draw(st.booleans(), label="one claim is true"):
        honest = data.draw(st.sampled_from(squatters))
        confirmed = Word(None, honest.currency, honest.value_minor, confirmed.lines)
    order_id = str(uuid.uuid4())
    words = [squatters[0], confirmed, *squatters[1:]] if is_first else [*squatters, confirmed]
    for word in words:
        (confirm if word is confirmed else report)(order_id, word)

    order = Order.objects.get(order_id=order_id)
    figures = (confirmed.currency, confirmed.value_minor)
    assert (order.currency, order.value_minor, order.trust) == (*figures, Trust.CONFIRMED)
    claims = {visitor: (word.currency, word.value_minor) for visitor, word in standing(squatters).items()}
    fitting = {sessions[visitor].pk for visitor, amount in claims.items() if amount == figures}
    if fitting:
        assert (order.session_id in fitting, order.standing) == (True, Standing.COUNTED)
    elif len(claims) > 1 or {currency for currency, _ in claims.values()} != {confirmed.currency}:
        assert order.standing == Standing.HELD
    if confirmed.lines:
        assert shown(order).lines == confirmed.lines
    assert set(claimed(order)) == said(sessions, squatters)
    assert order.has_conflict or set(claims.values()) == {figures}

"""``ingestion`` on a real database: against the oracle, and the promises that only rows can keep."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from django.test import override_settings
from hypothesis import HealthCheck, given, settings

from alhena_tracking import ingestion
from alhena_tracking.digests import fingerprint_digests
from alhena_tracking.ingestion import (
    EventData,
    LineItemData,
    Outcome,
    record,
)
from alhena_tracking.models import CartEvent, Company, Interaction, Order, VisitorSession
from tests.support import oracle
from tests.support.event_data import NOW, VISITOR, cart_event, chat, data_of, order
from tests.support.histories import History, histories
from tests.support.runs import examples


def fail(interaction: Interaction) -> bool:
    raise RuntimeError("the shop's own bug")


def record_one(company: Company, data: EventData) -> Outcome:
    (outcome,) = record(company, [data])
    return outcome


# Against the oracle


def _record(company: Company, event: oracle.Event) -> tuple[Outcome, UUID]:
    data = data_of(event, uuid.uuid4())
    basis = event.basis if isinstance(event, oracle.CartChange) else "unit"
    with override_settings(ALHENA_TRACKING={**_settings(), "CART_EVENT_VALUE": basis}):
        return record_one(company, data), data.event_id


def _settings() -> dict[str, Any]:
    from django.conf import settings as django_settings

    return dict(django_settings.ALHENA_TRACKING)


@pytest.mark.usefixtures("without_ceilings")
@pytest.mark.django_db
@settings(
    max_examples=examples(8, full=500),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=histories())
def test_rows_when_a_history_arrives_agree_with_the_oracle(history: History) -> None:
    with transaction.atomic():
        _check_rows(history)
        transaction.set_rollback(True)


def _check_rows(history: History) -> None:
    keys = {event.company for event in history.events}
    companies = {key: Company.objects.get_or_create(key=key.lower(), defaults={"name": key})[0] for key in keys}
    rules = {
        "ATTRIBUTION_WINDOW": history.window,
        "ATTRIBUTION_MODEL": history.model,
        "QUALIFYING_INTERACTION": "tests.support.event_data.is_no_greeting",
    }
    with override_settings(ALHENA_TRACKING=rules):
        recorded = [_record(companies[event.company], event) for event in history.events]
    outcome = history.replay()
    session_ids = list(VisitorSession.objects.order_by("id").values_list("id", flat=True))
    interaction_ids = {row.event_id: row.pk for row in Interaction.objects.all()}
    id_of = {number: interaction_ids.get(event_id) for number, (_, event_id) in enumerate(recorded)}

    sessions = [
        (row.company.key, row.started_at, row.last_interaction_at, row.channel, row.ai_profile)
        for row in VisitorSession.objects.order_by("id").select_related("company")
    ]
    assert sessions == [
        (s.company.lower(), s.started_at, s.last_interaction_at, s.channel, s.ai_profile) for s in outcome.sessions
    ]
    for (answer, event_id), expected in zip(recorded, outcome.results, strict=True):
        match expected:
            case int():
                assert answer == Outcome("recorded", event_id)
                assert Interaction.objects.get(event_id=event_id).session_id == session_ids[expected]
            case None:
                assert answer.status == "ignored"
            case "duplicate":
                assert answer.status == "duplicate"
            case oracle.RecordedChange():
                assert answer == Outcome("recorded", event_id)
                row = CartEvent.objects.get(event_id=event_id)
                _check_credit(row, expected.credit, session_ids, id_of, history)
                after = oracle.CartState(row.cart_quantity, row.claimed_units, row.claimed_minor)
                assert (row.units, row.gmv_minor, after) == (expected.units, expected.gmv_minor, expected.after)
            case oracle.RecordedPurchase():
                assert answer == Outcome("recorded", event_id)
                _check_credit(Order.objects.get(event_id=event_id), expected.credit, session_ids, id_of, history)


def _check_credit(
    row: CartEvent | Order,
    credit: oracle.Credit,
    session_ids: list[int],
    id_of: dict[int, int | None],
    history: History,
) -> None:
    assert row.session_id == session_ids[credit.session]
    assert row.credited_interaction_id == id_of[credit.interaction]
    assert (row.channel, row.ai_profile) == (credit.channel, credit.ai_profile)
    assert (row.attribution_window, row.attribution_model) == (history.window, history.model)


# Promises, one by one


@pytest.mark.parametrize(
    ("data", "model"), [(chat(), Interaction), (cart_event(), CartEvent), (order(order_id=""), Order)]
)
def test_event_when_sent_again_is_a_duplicate(company: Company, data: Any, model: Any) -> None:
    record_one(company, chat(NOW - timedelta(hours=1)))
    before = model.objects.count()
    assert record_one(company, data).status == "recorded"
    assert record_one(company, data).status == "duplicate"
    assert model.objects.count() == before + 1


def test_order_when_its_id_is_known_is_a_duplicate(company: Company) -> None:
    record_one(company, chat())
    assert record_one(company, order()).status == "recorded"
    assert record_one(company, order(value_minor=1)).status == "duplicate"
    assert Order.objects.get().value_minor == 3998


def test_order_when_known_and_the_window_is_over_is_still_a_duplicate(company: Company) -> None:
    record_one(company, chat())
    record_one(company, order())
    assert record_one(company, order(NOW + timedelta(days=2))).status == "duplicate"


def test_order_when_another_company_has_its_id_is_recorded(company: Company) -> None:
    other = Company.objects.create(key="other", name="Other")
    for shop in (company, other):
        record_one(shop, chat())
        assert record_one(shop, order()).status == "recorded"


@pytest.mark.parametrize("other", ["a1", "Á1", "A1\N{COMBINING ACUTE ACCENT}", "Ａ1"])
def test_order_ids_when_a_collation_would_confuse_them_are_two(company: Company, other: str) -> None:
    record_one(company, chat())
    assert record_one(company, order(order_id="A1")).status == "recorded"
    assert record_one(company, order(order_id=other)).status == "recorded"
    assert Order.objects.count() == 2


def test_products_when_equal_by_collation_have_separate_states(company: Company) -> None:
    record_one(company, chat())
    record_one(company, cart_event(product_id="A1"))
    record_one(company, cart_event(product_id="a1"))
    assert sorted(CartEvent.objects.values_list("gmv_minor", flat=True)) == [3998, 3998]


def test_orders_without_an_id_when_their_lines_differ_are_two(company: Company) -> None:
    record_one(company, chat())
    line = LineItemData(product_id="SKU-1", product_name="Mug", quantity=Decimal(2), value_minor=3998)
    first = order(order_id="", line_items=(line,))
    assert record_one(company, first).status == "recorded"
    assert record_one(company, replace(first, event_id=uuid.uuid4())).status == "duplicate"
    other = replace(line, quantity=Decimal(1))
    assert record_one(company, replace(first, event_id=uuid.uuid4(), line_items=(other,))).status == "recorded"


def test_lines_when_their_value_is_a_unit_price_hold_totals(company: Company) -> None:
    record_one(company, chat())
    line = LineItemData(product_id="T", product_name="Tea", quantity=Decimal("0.125"), value_minor=999)
    with override_settings(ALHENA_TRACKING={"LINE_ITEM_VALUE": "unit"}):
        record_one(company, order(line_items=(line,)))
    assert Order.objects.get().lines.get().total_minor == 125  # 124.875, half up


def test_event_when_nobody_interacted_is_not_stored(company: Company) -> None:
    assert record_one(company, cart_event()) == Outcome("ignored", reason="no_interaction")
    assert record_one(company, order()) == Outcome("ignored", reason="no_interaction")
    assert not CartEvent.objects.exists()
    assert not Order.objects.exists()


def test_event_when_the_interaction_is_too_old_is_not_stored(company: Company) -> None:
    record_one(company, chat(NOW - timedelta(hours=25)))
    assert record_one(company, order()).status == "ignored"


def test_fingerprints_when_stored_are_hashes_keyed_per_company(company: Company) -> None:
    record_one(company, chat())
    row = Interaction.objects.get()
    assert VISITOR.user_fingerprint
    assert row.user_fingerprint_digest == fingerprint_digests("acme", VISITOR.user_fingerprint)[0]
    assert row.user_fingerprint_digest not in {
        VISITOR.user_fingerprint,
        *fingerprint_digests("other", VISITOR.user_fingerprint),
    }


def test_visitor_when_the_secret_key_was_rotated_is_still_known(company: Company) -> None:
    with override_settings(SECRET_KEY="the former key"):
        record_one(company, chat())
    assert record_one(company, order()).status == "ignored"
    with override_settings(SECRET_KEY_FALLBACKS=["the former key"]):
        assert record_one(company, order()).status == "recorded"


def test_predicate_when_it_fails_lets_the_interaction_count(company: Company, caplog: pytest.LogCaptureFixture) -> None:
    with override_settings(ALHENA_TRACKING={"QUALIFYING_INTERACTION": "tests.ingestion.test_ingestion.fail"}):
        record_one(company, chat())
    assert Interaction.objects.get().is_qualifying
    assert "tests.ingestion.test_ingestion.fail failed" in caplog.text


def test_public_functions_when_listed_exist() -> None:
    assert all(hasattr(ingestion, name) for name in ingestion.__all__)

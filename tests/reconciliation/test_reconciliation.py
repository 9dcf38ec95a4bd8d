"""What became of the orders of a file, by what is recorded of each."""

from __future__ import annotations

import io
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from alhena_tracking.digests import fingerprint_digests
from alhena_tracking.management.commands import alhena_reconcile
from alhena_tracking.models import Company, HeldReason, Order, Trust
from alhena_tracking.reconciliation import Reconciliation, Verdict, comparison, read_orders, reconcile, sentences
from tests.support import factories

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
BUYER = UUID("7b0d1f0e-6a53-4a3c-9d0a-0a8c5c3c6c11")
HEAD = "order id,total,currency,date,visitor\n"


@pytest.fixture
def session(company: Company) -> Any:
    return factories.VisitorSessionFactory.create(company=company, started_at=NOON)


def compare(company: Company, *lines: str, head: str = HEAD) -> Reconciliation:
    return reconcile(company, read_orders((head + "\n".join(lines)).encode(), company, {}))


def found(company: Company, *lines: str) -> list[tuple[Verdict, list[str]]]:
    return [(order.verdict, [str(reason) for reason in order.reasons]) for order in compare(company, *lines).orders]


EXCLUDED = {"excluded_at": NOON}


@pytest.mark.parametrize(
    ("recorded", "line", "verdict", "reasons"),
    [
        ({}, "A,10,EUR", Verdict.AGREES, []),
        ({}, 'A,"€ 10,00",eur', Verdict.AGREES, []),
        ({}, "A,10.01,EUR", Verdict.DIFFERS, ["another amount"]),
        ({}, "A,10,USD", Verdict.DIFFERS, ["another currency"]),
        (EXCLUDED, "A,10,EUR", Verdict.DIFFERS, ["excluded"]),
        (EXCLUDED, "A,11,EUR", Verdict.DIFFERS, ["excluded", "another amount"]),
        ({"is_denied": True}, "A,10,EUR", Verdict.DIFFERS, ["not credited to the assistant"]),
        (
            {"held_reason": HeldReason.ABOVE_CEILING},
            "A,10,EUR",
            Verdict.HELD,
            ["above the ceiling for orders that only a browser reports"],
        ),
        ({}, "a,10,EUR", Verdict.NO_RECORD, []),
    ],
)
def test_order_when_recorded_is_compared(
    company: Company, session: Any, recorded: dict[str, Any], line: str, verdict: Verdict, reasons: list[str]
) -> None:
    factories.OrderFactory.create(session=session, order_id="A", **recorded)
    assert found(company, line) == [(verdict, reasons)]
    assert found(factories.CompanyFactory.create(), line) == [(Verdict.NO_RECORD, [])]


def test_order_when_refunded_agrees_before_and_differs_after_refunds(company: Company, session: Any) -> None:
    order = factories.OrderFactory.create(session=session, order_id="A")
    factories.RefundFactory.create(refunded_order=order, value_minor=300)
    factories.RefundFactory.create(refunded_order=order, value_minor=100)
    assert found(company, "A,10,EUR") == [(Verdict.AGREES, [])]
    assert found(company, "A,6,EUR") == [(Verdict.DIFFERS, ["the file has the amount after refunds"])]
    assert found(company, "A,5,EUR") == [(Verdict.DIFFERS, ["another amount"])]


@pytest.mark.parametrize("trust", list(Trust))
def test_order_when_only_confirmed_ones_count(company: Company, session: Any, settings: Any, trust: Trust) -> None:
    settings.ALHENA_TRACKING = {**settings.ALHENA_TRACKING, "CONFIRMED_ORDERS_ONLY": True}
    factories.OrderFactory.create(session=session, order_id="A", trust=trust)
    [(verdict, _reasons)] = found(company, "A,10,EUR")
    assert verdict == (Verdict.DIFFERS if trust == Trust.REPORTED else Verdict.AGREES)


def test_order_when_confirmed_and_never_claimed_waits(company: Company) -> None:
    factories.PendingConfirmationFactory.create(company=company, order_id="A")
    # The server named a buyer who had not used the assistant.
    denial = {"user_fingerprint_digest": uuid4()}
    factories.PendingConfirmationFactory.create(company=company, order_id="B", **denial)
    assert found(company, "A,10,EUR", "B,10,EUR") == [(Verdict.UNCLAIMED, []), (Verdict.NO_RECORD, [])]


@pytest.mark.parametrize("field", ["user_fingerprint_digest", "faq_fingerprint_digest"])
@pytest.mark.parametrize(
    ("when", "is_missed"),
    [
        ("2026-05-04T12:00:00Z", True),
        ("2026-05-04T11:58:00Z", False),  # before the interaction
        ("2026-05-05T12:00:00Z", True),
        ("2026-05-05T12:00:01Z", False),  # the window is over
        ("2026-05-04", True),
        ("2026-05-05", True),
        ("2026-05-06", False),
        ("2026-05-03", False),
        ("", True),
    ],
)
def test_order_when_its_visitor_had_used_the_assistant_was_missed(
    company: Company, session: Any, field: str, when: str, is_missed: bool
) -> None:
    [digest] = fingerprint_digests(company.key, BUYER)
    nobody = {"user_fingerprint_digest": None, "faq_fingerprint_digest": None}
    factories.InteractionFactory.create(session=session, **{**nobody, field: digest})
    expected = Verdict.MISSED if is_missed else Verdict.NO_RECORD
    assert found(company, f"A,10,EUR,{when},{BUYER}") == [(expected, [])]
    assert found(company, f"A,10,EUR,{when},{uuid4()}") == [(Verdict.NO_RECORD, [])]


def test_visitor_when_the_secret_key_has_changed_is_found(company: Company, session: Any, settings: Any) -> None:
    [digest] = fingerprint_digests(company.key, BUYER)
    factories.InteractionFactory.create(session=session, user_fingerprint_digest=digest)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new", [settings.SECRET_KEY]
    assert found(company, f"A,10,EUR,,{BUYER}") == [(Verdict.MISSED, [])]


def test_order_when_waiting_says_that_its_visitor_had_used_the_assistant(company: Company, session: Any) -> None:
    [digest] = fingerprint_digests(company.key, BUYER)
    factories.InteractionFactory.create(session=session, user_fingerprint_digest=digest)
    factories.PendingConfirmationFactory.create(company=company, order_id="A")
    assert found(company, f"A,10,EUR,,{BUYER}") == [(Verdict.UNCLAIMED, ["the visitor had used the assistant"])]


def test_order_when_counted_and_not_in_the_file_is_found(
    company: Company, session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for days, order_id in ((0, "A"), (1, "B"), (2, "C"), (3, "D"), (1, "")):
        at = NOON + timedelta(days=days)
        factories.OrderFactory.create(session=session, order_id=order_id, occurred_at=at, contents_digest=uuid4())
    factories.OrderFactory.create(session=session, occurred_at=NOON, **EXCLUDED)
    lines = ["A,10,EUR,2026-05-04", "C,10,EUR,2026-05-06", "Z,10,EUR,2026-05-05"]
    result = compare(company, *lines)
    assert result.days == (date(2026, 5, 4), date(2026, 5, 6))
    lacking = [order.order_id for order in result.orders if order.verdict is Verdict.LACKING]
    assert (lacking, result.without_id, result.is_cut) == (["B"], 1, False)
    assert not compare(company, "A,10,EUR").counts[Verdict.LACKING]
    monkeypatch.setattr(comparison, "MOST_COUNTED", 1)
    assert compare(company, *lines).is_cut


def test_ids_when_a_setting_brings_them_to_one_form_meet(company: Company, session: Any, settings: Any) -> None:
    factories.OrderFactory.create(session=session, order_id="1001")
    settings.ALHENA_TRACKING = {**settings.ALHENA_TRACKING, "ORDER_ID": "tests.support.order_ids.digits"}
    assert found(company, "#1001,10,EUR") == [(Verdict.AGREES, [])]


def test_queries_when_there_are_many_orders_are_few(company: Company, session: Any) -> None:
    factories.OrderFactory.create_batch(20, session=session)
    ids = [*Order.objects.values_list("order_id", flat=True), *(f"other-{number}" for number in range(1200))]
    file = read_orders((HEAD + "\n".join(f"{each},10,EUR,,{uuid4()}" for each in ids)).encode(), company, {})
    with CaptureQueriesContext(connection) as captured:
        reconcile(company, file)
    assert len(captured) <= 5 * 3 + 1


# In words, and from the command line


@pytest.fixture
def export(company: Company, session: Any, tmp_path: Path) -> Path:
    factories.OrderFactory.create(session=session, order_id="A")
    factories.OrderFactory.create(session=session, order_id="B", value_minor=2000)
    factories.OrderFactory.create(session=session, order_id="C", held_reason=HeldReason.ABOVE_CEILING)
    factories.OrderFactory.create(session=session, order_id="=1+1")
    for order_id in ("W0", "W1"):
        factories.PendingConfirmationFactory.create(company=company, order_id=order_id)
    lines = ["A,10,EUR,2026-05-04", "B,15,EUR,2026-05-04", "C,10,EUR,2026-05-04", "A,10,EUR,2026-05-04"]
    lines += [f"{order_id},10,EUR,2026-05-04" for order_id in ("W0", "W1", "X", "Y", "Z")]
    lines += [",10,EUR,2026-05-04"]
    file = tmp_path / "orders.csv"
    file.write_text(HEAD + "\n".join(lines))
    return file


SENTENCES = [
    "8 orders in the file.",
    "1 agrees.",
    "1 differs.",
    "1 is held back.",
    "2 were confirmed by the shop's server but never claimed by a browser.",
    "3 are of visitors we have no record of.",
    "1 line could not be read.",
    "We count 1 order of these days that the file does not have.",
    "1 further line of an order was left out.",
    "B: differs (another amount); 15.00 EUR in the file, 20.00 EUR recorded",
    (
        "C: held back (above the ceiling for orders that only a browser reports); "
        "10.00 EUR in the file, 10.00 EUR recorded"
    ),
    "W0: confirmed, never claimed; 10.00 EUR in the file, 10.00 EUR recorded",
    "W1: confirmed, never claimed; 10.00 EUR in the file, 10.00 EUR recorded",
    "line 11: line not read (This field may not be blank.)",
    "=1+1: not in the file; 10.00 EUR recorded",
]


def run(*args: str) -> list[str]:
    out = io.StringIO()
    call_command("alhena_reconcile", *args, stdout=out)
    return out.getvalue().splitlines()


def test_command_says_what_became_of_the_orders(export: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(str(export)) == SENTENCES
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(export.read_bytes())))
    assert run("-", "--company", "acme") == SENTENCES


def test_command_when_asked_writes_a_table_without_formulas(export: Path, tmp_path: Path) -> None:
    output = tmp_path / "compared.csv"
    run(str(export), "--output", str(output))
    text = output.read_text(encoding="utf-8-sig")
    assert "3,B,2026-05-04,differs,another amount,15.00,EUR,20.00,EUR," in text.splitlines()
    assert ",'=1+1,2026-05-04,not in the file,,,,10.00,EUR," in text.splitlines()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--company", "nobody"], "No company has the key 'nobody'."),
        (["--value", "price"], "No column found: Value"),
    ],
)
def test_command_when_something_is_wrong_says_what(export: Path, args: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        run(str(export), *args)
    with pytest.raises(CommandError, match="No such file"):
        run("missing.csv")


def test_sentences_when_a_file_has_no_dates_say_what_is_not_known(company: Company) -> None:
    texts = list(sentences(compare(company, "A,10,EUR")))
    assert texts[-1] == "The file has no date that can be read, so what we count and it lacks is not known."


def test_command_when_many_orders_differ_shows_the_first(export: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alhena_reconcile, "SHOWN_ORDERS", 2)
    assert run(str(export)) == [*SENTENCES[:11], "4 more: see --output."]

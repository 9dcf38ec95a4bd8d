"""``manage.py alhena_exclude``."""

from __future__ import annotations

import io
import sys
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command

from alhena_tracking.ingestion import record
from alhena_tracking.management.commands import alhena_exclude
from alhena_tracking.models import CartEvent, Company, Order
from tests.support.event_data import NOW, cart_event, chat, order
from tests.support.factories import CompanyFactory

pytestmark = pytest.mark.django_db

IDS = ["A1", "a1", "Á1", "4711", "Straße 5"]


@pytest.fixture
def shop(company: Company) -> Company:
    record(company, [chat(), *(order(NOW + timedelta(minutes=1), order_id=order_id) for order_id in IDS)])
    return company


def run(*args: str) -> tuple[str, list[str]]:
    out, err = io.StringIO(), io.StringIO()
    call_command("alhena_exclude", *args, stdout=out, stderr=err)
    return out.getvalue().strip(), err.getvalue().splitlines()


def excluded() -> set[str]:
    return set(Order.objects.filter(standing="EXCLUDED").values_list("order_id", flat=True))


def test_command_excludes_the_orders_of_a_file_and_lists_unknown_ids(shop: Company, tmp_path: Path) -> None:
    file = tmp_path / "forged.txt"
    file.write_bytes("\ufeffA1\r\n\r\n  4711 \nÁ1\n4711\nnone\n".encode() + b"\xff\n" + b"x" * 9000)
    out, err = run(str(file), "--company", "acme", "--reason", " forged ")
    assert out == "acme: excluded 3 orders of 3. Ids of no order: 4."
    assert err[:2] == ["No order has the id 'none'.", "No order has the id '\\\\xff'."]
    assert excluded() == {"A1", "Á1", "4711"}
    rows = Order.objects.exclude(excluded_at=None)
    assert {(row.exclusion_reason, row.excluded_by) for row in rows} == {("forged", None)}
    assert run(str(file), "--company", "acme", "--reason", "again")[0].startswith("acme: excluded 0 orders of 3.")

    out, _ = run(str(file), "--company", "acme", "--include")
    assert out == "acme: included again 3 orders of 3. Ids of no order: 4."
    assert excluded() == set()


def test_command_reads_standard_input_in_chunks(shop: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alhena_exclude, "_LINES", 2)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO("\n".join(IDS).encode())))
    assert run("-", "--company", "acme", "--reason", "forged")[0] == "acme: excluded 5 orders of 5. Ids of no order: 0."
    assert excluded() == set(IDS)


def test_command_leaves_other_companies_and_carts_right(shop: Company, tmp_path: Path) -> None:
    other = CompanyFactory.create(key="other")
    changes = [cart_event(NOW + timedelta(minutes=minute)) for minute in (0, 5)]
    record(other, [chat(), *changes, order(NOW + timedelta(minutes=1), order_id="A1")])
    worth = CartEvent.objects.order_by("occurred_at").values_list("gmv_minor", flat=True)
    assert list(worth) == [3998, 3998]
    file = tmp_path / "forged.txt"
    file.write_text("A1")
    run(str(file), "--company", "other", "--reason", "forged")
    assert [row.company for row in Order.objects.filter(standing="EXCLUDED")] == [other]
    assert list(worth.all()) == [3998, 0]


@pytest.mark.parametrize(
    ("key", "reason", "message"),
    [("nobody", "forged", "No company has the key 'nobody'."), ("acme", " ", "--reason: "), ("acme", "x" * 256, "255")],
)
def test_command_when_an_argument_is_wrong_says_so(
    shop: Company, tmp_path: Path, key: str, reason: str, message: str
) -> None:
    file = tmp_path / "forged.txt"
    file.write_text("A1")
    with pytest.raises(CommandError) as refusal:
        run(str(file), "--company", key, "--reason", reason)
    assert message in str(refusal.value)
    assert excluded() == set()


def test_command_when_the_file_is_not_there_says_so(shop: Company, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        run(str(tmp_path / "none"), "--company", "acme", "--reason", "forged")
    with pytest.raises(CommandError):
        run(str(tmp_path / "none"), "--company", "acme")

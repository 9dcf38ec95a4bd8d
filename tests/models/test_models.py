"""What the models and the database guarantee."""

from __future__ import annotations

import random
import uuid
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser, Group
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test import override_settings

from alhena_tracking.apps import create_rows
from alhena_tracking.ingestion import record
from alhena_tracking.models import CartEvent, Company, Interaction, LockRow, Order
from tests.support import factories
from tests.support.event_data import NOW, cart_event, chat, order

pytestmark = pytest.mark.django_db


def test_migrations_when_compared_with_the_models_are_complete() -> None:
    call_command("makemigrations", "alhena_tracking", "--check", "--dry-run", stdout=StringIO())


def test_migrate_when_run_again_keeps_the_company_as_it_is(company: Company) -> None:
    company.name = "Acme Ltd"
    company.save()
    create_rows()
    assert Company.objects.get(key="acme").name == "Acme Ltd"
    assert LockRow.objects.count() == LockRow.ROWS


def test_migrate_when_the_settings_name_a_company_makes_it() -> None:
    with override_settings(ALHENA_TRACKING={"COMPANY_KEY": "new-shop"}, TIME_ZONE="Asia/Tokyo"):
        create_rows()
    company = Company.objects.get(key="new-shop")
    assert (company.name, company.time_zone) == ("New Shop", "Asia/Tokyo")


def test_zone_when_saved_alone_is_settled_later_too(company: Company) -> None:
    company.time_zone = "Pacific/Apia"
    company.save(update_fields=["name"])
    company.refresh_from_db()
    assert (company.time_zone, company.zone_changed_at) == ("Europe/Berlin", None)
    company.time_zone = "Pacific/Apia"
    company.save(update_fields=["time_zone"])
    company.refresh_from_db()
    assert company.time_zone == "Pacific/Apia"
    assert company.zone_changed_at is not None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("key", "Acme"),
        ("key", "-acme"),
        ("key", ""),
        ("key", "acme\n"),
        ("time_zone", "Mars/Olympus"),
        ("time_zone", "../etc/passwd"),
        ("allowed_origins", "shop.example"),
        ("allowed_origins", "https://shop.example/"),
        ("allowed_origins", "https://"),
        ("allowed_origins", "https://["),
        ("allowed_origins", "https://a.example https://b.example/path"),
    ],
)
def test_company_when_a_field_is_wrong_does_not_validate(field: str, value: str) -> None:
    company = Company(
        key="shop",
        name="Shop",
        time_zone="Europe/Berlin",
        allowed_origins="https://a.example\nhttp://localhost:8000 http://[::1]:8000",
    )
    company.full_clean()
    setattr(company, field, value)
    with pytest.raises(ValidationError) as caught:
        company.full_clean()
    assert list(caught.value.message_dict) == [field]


def test_companies_when_restricted_are_seen_by_their_groups_only(company: Company) -> None:
    restricted = Company.objects.create(key="restricted", name="Restricted")
    group = Group.objects.create(name="Board")
    factories.restrict(restricted, group, Group.objects.create(name="Finance"))
    users = get_user_model().objects
    member, other = users.create_user("member"), users.create_user("other")
    member.groups.add(*Group.objects.all())
    assert set(Company.objects.visible_to(member)) == {company, restricted}
    assert len(Company.objects.visible_to(member)) == 2
    assert set(Company.objects.visible_to(other)) == {company}
    assert set(Company.objects.visible_to(users.create_superuser("root"))) == {company, restricted}


def test_company_when_restricted_to_no_group_is_seen_by_superusers_only(company: Company) -> None:
    factories.restrict(company)
    users = get_user_model().objects
    assert not Company.objects.visible_to(users.create_user("member"))
    assert not Company.objects.visible_to(AnonymousUser())
    assert Company.objects.visible_to(users.create_superuser("root")).get() == company


def test_company_when_its_group_is_empty_is_hidden_from_anonymous_users(company: Company) -> None:
    factories.restrict(company, Group.objects.create(name="Nobody"))
    assert not Company.objects.visible_to(AnonymousUser())


@pytest.mark.parametrize(
    ("model", "changes"),
    [
        (Interaction, {"kind": "MAIL"}),
        (Interaction, {"user_fingerprint_digest": None, "faq_fingerprint_digest": None}),
        (CartEvent, {"type": "ITEM_LOST"}),
        (CartEvent, {"value_minor": -1}),
        (CartEvent, {"value_minor": 10**13 + 1}),
        (CartEvent, {"quantity": Decimal(-1)}),
        (CartEvent, {"claimed_minor": -1}),
        (CartEvent, {"channel": "MAIL"}),
        (Order, {"value_minor": -1}),
        (Order, {"order_id": ""}),
        (Order, {"order_id_digest": None}),
        (Order, {"exclusion_reason": "a test"}),
    ],
)
def test_row_when_it_breaks_a_constraint_is_rejected(company: Company, model: Any, changes: dict[str, Any]) -> None:
    record(company, [chat()])
    record(company, [cart_event()])
    record(company, [order()])
    with pytest.raises(IntegrityError), transaction.atomic():
        model.objects.update(**changes)


def test_order_without_id_when_stored_twice_by_one_event_is_rejected(company: Company) -> None:
    record(company, [chat()])
    record(company, [order(order_id="")])
    again = Order.objects.get()
    again.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        again.save(force_insert=True)


def test_uuids_when_of_any_bits_come_back_as_they_were(company: Company) -> None:
    """MariaDB's own type rejects some; see ``ExactUUIDField``."""
    bits = random.Random(7)
    for number in range(64):
        event_id = uuid.UUID(int=bits.getrandbits(128))
        record(company, [chat(NOW + timedelta(days=10 * number), event_id=event_id)])
        assert Interaction.objects.get(event_id=event_id).event_id == event_id
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(DISTINCT event_id) FROM alhena_tracking_interaction")
        assert cursor.fetchone() == (64,)

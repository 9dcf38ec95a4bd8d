# mypy: disable-error-code="attr-defined,no-untyped-call"
"""Factories for complete and consistent rows. Without a given time, everything happens now."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

import factory
from django.conf import settings
from django.contrib.auth.models import Group
from django.utils import timezone
from factory.django import DjangoModelFactory

from alhena_tracking import models
from alhena_tracking.digests import text_digest

_Row = TypeVar("_Row")


def at(on: date, hour: int = 12, minute: int = 0) -> datetime:
    """A time of a day, in UTC."""
    return datetime(on.year, on.month, on.day, hour, minute, tzinfo=UTC)


def day_of(row: Any) -> date:
    moment: datetime = row.occurred_at
    return moment.astimezone(row.company.zone).date()


class UserFactory(DjangoModelFactory[Any]):
    class Meta:
        model = settings.AUTH_USER_MODEL
        skip_postgeneration_save = True

    username = factory.Sequence("user-{}".format)
    is_staff = True


class GroupFactory(DjangoModelFactory[Group]):
    class Meta:
        model = Group

    name = factory.Sequence("group-{}".format)


class CompanyFactory(DjangoModelFactory[models.Company]):
    class Meta:
        model = models.Company

    key = factory.Sequence("shop-{}".format)
    name = factory.Sequence("Shop {}".format)
    time_zone = "UTC"


def restrict(company: models.Company, *groups: Group) -> None:
    """Show the company only to superusers and members of the groups."""
    company.is_restricted = True
    company.save(update_fields=["is_restricted"])
    company.groups.add(*groups)


class VisitorSessionFactory(DjangoModelFactory[models.VisitorSession]):
    class Meta:
        model = models.VisitorSession

    company = factory.SubFactory(CompanyFactory)
    started_at = factory.LazyFunction(timezone.now)
    started_on = factory.LazyAttribute(lambda row: row.started_at.astimezone(row.company.zone).date())
    last_interaction_at = factory.SelfAttribute("started_at")
    channel = "CHAT"
    qualified_at = factory.LazyAttribute(lambda row: row.started_at if row.channel else None)


class InteractionFactory(DjangoModelFactory[models.Interaction]):
    class Meta:
        model = models.Interaction

    session = factory.SubFactory(VisitorSessionFactory)
    company = factory.SelfAttribute("session.company")
    kind = factory.LazyAttribute(lambda row: row.session.channel or "CHAT")
    user_fingerprint_digest = factory.LazyFunction(uuid.uuid4)
    occurred_at = factory.SelfAttribute("session.started_at")
    received_at = factory.SelfAttribute("occurred_at")
    occurred_on = factory.LazyAttribute(day_of)


class _CreditedFactory(DjangoModelFactory[_Row]):
    """A row credited to an interaction of ``session``, whose kind and profile follow from its channel and profile."""

    class Meta:
        abstract = True

    session = factory.SubFactory(VisitorSessionFactory)
    company = factory.SelfAttribute("session.company")
    channel = factory.LazyAttribute(lambda row: row.session.channel)
    credited_interaction = factory.SubFactory(
        InteractionFactory,
        session=factory.SelfAttribute("..session"),
        kind=factory.SelfAttribute("..channel"),
        ai_profile=factory.SelfAttribute("..ai_profile", default=""),
    )
    attribution_window = timedelta(hours=24)
    attribution_model = models.AttributionModel.FIRST_TOUCH
    occurred_at = factory.SelfAttribute("session.started_at")
    received_at = factory.SelfAttribute("occurred_at")
    occurred_on = factory.LazyAttribute(day_of)
    currency = "EUR"
    value_minor = 1000


class CartEventFactory(_CreditedFactory[models.CartEvent]):
    """By default one unit is added; ``gmv_minor`` may be anything."""

    class Meta:
        model = models.CartEvent

    type = models.CartEvent.Type.ITEM_ADDED
    product_id = factory.Sequence("sku-{}".format)
    product_id_digest = factory.LazyAttribute(lambda row: text_digest(row.product_id))
    product_name = factory.LazyAttribute(lambda row: f"Product {row.product_id}")
    value_basis = models.ValueBasis.UNIT
    quantity = Decimal(1)
    units = Decimal(1)
    gmv_minor = factory.SelfAttribute("value_minor")
    cart_quantity = Decimal(1)
    claimed_units = Decimal(1)
    claimed_minor = factory.SelfAttribute("value_minor")


def _standing_of(row: Any) -> models.Standing:
    if row.excluded_at:
        return models.Standing.EXCLUDED
    if row.is_denied:
        return models.Standing.NOT_OURS
    if row.is_cancelled:
        return models.Standing.CANCELLED
    return models.Standing.HELD if row.held_reason else models.Standing.COUNTED


class OrderFactory(_CreditedFactory[models.Order]):
    class Meta:
        model = models.Order

    order_id = factory.Sequence("order-{}".format)
    order_id_digest = factory.LazyAttribute(lambda row: text_digest(row.order_id) if row.order_id else None)
    cart_at = factory.SelfAttribute("occurred_at")
    held_reason = ""
    is_denied = False
    is_cancelled = False
    excluded_at = None
    standing = factory.LazyAttribute(_standing_of)


class OrderLineFactory(DjangoModelFactory[models.OrderLine]):
    class Meta:
        model = models.OrderLine

    order = factory.SubFactory(OrderFactory)
    product_id = factory.Sequence("sku-{}".format)
    product_id_digest = factory.LazyAttribute(lambda row: text_digest(row.product_id))
    product_name = factory.LazyAttribute(lambda row: f"Product {row.product_id}")
    quantity = Decimal(1)
    total_minor = 1000


class OrderClaimFactory(_CreditedFactory[models.OrderClaim]):
    class Meta:
        model = models.OrderClaim

    order = factory.SubFactory(OrderFactory, session=factory.SelfAttribute("..session"))


class PendingConfirmationFactory(DjangoModelFactory[models.PendingConfirmation]):
    class Meta:
        model = models.PendingConfirmation

    company = factory.SubFactory(CompanyFactory)
    order_id = factory.Sequence("order-{}".format)
    order_id_digest = factory.LazyAttribute(lambda row: text_digest(row.order_id))
    event_id = factory.LazyFunction(uuid.uuid4)
    currency = "EUR"
    value_minor = 1000
    occurred_at = factory.LazyFunction(timezone.now)
    received_at = factory.SelfAttribute("occurred_at")
    updated_at = factory.SelfAttribute("received_at")


class ExportFactory(DjangoModelFactory[models.Export]):
    """A file of that week's orders, as it was asked for."""

    class Meta:
        model = models.Export

    company = factory.LazyFunction(lambda: models.Company.objects.get(key="acme"))
    table = "orders"
    format = "csv"
    language = "en"
    filters = factory.LazyAttribute(
        lambda export: {
            "company": export.company.key,
            "currency": "EUR",
            "start": "2026-03-02",
            "end": "2026-03-08",
            "channel": "",
            "profile": "",
            "trust": "",
            "compare": "",
        }
    )
    row_count = 1
    requested_at = factory.LazyFunction(timezone.now)


class RefundFactory(DjangoModelFactory[models.Refund]):
    class Meta:
        model = models.Refund

    refunded_order = factory.SubFactory(OrderFactory)
    company = factory.SelfAttribute("refunded_order.company")
    order_id = factory.SelfAttribute("refunded_order.order_id")
    order_id_digest = factory.LazyAttribute(lambda row: text_digest(row.order_id))
    refund_id = factory.Sequence("refund-{}".format)
    refund_id_digest = factory.LazyAttribute(lambda row: text_digest(row.refund_id))
    currency = factory.SelfAttribute("refunded_order.currency")
    value_minor = 500
    counted_minor = factory.LazyAttribute(lambda row: row.value_minor if row.refunded_order else 0)
    occurred_at = factory.SelfAttribute("refunded_order.occurred_at")
    received_at = factory.SelfAttribute("occurred_at")
    occurred_on = factory.LazyAttribute(day_of)

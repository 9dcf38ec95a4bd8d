"""What only the shop's server says of orders: former versions, confirmations that wait for a claim, and refunds."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from alhena_tracking.contract.limits import PENDING_AGE, TEXT_LENGTH, VALUE_MINOR
from alhena_tracking.models.base import ExactCharField, ExactUUIDField
from alhena_tracking.models.orders import Order, OrderAmounts
from alhena_tracking.querysets import OrderVersionQuerySet, PendingConfirmationQuerySet, RefundQuerySet


class ServerVersion(OrderAmounts):
    """What the shop's server said of an order at one time. ``line_items`` is ``None`` if it did not state the lines."""

    company = models.ForeignKey(
        "alhena_tracking.Company", verbose_name=_("company"), on_delete=models.PROTECT, db_index=False
    )
    order_id_digest = ExactUUIDField(_("order ID digest"))
    event_id = ExactUUIDField(_("event ID"))
    source = ExactCharField(_("source"), max_length=TEXT_LENGTH, blank=True)
    line_items = models.JSONField(_("line items"), null=True)
    updated_at = models.DateTimeField(_("updated at"))
    is_cancelled = models.BooleanField(_("cancelled"), default=False)

    class Meta:
        abstract = True


class OrderVersion(ServerVersion):
    """A version of an order that the shop's server sent, and that does not stand: a later one does.

    ``order`` is empty while no session has claimed it.
    """

    order = models.ForeignKey(
        Order, verbose_name=_("order"), null=True, on_delete=models.CASCADE, related_name="versions"
    )
    superseded_at = models.DateTimeField(_("superseded at"), db_index=True)

    objects = OrderVersionQuerySet["OrderVersion"].as_manager()

    class Meta:
        verbose_name = _("order version")
        verbose_name_plural = _("order versions")
        default_permissions = ()
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(value_minor__gte=0, value_minor__lte=VALUE_MINOR), name="alhena_orderversion_value"
            ),
        ]
        indexes = [models.Index(fields=["company", "order_id_digest"], name="alhena_orderversion_order_id")]

    def __str__(self) -> str:
        return f"{self.order_id_digest}: {self.updated_at}"


class PendingConfirmation(ServerVersion):
    """What the shop's server said of an order that cannot be credited yet; it counts nowhere.

    Without digests, the server named no visitor, and the order waits for a claim. With digests (a denial), it named a
    visitor who has not used the assistant: until ``received_at`` is ``PENDING_AGE`` ago, only that visitor can be
    credited, by an interaction that is recorded late.
    """

    order_id = ExactCharField(_("order ID"), max_length=TEXT_LENGTH)
    occurred_at = models.DateTimeField(_("date and time"))
    is_dated = models.BooleanField(
        _("dated by the server"), default=True, help_text=_("Otherwise dated by when it was received.")
    )
    received_at = models.DateTimeField(_("received at"), db_index=True)
    user_fingerprint_digest = ExactUUIDField(_("user fingerprint digest"), null=True, db_index=True)
    faq_fingerprint_digest = ExactUUIDField(_("FAQ fingerprint digest"), null=True, db_index=True)

    objects = PendingConfirmationQuerySet["PendingConfirmation"].as_manager()

    class Meta:
        verbose_name = _("pending confirmation")
        verbose_name_plural = _("pending confirmations")
        ordering = ["-received_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["company", "order_id_digest"], name="alhena_pendingconfirmation_order_id"),
            models.CheckConstraint(
                condition=Q(value_minor__gte=0, value_minor__lte=VALUE_MINOR), name="alhena_pendingconfirmation_value"
            ),
        ]
        indexes = [models.Index(fields=["company", "received_at", "id"], name="alhena_pending_list")]

    def __str__(self) -> str:
        return self.order_id

    @property
    def is_denial(self) -> bool:
        """Whether it names a visitor, who has not used the assistant."""
        return self.user_fingerprint_digest is not None or self.faq_fingerprint_digest is not None

    def is_alive(self, now: datetime) -> bool:
        return now - self.received_at <= PENDING_AGE


class Refund(models.Model):
    """A refund. ``refunded_order`` is empty while the order is unknown or the refund does not fit it.

    Of refunds that come to more than their order, ``counted_minor`` is what counts of each: they fill its value in the
    order of their times.
    """

    company = models.ForeignKey(
        "alhena_tracking.Company", verbose_name=_("company"), on_delete=models.PROTECT, db_index=False
    )
    refunded_order = models.ForeignKey(
        Order, verbose_name=_("order"), null=True, on_delete=models.CASCADE, related_name="refunds"
    )
    order_id = ExactCharField(_("order ID"), max_length=TEXT_LENGTH)
    order_id_digest = ExactUUIDField(_("order ID digest"))
    refund_id = ExactCharField(_("refund ID"), max_length=TEXT_LENGTH)
    refund_id_digest = ExactUUIDField(_("refund ID digest"))
    currency = models.CharField(_("currency"), max_length=3)
    value_minor = models.BigIntegerField(_("value"), help_text=_("In minor units of the currency."))
    counted_minor = models.BigIntegerField(
        _("counted"), help_text=_("In minor units of the currency. The rest exceeds the order.")
    )
    event_id = ExactUUIDField(_("event ID"), default=uuid.uuid4)
    occurred_at = models.DateTimeField(_("date and time"))
    received_at = models.DateTimeField(_("received at"))
    occurred_on = models.DateField(_("day"), help_text=_("The day in the company's time zone."))

    objects = RefundQuerySet["Refund"].as_manager()

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        ordering = ["-occurred_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["company", "order_id_digest", "refund_id_digest"], name="alhena_refund_refund_id"
            ),
            models.CheckConstraint(
                condition=Q(value_minor__gt=0, value_minor__lte=VALUE_MINOR), name="alhena_refund_value"
            ),
        ]
        indexes = [
            models.Index(fields=["company", "occurred_at", "id"], name="alhena_refund_list"),
            models.Index(fields=["company", "occurred_on"], name="alhena_refund_day"),
            models.Index(fields=["company", "refund_id_digest"], name="alhena_refund_search"),
        ]

    def __str__(self) -> str:
        return self.refund_id

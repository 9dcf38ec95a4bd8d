"""Orders with their lines, claims, pending confirmations and refunds; the proxy of the report page."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models, router, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from alhena_tracking.conf import conf
from alhena_tracking.contract.limits import PRODUCT_NAME_LENGTH, TEXT_LENGTH, TOTAL_MINOR, VALUE_MINOR
from alhena_tracking.contract.rules import parse_text
from alhena_tracking.models.base import Credited, Event, ExactUUIDField, Trust
from alhena_tracking.models.channels import Channel
from alhena_tracking.models.locks import LockRow
from alhena_tracking.models.rollups import RolledUpDay
from alhena_tracking.models.visits import VisitorSession
from alhena_tracking.querysets import DatedQuerySet, OrderQuerySet

_ORDER_ID_HAS_DIGEST = Q(order_id="", order_id_digest__isnull=True) | (
    ~Q(order_id="") & Q(order_id_digest__isnull=False)
)


class Order(Credited, Event):
    """An attributed purchase. ``value_minor`` is the total after discounts and taxes, before refunds."""

    order_id = models.CharField(_("order ID"), max_length=TEXT_LENGTH, blank=True, help_text=_("Assigned by the shop."))
    order_id_digest = ExactUUIDField(_("order ID digest"), null=True)
    contents_digest = ExactUUIDField(_("contents digest"), null=True)
    currency = models.CharField(_("currency"), max_length=3)
    value_minor = models.BigIntegerField(_("value"), help_text=_("In minor units of the currency."))
    has_confirmed_visitor = models.BooleanField(
        _("visitor confirmed"),
        default=False,
        help_text=_("The shop's server identified the visitor, not only the amounts."),
    )
    has_confirmed_lines = models.BooleanField(
        _("lines confirmed"), default=False, help_text=_("The lines come from the shop's server.")
    )
    has_conflict = models.BooleanField(
        _("conflict"), default=False, help_text=_("Reports of this order disagree about its amount or visitor.")
    )
    excluded_at = models.DateTimeField(_("excluded at"), null=True)
    excluded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("excluded by"), null=True, on_delete=models.SET_NULL, related_name="+"
    )
    exclusion_reason = models.CharField(_("reason for the exclusion"), max_length=TEXT_LENGTH, blank=True)

    objects = OrderQuerySet["Order"].as_manager()

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        ordering = ["-occurred_at", "-id"]
        permissions = [("exclude_order", _("Can exclude orders from the figures"))]
        constraints = [
            models.UniqueConstraint(fields=["company", "order_id_digest"], name="alhena_order_order_id"),
            # Orders with an id have no contents digest: the id is unique.
            models.UniqueConstraint(
                fields=["company", "event_id", "trust", "contents_digest"], name="alhena_order_event_id"
            ),
            models.CheckConstraint(condition=_ORDER_ID_HAS_DIGEST, name="alhena_order_order_id_digest"),
            models.CheckConstraint(
                condition=Q(value_minor__gte=0, value_minor__lte=VALUE_MINOR), name="alhena_order_value"
            ),
            models.CheckConstraint(condition=Q(channel__in=Channel.values), name="alhena_order_channel"),
            models.CheckConstraint(
                condition=Q(excluded_at__isnull=False) | Q(excluded_by__isnull=True, exclusion_reason=""),
                name="alhena_order_exclusion",
            ),
            models.CheckConstraint(
                condition=Q(has_confirmed_visitor=False) | Q(trust=Trust.CONFIRMED), name="alhena_order_visitor"
            ),
        ]
        indexes = [
            models.Index(fields=["session", "occurred_at"], name="alhena_order_session"),
            models.Index(fields=["session", "contents_digest", "occurred_at"], name="alhena_order_contents"),
            models.Index(
                fields=["company", "occurred_on", "currency", "channel", "excluded_at", "value_minor"],
                name="alhena_order_report",
            ),
        ]

    def __str__(self) -> str:
        return self.order_id or f"#{self.pk}"

    @property
    def is_counted(self) -> bool:
        """Whether the order counts as revenue, by the rule of ``OrderQuerySet.counted``."""
        return self.excluded_at is None and (not conf.confirmed_orders_only or self.trust == Trust.CONFIRMED)

    def exclude(self, user: AbstractBaseUser | AnonymousUser, reason: str) -> bool:
        """Exclude the order (a test, a fraud) from all figures; return whether it counted until now.

        An order that is excluded already keeps its reason. Raises ``InvalidValue`` for an invalid reason and
        ``Order.DoesNotExist`` where the order was deleted.
        """
        exclusion = {"excluded_at": timezone.now(), "excluded_by_id": user.pk, "exclusion_reason": parse_text(reason)}
        return self._change_whether_counted(is_excluded=False, exclusion=exclusion)

    def include(self) -> bool:
        """Count the order again; return whether it was excluded until now. Raises as ``exclude`` does."""
        none = {"excluded_at": None, "excluded_by_id": None, "exclusion_reason": ""}
        return self._change_whether_counted(is_excluded=True, exclusion=none)

    def _change_whether_counted(self, *, is_excluded: bool, exclusion: dict[str, Any]) -> bool:
        """Store the exclusion if the order is still as given, and reload the order.

        Ingestion writes whole orders under the lock row of their id, so this waits for it. Orders without an id are
        never written again.
        """
        using = router.db_for_write(Order, instance=self)
        with transaction.atomic(using=using):
            if self.order_id_digest is not None:
                LockRow.objects.using(using).lock([LockRow.number_of(self.order_id_digest)])
            unchanged = Order.objects.using(using).filter(pk=self.pk, excluded_at__isnull=not is_excluded)
            is_changed = unchanged.update(**exclusion) > 0
            # With the company: read on its own, it would come from where a router sends reads.
            self.refresh_from_db(using=using, from_queryset=Order.objects.using(using).select_related("company"))
            if is_changed:
                self._mark_days_stale(using)
        return is_changed

    def _mark_days_stale(self, using: str) -> None:
        """Mark stale the roll-ups of the order's day and of the day its session started."""
        sessions = VisitorSession.objects.using(using)
        sessions.lock(self.session_id)  # a concurrent interaction could move its start
        started_on = sessions.get(pk=self.session_id).started_on
        RolledUpDay.objects.using(using).mark_stale(self.company, [self.occurred_on], of_sessions=[started_on])


class OrderLine(models.Model):
    """A line of an order; ``total_minor`` is for its whole quantity."""

    order = models.ForeignKey(Order, verbose_name=_("order"), on_delete=models.CASCADE, related_name="lines")
    product_id = models.CharField(_("product ID"), max_length=TEXT_LENGTH)
    product_id_digest = ExactUUIDField(_("product ID digest"), db_index=True)
    product_name = models.CharField(_("product name"), max_length=PRODUCT_NAME_LENGTH)
    quantity = models.DecimalField(_("quantity"), max_digits=10, decimal_places=3)
    total_minor = models.BigIntegerField(_("total"), help_text=_("In minor units of the order's currency."))

    class Meta:
        verbose_name = _("order line")
        verbose_name_plural = _("order lines")
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(total_minor__gte=0, total_minor__lte=TOTAL_MINOR), name="alhena_orderline_total"
            ),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="alhena_orderline_quantity"),
        ]

    def __str__(self) -> str:
        return self.product_name


class OrderClaim(Credited, Event):
    """A report of an order id by one session. The order shows one of its claims.

    Of many, the first and the latest are kept (``FIRST_CLAIMS``, ``LATEST_CLAIMS``), and the one that is shown.
    """

    order = models.ForeignKey(
        Order, verbose_name=_("order"), on_delete=models.CASCADE, related_name="claims", db_index=False
    )
    currency = models.CharField(_("currency"), max_length=3)
    value_minor = models.BigIntegerField(_("value"), help_text=_("In minor units of the currency."))
    line_items = models.JSONField(_("line items"), default=list)

    objects = DatedQuerySet["OrderClaim"].as_manager()

    class Meta:
        verbose_name = _("order claim")
        verbose_name_plural = _("order claims")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["order", "currency", "value_minor", "session"], name="alhena_orderclaim_said_once"
            ),
            models.UniqueConstraint(
                fields=["company", "event_id", "trust", "order"], name="alhena_orderclaim_event_id"
            ),
            models.CheckConstraint(
                condition=Q(value_minor__gte=0, value_minor__lte=VALUE_MINOR), name="alhena_orderclaim_value"
            ),
        ]
        indexes = [
            models.Index(fields=["session"], name="alhena_orderclaim_visit"),
            models.Index(fields=["order", "id"], name="alhena_orderclaim_first"),
        ]

    def __str__(self) -> str:
        return f"{self.order}: {self.session}"


class PendingConfirmation(models.Model):
    """A confirmation of an order that no visitor has reported yet; it counts nowhere."""

    company = models.ForeignKey(
        "alhena_tracking.Company", verbose_name=_("company"), on_delete=models.PROTECT, db_index=False
    )
    order_id = models.CharField(_("order ID"), max_length=TEXT_LENGTH)
    order_id_digest = ExactUUIDField(_("order ID digest"))
    event_id = ExactUUIDField(_("event ID"))
    source = models.CharField(_("source"), max_length=TEXT_LENGTH, blank=True)
    currency = models.CharField(_("currency"), max_length=3)
    value_minor = models.BigIntegerField(_("value"), help_text=_("In minor units of the currency."))
    line_items = models.JSONField(_("line items"), default=list)
    occurred_at = models.DateTimeField(_("date and time"))
    received_at = models.DateTimeField(_("received at"), db_index=True)

    class Meta:
        verbose_name = _("pending confirmation")
        verbose_name_plural = _("pending confirmations")
        ordering = ["-received_at"]
        constraints = [
            models.UniqueConstraint(fields=["company", "order_id_digest"], name="alhena_pendingconfirmation_order_id"),
            models.CheckConstraint(
                condition=Q(value_minor__gte=0, value_minor__lte=VALUE_MINOR), name="alhena_pendingconfirmation_value"
            ),
        ]

    def __str__(self) -> str:
        return self.order_id


class Refund(models.Model):
    """A refund. ``refunded_order`` is empty while the order is unknown or the refund does not fit it."""

    company = models.ForeignKey(
        "alhena_tracking.Company", verbose_name=_("company"), on_delete=models.PROTECT, db_index=False
    )
    refunded_order = models.ForeignKey(
        Order, verbose_name=_("order"), null=True, on_delete=models.CASCADE, related_name="refunds"
    )
    order_id = models.CharField(_("order ID"), max_length=TEXT_LENGTH)
    order_id_digest = ExactUUIDField(_("order ID digest"))
    refund_id = models.CharField(_("refund ID"), max_length=TEXT_LENGTH)
    refund_id_digest = ExactUUIDField(_("refund ID digest"))
    currency = models.CharField(_("currency"), max_length=3)
    value_minor = models.BigIntegerField(_("value"), help_text=_("In minor units of the currency."))
    event_id = ExactUUIDField(_("event ID"), default=uuid.uuid4)
    occurred_at = models.DateTimeField(_("date and time"))
    received_at = models.DateTimeField(_("received at"))
    occurred_on = models.DateField(_("day"), help_text=_("The day in the company's time zone."))

    objects = DatedQuerySet["Refund"].as_manager()

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

    def __str__(self) -> str:
        return self.refund_id


class RevenueImpact(Order):
    """A proxy that gives the report page its permission, menu entry and URL."""

    class Meta:
        proxy = True
        default_permissions = ("view",)
        permissions = [("export_revenueimpact", _("Can export revenue impact"))]
        verbose_name = _("revenue impact")
        verbose_name_plural = _("Revenue impact")

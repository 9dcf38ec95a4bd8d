"""Orders with their lines and claims; the proxy of the report page."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from alhena_tracking.conf import conf
from alhena_tracking.contract.limits import PENDING_AGE, PRODUCT_NAME_LENGTH, TEXT_LENGTH, TOTAL_MINOR, VALUE_MINOR
from alhena_tracking.models.base import (
    EXCLUSION,
    Credited,
    Event,
    ExactCharField,
    ExactUUIDField,
    Excludable,
    Trust,
)
from alhena_tracking.models.channels import CHANNEL_LENGTH, Channel
from alhena_tracking.querysets import DatedQuerySet, OrderQuerySet

_ORDER_ID_HAS_DIGEST = Q(order_id="", order_id_digest__isnull=True) | (
    ~Q(order_id="") & Q(order_id_digest__isnull=False)
)


class Standing(models.TextChoices):
    """Whether an order counts in figures, and if not, why."""

    COUNTED = "COUNTED", _("counted")
    HELD = "HELD", _("held back")
    NOT_OURS = "NOT_OURS", _("not credited to the assistant")
    CANCELLED = "CANCELLED", _("cancelled")
    EXCLUDED = "EXCLUDED", _("excluded")


class HeldReason(models.TextChoices):
    """Why an order is held back until staff accept or refuse it, or the shop's server releases it."""

    ABOVE_CEILING = "ABOVE_CEILING", _("above the ceiling for orders that only a browser reports")
    NO_FITTING_CLAIM = "NO_FITTING_CLAIM", _("no claim agrees with what the shop's server confirmed")
    OTHER_CURRENCY = "OTHER_CURRENCY", _("the shop's server changed the currency")


class OrderAmounts(models.Model):
    """An order's value, and the parts of it that the shop states, in minor units of the currency.

    ``shop_value_minor`` is the value in the shop's own currency at the rate of the order, where its customer paid in
    another one.
    """

    currency = models.CharField(_("currency"), max_length=3)
    value_minor = models.BigIntegerField(_("value"), help_text=_("In minor units of the currency."))
    tax_minor = models.BigIntegerField(_("tax"), null=True, help_text=_("In minor units of the currency."))
    shipping_minor = models.BigIntegerField(_("shipping"), null=True, help_text=_("In minor units of the currency."))
    discount_minor = models.BigIntegerField(_("discount"), null=True, help_text=_("In minor units of the currency."))
    shop_currency = models.CharField(_("shop's currency"), max_length=3, blank=True)
    shop_value_minor = models.BigIntegerField(
        _("value in the shop's currency"), null=True, help_text=_("In minor units of the shop's currency.")
    )

    class Meta:
        abstract = True


class CreditedOrder(Credited):
    """The credit of an order, and what further figures need of the interactions that it could have chosen.

    ``touches`` has the values of each ``touches.Touch``, where these interactions are of several channels or AI
    profiles; else it is empty, and ``None`` where they are not known. ``named_products`` has the digests of the
    products (``PRODUCT_GROUP``) that they named or recommended, ``recommendations`` the values of each
    ``touches.Recommendation``.
    """

    credited_at = models.DateTimeField(
        _("time of the credited interaction"), null=True, help_text=_("Empty for orders of before it was stored.")
    )
    touches = models.JSONField(null=True, editable=False)
    named_products = models.JSONField(null=True, editable=False)
    recommendations = models.JSONField(null=True, editable=False)

    class Meta:
        abstract = True


class Order(OrderAmounts, CreditedOrder, Excludable, Event):
    """An attributed purchase. ``value_minor`` is the total after discounts and taxes, before refunds. ``direct_minor``
    is what of it the products earned that the assistant named or recommended.

    ``cart_at``, ``arrival`` and ``cart_lines`` (quantities by the digest of the product's id) are what its own session
    first reported: when the order empties the cart, and of what. Of all, if it ``empties_cart``: it has no lines, or
    none of them is in the cart. With ``PRODUCT_GROUP``, ``grouped_lines`` are what was reported, and ``cart_lines`` the
    variants in the cart that they stand for.
    """

    order_id = ExactCharField(_("order ID"), max_length=TEXT_LENGTH, blank=True, help_text=_("Assigned by the shop."))
    order_id_digest = ExactUUIDField(_("order ID digest"), null=True)
    contents_digest = ExactUUIDField(_("contents digest"), null=True)
    trust = models.CharField(_("trust"), max_length=9, choices=Trust.choices, default=Trust.REPORTED)
    confirmed_at = models.DateTimeField(
        _("confirmed at"), null=True, help_text=_("When the shop's server first sent this order.")
    )
    updated_at = models.DateTimeField(
        _("updated at"), null=True, help_text=_("When the shop made this version, as far as its server stated it.")
    )
    is_cancelled = models.BooleanField(
        _("cancelled"), default=False, help_text=_("The shop's server cancelled the order.")
    )
    server_occurred_at = models.DateTimeField(
        _("date and time by the server"), null=True, help_text=_("Empty if the shop's server did not state it.")
    )
    has_confirmed_lines = models.BooleanField(
        _("lines confirmed"), default=False, help_text=_("The lines come from the shop's server.")
    )
    direct_minor = models.BigIntegerField(
        pgettext_lazy("revenue", "direct"),
        default=0,
        db_default=0,
        help_text=_("What of the value is direct, in minor units of the currency. The rest is assisted."),
    )
    has_conflict = models.BooleanField(
        _("conflict"), default=False, help_text=_("Reports of this order disagree about its amount or visitor.")
    )
    standing = models.CharField(_("standing"), max_length=9, choices=Standing.choices, default=Standing.COUNTED)
    held_reason = models.CharField(
        _("reason for holding it back"), max_length=16, choices=HeldReason.choices, blank=True
    )
    is_denied = models.BooleanField(
        _("denied"),
        default=False,
        help_text=_("The shop's server named a buyer who did not use the assistant."),
    )
    accepted_at = models.DateTimeField(_("accepted at"), null=True)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("accepted by"), null=True, on_delete=models.SET_NULL, related_name="+"
    )
    acceptance_reason = models.CharField(_("reason for accepting it"), max_length=TEXT_LENGTH, blank=True)
    cart_at = models.DateTimeField(editable=False)
    cart_lines = models.JSONField(default=dict, editable=False)
    grouped_lines = models.JSONField(null=True, editable=False)
    empties_cart = models.BooleanField(default=True, editable=False)

    objects = OrderQuerySet["Order"].as_manager()

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        ordering = ["-occurred_at", "-id"]
        permissions = [
            ("exclude_order", _("Can exclude orders from the figures")),
            ("accept_order", _("Can accept orders that are held back")),
        ]
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
            models.CheckConstraint(
                condition=Q(direct_minor__gte=0, direct_minor__lte=models.F("value_minor")), name="alhena_order_direct"
            ),
            models.CheckConstraint(condition=Q(channel__in=Channel.values), name="alhena_order_channel"),
            models.CheckConstraint(
                condition=EXCLUSION,
                name="alhena_order_exclusion",
            ),
            models.CheckConstraint(condition=Q(standing__in=Standing.values), name="alhena_order_standing"),
            models.CheckConstraint(
                condition=Q(accepted_at__isnull=False) | Q(accepted_by__isnull=True, acceptance_reason=""),
                name="alhena_order_acceptance",
            ),
        ]
        indexes = [
            models.Index(fields=["session", "standing", "cart_at", "arrival"], name="alhena_order_session"),
            models.Index(fields=["session", "contents_digest", "occurred_at"], name="alhena_order_contents"),
            models.Index(
                fields=["company", "occurred_on", "currency", "channel", "standing", "value_minor"],
                name="alhena_order_report",
            ),
            models.Index(fields=["company", "held_reason", "occurred_on"], name="alhena_order_held"),
            models.Index(fields=["company", "occurred_at", "id"], name="alhena_order_list"),
            models.Index(fields=["company", "standing", "occurred_at", "id"], name="alhena_order_standings"),
            models.Index(fields=["company", "has_conflict", "occurred_at", "id"], name="alhena_order_conflicts"),
        ]

    def __str__(self) -> str:
        return self.order_id or f"#{self.pk}"

    @property
    def assisted_minor(self) -> int:
        return self.value_minor - self.direct_minor

    @property
    def is_counted(self) -> bool:
        """Whether the order counts as revenue, by the rule of ``OrderQuerySet.counted``."""
        is_trusted = self.trust in Trust.by_server() or not conf.confirmed_orders_only
        return self.standing == Standing.COUNTED and is_trusted

    @property
    def is_held_back(self) -> bool:
        """Whether the order waits for staff, by the rule of ``OrderQuerySet.held_back``."""
        if self.standing != Standing.HELD:
            return False
        if self.held_reason != HeldReason.NO_FITTING_CLAIM or self.confirmed_at is None:
            return True
        return timezone.now() - self.confirmed_at >= PENDING_AGE

    def set_standing(self, *, is_session_excluded: bool) -> None:
        """Set the standing that follows from what is known of the order, and whether its session is excluded."""
        if self.excluded_at is not None or is_session_excluded:
            self.standing = Standing.EXCLUDED
        elif self.is_denied:
            self.standing = Standing.NOT_OURS
        elif self.is_cancelled:
            self.standing = Standing.CANCELLED
        elif self.held_reason and self.accepted_at is None:
            self.standing = Standing.HELD
        else:
            self.standing = Standing.COUNTED


class OrderLine(models.Model):
    """A line of an order; ``total_minor`` is for its whole quantity."""

    order = models.ForeignKey(Order, verbose_name=_("order"), on_delete=models.CASCADE, related_name="lines")
    product_id = ExactCharField(_("product ID"), max_length=TEXT_LENGTH)
    product_id_digest = ExactUUIDField(_("product ID digest"), db_index=True)
    product_name = ExactCharField(_("product name"), max_length=PRODUCT_NAME_LENGTH)
    quantity = models.DecimalField(_("quantity"), max_digits=10, decimal_places=3)
    total_minor = models.BigIntegerField(_("total"), help_text=_("In minor units of the order's currency."))
    is_direct = models.BooleanField(
        pgettext_lazy("revenue", "direct"),
        default=False,
        db_default=False,
        help_text=_("An interaction before the order named or recommended the product."),
    )

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


class OrderTouch(models.Model):
    """How many of the interactions that an order's credit could have chosen have one channel and AI profile.

    An order has rows only where there are several of these pairs. Otherwise its own channel and AI profile have all of
    its value under any model. One row is the first, one the last, and ``linear_minor`` adds up to the order's value.
    """

    order = models.ForeignKey(
        Order, verbose_name=_("order"), on_delete=models.CASCADE, related_name="several_touches", db_index=False
    )
    channel = models.CharField(_("channel"), max_length=CHANNEL_LENGTH, choices=Channel.choices)
    ai_profile = ExactCharField(_("AI profile"), max_length=TEXT_LENGTH, blank=True)
    count = models.PositiveSmallIntegerField(_("interactions"))
    is_first = models.BooleanField(_("first touch"), default=False)
    is_last = models.BooleanField(_("last touch"), default=False)
    linear_minor = models.BigIntegerField(_("linear share"), help_text=_("In minor units of the order's currency."))

    class Meta:
        verbose_name = _("touch")
        verbose_name_plural = _("touches")
        default_permissions = ()
        ordering = ["id"]
        indexes = [models.Index(fields=["order", "id"], name="alhena_ordertouch_order")]

    def __str__(self) -> str:
        return f"{self.order}: {self.channel} {self.ai_profile}"


class OrderClaim(OrderAmounts, CreditedOrder, Event):
    """What one session reported of an order id. The order shows one of its claims.

    Of many, the first and the latest are kept (``FIRST_CLAIMS``, ``LATEST_CLAIMS``), and the one that is shown.
    """

    order = models.ForeignKey(
        Order, verbose_name=_("order"), on_delete=models.CASCADE, related_name="claims", db_index=False
    )
    is_above_ceiling = models.BooleanField(_("above the ceiling"), default=False)
    line_items = models.JSONField(_("line items"), default=list)

    objects = DatedQuerySet["OrderClaim"].as_manager()

    class Meta:
        verbose_name = _("order claim")
        verbose_name_plural = _("order claims")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["order", "session"], name="alhena_orderclaim_said_once"),
            models.CheckConstraint(
                condition=Q(value_minor__gte=0, value_minor__lte=VALUE_MINOR), name="alhena_orderclaim_value"
            ),
        ]
        indexes = [
            # Not unique: what the shop's server says of an order may come again under one id.
            models.Index(fields=["company", "event_id"], name="alhena_orderclaim_event"),
            models.Index(fields=["session", "received_at"], name="alhena_orderclaim_visit"),
            models.Index(fields=["order", "id"], name="alhena_orderclaim_first"),
            models.Index(fields=["order", "value_minor", "received_at"], name="alhena_orderclaim_amount"),
            models.Index(fields=["company", "occurred_at", "id"], name="alhena_orderclaim_list"),
        ]

    def __str__(self) -> str:
        return f"{self.order}: {self.session}"


class RevenueImpact(Order):
    """A proxy that gives the report page its permission, menu entry and URL."""

    class Meta:
        proxy = True
        default_permissions = ("view",)
        permissions = [("export_revenueimpact", _("Can export revenue impact"))]
        verbose_name = _("revenue impact")
        verbose_name_plural = _("Revenue impact")

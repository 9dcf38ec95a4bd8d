"""Roll-ups: sums of past days, which spare the report their events. They can always be rebuilt."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from alhena_tracking.contract.limits import PRODUCT_NAME_LENGTH, TEXT_LENGTH
from alhena_tracking.models.base import ExactCharField, ExactUUIDField, Trust
from alhena_tracking.models.channels import CHANNEL_LENGTH
from alhena_tracking.querysets import DaysQuerySet, RolledUpDayQuerySet


class RolledUpDay(models.Model):
    """The state of a company's day: whether its roll-ups are valid. Without a valid row, the day's events are read.

    A transaction that changes a day's figures, once the day has been over for ``limits.MARKED_STALE_AFTER``, marks the
    day stale, even if it was never rolled up; or only its sessions, more of which convert on later days, and its
    recommendations. The roll-up
    clears the marks before it reads, so both wait for each other.
    """

    company = models.ForeignKey(
        "alhena_tracking.Company", verbose_name=_("company"), on_delete=models.CASCADE, db_index=False
    )
    on = models.DateField(_("day"), help_text=_("In the company's time zone."))
    is_stale = models.BooleanField(
        _("stale"), default=True, help_text=_("The roll-ups are out of date, so reports read the events.")
    )
    has_stale_sessions = models.BooleanField(
        _("sessions stale"), default=True, help_text=_("Reports count the sessions from the events.")
    )
    is_in_week = models.BooleanField(
        _("in weekly totals"), default=False, help_text=_("The weekly totals include this day's products.")
    )

    objects = RolledUpDayQuerySet["RolledUpDay"].as_manager()

    class Meta:
        verbose_name = _("rolled-up day")
        verbose_name_plural = _("rolled-up days")
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["company", "on"], name="alhena_rolledupday_day")]

    def __str__(self) -> str:
        return f"{self.on}"


class DaySums(models.Model):
    """Sums of one day.

    The rows of a day are written and deleted together, under the lock of its ``RolledUpDay``, so they need no unique
    constraint.
    """

    # To check the reference, MariaDB would lock the company's row, which a change of the time zone holds while it waits
    # for the roll-up: a deadlock.
    company = models.ForeignKey(
        "alhena_tracking.Company",
        verbose_name=_("company"),
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
    )
    on = models.DateField(_("day"), help_text=_("In the company's time zone."))

    class Meta:
        abstract = True
        default_permissions = ()
        indexes = [models.Index(fields=["company", "on"], name="alhena_%(class)s_day")]

    def __str__(self) -> str:
        return f"{self.on}"


class MoneySums(DaySums):
    """Sums of the cart events and orders that count."""

    currency = models.CharField(_("currency"), max_length=3)
    cart_events = models.PositiveIntegerField(_("cart events"), default=0)
    add_to_cart_minor = models.BigIntegerField(_("add-to-cart GMV"), default=0)
    purchase_minor = models.BigIntegerField(_("purchase revenue"), default=0)

    class Meta(DaySums.Meta):
        abstract = True
        # Reports read one currency at a time.
        indexes = [models.Index(fields=["company", "on", "currency"], name="alhena_%(class)s_day")]


class VisitSums(DaySums):
    """Sums by channel and AI profile."""

    channel = models.CharField(_("channel"), max_length=CHANNEL_LENGTH, blank=True)
    ai_profile = ExactCharField(_("AI profile"), max_length=TEXT_LENGTH, blank=True)

    class Meta(DaySums.Meta):
        abstract = True


class CreditSums(VisitSums):
    """Sums by credited channel and AI profile, and by trust."""

    trust = models.CharField(_("trust"), max_length=9, choices=Trust.choices)

    class Meta(DaySums.Meta):
        abstract = True


class CreditedSums(MoneySums, CreditSums):
    """Sums by every filter of the report."""

    class Meta(MoneySums.Meta):
        abstract = True


class ProductSums(MoneySums):
    """Sums of one product, with its latest names.

    ``product_name`` is that of a cart event or a confirmed order, ``reported_name`` that of another order; beside each
    stands its moment in UTC, as text that sorts.
    """

    product_id_digest = ExactUUIDField(_("product ID digest"))
    product_id = ExactCharField(_("product ID"), max_length=TEXT_LENGTH)
    product_name = ExactCharField(_("product name"), max_length=PRODUCT_NAME_LENGTH, blank=True)
    reported_name = ExactCharField(_("name in unconfirmed orders"), max_length=PRODUCT_NAME_LENGTH, blank=True)
    product_named_at = models.CharField(_("named at"), max_length=26, blank=True, default="")
    reported_named_at = models.CharField(_("named in unconfirmed orders at"), max_length=26, blank=True, default="")
    units_added = models.DecimalField(_("units added"), max_digits=19, decimal_places=3, default=0)
    units_purchased = models.DecimalField(_("units purchased"), max_digits=19, decimal_places=3, default=0)
    direct_minor = models.BigIntegerField(_("direct purchase revenue"), default=0, db_default=0)

    class Meta(MoneySums.Meta):
        abstract = True


class DailyFigures(CreditedSums):
    """The figures of one day. ``carts`` counts the sessions whose first cart event of the day and currency is among
    these; ``refunded_minor`` sums the refunds of the day's orders, ``unlined_minor`` the values of those without lines.
    ``stated_orders`` state tax or shipping. ``conversation_orders`` are credited to an interaction with a conversation
    ID, and ``conversation_minor`` is their value.
    """

    carts = models.PositiveIntegerField(_("carts"), default=0)
    orders = models.PositiveIntegerField(_("orders"), default=0)
    refunded_minor = models.BigIntegerField(_("refunds"), default=0)
    direct_minor = models.BigIntegerField(_("direct purchase revenue"), default=0, db_default=0)
    unlined_minor = models.BigIntegerField(_("orders without lines"), default=0, db_default=0)
    tax_minor = models.BigIntegerField(_("tax"), default=0, db_default=0)
    shipping_minor = models.BigIntegerField(_("shipping"), default=0, db_default=0)
    discount_minor = models.BigIntegerField(_("discount"), default=0, db_default=0)
    stated_orders = models.PositiveIntegerField(_("orders that state tax or shipping"), default=0, db_default=0)
    conversation_orders = models.PositiveIntegerField(_("orders from conversations"), default=0, db_default=0)
    conversation_minor = models.BigIntegerField(_("revenue from conversations"), default=0, db_default=0)

    objects = DaysQuerySet["DailyFigures"].as_manager()

    class Meta(MoneySums.Meta):
        verbose_name = _("daily figures")
        verbose_name_plural = _("daily figures")


class DailySessions(DaySums):
    """The sessions started on one day that belong to a channel and AI profile, and how many of them have an order by
    now that is credited to these: any, and by trust.

    A session belongs to each channel and AI profile of its qualifying interactions and of its orders, so a day also has
    rows over all channels, all AI profiles, and both. ``trusted_sessions`` have a confirmed or a verified order.
    """

    channel = models.CharField(  # noqa: DJ001 (empty AI profiles mean something)
        _("channel"), max_length=CHANNEL_LENGTH, null=True, help_text=_("Null in rows over all channels.")
    )
    ai_profile = ExactCharField(  # type: ignore[misc]
        _("AI profile"), max_length=TEXT_LENGTH, null=True, help_text=_("Null in rows over all AI profiles.")
    )
    sessions = models.PositiveIntegerField(_("sessions"), default=0)
    converted_sessions = models.PositiveIntegerField(_("sessions with an order"), default=0)
    reported_sessions = models.PositiveIntegerField(_("sessions with a reported order"), default=0)
    confirmed_sessions = models.PositiveIntegerField(_("sessions with a confirmed order"), default=0)
    verified_sessions = models.PositiveIntegerField(_("sessions with a verified order"), default=0)
    trusted_sessions = models.PositiveIntegerField(_("sessions with a confirmed or verified order"), default=0)

    objects = DaysQuerySet["DailySessions"].as_manager()

    class Meta(DaySums.Meta):
        verbose_name = _("daily sessions")
        verbose_name_plural = _("daily sessions")


class DailyTouches(CreditSums):
    """What first, last and linear touch give to one channel and AI profile on one day, of the orders with several
    touches that are credited to ``channel`` and ``ai_profile``. Also counts the orders without stored touches.
    """

    currency = models.CharField(_("currency"), max_length=3)
    touched_channel = models.CharField(_("touched channel"), max_length=CHANNEL_LENGTH)
    touched_profile = ExactCharField(_("touched AI profile"), max_length=TEXT_LENGTH, blank=True)
    first_minor = models.BigIntegerField(_("first touch"), default=0)
    last_minor = models.BigIntegerField(_("last touch"), default=0)
    linear_minor = models.BigIntegerField(_("linear touch"), default=0)
    first_orders = models.PositiveIntegerField(_("orders by first touch"), default=0)
    last_orders = models.PositiveIntegerField(_("orders by last touch"), default=0)
    orders_without_touches = models.PositiveIntegerField(_("orders without stored touches"), default=0)

    objects = DaysQuerySet["DailyTouches"].as_manager()

    class Meta(DaySums.Meta):
        verbose_name = _("daily touches")
        verbose_name_plural = _("daily touches")
        indexes = [models.Index(fields=["company", "on", "currency"], name="alhena_%(class)s_day")]


class DailyRecommended(VisitSums):
    """The qualifying interactions of one day that recommended a product; of one channel and AI profile, their own."""

    product_id = ExactCharField(_("product ID"), max_length=TEXT_LENGTH)
    interactions = models.PositiveIntegerField(_("interactions"), default=0)

    objects = DaysQuerySet["DailyRecommended"].as_manager()

    class Meta(DaySums.Meta):
        verbose_name = _("daily recommendations")
        verbose_name_plural = _("daily recommendations")
        indexes = [
            models.Index(fields=["company", "on"], name="alhena_%(class)s_day"),
            models.Index(fields=["company", "product_id", "on"], name="alhena_%(class)s_of"),
        ]


class DailyConversations(VisitSums):
    """The conversations of the sessions started on one day, and how many of them recommended a product, and have an
    order of one by now: any, and by trust. ``trusted_bought_through`` have a confirmed or a verified one.

    A conversation is one ID in one session. It counts once in each row that matches one of its qualifying interactions:
    the row of their channel and AI profile, and those of either and of neither, in which the other is empty.
    """

    conversations = models.PositiveIntegerField(_("conversations"), default=0)
    recommending = models.PositiveIntegerField(_("conversations with a recommendation"), default=0)
    bought_through = models.PositiveIntegerField(_("conversations bought through"), default=0)
    reported_bought_through = models.PositiveIntegerField(_("bought through by a reported order"), default=0)
    confirmed_bought_through = models.PositiveIntegerField(_("bought through by a confirmed order"), default=0)
    verified_bought_through = models.PositiveIntegerField(_("bought through by a verified order"), default=0)
    trusted_bought_through = models.PositiveIntegerField(
        _("bought through by a confirmed or verified order"), default=0
    )

    objects = DaysQuerySet["DailyConversations"].as_manager()

    class Meta(DaySums.Meta):
        verbose_name = _("daily conversations")
        verbose_name_plural = _("daily conversations")


class DailyProductFigures(ProductSums, CreditedSums):
    """The figures of one product on one day."""

    objects = DaysQuerySet["DailyProductFigures"].as_manager()

    class Meta(MoneySums.Meta):
        verbose_name = _("daily product figures")
        verbose_name_plural = _("daily product figures")


class ProductTotals(ProductSums):
    """Sums of one product over all credits."""

    trusted_units_purchased = models.DecimalField(
        _("units purchased by confirmed and verified orders"), max_digits=19, decimal_places=3, default=0
    )
    trusted_purchase_minor = models.BigIntegerField(_("confirmed and verified purchase revenue"), default=0)
    trusted_direct_minor = models.BigIntegerField(
        _("direct revenue of confirmed and verified orders"), default=0, db_default=0
    )

    class Meta(MoneySums.Meta):
        abstract = True


class DailyProductTotals(ProductTotals):
    """The figures of one product on one day over all credits.

    One row where ``DailyProductFigures`` has one for each channel, AI profile and trust: hundreds of thousands a month
    in a large shop.
    """

    objects = DaysQuerySet["DailyProductTotals"].as_manager()

    class Meta(MoneySums.Meta):
        verbose_name = _("daily product totals")
        verbose_name_plural = _("daily product totals")


class WeeklyProductTotals(ProductTotals):
    """The same for the week from ``on``, a Monday. Valid while all its days are fresh and in their week."""

    objects = DaysQuerySet["WeeklyProductTotals"].as_manager()

    class Meta(MoneySums.Meta):
        verbose_name = _("weekly product totals")
        verbose_name_plural = _("weekly product totals")

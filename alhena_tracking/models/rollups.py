"""Sums of days that are over, so that the report need not read each of their events. They can be made anew."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from alhena_tracking.contract.limits import PRODUCT_NAME_LENGTH, TEXT_LENGTH
from alhena_tracking.models.base import ExactUUIDField, Trust
from alhena_tracking.querysets import DaysQuerySet, RolledUpDayQuerySet


class RolledUpDay(models.Model):
    """Says whether the sums of a company's day hold. Where it does not, or is not there, the day's events are read.

    Who changes what a day comes to, once it has been over for ``limits.MARKED_STALE_AFTER``, marks it stale in the same
    transaction, also if it was never rolled up; or its sessions alone, of which more and more have an order on the days
    that follow. The roll-up takes the marks away before it reads, so that one waits for the other.
    """

    company = models.ForeignKey(
        "alhena_tracking.Company", verbose_name=_("company"), on_delete=models.CASCADE, db_index=False
    )
    on = models.DateField(_("day"), help_text=_("In the company's time zone."))
    is_stale = models.BooleanField(_("stale"), default=True, help_text=_("Its sums do not hold; its events are read."))
    has_stale_sessions = models.BooleanField(
        _("with stale sessions"), default=True, help_text=_("Its sessions are counted anew each time.")
    )
    is_in_week = models.BooleanField(
        _("in its week"), default=False, help_text=_("Its products are in the totals of its week.")
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
    """Sums of one day, by what the report can be asked for.

    The rows of a day are written and deleted together, by who holds its ``RolledUpDay``. No constraint says that each
    exists once: MariaDB's collations hold AI profiles for equal that are not.
    """

    # To check the reference, MariaDB would lock the company's row, while whoever changes its time zone holds that and
    # waits for the roll-up: a deadlock.
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


class VisitSums(DaySums):
    """Sums by what visitors used."""

    channel = models.CharField(_("channel"), max_length=5, blank=True)
    ai_profile = models.CharField(_("AI profile"), max_length=TEXT_LENGTH, blank=True)

    class Meta(DaySums.Meta):
        abstract = True


class MoneySums(DaySums):
    """Sums of cart events and orders, excluded ones left out."""

    currency = models.CharField(_("currency"), max_length=3)
    cart_events = models.PositiveIntegerField(_("cart events"), default=0)
    add_to_cart_minor = models.BigIntegerField(_("add-to-cart GMV"), default=0)
    purchase_minor = models.BigIntegerField(_("purchase revenue"), default=0)

    class Meta(DaySums.Meta):
        abstract = True
        # What days and products came to is asked of one currency; the rows of all others are passed over.
        indexes = [models.Index(fields=["company", "on", "currency"], name="alhena_%(class)s_day")]


class CreditedSums(MoneySums, VisitSums):
    """Such sums by all that can be asked of them."""

    trust = models.CharField(_("trust"), max_length=9, choices=Trust.choices)

    class Meta(MoneySums.Meta):
        abstract = True


class ProductSums(MoneySums):
    """Such sums of one product each. ``product_name`` is one of those that it was reported under."""

    product_id_digest = ExactUUIDField(_("product id digest"))
    product_id = models.CharField(_("product id"), max_length=TEXT_LENGTH)
    product_name = models.CharField(_("product name"), max_length=PRODUCT_NAME_LENGTH)
    units_added = models.DecimalField(_("units added"), max_digits=19, decimal_places=3, default=0)
    units_purchased = models.DecimalField(_("units purchased"), max_digits=19, decimal_places=3, default=0)

    class Meta(MoneySums.Meta):
        abstract = True


class DailyFigures(CreditedSums):
    """What one day came to. ``carts`` are the sessions whose first cart event of the day and currency is among these;
    ``refunded_minor`` is what was given back of the day's orders.
    """

    carts = models.PositiveIntegerField(_("carts"), default=0)
    orders = models.PositiveIntegerField(_("orders"), default=0)
    refunded_minor = models.BigIntegerField(_("refunds"), default=0)

    objects = DaysQuerySet["DailyFigures"].as_manager()

    class Meta(MoneySums.Meta):
        verbose_name = _("daily figures")
        verbose_name_plural = _("daily figures")


class DailySessions(VisitSums):
    """The sessions that started on one day, and how many of them have an order by now: any, and of each trust."""

    sessions = models.PositiveIntegerField(_("sessions"), default=0)
    converted_sessions = models.PositiveIntegerField(_("sessions with an order"), default=0)
    reported_sessions = models.PositiveIntegerField(_("sessions with a reported order"), default=0)
    confirmed_sessions = models.PositiveIntegerField(_("sessions with a confirmed order"), default=0)

    objects = DaysQuerySet["DailySessions"].as_manager()

    class Meta(DaySums.Meta):
        verbose_name = _("daily sessions")
        verbose_name_plural = _("daily sessions")


class DailyProductFigures(ProductSums, CreditedSums):
    """What one product came to on one day."""

    objects = DaysQuerySet["DailyProductFigures"].as_manager()

    class Meta(MoneySums.Meta):
        verbose_name = _("daily product figures")
        verbose_name_plural = _("daily product figures")


class ProductTotals(ProductSums):
    """Such sums whatever they were credited to."""

    confirmed_units_purchased = models.DecimalField(
        _("units purchased by confirmed orders"), max_digits=19, decimal_places=3, default=0
    )
    confirmed_purchase_minor = models.BigIntegerField(_("confirmed purchase revenue"), default=0)

    class Meta(MoneySums.Meta):
        abstract = True


class DailyProductTotals(ProductTotals):
    """What one product came to on one day, whatever it was credited to: one row where ``DailyProductFigures`` are as
    many as there are channels, AI profiles and kinds of trust, which in a large shop are hundreds of thousands a month.
    """

    objects = DaysQuerySet["DailyProductTotals"].as_manager()

    class Meta(MoneySums.Meta):
        verbose_name = _("daily product totals")
        verbose_name_plural = _("daily product totals")


class WeeklyProductTotals(ProductTotals):
    """The same of the seven days from ``on``, a Monday. It holds while each of them is fresh and in its week."""

    objects = DaysQuerySet["WeeklyProductTotals"].as_manager()

    class Meta(MoneySums.Meta):
        verbose_name = _("weekly product totals")
        verbose_name_plural = _("weekly product totals")

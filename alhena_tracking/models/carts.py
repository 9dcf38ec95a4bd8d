"""Cart events."""

from __future__ import annotations

from typing import ClassVar, TypeAlias

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from alhena_tracking.contract.limits import PRODUCT_NAME_LENGTH, TEXT_LENGTH, UNIT_VALUE_DECIMALS, VALUE_MINOR
from alhena_tracking.models.base import Credited, Event, ExactCharField, ExactUUIDField
from alhena_tracking.models.channels import Channel
from alhena_tracking.querysets import CartEventQuerySet


class ValueBasis(models.TextChoices):
    """Whether a reported ``value`` is the price of one unit or of the whole quantity."""

    UNIT = "unit", _("one unit")
    TOTAL = "total", _("the whole quantity")


class CartEventType(models.TextChoices):
    """The changes of a cart that the contract knows."""

    ITEM_ADDED = "ITEM_ADDED", _("Item added")
    QUANTITY_INCREASED = "QUANTITY_INCREASED", _("Quantity increased")
    QUANTITY_DECREASED = "QUANTITY_DECREASED", _("Quantity decreased")
    ITEM_REMOVED = "ITEM_REMOVED", _("Item removed")


class CartEvent(Credited, Event):
    """A change of an attributed visitor's cart.

    ``quantity``, ``previous_quantity``, ``value_minor`` and ``value_basis`` are as reported. ``units`` and
    ``gmv_minor`` are its worth: what it adds to the claimed units and amount, negative where it gives back.
    ``cart_quantity``, ``claimed_units`` and ``claimed_minor`` are the state of the product in the cart afterwards.
    """

    Type: TypeAlias = CartEventType
    #: The types that put something into the cart.
    ADDITIONS: ClassVar = frozenset({CartEventType.ITEM_ADDED, CartEventType.QUANTITY_INCREASED})

    type = models.CharField(_("type"), max_length=18, choices=CartEventType.choices)
    product_id = ExactCharField(_("product ID"), max_length=TEXT_LENGTH)
    product_id_digest = ExactUUIDField(_("product ID digest"))
    product_name = ExactCharField(_("product name"), max_length=PRODUCT_NAME_LENGTH)
    currency = models.CharField(_("currency"), max_length=3)
    value_minor = models.DecimalField(
        _("value"), max_digits=18, decimal_places=UNIT_VALUE_DECIMALS, help_text=_("In minor units of the currency.")
    )
    value_basis = models.CharField(_("value applies to"), max_length=5, choices=ValueBasis.choices)
    quantity = models.DecimalField(_("quantity"), max_digits=10, decimal_places=3)
    previous_quantity = models.DecimalField(_("previous quantity"), max_digits=10, decimal_places=3, null=True)

    units = models.DecimalField(_("units"), max_digits=16, decimal_places=3)
    gmv_minor = models.BigIntegerField(_("GMV"), help_text=_("In minor units of the currency."))
    cart_quantity = models.DecimalField(_("quantity in the cart"), max_digits=10, decimal_places=3)
    claimed_units = models.DecimalField(_("claimed units"), max_digits=16, decimal_places=3)
    claimed_minor = models.BigIntegerField(_("claimed amount"), help_text=_("In minor units of the currency."))
    is_excluded = models.BooleanField(
        _("excluded"), default=False, help_text=_("Its visitor session is excluded from all figures.")
    )

    objects = CartEventQuerySet["CartEvent"].as_manager()

    class Meta:
        verbose_name = _("cart event")
        verbose_name_plural = _("cart events")
        ordering = ["-occurred_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["company", "event_id", "trust"], name="alhena_cartevent_event_id"),
            models.CheckConstraint(
                condition=Q(type__in=CartEventType.values),
                name="alhena_cartevent_type",
            ),
            models.CheckConstraint(
                condition=Q(value_minor__gte=0, value_minor__lte=VALUE_MINOR), name="alhena_cartevent_value"
            ),
            models.CheckConstraint(
                condition=Q(quantity__gte=0, cart_quantity__gte=0), name="alhena_cartevent_quantity"
            ),
            models.CheckConstraint(
                condition=Q(claimed_units__gte=0, claimed_minor__gte=0), name="alhena_cartevent_claimed"
            ),
            models.CheckConstraint(condition=Q(channel__in=Channel.values), name="alhena_cartevent_channel"),
        ]
        indexes = [
            models.Index(
                fields=["session", "product_id_digest", "currency", "occurred_at", "arrival"],
                name="alhena_cartevent_state",
            ),
            models.Index(
                # In the order in which the report finds each session's first event of a day and currency.
                fields=[
                    "company",
                    "occurred_on",
                    "currency",
                    "session",
                    "occurred_at",
                    "id",
                    "channel",
                    "gmv_minor",
                    "is_excluded",
                ],
                name="alhena_cartevent_report",
            ),
            models.Index(fields=["company", "occurred_at", "id"], name="alhena_cartevent_list"),
            models.Index(fields=["company", "product_id_digest", "occurred_at", "id"], name="alhena_cartevent_product"),
        ]

    def __str__(self) -> str:
        return f"{self.get_type_display()}: {self.product_name}"

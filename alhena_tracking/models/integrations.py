"""Connections to shop systems, the webhooks that they delivered, and what they require for privacy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from alhena_tracking.contract.limits import TEXT_LENGTH
from alhena_tracking.models.base import ExactCharField, ExactUUIDField
from alhena_tracking.querysets import WebhookDeliveryQuerySet

if TYPE_CHECKING:
    _CharField = models.CharField[Any, Any]
else:
    _CharField = models.CharField

PLATFORM_LENGTH = 16


class SecretField(_CharField):
    """A secret that has to be known as it is. ``dumpdata`` and other serializers leave it out."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"max_length": TEXT_LENGTH, "blank": True, "default": "", **kwargs})
        self.serialize = False


class ShopConnection(models.Model):
    """A company's shop on a platform, with the secrets of its webhooks. Two sign at a time, so that one can follow."""

    class OrdersCountOnce(models.TextChoices):
        PLACED = "placed", _("placed")
        PAID = "paid", _("paid")

    company = models.ForeignKey(
        "alhena_tracking.Company",
        verbose_name=_("company"),
        on_delete=models.CASCADE,
        related_name="shop_connections",
        db_index=False,
    )
    platform = ExactCharField(_("platform"), max_length=PLATFORM_LENGTH)
    shop = models.CharField(
        _("shop"),
        max_length=TEXT_LENGTH,
        blank=True,
        help_text=_("Its domain. Webhooks of other shops are rejected. Example: acme.myshopify.com"),
    )
    orders_count_once = models.CharField(
        _("orders count once"), max_length=6, choices=OrdersCountOnce.choices, default=OrdersCountOnce.PLACED
    )
    secret = SecretField(_("signing secret"))
    previous_secret = SecretField(_("previous signing secret"))
    api_key = SecretField(_("API key"))
    api_secret = SecretField(_("API secret"))
    #: Orders that the shop changed until then have been fetched from its API.
    pulled_until = models.DateTimeField(_("fetched until"), null=True, editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("shop connection")
        verbose_name_plural = _("shop connections")
        ordering = ["company", "platform"]
        constraints = [models.UniqueConstraint(fields=["company", "platform"], name="alhena_shopconnection_once")]

    def __str__(self) -> str:
        return self.platform


class WebhookDelivery(models.Model):
    """A delivery that was taken; the same again is a duplicate. ``digest`` is of the platform and its delivery id."""

    company = models.ForeignKey(
        "alhena_tracking.Company", verbose_name=_("company"), on_delete=models.CASCADE, db_index=False
    )
    digest = ExactUUIDField(_("digest"))
    received_at = models.DateTimeField(_("received at"), db_index=True)

    objects = WebhookDeliveryQuerySet["WebhookDelivery"].as_manager()

    class Meta:
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["company", "digest"], name="alhena_webhookdelivery_once")]

    def __str__(self) -> str:
        return str(self.digest)


class PrivacyRequest(models.Model):
    """What a customer or a platform requires: a copy or the erasure of what is stored. It names orders, no person."""

    class Kind(models.TextChoices):
        ACCESS = "access", _("copy of a customer's data")
        ERASE = "erase", _("erasure of a customer's data")
        ERASE_SHOP = "erase_shop", _("erasure of the shop's data")

    company = models.ForeignKey(
        "alhena_tracking.Company", verbose_name=_("company"), on_delete=models.CASCADE, related_name="privacy_requests"
    )
    platform = ExactCharField(_("platform"), max_length=PLATFORM_LENGTH)
    kind = models.CharField(_("request"), max_length=10, choices=Kind.choices)
    order_ids = models.JSONField(_("order IDs"), default=list)
    received_at = models.DateTimeField(_("received at"))

    class Meta:
        verbose_name = _("privacy request")
        verbose_name_plural = _("privacy requests")
        default_permissions = ("view",)
        ordering = ["-received_at", "-id"]
        indexes = [models.Index(fields=["company", "received_at", "id"], name="alhena_privacyrequest_list")]

    def __str__(self) -> str:
        return self.get_kind_display()

from __future__ import annotations

from typing import ClassVar

from django.db import models


class BareEvent(models.Model):
    """A row of the bare view: a cart event as reported, with no index except its primary key's."""

    company_key = models.CharField(max_length=64)
    user_fingerprint = models.UUIDField()
    user_faq_fingerprint = models.UUIDField()
    event_id = models.UUIDField()
    source = models.CharField(max_length=255)
    type = models.CharField(max_length=18)
    product_id = models.CharField(max_length=255)
    product_name = models.CharField(max_length=512)
    currency = models.CharField(max_length=3)
    value = models.DecimalField(max_digits=15, decimal_places=2)
    quantity = models.DecimalField(max_digits=10, decimal_places=3)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()

    objects: ClassVar[models.Manager[BareEvent]] = models.Manager()

    def __str__(self) -> str:
        return f"{self.type}: {self.product_name}"

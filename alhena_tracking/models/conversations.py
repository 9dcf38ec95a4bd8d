"""The conversations that orders buy through."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from alhena_tracking.contract.limits import TEXT_LENGTH
from alhena_tracking.models.base import ExactCharField, ExactUUIDField
from alhena_tracking.models.channels import CHANNEL_LENGTH, Channel


class OrderConversation(models.Model):
    """A conversation that recommended the product of one of an order's lines, before the order.

    Once for each channel and AI profile of the interactions that did: they are at most as many as an order's touches.
    """

    order = models.ForeignKey(
        "alhena_tracking.Order",
        verbose_name=_("order"),
        on_delete=models.CASCADE,
        related_name="conversations",
        db_index=False,
    )
    # A claim that comes to be shown may name a session that has been deleted since.
    session = models.ForeignKey(
        "alhena_tracking.VisitorSession",
        verbose_name=_("visitor session"),
        on_delete=models.CASCADE,
        related_name="bought_conversations",
        db_constraint=False,
        db_index=False,
    )
    conversation_digest = ExactUUIDField(_("conversation ID digest"))
    channel = models.CharField(_("channel"), max_length=CHANNEL_LENGTH, choices=Channel.choices)
    ai_profile = ExactCharField(_("AI profile"), max_length=TEXT_LENGTH, blank=True)

    class Meta:
        verbose_name = _("conversation of an order")
        verbose_name_plural = _("conversations of orders")
        default_permissions = ()
        ordering = ["id"]
        indexes = [
            models.Index(fields=["order", "id"], name="alhena_conversation_order"),
            models.Index(fields=["session", "order"], name="alhena_conversation_session"),
        ]

    def __str__(self) -> str:
        return f"{self.order}: {self.conversation_digest}"

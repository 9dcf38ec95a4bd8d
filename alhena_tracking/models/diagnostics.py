"""What came in and what became of it: counts, and the last events that were rejected."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from alhena_tracking.contract.limits import TEXT_LENGTH
from alhena_tracking.models.base import ExactCharField


class EventCount(models.Model):
    """How many events of one kind had one outcome on one day (in the company's time zone), and when the last one came.

    ``NO_EVENTS`` are methods, too: they count when templates rendered the snippet and the tag of an order, requests
    through proxies that ``TRUSTED_PROXIES`` does not count, and requests with each secret key (its id is the reason).
    So are those of ``webhook_method``.
    """

    SNIPPET = "snippet"
    ORDER_TAG = "order_tag"
    PROXY = "proxy"
    KEY_USE = "secret_key"
    NO_EVENTS = frozenset({SNIPPET, ORDER_TAG, PROXY, KEY_USE})
    _WEBHOOK = "webhook "

    company = models.ForeignKey(
        "alhena_tracking.Company", verbose_name=_("company"), on_delete=models.CASCADE, db_index=False
    )
    counted_on = models.DateField(_("day"))
    method = ExactCharField(
        _("method"),
        max_length=64,
        blank=True,
        help_text=_("The tracker method, “refund”, “snippet”, “order_tag”, “proxy” or a webhook. Empty if unknown."),
    )
    outcome = ExactCharField(_("outcome"), max_length=32)
    reason = ExactCharField(_("reason"), max_length=64, blank=True)
    count = models.BigIntegerField(_("count"))
    last_at = models.DateTimeField(_("last counted at"))

    class Meta:
        verbose_name = _("event count")
        verbose_name_plural = _("event counts")
        default_permissions = ("view",)
        ordering = ["-counted_on", "method", "outcome", "reason"]
        constraints = [
            models.UniqueConstraint(
                fields=["company", "counted_on", "method", "outcome", "reason"], name="alhena_eventcount_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.counted_on} {self.method} {self.outcome} {self.reason}: {self.count}"

    @classmethod
    def webhook_method(cls, platform: str, topic: str = "") -> str:
        """Return the method under which deliveries of a platform's topic are counted."""
        return f"{cls._WEBHOOK}{platform} {topic}".rstrip()

    @classmethod
    def webhook_of(cls, method: str) -> tuple[str, str] | None:
        """Return the platform and topic of a ``webhook_method``; ``None`` for any other method."""
        if not method.startswith(cls._WEBHOOK):
            return None
        platform, _, topic = method.removeprefix(cls._WEBHOOK).partition(" ")
        return platform, topic


class RejectedEvent(models.Model):
    """One of a company's last rejected events: which fields were wrong and how, never their values."""

    KEPT = 100

    company = models.ForeignKey("alhena_tracking.Company", verbose_name=_("company"), on_delete=models.CASCADE)
    method = ExactCharField(_("method"), max_length=64, blank=True)
    outcome = ExactCharField(_("outcome"), max_length=32)
    errors = models.JSONField(_("errors"), default=list, help_text=_("The field and code of each error."))
    origin = ExactCharField(_("origin"), max_length=TEXT_LENGTH, blank=True)
    received_at = models.DateTimeField(_("received at"))

    class Meta:
        verbose_name = _("rejected event")
        verbose_name_plural = _("rejected events")
        default_permissions = ("view",)
        ordering = ["-received_at", "-id"]

    def __str__(self) -> str:
        return f"{self.received_at:%Y-%m-%d %H:%M} {self.outcome}"


class EventDiagnostics(EventCount):
    """A proxy that gives the diagnostics page its permission, menu entry and URL."""

    class Meta:
        proxy = True
        default_permissions = ("view",)
        verbose_name = _("event diagnostics")
        verbose_name_plural = _("Event diagnostics")

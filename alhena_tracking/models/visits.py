"""Interactions and visitor sessions."""

from __future__ import annotations

from typing import TypeAlias

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from alhena_tracking.contract.limits import TEXT_LENGTH
from alhena_tracking.models.base import EXCLUSION, Event, ExactCharField, ExactUUIDField, Excludable
from alhena_tracking.models.channels import CHANNEL_LENGTH, Channel
from alhena_tracking.querysets import InteractionQuerySet, VisitorSessionQuerySet


class Interaction(Event):
    """One use of the assistant. Of the visitor, only keyed digests of the fingerprints are stored."""

    Kind: TypeAlias = Channel

    session = models.ForeignKey(
        "alhena_tracking.VisitorSession",
        verbose_name=_("visitor session"),
        on_delete=models.RESTRICT,
        related_name="interactions",
    )
    user_fingerprint_digest = ExactUUIDField(_("user fingerprint digest"), null=True)
    faq_fingerprint_digest = ExactUUIDField(_("FAQ fingerprint digest"), null=True)
    kind = models.CharField(_("kind"), max_length=CHANNEL_LENGTH, choices=Channel.choices)
    is_qualifying = models.BooleanField(_("qualifying"), default=True)
    product_id = ExactCharField(_("product ID"), max_length=TEXT_LENGTH, blank=True)
    conversation_id = ExactCharField(_("conversation ID"), max_length=TEXT_LENGTH, blank=True)
    ai_profile = ExactCharField(_("AI profile"), max_length=TEXT_LENGTH, blank=True)
    recommended_product_ids = models.JSONField(
        _("recommended products"), null=True, help_text=_("Their IDs; empty if the assistant recommended none.")
    )

    objects = InteractionQuerySet["Interaction"].as_manager()

    class Meta:
        verbose_name = _("interaction")
        verbose_name_plural = _("interactions")
        ordering = ["-occurred_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["company", "event_id", "trust"], name="alhena_interaction_event_id"),
            models.CheckConstraint(
                condition=Q(user_fingerprint_digest__isnull=False) | Q(faq_fingerprint_digest__isnull=False),
                name="alhena_interaction_has_fingerprint",
            ),
            models.CheckConstraint(condition=Q(kind__in=Channel.values), name="alhena_interaction_kind"),
        ]
        indexes = [
            # The digests are keyed per company, so they imply the company.
            models.Index(fields=["user_fingerprint_digest", "occurred_at", "id"], name="alhena_interaction_user"),
            models.Index(fields=["faq_fingerprint_digest", "occurred_at", "id"], name="alhena_interaction_faq"),
            models.Index(fields=["company", "occurred_on"], name="alhena_interaction_day"),
            models.Index(fields=["company", "occurred_at", "id"], name="alhena_interaction_list"),
            models.Index(fields=["company", "conversation_id", "occurred_at", "id"], name="alhena_interaction_chat"),
        ]

    def __str__(self) -> str:
        about = f" {self.product_id}" if self.product_id else ""
        return f"{self.get_kind_display()}{about} {self.occurred_on}"


class VisitorSession(Excludable):
    """A chain of interactions of one visitor; never merged, never split.

    ``channel`` and ``ai_profile`` are those of the first qualifying interaction, at ``qualified_at``. ``version``
    increases whenever the session is locked, as it is before its rows change: the same version means the same rows.
    """

    company = models.ForeignKey(
        "alhena_tracking.Company", verbose_name=_("company"), on_delete=models.PROTECT, db_index=False
    )
    started_at = models.DateTimeField(_("started at"))
    started_on = models.DateField(_("start day"), help_text=_("The day in the company's time zone."))
    last_interaction_at = models.DateTimeField(_("last interaction"))
    qualified_at = models.DateTimeField(_("first qualifying interaction"), null=True)
    channel = models.CharField(_("channel"), max_length=CHANNEL_LENGTH, choices=Channel.choices, blank=True)
    ai_profile = ExactCharField(_("AI profile"), max_length=TEXT_LENGTH, blank=True)
    #: What browsers' cart events amount to since a time: see ``ingestion.allowances``.
    carts_since = models.DateTimeField(null=True, editable=False)
    carts_events = models.PositiveIntegerField(default=0, editable=False)
    carts_claimed = models.PositiveIntegerField(default=0, editable=False)
    version = models.BigIntegerField(_("version"), default=0, editable=False)

    objects = VisitorSessionQuerySet["VisitorSession"].as_manager()

    class Meta:
        verbose_name = _("visitor session")
        verbose_name_plural = _("visitor sessions")
        ordering = ["-started_at", "-id"]
        permissions = [("exclude_visitorsession", _("Can exclude visitor sessions from the figures"))]
        constraints = [
            models.CheckConstraint(
                condition=Q(last_interaction_at__gte=models.F("started_at")), name="alhena_session_chronological"
            ),
            models.CheckConstraint(
                condition=EXCLUSION,
                name="alhena_session_exclusion",
            ),
        ]
        indexes = [
            models.Index(fields=["company", "started_on", "channel"], name="alhena_session_report"),
            models.Index(fields=["company", "started_at", "id"], name="alhena_session_list"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.started_on}"

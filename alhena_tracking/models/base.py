"""Fields, choices and abstract models shared by several models."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Q
from django.db.models.lookups import IContains
from django.utils.translation import gettext_lazy as _

from alhena_tracking.contract.limits import TEXT_LENGTH
from alhena_tracking.models.channels import CHANNEL_LENGTH

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

    _CharField = models.CharField[Any, str]
    _UUIDField = models.UUIDField[Any, Any]
else:
    _CharField, _UUIDField = models.CharField, models.UUIDField


class ExactUUIDField(_UUIDField):
    """A UUID of any 128 bits: digests, and ids chosen by callers.

    MariaDB's own ``uuid`` type rejects a quarter of them ("Incorrect uuid value": versions from 8 on with an old
    variant), so there it is ``binary(16)``.
    """

    def get_internal_type(self) -> str:
        return "ExactUUIDField"  # not "UUIDField", for which the backends have conversions of their own

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return {"postgresql": "uuid", "mysql": "binary(16)"}.get(connection.vendor, "char(32)")

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        identifier: UUID | None = self.to_python(value)
        if identifier is None or connection.vendor == "postgresql":
            return identifier
        return identifier.bytes if connection.vendor == "mysql" else identifier.hex

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> UUID | None:
        if value is None or isinstance(value, UUID):
            return value
        return UUID(bytes=value) if isinstance(value, bytes) else UUID(hex=value)


class ExactCharField(_CharField):
    """A text that callers chose, equal only to itself.

    MariaDB's usual collations hold ``a``, ``A``, ``á`` and ``a`` with a space after it for one.
    """

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:
        parameters = super().db_parameters(connection)
        if connection.vendor == "mysql":
            is_mariadb = getattr(connection, "mysql_is_mariadb", True)
            # In the type: Django leaves out "collation" where it alters whether a column may be null.
            collation = "utf8mb4_nopad_bin" if is_mariadb else "utf8mb4_0900_bin"
            parameters["type"] = f"{parameters['type']} COLLATE {collation}"
        return parameters


@ExactCharField.register_lookup
class ContainsInAnyCase(IContains):
    """What the admin searches by; on MariaDB the collation decides what it finds."""

    def process_lhs(self, compiler: Any, connection: Any, lhs: Any = None) -> Any:
        sql, params = super().process_lhs(compiler, connection, lhs)
        return (f"{sql} COLLATE utf8mb4_unicode_ci" if connection.vendor == "mysql" else sql), params


class Trust(models.TextChoices):
    """What the shop's server says of an event: nothing, that it happened, or also who did it (of orders only)."""

    REPORTED = "REPORTED", _("reported by a browser")
    CONFIRMED = "CONFIRMED", _("confirmed by the shop's server")
    VERIFIED = "VERIFIED", _("verified by the shop's server")

    @classmethod
    def by_server(cls) -> tuple[Trust, ...]:
        """Return the levels at which the shop's server gave the figures."""
        return cls.CONFIRMED, cls.VERIFIED

    @classmethod
    def of_events(cls) -> list[tuple[str, _StrOrPromise]]:
        """Return the choices for events that have no third level."""
        return [choice for choice in cls.choices if choice[0] != cls.VERIFIED]


class AttributionModel(models.TextChoices):
    """Which of several qualifying interactions is credited."""

    FIRST_TOUCH = "first_touch", _("first touch")
    LAST_TOUCH = "last_touch", _("last touch")


class Event(models.Model):
    """An event in a shop, reported by a browser or a server."""

    company = models.ForeignKey(
        "alhena_tracking.Company",
        verbose_name=_("company"),
        on_delete=models.PROTECT,
        db_index=False,  # every model has a unique constraint that starts with it
    )
    event_id = ExactUUIDField(_("event ID"), default=uuid.uuid4)
    trust = models.CharField(_("trust"), max_length=9, choices=Trust.of_events(), default=Trust.REPORTED)
    source = ExactCharField(
        _("source"), max_length=TEXT_LENGTH, blank=True, help_text=_("The system that sent the event. Example: SHOPIFY")
    )
    occurred_at = models.DateTimeField(_("date and time"))
    received_at = models.DateTimeField(_("received at"))
    occurred_on = models.DateField(_("day"), help_text=_("The day in the company's time zone."))

    class Meta:
        abstract = True


class Excludable(models.Model):
    """What staff can exclude from all figures, with a reason, and include again."""

    excluded_at = models.DateTimeField(_("excluded at"), null=True)
    excluded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("excluded by"), null=True, on_delete=models.SET_NULL, related_name="+"
    )
    exclusion_reason = models.CharField(_("reason for the exclusion"), max_length=TEXT_LENGTH, blank=True)

    class Meta:
        abstract = True


#: For the constraint of each: what is not excluded has neither a user nor a reason.
EXCLUSION = Q(excluded_at__isnull=False) | Q(excluded_by__isnull=True, exclusion_reason="")


class Credited(models.Model):
    """The credit of an event and the rules in force at that time, stored so that the reason never changes."""

    session = models.ForeignKey(
        "alhena_tracking.VisitorSession",
        verbose_name=_("visitor session"),
        on_delete=models.RESTRICT,
        related_name="%(class)ss",
        db_index=False,  # every model has an index that starts with it
    )
    credited_interaction = models.ForeignKey(
        "alhena_tracking.Interaction",
        verbose_name=_("credited interaction"),
        on_delete=models.RESTRICT,
        related_name="credited_%(class)ss",
    )
    channel = models.CharField(_("channel"), max_length=CHANNEL_LENGTH)
    ai_profile = ExactCharField(_("AI profile"), max_length=TEXT_LENGTH, blank=True)
    attribution_window = models.DurationField(_("attribution window"))
    attribution_model = models.CharField(_("attribution model"), max_length=11, choices=AttributionModel.choices)
    #: The order of arrival of a session's cart events and orders.
    arrival = models.BigIntegerField(default=0, editable=False)

    class Meta:
        abstract = True

"""Companies and their secret keys."""

from __future__ import annotations

import re
import secrets
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models, router, transaction
from django.db.models import Min, OuterRef, Subquery
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from alhena_tracking.contract.currencies import MINOR_UNITS
from alhena_tracking.contract.limits import REDATED_AT_ONCE, ZONE_SETTLES_AFTER
from alhena_tracking.models.base import ExactCharField
from alhena_tracking.models.redating import Redating
from alhena_tracking.models.rollups import DailySessions, RolledUpDay
from alhena_tracking.models.visits import VisitorSession
from alhena_tracking.querysets import CompanyQuerySet, DatedQuerySet, SecretKeyQuerySet
from alhena_tracking.setting_rules import COMPANY_KEY_PATTERN

#: Sandboxed frames, such as those of Shopify's custom pixels, have the origin "null".
_ORIGIN = re.compile(r"null|https?://([a-z0-9-]+(\.[a-z0-9-]+)*|\[[0-9a-f:.]+\])(:\d{1,5})?", re.ASCII | re.IGNORECASE)


def validate_time_zone(name: str) -> None:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValidationError(
            _("“%(name)s” is not a valid time zone."), code="invalid", params={"name": name}
        ) from None


def validate_origins(text: str) -> None:
    for line in text.split():
        if not _ORIGIN.fullmatch(line):
            message = _("“%(origin)s” is not a valid origin. Example: https://shop.example")
            raise ValidationError(message, code="invalid", params={"origin": line})


def validate_currency(code: str) -> None:
    if code not in MINOR_UNITS:
        raise ValidationError(_("“%(value)s” is not a currency."), code="invalid", params={"value": code})


def default_time_zone() -> str:
    return settings.TIME_ZONE or "UTC"


class Company(models.Model):
    """A shop. Most installs have exactly one, created by ``migrate`` from ``COMPANY_KEY``."""

    key = ExactCharField(
        _("company key"),
        max_length=64,
        unique=True,
        validators=[
            RegexValidator(COMPANY_KEY_PATTERN, _("Use only lowercase letters, digits, hyphens and underscores."))
        ],
        help_text=_("Public. The storefront sends it with every request."),
    )
    name = models.CharField(_("name"), max_length=255)
    currency = models.CharField(
        _("main currency"),
        max_length=3,
        blank=True,
        validators=[validate_currency],
        help_text=_("Shown first in the report. If not set, the busiest currency is."),
    )
    time_zone = models.CharField(
        _("time zone"),
        max_length=64,
        default=default_time_zone,
        validators=[validate_time_zone],
        help_text=_("Determines the day each event belongs to. Example: Europe/Berlin"),
    )
    allowed_origins = models.TextField(
        _("allowed origins"),
        blank=True,
        validators=[validate_origins],
        help_text=_("Other origins whose pages may send events, one per line. Example: https://shop.example"),
    )
    zone_changed_at = models.DateTimeField(_("time zone changed at"), null=True, editable=False)
    is_restricted = models.BooleanField(
        _("restricted to groups"),
        default=False,
        help_text=_("Only superusers and members of the company's groups can see its data."),
    )
    groups = models.ManyToManyField(
        "auth.Group",
        through="alhena_tracking.CompanyGroup",
        verbose_name=_("groups"),
        blank=True,
        help_text=_("Whose members can see a restricted company. Without groups, only superusers can."),
    )

    objects = CompanyQuerySet["Company"].as_manager()

    class Meta:
        verbose_name = _("company")
        verbose_name_plural = _("companies")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save; if the time zone changed, new rows have its days at once, and the others are due for ``redating``."""
        using = kwargs.get("using") or router.db_for_write(type(self), instance=self)
        with transaction.atomic(using=using):
            stored = type(self).objects.using(using).filter(pk=self.pk)
            previous_zone, previous_change = stored.values_list("time_zone", "zone_changed_at").first() or (None, None)
            fields = kwargs.get("update_fields")
            is_moved = previous_zone not in {None, self.time_zone} and (fields is None or "time_zone" in fields)
            if is_moved:
                # Locked before the company: as the other way round, a chunk that marks days would deadlock on MariaDB.
                Redating.objects.using(stored.db).start(self, is_short=self._has_few_rows())
                self.zone_changed_at = timezone.now()
                if fields is not None:
                    kwargs["update_fields"] = {*fields, "zone_changed_at"}
            elif previous_zone is not None:
                # The zone may have settled since this was read.
                self.zone_changed_at = previous_change
            super().save(*args, **kwargs)
            if is_moved:
                self._mark_last_days_stale()

    @property
    def redating(self) -> Redating | None:
        """The re-dating under way; ``None`` where no row has a day of a former time zone."""
        if self.zone_changed_at is None:
            return None
        return Redating.objects.using(self._state.db).under_way().filter(pk=self.pk).first()

    def is_zone_settled(self, now: datetime) -> bool:
        """Return whether no process records events by a former time zone any more."""
        return self.zone_changed_at is None or self.zone_changed_at <= now - ZONE_SETTLES_AFTER

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.time_zone)

    def last_day_ended(self, at: datetime) -> date:
        """Return the last day that was over at ``at``, in the company's time zone."""
        return at.astimezone(self.zone).date() - timedelta(days=1)

    def first_day(self) -> date | None:
        """Return a day before which nothing was recorded, in any time zone; ``None`` if nothing ever was."""
        sessions = VisitorSession.objects.using(self._state.db).filter(company=self)
        first: date | None = sessions.aggregate(first=Min("started_on"))["first"]
        return first - timedelta(days=2) if first else None

    def recorded_since(self) -> date | None:
        """Return the first day with a visitor, also if only its roll-up is left; ``None`` if there is none."""
        sessions = VisitorSession.objects.filter(company=OuterRef("pk")).order_by("started_on")
        rolled_up = DailySessions.objects.filter(company=OuterRef("pk")).order_by("on")
        found = type(self).objects.using(self._state.db).filter(pk=self.pk)
        days = found.values_list(Subquery(sessions.values("started_on")[:1]), Subquery(rolled_up.values("on")[:1]))
        return min((day for day in days.first() or () if day), default=None)

    @property
    def origins(self) -> frozenset[str]:
        return frozenset(self.allowed_origins.lower().split())

    @property
    def test_url(self) -> str:
        """The shop's start page in test mode, on the first origin; empty if none is listed."""
        origins = [origin for origin in self.allowed_origins.split() if origin.startswith(("http://", "https://"))]
        return f"{origins[0]}/?alhena_test=1" if origins else ""

    def _mark_last_days_stale(self) -> None:
        """Mark the days that are over in some time zone and not in another, which changes from now on may not mark."""
        today = timezone.now().astimezone(UTC).date()
        days = [today + timedelta(days=number) for number in range(-2, 2)]
        RolledUpDay.objects.using(self._state.db).mark_stale(self, days)

    def _has_few_rows(self) -> bool:
        left = REDATED_AT_ONCE
        for rows in self._dated_rows():
            left -= rows[: left + 1].count()
            if left < 0:
                return False
        return True

    def _dated_rows(self) -> Iterator[DatedQuerySet[Any]]:
        for relation in self._meta.related_objects:
            rows = relation.related_model._default_manager.using(self._state.db).filter(company=self)
            if isinstance(rows, DatedQuerySet):
                yield rows


class SecretKey(models.Model):
    """A key that authenticates the shop's server. Only its SHA-256 is stored; 256 random bits need no salt."""

    PREFIX = "alhena_sk_"
    #: How many of its random characters the prefix shows, for telling keys apart; 39 are left.
    SHOWN = 4

    company = models.ForeignKey(
        Company, verbose_name=_("company"), on_delete=models.CASCADE, related_name="secret_keys"
    )
    name = models.CharField(
        _("name"), max_length=64, help_text=_("What the key is used for. Example: Production server")
    )
    digest = models.CharField(_("SHA-256"), max_length=64, unique=True, editable=False)
    prefix = models.CharField(_("beginning"), max_length=16, blank=True, editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, editable=False)

    objects = SecretKeyQuerySet["SecretKey"].as_manager()

    class Meta:
        verbose_name = _("secret key")
        verbose_name_plural = _("secret keys")
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return self.name

    def issue(self) -> str:
        """Generate a key, save its digest, and return the key, which cannot be read again."""
        key = self.PREFIX + secrets.token_urlsafe(32)
        self.digest = self.digest_of(key)
        self.prefix = key[: len(self.PREFIX) + self.SHOWN]
        self.save(force_insert=True)
        return key

    @staticmethod
    def digest_of(key: str) -> str:
        return sha256(key.encode(errors="surrogatepass")).hexdigest()

"""The companies that requests name, cached in this process for a few seconds, so that most requests query none.

A committed change takes effect in every other process within ``CACHE_SECONDS``, and here at the next ``clear``. Reads
take no lock: each is one look into a dict. Queries go to where companies are written, whatever a router says of reads:
on a replica a revoked key may still be active.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic

from django.db import DatabaseError, InterfaceError, transaction
from django.db.models import F, FilteredRelation, Q
from django.utils import timezone

from alhena_tracking.db.transactions import database
from alhena_tracking.models import Company, SecretKey
from alhena_tracking.querysets import CompanyQuerySet

#: A revoked key must fail everywhere within five seconds; a request in progress takes some of them.
CACHE_SECONDS = 4
MAX_COMPANIES = 1000


@dataclass(frozen=True, slots=True)
class CachedCompany:
    """A company with its origins and its active secret keys. All threads share it: never change it."""

    company: Company
    origins: frozenset[str]
    #: The active keys' ids by their digests.
    secret_keys: Mapping[str, int]


@dataclass(slots=True)
class _Cache:
    """Each entry stands beside the time at which it expires."""

    companies: dict[str, tuple[float, CachedCompany]] = field(default_factory=dict)
    origins: tuple[float, frozenset[str]] = (0, frozenset())


_cache = _Cache()


def find_company(key: str) -> CachedCompany | None:
    """Return the company with exactly this key. Unknown keys are not cached, so that strangers cannot fill it."""
    companies = _cache.companies
    # Read before the query: an entry is as old as its query.
    now = monotonic()
    entry = companies.get(key)
    if entry and now < entry[0]:
        return entry[1]
    found = _read_company(key)
    if found and _may_cache():
        if len(companies) >= MAX_COMPANIES and key not in companies:
            companies.clear()
        companies[key] = (now + CACHE_SECONDS, found)
    return found


def is_listed_origin(origin: str) -> bool:
    """Return whether any company lists the origin (in lower case); ``False`` while the database fails."""
    cache, now = _cache, monotonic()
    expires, origins = cache.origins
    if now < expires:
        return origin in origins
    try:
        origins = frozenset().union(*(company.origins for company in _companies().exclude(allowed_origins="")))
    except (DatabaseError, InterfaceError):
        return False
    if _may_cache():
        cache.origins = (now + CACHE_SECONDS, origins)
    return origin in origins


def revoke(key: SecretKey) -> bool:
    """Revoke the key for good, and return whether it was active. The time of the first revocation stands."""
    was_active = SecretKey.objects.active().filter(pk=key.pk).update(revoked_at=timezone.now())
    clear_after_commit()
    return bool(was_active)


def clear_after_commit() -> None:
    """Make this process see a change of companies or keys as soon as it is committed."""
    transaction.on_commit(clear, using=database().alias)


def clear() -> None:
    """Make the next requests query the database."""
    # Replaced, not emptied: a query in progress must not store its outdated answer.
    global _cache
    _cache = _Cache()


def _companies() -> CompanyQuerySet[Company]:
    return Company.objects.using(database().alias)


def _read_company(key: str) -> CachedCompany | None:
    rows = (
        _companies()
        .filter(key=key)
        .annotate(
            active_key=FilteredRelation("secret_keys", condition=Q(secret_keys__revoked_at__isnull=True)),
            digest=F("active_key__digest"),
            key_id=F("active_key__pk"),
        )
    )
    companies = list(rows)
    if not companies:
        return None
    keys = {company.digest: company.key_id for company in companies if company.digest}
    return CachedCompany(companies[0], companies[0].origins, keys)


def _may_cache() -> bool:
    """Return whether a query sees the present, committed state. In a transaction it may not."""
    return not database().in_atomic_block

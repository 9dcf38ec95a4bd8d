"""What a request needs to know of companies, remembered in this process for a moment, so that asking costs no query.

A change is seen in every other process ``REMEMBERED_SECONDS`` after its commit at the latest, and here as soon as
``forget`` is called. Reads take no lock: each is one look into a dict.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic

from django.db import DatabaseError, InterfaceError, router, transaction
from django.db.models import F, FilteredRelation, Q
from django.utils import timezone

from alhena_tracking.models import Company, SecretKey

#: A revoked key is promised to be dead everywhere within five seconds; a request that is under way takes some of them.
REMEMBERED_SECONDS = 4
REMEMBERED_COMPANIES = 1000


@dataclass(frozen=True, slots=True)
class KnownCompany:
    """A company, shared by all threads (never change it), with the origins and the active secret keys it had."""

    company: Company
    origins: frozenset[str]
    secret_digests: tuple[str, ...]


@dataclass(slots=True)
class _Memory:
    """Answers, each beside the time until which it holds."""

    companies: dict[str, tuple[float, KnownCompany]] = field(default_factory=dict)
    origins: tuple[float, frozenset[str]] = (0, frozenset())


_memory = _Memory()


def find_company(key: str) -> KnownCompany | None:
    """The company with exactly this key. Only those that exist are remembered: strangers cannot fill the memory."""
    companies = _memory.companies
    # An answer is as old as its question.
    now = monotonic()
    remembered = companies.get(key)
    if remembered and now < remembered[0]:
        return remembered[1]
    known = _read_company(key)
    if known and _may_remember():
        if len(companies) >= REMEMBERED_COMPANIES and key not in companies:
            companies.clear()
        companies[key] = (now + REMEMBERED_SECONDS, known)
    return known


def is_listed_origin(origin: str) -> bool:
    """Whether any company lists the origin (given in lower case); no, while the database cannot be asked."""
    memory, now = _memory, monotonic()
    until, origins = memory.origins
    if now < until:
        return origin in origins
    try:
        origins = frozenset().union(*(company.origins for company in Company.objects.exclude(allowed_origins="")))
    except (DatabaseError, InterfaceError):
        return False
    if _may_remember():
        memory.origins = (now + REMEMBERED_SECONDS, origins)
    return origin in origins


def revoke(key: SecretKey) -> bool:
    """Revoke the key for good, and say whether it was active. The time of the first revocation stands."""
    was_active = SecretKey.objects.active().filter(pk=key.pk).update(revoked_at=timezone.now())
    forget_after_commit()
    return bool(was_active)


def forget_after_commit() -> None:
    """Let this process see a change of companies or keys as soon as it is committed."""
    transaction.on_commit(forget, using=router.db_for_write(Company))


def forget() -> None:
    """Ask the database anew."""
    # The memory is replaced, not emptied: an answer that was asked for before must not be remembered from now on.
    global _memory
    _memory = _Memory()


def _read_company(key: str) -> KnownCompany | None:
    rows = Company.objects.filter(key=key).annotate(
        active_key=FilteredRelation("secret_keys", condition=Q(secret_keys__revoked_at__isnull=True)),
        digest=F("active_key__digest"),
    )
    # MariaDB's collation finds "acme" for "ACME" too.
    companies = [company for company in rows if company.key == key]
    if not companies:
        return None
    digests = tuple(company.digest for company in companies if company.digest)
    return KnownCompany(companies[0], companies[0].origins, digests)


def _may_remember() -> bool:
    """Not in a transaction: what it sees may be long past, or never be committed."""
    return not transaction.get_connection(router.db_for_write(Company)).in_atomic_block

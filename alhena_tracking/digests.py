"""128-bit digests of ids and fingerprints, held as ``uuid.UUID``: indexed natively, and compared exactly."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from uuid import UUID

from django.conf import settings
from django.utils.encoding import force_bytes


@lru_cache(maxsize=1024)
def text_digest(text: str) -> UUID:
    """Return the digest of a shop's id. Collations treat ``A1``, ``a1`` and ``Á1`` as equal; digests do not."""
    return UUID(bytes=blake2b(text.encode(), digest_size=16).digest())


def fingerprint_digests(company_key: str, fingerprint: UUID) -> list[UUID]:
    """Return the keyed digests of a visitor's fingerprint: by ``SECRET_KEY``, then by each of its fallbacks."""
    return [
        _keyed_digest(key, company_key, fingerprint) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    ]


def _keyed_digest(key: str | bytes, company_key: str, fingerprint: UUID) -> UUID:
    message = company_key.encode() + b"\0" + fingerprint.bytes
    return UUID(bytes=blake2b(message, key=_fingerprint_key(key), digest_size=16).digest())


@lru_cache(maxsize=16)
def _fingerprint_key(key: str | bytes) -> bytes:
    """Derive the BLAKE2b key (RFC 7693; at most 64 bytes) used for fingerprints only."""
    return blake2b(force_bytes(key), person=b"alhena.visitor").digest()

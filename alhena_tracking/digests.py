"""The 128-bit digests that stand in the database for ids and fingerprints.

They are ``uuid.UUID``, which every database stores and indexes natively and compares exactly.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from uuid import UUID

from django.conf import settings
from django.utils.encoding import force_bytes


def text_digest(text: str) -> UUID:
    """Digest an id of the shop. Collations take ``A1``, ``a1`` and ``Á1`` for the same id; digests do not."""
    return UUID(bytes=blake2b(text.encode(), digest_size=16).digest())


def fingerprint_digests(company_key: str, fingerprint: UUID) -> list[UUID]:
    """Return the keyed hash under which a visitor's fingerprint is stored, then those under which it may be stored.

    The first is keyed with ``SECRET_KEY``, the others with ``SECRET_KEY_FALLBACKS``.
    """
    return [
        _keyed_digest(key, company_key, fingerprint) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    ]


def _keyed_digest(key: str | bytes, company_key: str, fingerprint: UUID) -> UUID:
    message = company_key.encode() + b"\0" + fingerprint.bytes
    return UUID(bytes=blake2b(message, key=_fingerprint_key(key), digest_size=16).digest())


@lru_cache(maxsize=16)
def _fingerprint_key(key: str | bytes) -> bytes:
    """Derive a BLAKE2b key (at most 64 bytes, RFC 7693) for this purpose only."""
    return blake2b(force_bytes(key), person=b"alhena.visitor").digest()

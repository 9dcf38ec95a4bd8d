"""The 128-bit digests that stand in the database where identity or privacy is at stake.

They are held as ``uuid.UUID``, which every database stores and indexes natively, and compares exactly.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from uuid import UUID

from django.conf import settings
from django.utils.encoding import force_bytes


def text_digest(text: str) -> UUID:
    """Digest of an id given by the shop. Collations take ``A1``, ``a1`` and ``Á1`` for one id; digests do not."""
    return UUID(bytes=blake2b(text.encode(), digest_size=16).digest())


def fingerprint_digests(company_key: str, fingerprint: UUID) -> list[UUID]:
    """The keyed hash under which a visitor's fingerprint is stored, and those under which it may have been stored.

    The first one is by ``SECRET_KEY``, the others are by ``SECRET_KEY_FALLBACKS``; all are useless without these.
    """
    return [
        _keyed_digest(key, company_key, fingerprint) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    ]


def _keyed_digest(key: str | bytes, company_key: str, fingerprint: UUID) -> UUID:
    message = company_key.encode() + b"\0" + fingerprint.bytes
    return UUID(bytes=blake2b(message, key=_fingerprint_key(key), digest_size=16).digest())


@lru_cache(maxsize=16)
def _fingerprint_key(key: str | bytes) -> bytes:
    """A key of BLAKE2b (RFC 7693), which takes no more than 64 bytes, for this purpose and no other."""
    return blake2b(force_bytes(key), person=b"alhena.visitor").digest()

"""The 128-bit digests that stand in the database where identity or privacy is at stake.

They are held as ``uuid.UUID``, which every database stores and indexes natively, and compares exactly.
"""

from __future__ import annotations

import hmac
from hashlib import blake2b, sha256
from uuid import UUID

from django.conf import settings


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
    key = key.encode() if isinstance(key, str) else key
    message = b"alhena_tracking.fingerprint\0" + company_key.encode() + b"\0" + fingerprint.bytes
    return UUID(bytes=hmac.digest(key, message, sha256)[:16])

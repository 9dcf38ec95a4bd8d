"""Limits: the contract's, most of which the tracker keeps, too (``tests/contract`` pins both), and the server's own."""

from __future__ import annotations

from datetime import timedelta

#: What strings are trimmed of, on both sides: Unicode's White_Space and the byte order mark, and nothing else.
WHITE_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680"
    "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)

#: Longest string and longest product name, in code points after trimming.
TEXT_LENGTH = 255
PRODUCT_NAME_LENGTH = 512

#: Largest ``value`` and largest ``value`` × ``quantity``, in minor units of the currency.
VALUE_MINOR = 10**13
TOTAL_MINOR = 10**15

#: Largest quantity, and how many decimals of it are kept.
QUANTITY = 10**6
QUANTITY_DECIMALS = 3

LINE_ITEMS = 500

#: Most events of a batch.
BATCH_EVENTS = 100

#: How many errors one request is told of; each wrong event of a batch is told of one at least.
ERRORS = 100

#: Largest request body, and largest one of a batch, in bytes.
BODY_BYTES = 64 * 1024
BATCH_BODY_BYTES = 256 * 1024

#: How far the client's clock may be off (or the network slow) before ``occurred_at`` is corrected by it.
CLOCK_TOLERANCE = timedelta(seconds=60)
#: How long after an event its interaction may be dated and still count as before it.
INTERACTION_GRACE = timedelta(seconds=60)
#: The oldest event that is taken.
EVENT_AGE = timedelta(hours=72)
#: Within this time an equal order without an id, of the same session, is the same order.
EQUAL_ORDER_INTERVAL = timedelta(minutes=30)
#: How long a confirmation without a visitor waits for a report of its order, and a refund for its order.
PENDING_AGE = timedelta(hours=72)
#: Longer than any process remembers a company's time zone and records an event by it.
ZONE_SETTLES_AFTER = timedelta(seconds=60)

#: How long a day must have been over before it is rolled up. What is told of it later marks it stale.
ROLLED_UP_AFTER = timedelta(hours=3)
#: How long a day must have been over before changes mark it stale. So long before it is rolled up that transactions
#: which were under way when there was no need for a mark have ended by then.
MARKED_STALE_AFTER = timedelta(hours=1)

"""Limits of the contract, which the tracker enforces, too (``tests/contract`` pins both), and of the server."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

#: Characters that strings are trimmed of, on both sides: Unicode's White_Space and the byte order mark.
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
#: How many decimals of a minor unit a cart event's unit price keeps.
UNIT_VALUE_DECIMALS = 4

LINE_ITEMS = 500

#: Most products that the assistant recommended in one interaction.
RECOMMENDED_PRODUCTS = 20

#: Most events of a batch: of one visitor's, and of one of the shop's server, whose events may have different visitors.
BATCH_EVENTS = 100
SERVER_BATCH_EVENTS = 500

#: Most calls that a batch may report as refused by the browser; others are not counted.
REFUSED = 20

#: Most errors in one answer; each invalid event of a batch has at least one.
ERRORS = 100

#: Largest request body, and largest one of a batch, in bytes.
BODY_BYTES = 64 * 1024
BATCH_BODY_BYTES = 256 * 1024

#: Largest body of a platform's webhook, in bytes, and how old a delivery may be: as long as its id is remembered.
WEBHOOK_BODY_BYTES = 1024 * 1024
WEBHOOK_AGE = timedelta(hours=72)

#: How far a client's clock may be off (or the network slow) before ``occurred_at`` is corrected.
CLOCK_TOLERANCE = timedelta(seconds=60)
#: How long after an event its interaction may be dated and still count as before it.
INTERACTION_GRACE = timedelta(seconds=60)
#: Age of the oldest event that is accepted.
EVENT_AGE = timedelta(hours=72)
#: Within this time, equal orders of one session without an id are duplicates.
EQUAL_ORDER_INTERVAL = timedelta(minutes=30)
#: How long a confirmation waits for a report of its order, and a refund for its order.
PENDING_AGE = timedelta(hours=72)
#: Of an order's claims, so many of the first and so many of the latest are kept.
FIRST_CLAIMS = 500
LATEST_CLAIMS = 500
#: Most order ids that one session may claim within an attribution window, those confirmed for it not counted.
SESSION_CLAIMS = 20
#: Most cart events of one session that browsers may send within an attribution window.
SESSION_CART_EVENTS = 1000
#: A product removed from the cart so shortly before its order was not given back: the shop emptied its cart.
EMPTYING_INTERVAL = timedelta(minutes=5)
#: After more orders of its session since its last event, nothing of a product is left in the cart.
CART_ORDERS = 20
#: Most pairs of a channel and an AI profile among the touches that are stored with an order.
TOUCHES = 50
#: How much an order's only claim may differ from the confirmed amount, and from its time, to be credited.
NEAR_CLAIM = Fraction(3, 10)
NEAR_CLAIM_INTERVAL = timedelta(hours=1)
#: Longer than any process records events by a company's former time zone.
ZONE_SETTLES_AFTER = timedelta(seconds=60)
#: A company with at most so many dated rows is re-dated in the request that changes its time zone.
REDATED_AT_ONCE = 1000

#: How long a day must have been over before it is rolled up. Later changes mark it stale.
ROLLED_UP_AFTER = timedelta(hours=3)
#: How long a day must have been over before changes mark it stale: so much less that transactions which did not have to
#: mark the day have ended when it is rolled up.
MARKED_STALE_AFTER = timedelta(hours=1)

#: How long a file that was made in the background is kept; twice as long, one that was never made.
EXPORT_KEPT = timedelta(days=1)
#: After so long without a sign of life of its process, another one makes the file.
EXPORT_ABANDONED_AFTER = timedelta(seconds=90)
#: Most files that a person has in the background, made or not.
EXPORTS_OF_A_PERSON = 5
#: Most rows of a file made in the background, and most bytes: as much as nginx buffers by default.
EXPORT_ROWS = 5_000_000
EXPORT_BYTES = 1000**3

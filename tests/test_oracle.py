"""The oracle says what the specification says: examples worked out by hand, and a look at what histories reach."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial

import pytest
from hypothesis import Phase, given, settings

from tests.support.histories import RECEIVED_AT, History, histories
from tests.support.oracle import (
    CartChange,
    CartState,
    Credit,
    Event,
    Interaction,
    Outcome,
    Purchase,
    RecordedChange,
    RecordedPurchase,
    Result,
    Session,
    replay,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NOW = timedelta(0)
TICK = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def interaction(
    after: timedelta = -HOUR,
    *,
    chat: str | None = "ann",
    faq: str | None = None,
    kind: str = "CHAT",
    ai_profile: str = "",
    is_qualifying: bool = True,
    company: str = "acme",
) -> Interaction:
    return Interaction(company, chat, faq, kind, ai_profile, is_qualifying, NOON + after)


def change(
    change_type: str,
    quantity: str,
    value_minor: int = 100,
    after: timedelta = NOW,
    *,
    basis: str = "unit",
    product_id: str = "mug",
    currency: str = "EUR",
    chat: str | None = "ann",
    faq: str | None = None,
    company: str = "acme",
) -> CartChange:
    at = NOON + after
    return CartChange(company, chat, faq, change_type, product_id, currency, value_minor, basis, Decimal(quantity), at)


added = partial(change, "ITEM_ADDED")
increased = partial(change, "QUANTITY_INCREASED")
decreased = partial(change, "QUANTITY_DECREASED")
removed = partial(change, "ITEM_REMOVED", "0")


def purchase(
    order_id: str | None,
    after: timedelta = NOW,
    *,
    value_minor: int = 5000,
    currency: str = "EUR",
    chat: str | None = "ann",
    faq: str | None = None,
    company: str = "acme",
) -> Purchase:
    return Purchase(company, chat, faq, order_id, currency, value_minor, NOON + after)


def outcome(*events: Event, model: str = "first_touch") -> Outcome:
    return replay(events, window=DAY, model=model)


def joined(*events: Event) -> list[Result]:
    return [
        result for result, event in zip(outcome(*events).results, events, strict=True) if isinstance(event, Interaction)
    ]


def credit(*events: Event, model: str = "first_touch") -> Credit | None:
    """Give what the last of the events is credited to."""
    result = outcome(*events, model=model).results[-1]
    assert result is None or isinstance(result, RecordedChange | RecordedPurchase)
    return result.credit if result else None


def credited(*events: Event, model: str = "first_touch") -> int | None:
    """Give which interaction the last of the events is credited to."""
    found = credit(*events, model=model)
    return found.interaction if found else None


def recorded(*events: Event) -> list[RecordedChange]:
    """Give the figures of cart changes, all by one visitor who has interacted before."""
    return [result for result in outcome(interaction(), *events).results if isinstance(result, RecordedChange)]


def worth(*events: Event) -> list[tuple[str, int]]:
    """Give units and GMV of cart changes, all by one visitor who has interacted before."""
    return [(str(row.units.normalize()), row.gmv_minor) for row in recorded(*events)]


def fates(*events: Event) -> list[str]:
    """Say what became of purchases, where visitors called Ann and Bob have interacted before with each company."""
    companies = ("acme", "globex")
    visits = [interaction(-2 * HOUR, chat=chat, company=company) for company in companies for chat in ("ann", "bob")]
    results = outcome(*visits, *events).results[len(visits) :]
    assert all(isinstance(result, RecordedPurchase) or result in ("duplicate", None) for result in results)
    return ["recorded" if isinstance(result, RecordedPurchase) else str(result) for result in results]


# Sessions


@pytest.mark.parametrize("distance", [DAY, -DAY])
def test_interaction_joins_when_a_window_away(distance: timedelta) -> None:
    assert joined(interaction(NOW), interaction(distance)) == [0, 0]


@pytest.mark.parametrize("distance", [DAY + TICK, -DAY - TICK])
def test_interaction_opens_a_session_when_more_than_a_window_away(distance: timedelta) -> None:
    assert joined(interaction(NOW), interaction(distance)) == [0, 1]


def test_interactions_chain_when_each_is_near_the_one_before() -> None:
    assert joined(interaction(-DAY), interaction(NOW), interaction(DAY)) == [0, 0, 0]


def test_chain_breaks_when_the_near_interaction_shares_no_fingerprint() -> None:
    assert joined(
        interaction(-DAY, chat="ann", faq="anna"),
        interaction(NOW, chat=None, faq="anna"),
        interaction(DAY, chat="ann", faq=None),
    ) == [0, 0, 1]


@pytest.mark.parametrize(("chat", "faq"), [("ann", None), (None, "anna"), ("bob", "anna"), ("ann", "ben")])
def test_interaction_joins_when_one_fingerprint_is_shared(chat: str | None, faq: str | None) -> None:
    assert joined(interaction(chat="ann", faq="anna"), interaction(chat=chat, faq=faq)) == [0, 0]


@pytest.mark.parametrize(("chat", "faq"), [("bob", "ben"), ("anna", None), (None, "ann"), ("anna", "ann")])
def test_interaction_opens_a_session_when_like_is_not_shared_with_like(chat: str | None, faq: str | None) -> None:
    assert joined(interaction(chat="ann", faq="anna"), interaction(chat=chat, faq=faq)) == [0, 1]


def test_absent_fingerprints_are_not_shared_when_absent_in_both() -> None:
    assert joined(interaction(chat="ann", faq=None), interaction(chat="bob", faq=None)) == [0, 1]


def test_interaction_opens_a_session_when_the_company_is_another() -> None:
    assert joined(interaction(company="acme"), interaction(company="globex")) == [0, 1]


def test_interaction_joins_the_earliest_started_when_there_are_several() -> None:
    assert joined(
        interaction(-HOUR, chat="ann"),
        interaction(-2 * HOUR, chat=None, faq="anna"),
        interaction(NOW, chat="ann", faq="anna"),
    ) == [0, 1, 1]


def test_interaction_joins_the_session_opened_first_when_two_started_together() -> None:
    assert joined(
        interaction(-HOUR, chat=None, faq="anna"),
        interaction(-HOUR, chat="ann"),
        interaction(NOW, chat="ann", faq="anna"),
    ) == [0, 1, 0]


def test_sessions_stay_apart_when_an_interaction_is_near_both() -> None:
    assert joined(
        interaction(-2 * HOUR, chat="ann"),
        interaction(-HOUR, chat=None, faq="anna"),
        interaction(NOW, chat="ann", faq="anna"),
        interaction(DAY, chat=None, faq="anna"),
        interaction(DAY + HOUR, chat=None, faq="anna"),
    ) == [0, 1, 0, 0, 0]


def test_start_is_the_earliest_interaction_when_that_one_arrives_late() -> None:
    assert joined(
        interaction(-HOUR, chat=None, faq="anna"),
        interaction(NOW, chat="ann"),
        interaction(-2 * HOUR, chat="ann"),
        interaction(NOW, chat="ann", faq="anna"),
    ) == [0, 1, 1, 1]


def test_earlier_choice_stands_when_a_start_moves_afterwards() -> None:
    assert joined(
        interaction(-HOUR, chat=None, faq="anna"),
        interaction(NOW, chat="ann", faq="ben"),
        interaction(NOW, chat="ann", faq="anna"),
        interaction(-2 * HOUR, chat=None, faq="ben"),
        interaction(NOW, chat="ann", faq="anna"),
    ) == [0, 1, 0, 1, 1]


def test_session_has_its_first_interaction_s_channel_and_all_its_times_when_one_arrives_late() -> None:
    assert outcome(
        interaction(NOW, kind="CHAT", ai_profile="shopping"),
        purchase("A1"),
        interaction(HOUR, kind="NUDGE", ai_profile="other"),
        interaction(-HOUR, kind="FAQ", ai_profile="support"),
    ).sessions == (Session("acme", NOON - HOUR, NOON + HOUR, "FAQ", "support", (0, 2, 3)),)


def test_session_has_the_earlier_arrival_s_channel_when_two_interactions_are_at_one_time() -> None:
    (session,) = outcome(interaction(NOW, kind="NUDGE"), interaction(NOW, kind="FAQ")).sessions
    assert session.channel == "NUDGE"


def test_session_has_the_first_qualifying_channel_when_an_earlier_one_does_not_qualify() -> None:
    (session,) = outcome(
        interaction(-HOUR, kind="NUDGE", is_qualifying=False), interaction(NOW, kind="FAQ", ai_profile="support")
    ).sessions
    assert (session.started_at, session.channel, session.ai_profile) == (NOON - HOUR, "FAQ", "support")


def test_session_has_no_channel_when_nothing_in_it_qualifies() -> None:
    (session,) = outcome(interaction(ai_profile="support", is_qualifying=False)).sessions
    assert (session.channel, session.ai_profile) == ("", "")


# Credit


def test_event_is_not_recorded_when_there_is_no_interaction() -> None:
    assert outcome(added("1"), purchase("A1"), purchase(None)) == Outcome((), (None, None, None))


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (-DAY - TICK, None),
        (-DAY, 0),
        (NOW, 0),
        (60 * SECOND, 0),
        (60 * SECOND + TICK, None),
    ],
)
def test_interaction_earns_when_it_lies_within_the_window_and_the_grace(at: timedelta, expected: int | None) -> None:
    assert credited(interaction(at), added("1")) == expected
    assert credited(interaction(at), purchase("A1")) == expected


def test_interaction_earns_nothing_when_it_arrives_after_the_event() -> None:
    assert outcome(added("1"), interaction(-HOUR)).results == (None, 0)


@pytest.mark.parametrize(("model", "expected"), [("first_touch", 1), ("last_touch", 2)])
def test_model_chooses_by_time_when_arrival_is_in_another_order(model: str, expected: int) -> None:
    interactions = interaction(-2 * HOUR), interaction(-3 * HOUR), interaction(-HOUR)
    assert credited(*interactions, added("1"), model=model) == expected


@pytest.mark.parametrize(("model", "expected"), [("first_touch", 0), ("last_touch", 1)])
def test_model_chooses_by_arrival_when_interactions_are_at_one_time(model: str, expected: int) -> None:
    assert credited(interaction(-HOUR), interaction(-HOUR), added("1"), model=model) == expected


@pytest.mark.parametrize(("model", "expected"), [("first_touch", 0), ("last_touch", 1)])
def test_interactions_count_as_at_the_event_when_they_lie_within_the_grace(model: str, expected: int) -> None:
    assert credited(interaction(60 * SECOND), interaction(NOW), added("1"), model=model) == expected


def test_model_is_refused_when_unknown() -> None:
    with pytest.raises(ValueError, match="linear"):
        outcome(model="linear")


@pytest.mark.parametrize(
    ("chat", "faq", "expected"),
    [
        ("ann", None, 0),
        (None, "anna", 0),
        ("bob", "anna", 0),
        ("ann", "ben", 0),
        ("bob", "ben", None),
        ("anna", None, None),
        (None, "ann", None),
        ("anna", "ann", None),
    ],
)
def test_interaction_earns_when_like_is_shared_with_like(
    chat: str | None, faq: str | None, expected: int | None
) -> None:
    assert credited(interaction(chat="ann", faq="anna"), added("1", chat=chat, faq=faq)) == expected


def test_interaction_earns_nothing_when_the_company_is_another() -> None:
    assert credited(interaction(company="globex"), added("1")) is None


def test_interaction_earns_nothing_when_only_its_session_is_shared() -> None:
    both, faq_only = interaction(-DAY - HOUR, faq="anna"), interaction(-HOUR, chat=None, faq="anna")
    assert joined(both, faq_only) == [0, 0]
    assert credited(both, faq_only, added("1", chat="ann")) is None


def test_interaction_is_passed_over_when_it_does_not_qualify() -> None:
    assert credited(interaction(-2 * HOUR, is_qualifying=False), interaction(-HOUR), added("1")) == 1
    assert credited(interaction(-HOUR, is_qualifying=False), added("1")) is None


def test_channel_and_profile_are_the_credited_interaction_s_when_the_session_s_differ() -> None:
    assert credit(
        interaction(-2 * HOUR, kind="CHAT", ai_profile="shopping"),
        interaction(-HOUR, kind="FAQ", ai_profile="support"),
        purchase("A1"),
        model="last_touch",
    ) == Credit(session=0, interaction=1, channel="FAQ", ai_profile="support")


@pytest.mark.parametrize(("model", "expected"), [("first_touch", 1), ("last_touch", 0)])
def test_session_is_the_earliest_started_when_either_model_credits_another(model: str, expected: int) -> None:
    found = credit(
        interaction(-HOUR, chat="ann"),
        interaction(-2 * HOUR, chat=None, faq="anna", kind="FAQ"),
        added("1", chat="ann", faq="anna"),
        model=model,
    )
    assert found is not None
    assert (found.session, found.interaction) == (1, expected)


@pytest.mark.parametrize(("model", "expected"), [("first_touch", 0), ("last_touch", 2)])
def test_session_s_start_counts_when_that_interaction_earns_nothing(model: str, expected: int) -> None:
    found = credit(
        interaction(-10 * HOUR, chat=None, faq="anna"),
        interaction(-26 * HOUR, chat="ann"),
        interaction(-3 * HOUR, chat="ann"),
        added("1", chat="ann", faq="anna"),
        model=model,
    )
    assert found is not None
    assert (found.session, found.interaction) == (1, expected)


def test_session_is_among_the_candidates_when_one_started_earlier_earns_nothing() -> None:
    found = credit(
        interaction(-3 * HOUR, chat="ann", is_qualifying=False),
        interaction(-HOUR, chat=None, faq="anna"),
        added("1", chat="ann", faq="anna"),
    )
    assert found is not None
    assert (found.session, found.interaction) == (1, 1)


def test_session_is_the_one_opened_first_when_two_started_together() -> None:
    found = credit(
        interaction(-HOUR, chat=None, faq="anna"), interaction(-HOUR), added("1", faq="anna"), model="last_touch"
    )
    assert found is not None
    assert (found.session, found.interaction) == (0, 1)


def test_credit_stands_when_an_earlier_interaction_arrives_later() -> None:
    before = interaction(-HOUR), interaction(-2 * HOUR, chat=None, faq="anna"), added("1", faq="anna")
    after = interaction(-3 * HOUR)
    assert outcome(*before, after).results[2] == outcome(*before).results[2]
    assert outcome(*before, after).sessions[0].started_at == NOON - 3 * HOUR
    found = credit(*before, after, added("1", faq="anna"))
    assert found is not None
    assert (found.session, found.interaction) == (0, 3)


# What a cart change is worth


def test_added_claims_all_when_nothing_is_known() -> None:
    assert worth(added("3", 250)) == [("3", 750)]


@pytest.mark.parametrize(
    ("quantity", "expected"), [("3", ("1", 250)), ("1", ("1", 250)), ("0.4", ("0.4", 100)), ("1.5", ("1", 250))]
)
def test_increased_claims_at_most_one_when_nothing_is_known(quantity: str, expected: tuple[str, int]) -> None:
    assert worth(increased(quantity, 250)) == [expected]


def test_nothing_is_given_back_when_nothing_is_known() -> None:
    assert worth(decreased("2")) == [("0", 0)]
    assert worth(removed()) == [("0", 0)]


def test_quantity_is_known_when_the_first_change_claimed_nothing() -> None:
    assert worth(decreased("2"), increased("5")) == [("0", 0), ("3", 300)]
    assert worth(removed(), increased("5")) == [("0", 0), ("5", 500)]


def test_quantity_is_known_when_only_one_of_many_was_claimed() -> None:
    assert worth(increased("5"), increased("7"), removed()) == [("1", 100), ("2", 200), ("-3", -300)]


@pytest.mark.parametrize("grow", [added, increased])
def test_growth_claims_the_difference_when_the_quantity_is_known(grow: "partial[CartChange]") -> None:
    assert worth(added("2", 100), grow("5", 300)) == [("2", 200), ("3", 900)]


@pytest.mark.parametrize("grow", [added, increased])
def test_growth_claims_nothing_when_the_quantity_is_the_same(grow: "partial[CartChange]") -> None:
    first, second = recorded(added("2", 100), grow("2", 999))
    assert (second.units, second.gmv_minor, second.after) == (Decimal(0), 0, first.after)


def test_added_starts_afresh_when_less_is_left_than_was_known() -> None:
    first, second = recorded(added("3", 100), added("2", 150))
    assert (first.units, first.gmv_minor) == (Decimal(3), 300)
    assert (second.units, second.gmv_minor) == (Decimal(2), 300)
    assert second.after == CartState(Decimal(2), Decimal(2), 300)


def test_increased_starts_afresh_when_less_is_left_than_was_known() -> None:
    assert worth(added("3", 100), increased("2", 150), removed()) == [("3", 300), ("1", 150), ("-1", -150)]


@pytest.mark.parametrize("shrink", [decreased, partial(change, "ITEM_REMOVED")])
def test_less_gives_back_what_was_claimed_when_some_is_left(shrink: "partial[CartChange]") -> None:
    expected = {"QUANTITY_DECREASED": ("-1", -200), "ITEM_REMOVED": ("-3", -600)}
    event = shrink("2")
    assert worth(added("3", 200), event) == [("3", 600), expected[event.type]]


def test_nothing_is_given_back_when_more_is_left_than_was_known() -> None:
    first, second = recorded(added("2"), decreased("3"))
    assert (second.units, second.gmv_minor) == (Decimal(0), 0)
    assert second.after == CartState(Decimal(3), first.after.units, first.after.minor)


def test_nothing_is_given_back_when_the_same_is_left() -> None:
    assert worth(added("2"), decreased("2")) == [("2", 200), ("0", 0)]


def test_no_more_is_given_back_when_more_goes_than_was_claimed() -> None:
    assert worth(increased("5", 100), decreased("2")) == [("1", 100), ("-1", -100)]
    assert worth(increased("5", 100), decreased("2"), removed()) == [("1", 100), ("-1", -100), ("0", 0)]


def test_value_of_the_change_is_not_asked_when_something_is_given_back() -> None:
    assert worth(added("2", 100), decreased("1", 999), removed(7)) == [("2", 200), ("-1", -100), ("-1", -100)]


def test_given_back_is_worth_the_average_when_prices_differed() -> None:
    assert worth(added("1", 100), increased("3", 400), decreased("2")) == [("1", 100), ("2", 800), ("-1", -300)]


@pytest.mark.parametrize(
    ("claimed", "left", "expected"),
    [
        (added("2", 5, basis="total"), "1", ("-1", -3)),  # 2.5
        (added("3", 10, basis="total"), "2", ("-1", -3)),  # 3.33
        (added("3", 10, basis="total"), "1", ("-2", -7)),  # 6.67
        (added("3", 10, basis="total"), "0.75", ("-2.25", -8)),  # 7.5
        (added("2", 1, basis="total"), "1.001", ("-0.999", 0)),  # 0.4995
    ],
)
def test_given_back_is_rounded_half_away_from_zero_when_not_whole(
    claimed: CartChange, left: str, expected: tuple[str, int]
) -> None:
    assert worth(claimed, decreased(left))[1] == expected


def test_given_back_adds_up_to_the_claim_when_every_part_was_rounded() -> None:
    assert worth(added("3", 10, basis="total"), decreased("2"), decreased("1"), decreased("0")) == [
        ("3", 10),
        ("-1", -3),
        ("-1", -4),  # 7 / 2
        ("-1", -3),
    ]


@pytest.mark.parametrize(
    ("quantity", "value_minor", "expected"),
    [("0.5", 1, 1), ("0.5", 3, 2), ("1.5", 333, 500), ("0.499", 1, 0), ("0.333", 1999, 666), ("0.001", 500, 1)],
)
def test_claim_is_rounded_half_away_from_zero_when_not_whole(quantity: str, value_minor: int, expected: int) -> None:
    assert worth(added(quantity, value_minor))[0][1] == expected


def test_claim_is_rounded_once_when_the_value_is_a_total() -> None:
    assert worth(added("3", 1000, basis="total")) == [("3", 1000)]
    assert worth(added("1", 0), increased("3", 1000, basis="total")) == [("1", 0), ("2", 667)]
    assert worth(increased("7", 1000, basis="total")) == [("1", 143)]
    assert worth(increased("0.5", 1000, basis="total")) == [("0.5", 1000)]


def test_claim_is_exact_when_the_figures_are_the_greatest() -> None:
    assert worth(added("1000000", 10**9)) == [("1E+6", 10**15)]
    assert worth(added("3", 10**15 - 1, basis="total"), decreased("2")) == [
        ("3", 10**15 - 1),
        ("-1", -333_333_333_333_333),
    ]


def test_claim_is_kept_when_it_is_worth_nothing() -> None:
    assert recorded(added("2", 0), decreased("1"), removed())[1:] == [
        RecordedChange(Credit(0, 0, "CHAT", ""), Decimal(-1), 0, CartState(Decimal(1), Decimal(1), 0)),
        RecordedChange(Credit(0, 0, "CHAT", ""), Decimal(-1), 0, CartState(Decimal(0), Decimal(0), 0)),
    ]


@pytest.mark.parametrize("basis", ["unit", "total"])
def test_removed_means_none_is_left_when_a_quantity_is_given(basis: str) -> None:
    _, second = recorded(added("2"), change("ITEM_REMOVED", "2", basis=basis))
    assert (second.units, second.gmv_minor, second.after) == (Decimal(-2), -200, CartState(Decimal(0), Decimal(0), 0))


def test_state_is_after_the_change_when_part_is_given_back() -> None:
    assert [row.after for row in recorded(added("3", 100), decreased("1"), increased("1.5", 200))] == [
        CartState(Decimal(3), Decimal(3), 300),
        CartState(Decimal(1), Decimal(1), 100),
        CartState(Decimal("1.5"), Decimal("1.5"), 200),
    ]


@pytest.mark.parametrize(
    "other",
    [added("3", product_id="MUG"), added("3", currency="JPY"), added("3", chat="bob"), added("3", company="globex")],
)
def test_states_are_apart_when_product_or_currency_or_session_or_company_differs(other: CartChange) -> None:
    before = [interaction(), interaction(chat="bob"), interaction(company="globex")]
    *_, first, second = outcome(*before, added("2"), other).results
    assert isinstance(first, RecordedChange)
    assert isinstance(second, RecordedChange)
    assert (first.units, second.units) == (Decimal(2), Decimal(3))


def test_change_is_left_out_when_it_was_not_recorded() -> None:
    *_, first, ignored, second = outcome(interaction(), added("2"), added("9", chat="bob"), increased("3")).results
    assert isinstance(first, RecordedChange)
    assert ignored is None
    assert isinstance(second, RecordedChange)
    assert second.units == 1


# Order in time


def test_changes_count_in_order_of_time_when_one_arrives_late() -> None:
    assert worth(added("3", after=MINUTE), decreased("1", after=3 * MINUTE), increased("5", after=2 * MINUTE)) == [
        ("3", 300),
        ("-4", -400),
        ("2", 200),
    ]


def test_first_change_claims_less_when_an_earlier_one_arrives_late() -> None:
    assert worth(added("3", after=MINUTE), added("2")) == [("1", 100), ("2", 200)]


def test_changes_count_in_order_of_arrival_when_at_one_time() -> None:
    assert worth(added("3"), decreased("1")) == [("3", 300), ("-2", -200)]
    assert worth(decreased("1"), added("3")) == [("0", 0), ("2", 200)]


def test_order_empties_the_state_when_a_change_follows() -> None:
    _, second = recorded(added("3"), purchase("A1", MINUTE), increased("5", after=2 * MINUTE))
    assert (second.units, second.gmv_minor) == (Decimal(1), 100)
    assert second.after == CartState(Decimal(5), Decimal(1), 100)


def test_order_empties_nothing_when_at_the_change_s_instant() -> None:
    assert worth(added("3"), purchase("A1", MINUTE), increased("5", after=MINUTE)) == [("3", 300), ("2", 200)]
    assert worth(added("3"), purchase("A1", MINUTE), increased("5", after=MINUTE + TICK)) == [
        ("3", 300),
        ("1", 100),
    ]


def test_order_empties_the_state_when_it_arrives_late() -> None:
    assert worth(added("3"), removed(after=2 * MINUTE), purchase("A1", MINUTE)) == [("3", 300), ("0", 0)]


def test_change_belongs_before_the_order_when_it_arrives_late() -> None:
    assert worth(added("3"), purchase("A1", MINUTE), decreased("1", after=SECOND), added("2", after=HOUR)) == [
        ("3", 300),
        ("-2", -200),
        ("2", 200),
    ]


@pytest.mark.parametrize("other", [purchase("A1", MINUTE, currency="JPY"), purchase(None, MINUTE, value_minor=0)])
def test_order_empties_the_state_of_all_products_and_currencies_when_it_is_any(other: Purchase) -> None:
    events = added("1"), added("2", product_id="tea"), added("3", currency="JPY")
    later = [decreased("0", after=HOUR, product_id=e.product_id, currency=e.currency) for e in events]
    assert [units for units, _ in worth(*events, other, *later)] == ["1", "2", "3", "0", "0", "0"]


@pytest.mark.parametrize("other", [purchase("A1", MINUTE, chat="bob"), purchase("A1", MINUTE, chat="nobody")])
def test_order_empties_nothing_when_of_another_session_or_of_none(other: Purchase) -> None:
    assert worth(interaction(chat="bob"), added("3"), other, removed(after=HOUR)) == [("3", 300), ("-3", -300)]


def test_order_empties_nothing_when_it_is_a_duplicate() -> None:
    assert worth(purchase("A1"), added("3", after=SECOND), purchase("A1", MINUTE), removed(after=HOUR)) == [
        ("3", 300),
        ("-3", -300),
    ]


# Duplicates


def test_order_is_a_duplicate_when_its_id_was_recorded() -> None:
    assert fates(purchase("A1"), purchase("A1", HOUR, value_minor=1, currency="JPY")) == ["recorded", "duplicate"]


def test_order_is_a_duplicate_when_another_visitor_has_its_id() -> None:
    assert fates(purchase("A1"), purchase("A1", chat="bob")) == ["recorded", "duplicate"]


def test_order_is_a_duplicate_when_its_id_was_recorded_and_it_would_earn_no_credit() -> None:
    assert fates(purchase("A1"), purchase("A1", chat="nobody")) == ["recorded", "duplicate"]


def test_order_is_recorded_when_its_id_was_reported_without_credit() -> None:
    assert fates(purchase("A1", chat="nobody"), purchase("A1")) == ["None", "recorded"]


@pytest.mark.parametrize("order_id", ["a1", "\u00c11", "A 1", None])
def test_order_is_recorded_when_its_id_is_not_exactly_the_same(order_id: str | None) -> None:
    assert fates(purchase("A1"), purchase(order_id)) == ["recorded", "recorded"]


def test_order_is_recorded_when_another_company_has_its_id() -> None:
    assert fates(purchase("A1"), purchase("A1", company="globex")) == ["recorded", "recorded"]


@pytest.mark.parametrize("distance", [NOW, 30 * MINUTE, -30 * MINUTE])
def test_order_without_id_is_a_duplicate_when_repeated_within_half_an_hour(distance: timedelta) -> None:
    assert fates(purchase(None), purchase(None, distance)) == ["recorded", "duplicate"]


@pytest.mark.parametrize("distance", [30 * MINUTE + TICK, -30 * MINUTE - TICK])
def test_order_without_id_is_recorded_when_repeated_later_than_that(distance: timedelta) -> None:
    assert fates(purchase(None), purchase(None, distance)) == ["recorded", "recorded"]


@pytest.mark.parametrize(
    "other",
    [
        purchase(None, value_minor=5001),
        purchase(None, currency="JPY"),
        purchase(None, chat="bob"),
        purchase(None, company="globex"),
        purchase("A1"),
    ],
)
def test_order_without_id_is_recorded_when_unlike_the_recorded_one(other: Purchase) -> None:
    assert fates(other, purchase(None)) == ["recorded", "recorded"]


def test_order_without_id_is_no_duplicate_when_it_earns_no_credit() -> None:
    assert fates(purchase(None), purchase(None, chat="nobody")) == ["recorded", "None"]


def test_order_without_id_is_recorded_when_it_repeats_only_a_duplicate() -> None:
    events = purchase(None), purchase(None, 20 * MINUTE), purchase(None, 40 * MINUTE)
    assert fates(*events) == ["recorded", "duplicate", "recorded"]


def test_order_without_id_is_compared_with_every_recorded_one_when_late() -> None:
    events = purchase(None), purchase(None, HOUR), purchase(None, 31 * MINUTE), purchase(None, -31 * MINUTE)
    assert fates(*events) == ["recorded", "recorded", "duplicate", "recorded"]


# What histories reach


OFTEN = {
    *("late CartChange", "late Interaction", "late Purchase"),
    *("several sessions", "session chained beyond a window", "session of several fingerprints"),
    *("session's start moved back", "interaction near several sessions"),
    *("credited interaction of another session", "interaction after credit", "not recorded", "not recorded, but known"),
    *(f"{record} {channel}" for record in ("change", "purchase") for channel in ("CHAT", "FAQ", "NUDGE")),
    *("duplicate id", "order between cart changes", "order at a cart change's instant", "figures changed afterwards"),
    *("ITEM_ADDED claims", "ITEM_ADDED leaves", "QUANTITY_INCREASED claims", "QUANTITY_INCREASED leaves"),
    *("QUANTITY_DECREASED gives back", "QUANTITY_DECREASED leaves", "ITEM_REMOVED gives back", "ITEM_REMOVED leaves"),
    *(f"{kind} {sign}" for kind in ("unit", "total", "EUR", "JPY", "KWD") for sign in ("claims", "gives back")),
    *("give-back of a fraction", "claim of nothing's worth", "claim of a great amount"),
}
SELDOM = {
    *(f"interaction's window {off}" for off in ("-1", "+0", "+1")),
    *(f"credit's {edge} {off}" for edge in ("window", "grace") for off in ("-1", "+0", "+1")),
    *("session without a channel", "several companies", "order ids that differ by case", "duplicate without id"),
    *("give-back of a half", "give-back of all, some left", "start afresh"),
}


def test_histories_reach_every_interesting_case_when_five_hundred_are_drawn() -> None:
    reached: Counter[str] = Counter()

    @settings(max_examples=500, database=None, deadline=None, derandomize=True, phases=[Phase.generate])
    @given(histories())
    def draw(history: History) -> None:
        reached.update(set(_features(history)))

    draw()
    assert {name: reached[name] for name in OFTEN if reached[name] < 20} == {}
    assert {name: reached[name] for name in SELDOM if reached[name] < 2} == {}


@settings(deadline=None)
@given(histories())
def test_histories_keep_the_contract_when_drawn(history: History) -> None:
    assert len(history.events) <= 25
    for event in history.events:
        assert event.chat or event.faq
        assert RECEIVED_AT - timedelta(hours=72) < event.at <= RECEIVED_AT
        if isinstance(event, CartChange):
            assert event.quantity == round(event.quantity, 3)
            assert 0 <= event.quantity <= 10**6
            assert event.quantity > 0 or event.type in ("QUANTITY_DECREASED", "ITEM_REMOVED")
            assert 0 <= event.value_minor <= 10**13
            assert event.value_minor * event.quantity <= 10**15


@settings(deadline=None)
@given(histories())
def test_claims_stay_within_the_cart_when_histories_are_drawn(history: History) -> None:
    for result in history.replay().results:
        if isinstance(result, RecordedChange):
            assert 0 <= result.after.units <= result.after.quantity
            assert result.after.minor >= 0
            assert result.after.units > 0 or result.after.minor == 0


@settings(deadline=None)
@given(histories())
def test_credit_stands_when_more_arrives(history: History) -> None:
    def lasting(result: Result) -> object:
        return result.credit if isinstance(result, RecordedChange) else result

    final = [lasting(result) for result in history.replay().results]
    for count in range(len(final)):
        so_far = replay(history.events[:count], window=history.window, model=history.model).results
        assert [lasting(result) for result in so_far] == final[:count]


def _features(history: History) -> Iterator[str]:
    """Name the interesting things that happen in a history."""
    found = history.replay()
    if len({session.company for session in found.sessions}) > 1:
        yield "several companies"
    if len(found.sessions) > 1:
        yield "several sessions"
    for session in found.sessions:
        yield from _session_features(history, session)
    for index, result in enumerate(found.results):
        event = history.events[index]
        if any(event.at < earlier.at for earlier in history.events[:index]):
            yield f"late {type(event).__name__}"
        yield from _edges(history, index)
        if isinstance(event, Interaction):
            near = {
                found.results[i]
                for i in _known(history, index)
                if abs(history.events[i].at - event.at) <= history.window
            }
            if len(near) > 1:
                yield "interaction near several sessions"
        elif result is None:
            yield "not recorded, but known" if _known(history, index) else "not recorded"
        elif isinstance(event, Purchase) and result == "duplicate":
            yield "duplicate id" if event.order_id else "duplicate without id"
        elif isinstance(result, RecordedChange | RecordedPurchase):
            yield from _credit_features(found, index, result.credit)
        if isinstance(event, Purchase) and isinstance(result, RecordedPurchase):
            yield f"purchase {result.credit.channel}"
            yield from _order_features(history, found, event, result.credit.session)
        if isinstance(event, CartChange) and isinstance(result, RecordedChange):
            yield f"change {result.credit.channel}"
            yield from _change_features(event, result)
            if _starts_afresh(history, found, index):
                yield "start afresh"
            so_far = replay(history.events[: index + 1], window=history.window, model=history.model)
            if so_far.results[index] != result:
                yield "figures changed afterwards"


def _known(history: History, index: int) -> list[int]:
    """List the interactions that arrived before an event and share a fingerprint with it."""
    event = history.events[index]
    return [
        i
        for i, other in enumerate(history.events[:index])
        if isinstance(other, Interaction)
        and other.company == event.company
        and ((other.chat and other.chat == event.chat) or (other.faq and other.faq == event.faq))
    ]


def _session_features(history: History, session: Session) -> Iterator[str]:
    own = [history.events[i] for i in session.interactions]
    if session.last_interaction_at - session.started_at > history.window:
        yield "session chained beyond a window"
    if not session.channel:
        yield "session without a channel"
    if own[0].at > session.started_at:
        yield "session's start moved back"
    if len({(event.chat, event.faq) for event in own}) > 1:
        yield "session of several fingerprints"


def _edges(history: History, index: int) -> Iterator[str]:
    """Say where an interaction lies on the edge of what counts for an event, or next to it."""
    event = history.events[index]
    for i in _known(history, index):
        distance = event.at - history.events[i].at
        for off in (-1, 0, 1):
            if isinstance(event, Interaction):
                if abs(distance) == history.window + off * TICK:
                    yield f"interaction's window {off:+d}"
            elif distance == history.window + off * TICK:
                yield f"credit's window {off:+d}"
            elif -distance == MINUTE + off * TICK:
                yield f"credit's grace {off:+d}"


def _credit_features(found: Outcome, index: int, credit: Credit) -> Iterator[str]:
    if found.results[credit.interaction] != credit.session:
        yield "credited interaction of another session"
    if any(i > index for i in found.sessions[credit.session].interactions):
        yield "interaction after credit"


def _order_features(history: History, found: Outcome, order: Purchase, session: int) -> Iterator[str]:
    times = [
        event.at
        for event, result in zip(history.events, found.results, strict=True)
        if isinstance(result, RecordedChange) and result.credit.session == session
    ]
    if order.at in times:
        yield "order at a cart change's instant"
    if any(at < order.at for at in times) and any(at > order.at for at in times):
        yield "order between cart changes"
    ids = {event.order_id for event in history.events if isinstance(event, Purchase)}
    if order.order_id and order.order_id.swapcase() in ids - {order.order_id}:
        yield "order ids that differ by case"


def _change_features(event: CartChange, result: RecordedChange) -> Iterator[str]:
    units_before, minor_before = result.after.units - result.units, result.after.minor - result.gmv_minor
    sign = "claims" if result.units > 0 else "gives back" if result.units < 0 else "leaves"
    yield from (f"{event.type} {sign}", f"{event.basis} {sign}", f"{event.currency} {sign}")
    if result.units > 0 and result.gmv_minor == 0:
        yield "claim of nothing's worth"
    if result.gmv_minor > 10**12:
        yield "claim of a great amount"
    if result.units < 0 < result.after.units:
        product = minor_before * -result.units
        if product % units_before:
            yield "give-back of a half" if 2 * product % units_before == 0 else "give-back of a fraction"
    if result.units < 0 < result.after.quantity and result.after.units == 0:
        yield "give-back of all, some left"


def _starts_afresh(history: History, found: Outcome, index: int) -> bool:
    """Tell whether growth left less than the change before it did, with no order of the session between the two."""
    event, own = history.events[index], found.results[index]
    assert isinstance(event, CartChange)
    assert isinstance(own, RecordedChange)
    before: list[tuple[datetime, int, Decimal]] = []
    orders: list[datetime] = []
    for i, (other, result) in enumerate(zip(history.events, found.results, strict=True)):
        if isinstance(result, RecordedChange | RecordedPurchase) and result.credit.session == own.credit.session:
            if isinstance(result, RecordedPurchase):
                orders.append(other.at)
            elif (
                isinstance(other, CartChange)
                and (other.product_id, other.currency) == (event.product_id, event.currency)
                and (other.at, i) < (event.at, index)
            ):
                before.append((other.at, i, result.after.quantity))
    if event.type not in ("ITEM_ADDED", "QUANTITY_INCREASED") or not before:
        return False
    at, _, quantity = max(before)
    return own.after.quantity < quantity and not any(at <= order < event.at for order in orders)

"""Card = chart = table = CSV = XLSX = JSON = hand-written SQL, for generated shops and questions."""

from __future__ import annotations

import io
import random
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import partial
from itertools import cycle, groupby, product
from typing import Any

import openpyxl
import pytest
from django.test import Client

from alhena_tracking.contract import amounts
from alhena_tracking.models import (
    Company,
    DailyConversations,
    DailyFigures,
    DailyProductFigures,
    DailyProductTotals,
    DailyRecommended,
    DailySessions,
    DailyTouches,
    RolledUpDay,
    Trust,
    WeeklyProductTotals,
)
from alhena_tracking.reports import Grain, Period
from alhena_tracking.rollups import roll_up
from tests.support import factories
from tests.support.exported_files import read_csv, read_sheet
from tests.support.factories import at
from tests.support.published_schema import STAFF_PREFIX
from tests.support.report_by_hand import (
    CHANNELS,
    MODELS,
    PRODUCT_SUMS,
    PROFILES,
    conversations_by_hand,
    figures_by_hand,
    fill,
    models_by_hand,
    products_by_hand,
)
from tests.support.runs import IS_FULL_RUN, examples

pytestmark = pytest.mark.django_db

REPORT_URL = "/admin/alhena_tracking/revenueimpact/"
DAYS = 12
#: Zones, and a first day from which the days are odd there.
PLACES = [
    ("Asia/Kathmandu", date(2026, 5, 1)),
    ("America/St_Johns", date(2026, 3, 3)),  # 8 March has 23 hours
    ("America/St_Johns", date(2011, 11, 1)),  # a minute of 6 November comes again after midnight
    ("Pacific/Apia", date(2011, 12, 24)),  # there is no 30 December
    ("Europe/Berlin", date(2026, 10, 19)),  # 25 October has 25 hours
    ("America/Sao_Paulo", date(2018, 10, 30)),  # 4 November has no midnight
    ("UTC", date(2026, 2, 20)),
]
CARDS = {
    "Total add-to-cart GMV": "add_to_cart_minor",
    "Daily cart GMV (avg)": "daily_add_to_cart_minor",
    "Average cart value": "average_cart_minor",
    "Conversion rate": "conversion_rate",
    "Purchase revenue": "purchase_minor",
    "Orders": "orders",
    "Average order value": "average_order_minor",
    "Revenue per session": "revenue_per_session_minor",
}


def questions(rnd: random.Random, start: date, number: int) -> list[dict[str, str]]:
    """Questions of all lengths, currencies and filters."""
    found = []
    for _ in range(number):
        first = start + timedelta(days=rnd.randrange(DAYS))
        last = min(first + timedelta(days=rnd.choice((0, 2, DAYS))), start + timedelta(days=DAYS + 3))
        found.append(
            {
                "start": str(first),
                "end": str(last),
                "currency": rnd.choice(("EUR", "JPY", "KWD", "USD")),
                "channel": rnd.choice(("", "", *CHANNELS)),
                "profile": rnd.choice(PROFILES),
                "trust": rnd.choice(("", "", *Trust.values)),
                "grain": rnd.choice(Grain.values),
                **rnd.choice(
                    (
                        {},
                        {"compare": "none"},
                        {"compare": "year_ago"},
                        {"compare": "chosen", "compare_start": str(first - timedelta(days=rnd.choice((1, 9))))},
                    )
                ),
            }
        )
    return [{name: value for name, value in question.items() if value} for question in found]


#: The columns of ``MODELS`` in files.
MODEL_COLUMNS = (
    *("As credited", "First touch", "Last touch", "Linear touch"),
    *("Orders as credited", "Orders by first touch", "Orders by last touch"),
)
PRODUCT_COLUMNS = {
    "add_to_cart_minor": "Add-to-cart GMV",
    "purchase_minor": "Purchase revenue",
    "direct_minor": "Direct revenue",
}
SUMS_OF_DAYS = ("orders", "tax_minor", "shipping_minor", "discount_minor", "unlined_minor", "unstated_orders")
HEADINGS = {"day": "Day by day", "week": "Week by week", "month": "Month by month"}
#: What lists of rows are not asked.
OF_THE_REPORT = {"grain", "compare", "compare_start"}


class Answers:
    """One question, asked everywhere."""

    def __init__(self, client: Client, question: dict[str, str]) -> None:
        self.client, self.question, self.currency = client, question, question["currency"]

    def get(self, path: str, **parameters: str) -> Any:
        response = self.client.get(path, {**self.question, **parameters})
        assert response.status_code == 200, response.content
        return response

    def csv(self, name: str) -> list[dict[str, str]]:
        return read_csv(b"".join(self.get(f"{REPORT_URL}export/{name}.csv")))

    def xlsx(self, name: str) -> dict[str, list[dict[str, Any]]]:
        book = openpyxl.load_workbook(io.BytesIO(b"".join(self.get(f"{REPORT_URL}export/{name}.xlsx"))))
        return {sheet.title: read_sheet(sheet) for sheet in list(book)[:-1]}

    def json(self, path: str, **parameters: str) -> Any:
        return self.get(STAFF_PREFIX + path, **parameters).json()

    def rows(self, path: str, **parameters: str) -> list[dict[str, Any]]:
        asked = {name: value for name, value in self.question.items() if name not in OF_THE_REPORT}
        answer = Answers(self.client, asked).json(path, page_size="7", **parameters)
        found: list[dict[str, Any]] = answer["results"]
        while answer["next"]:
            answer = self.client.get(answer["next"]).json()
            found += answer["results"]
        return found

    def minor(self, amount: Any) -> int:
        """An amount in the usual unit, however it is written, in minor units."""
        text = str(amount).replace("−", "-").replace(",", "").replace("\xa0", " ").split(" ")[0]
        value = Decimal(text).scaleb(amounts.decimals_of(self.currency))
        assert value == value.to_integral_value() or isinstance(amount, float)
        return round(value)


def shown(name: str, value: Fraction | int | None, currency: str) -> Decimal | None:
    """A figure as it is exported."""
    if value is None:
        return None
    if name in {"orders", "unstated_orders"}:
        return Decimal(value)  # type: ignore[arg-type]
    return amounts.with_decimals(value, 6) if name == "conversion_rate" else amounts.in_major_units(value, currency)


def assert_figures_agree(answers: Answers, by_hand: dict[str, Any], products: dict[str, dict[str, int]]) -> None:
    """The page, the four tables as files, and the JSON."""
    currency = answers.currency
    expected = {label: shown(name, by_hand[name], currency) for label, name in CARDS.items()}
    expected |= {
        label: shown(name, by_hand[name], currency)
        for label, name in {
            "Refunds": "refunded_minor",
            "Refunds made in the period": "dated_refunds_minor",
            "Net revenue": "net_minor",
            "Direct revenue": "direct_minor",
            "Assisted revenue": "assisted_minor",
            "Verified revenue": "verified_minor",
            "Confirmed revenue": "confirmed_minor",
            "Tax included": "tax_minor",
            "Shipping included": "shipping_minor",
            "Discount deducted": "discount_minor",
            "Purchase revenue without tax and shipping": "net_of_tax_and_shipping_minor",
            "Orders that state neither tax nor shipping": "unstated_orders",
            "Orders without lines": "unlined_minor",
        }.items()
    }
    lines = sum(product["purchase_minor"] for product in products.values())
    rest = by_hand["purchase_minor"] - by_hand["unlined_minor"] - lines
    expected["Lines of all products"] = shown("lines_minor", lines, currency)
    expected["Discounts, shipping, taxes and rounding"] = shown("adjustments_minor", rest, currency)
    sheets = answers.xlsx("figures")

    in_csv = {row["Figure"]: Decimal(row["Value"]) if row["Value"] else None for row in answers.csv("cards")}
    assert in_csv == expected
    in_sheet = {row["Figure"]: row["Value"] for row in sheets["Key figures"]}
    assert {label: None if value is None else Decimal(str(value)) for label, value in in_sheet.items()} == expected

    report = answers.json("revenue-impact")
    for name, value in by_hand.items():
        is_sum = name in {"orders", "carts", "sessions", "converted_sessions"} or (
            isinstance(report["current"][name], int)
        )
        in_json = report["current"][name]
        assert in_json == (value if is_sum or value is None else f"{amounts.with_decimals(value, 6):f}"), name

    sums = {
        "Add-to-cart GMV": "add_to_cart_minor",
        "Purchase revenue": "purchase_minor",
        "Refunds": "refunded_minor",
        "Net revenue": "net_minor",
    }
    days, channels = answers.csv("days"), answers.csv("channels")
    by_time = sheets[HEADINGS[answers.question.get("grain", "day")]]
    for label, name in sums.items():
        for rows in (days, channels, by_time, sheets["By channel"]):
            assert sum(answers.minor(row[label]) for row in rows) == by_hand[name]
    for rows in (days, channels, by_time, sheets["By channel"], report["days"], report["channels"]):
        count = "Orders" if rows and "Orders" in rows[0] else "orders"
        assert sum(int(row[count]) for row in rows) == by_hand["orders"]
    assert sum(int(row["Carts"]) for row in days) == by_hand["carts"]
    for name in (*SUMS_OF_DAYS, "add_to_cart_minor", "purchase_minor", "direct_minor", "refunded_minor"):
        assert sum(day[name] for day in report["days"]) == report["current"][name]
    assert_sessions_agree(days, by_time, channels, report)
    assert report["composition"] == {
        "lines_minor": lines,
        "adjustments_minor": rest,
        "unlined_minor": by_hand["unlined_minor"],
    }
    assert sum(product["add_to_cart_minor"] for product in products.values()) == by_hand["add_to_cart_minor"]
    for rows in (answers.csv("products"), sheets["Products"]):
        assert {
            str(row["Product ID"]).lstrip("'"): {
                "recommended": int(row["Recommended"]),
                **{name: answers.minor(row[label]) for name, label in PRODUCT_COLUMNS.items()},
            }
            for row in rows
        } == products
    in_json = {one["product_id"]: {name: one[name] for name in PRODUCT_SUMS} for one in report["products"]}
    assert in_json == products


def shown_sums(answers: Answers, table: Any, row: Any) -> list[int]:
    """What a row of the table of days shows of all channels: added, purchased, and refunded where anything was."""
    channels = len(table.groups[0].columns)
    found = [answers.minor(row.cells[place]) for place in (channels - 1, 2 * channels - 1)]
    refunded = [-answers.minor(cell) for cell in row.cells[2 * channels :]] or [0]
    assert len(refunded) == 1
    return [*found, *refunded]


def assert_sessions_agree(
    days: list[dict[str, str]], by_time: list[dict[str, Any]], channels: list[dict[str, str]], report: dict[str, Any]
) -> None:
    """Sessions, of which the channels can have more than there are."""
    in_json = {one["channel"]: one for one in report["channels"]}
    assert {row["Channel"]: int(row["Sessions"]) for row in channels} == {
        channel: one["sessions"] for channel, one in in_json.items()
    }
    for label, name in (("Sessions", "sessions"), ("Sessions with an order", "converted_sessions")):
        assert sum(row[name] for row in report["session_days"]) == report["current"][name]
        for rows in (days, by_time):
            totals = {row["First day"]: int(row[f"{label} in all channels"]) for row in rows}
            assert sum(totals.values()) == report["current"][name]
            for channel, one in in_json.items():
                assert sum(int(row[label]) for row in rows if row["Channel"] == channel) == one[name]


def compared_with(question: dict[str, str]) -> Period | None:
    """The compared period; none of the asked periods is a month."""
    start, end = (date.fromisoformat(question[name]) for name in ("start", "end"))
    length = (end - start).days
    match question.get("compare"):
        case "none":
            return None
        case "year_ago":
            first = start - timedelta(days=364)
        case "chosen":
            first = date.fromisoformat(question["compare_start"])
        case _:
            first = start - timedelta(days=length + 1)
    return Period(first, first + timedelta(days=length))


def assert_comparison_agrees(answers: Answers, now: dict[str, Any], before: dict[str, Any] | None) -> None:
    """What stands beside the figures in the file, the JSON and on the cards."""
    report = answers.json("revenue-impact")
    rows = {CARDS[row["Figure"]]: row for row in answers.csv("cards") if row["Figure"] in CARDS}
    cards = {card.name: card for card in answers.get(REPORT_URL).context.get("cards", [])}
    assert (report["previous"] is None) == (before is None)
    for name, row in rows.items():
        value, previous = now[name], before[name] if before else None
        assert row["Previous period"] == ("" if (was := shown(name, previous, answers.currency)) is None else str(was))
        if value is None or previous is None:
            change = None
        elif name == "conversion_rate":
            change = 100 * (Fraction(value) - Fraction(previous))
        else:
            change = Fraction(value - previous) / abs(previous) if previous else None
        written = "" if change is None else f"{amounts.with_decimals(change, 6):f}"
        assert (row["Change"], report["changes"][name] or "") == (written, written), name
        if not cards or before is None or value is None:
            assert not cards or cards[name].change is None
            continue
        text = cards[name].change
        if change is None:
            assert (text.number, bool(text.reason)) == ("n/a", True)
        else:
            assert text.direction == ("up" if change > 0 else "down" if change else "same")
            assert text.number.lstrip("+").startswith("−") == (change < 0)


def assert_rows_of_time_agree(
    answers: Answers, grain: str, period: Period, by_hand: Callable[[Period], dict[str, Any]]
) -> None:
    """The days, weeks or months: each by its own plain SQL, in JSON, file, table and charts."""
    key: Callable[[date], Any] = {
        "day": lambda day: day,
        "week": lambda day: day.isocalendar()[:2],
        "month": lambda day: (day.year, day.month),
    }[grain]
    groups = [list(days) for _, days in groupby(period.days, key)]
    parts = {str(days[0]): Period(days[0], days[-1]) for days in groups}
    expected = {start: by_hand(part) for start, part in parts.items()}
    report, rows = answers.json("revenue-impact"), answers.csv("days")
    assert report["grain"] == grain
    names = {"add_to_cart_minor": "Add-to-cart GMV", "purchase_minor": "Purchase revenue", "net_minor": "Net revenue"}
    for start, part in parts.items():
        in_json = [row for row in report["days"] if row["day"] == start]
        in_file = [row for row in rows if row["First day"] == start]
        assert {row["last_day"] for row in in_json} <= {str(part.end)}
        assert {row["Last day"] for row in in_file} <= {str(part.end)}
        for name, label in names.items():
            assert sum(answers.minor(row[label]) for row in in_file) == expected[start][name]
            if name != "net_minor":
                assert sum(row[name] for row in in_json) == expected[start][name]
        for name, label in (("orders", "Orders"), ("carts", "Carts")):
            assert sum(row[name] for row in in_json) == sum(int(row[label]) for row in in_file) == expected[start][name]
    context = answers.get(REPORT_URL).context
    if "cards" not in context:
        return
    table = context["day_table"].rows
    assert len(table) == len(parts)
    for row, figures in zip(reversed(table), expected.values(), strict=True):
        expected_sums = [figures[name] for name in ("add_to_cart_minor", "purchase_minor", "dated_refunds_minor")]
        assert shown_sums(answers, context["day_table"], row) == expected_sums
    assert [len(chart.chart.columns) for chart in context["charts"]] == [len(parts)] * 2


def assert_page_agrees(answers: Answers, by_hand: dict[str, Any]) -> None:
    context = answers.get(REPORT_URL).context
    if "cards" not in context:
        assert context["report"].is_empty
        return
    sums = {name: by_hand[name] for name in ("add_to_cart_minor", "purchase_minor")}
    values = {card.label: card.value for card in context["cards"]}
    for label, name in CARDS.items():
        if name in sums:
            assert answers.minor(values[label]) == sums[name]
    assert int(values["Orders"].replace(",", "")) == by_hand["orders"]
    for chart, minor in zip(context["charts"], sums.values(), strict=True):
        assert answers.minor(chart.total) == minor
        spoken = [title.splitlines()[1:] for title in (column.title for column in chart.chart.columns)]
        amounts_of = [[answers.minor(line.rpartition(": ")[2]) for line in lines] for lines in spoken]
        assert all(sum(day[:-1]) == day[-1] for day in amounts_of)
        assert sum(day[-1] for day in amounts_of) == minor
        legend = [answers.minor(entry.total) for entry in chart.legend]
        assert legend == [sum(day[place] for day in amounts_of) for place in range(len(legend))]
    if context["product_table"]:
        assert_products_add_up(answers, context["product_table"].note, by_hand["purchase_minor"])
    [card] = [card for card in context["cards"] if card.name == "purchase_minor"]
    details = {detail.label: detail.value for detail in card.details}
    refunds = -answers.minor(details.get("Refunds made in the period", details["Refunds"]))
    assert refunds == by_hand["dated_refunds_minor"]
    assert shown_sums(answers, context["day_table"], context["day_table"].total) == [*sums.values(), refunds]


def assert_products_add_up(answers: Answers, note: str, purchase_minor: int) -> None:
    """The sentence below the products adds up, as it is written, to the card."""
    parts, _, total = note.rpartition(" = purchase revenue ")
    found = re.findall(r"(?:^Lines of all products|(\+|−) [a-z, ]+) ([\d,.]+)", parts)
    added = sum(answers.minor(amount) * (-1 if sign == "−" else 1) for sign, amount in found)
    assert added == answers.minor(total) == purchase_minor


def assert_rows_agree(answers: Answers, by_hand: dict[str, Any]) -> None:
    """The single orders and cart events, as files and JSON."""
    [orders] = answers.xlsx("orders").values()
    [events] = answers.xlsx("cart_events").values()
    for rows in (answers.csv("orders"), orders):
        assert len(rows) == by_hand["orders"]
        for label, name in (
            ("Value", "purchase_minor"),
            ("Direct", "direct_minor"),
            ("Assisted", "assisted_minor"),
            ("Refunded", "refunded_minor"),
            ("Net", "net_minor"),
        ):
            assert sum(answers.minor(row[label]) for row in rows) == by_hand[name]
        refunds = [refund for row in rows for refund in (row["Refunds by day"] or "").split("; ") if refund]
        assert sum(answers.minor(refund.split()[1]) for refund in refunds) == by_hand["refunded_minor"]
    for rows in (answers.csv("cart_events"), events):
        assert sum(answers.minor(row["GMV"]) for row in rows) == by_hand["add_to_cart_minor"]

    in_json = answers.rows("orders", is_counted="true")
    assert len(in_json) == by_hand["orders"]
    for field, name in (
        ("value_minor", "purchase_minor"),
        ("direct_minor", "direct_minor"),
        ("assisted_minor", "assisted_minor"),
        ("refunded_minor", "refunded_minor"),
        ("net_minor", "net_minor"),
    ):
        assert sum(order[field] for order in in_json) == by_hand[name]
    assert sum(event["gmv_minor"] for event in answers.rows("cart-events")) == by_hand["add_to_cart_minor"]


def assert_models_agree(answers: Answers, by_hand: dict[str, Any], revenue_minor: int) -> None:
    """The models side by side: page, both files and JSON; each has all revenue."""
    models = answers.json("revenue-impact", show="models")["models"]
    assert models["orders_without_touches"] == by_hand["orders_without_touches"]
    sheet = answers.xlsx("figures")["Attribution models"]
    for kind, name, label in (("channels", "channel", "Channel"), ("profiles", "profile", "AI profile")):
        expected = by_hand[kind]
        assert {row[name]: tuple(row[each] for each in MODELS) for row in models[kind]} == expected
        for rows in (answers.csv("models"), sheet):
            found = [row for row in rows if row["Kind of row"] == label]
            assert {
                str(row["Channel or AI profile"] or "").lstrip("'"): tuple(
                    int(row[title]) if title.startswith("Orders") else answers.minor(row[title])
                    for title in MODEL_COLUMNS
                )
                for row in found
            } == expected
        for place in range(4):
            assert sum(values[place] for values in expected.values()) == revenue_minor
    text = answers.get(REPORT_URL, show="models").context.get("models")
    for table, expected in (
        (text and text.channels, by_hand["channels"]),
        (text and text.profiles, by_hand["profiles"]),
    ):
        if table is not None:
            amounts_of = [[answers.minor(cell) for cell in row.cells] for row in (*table.rows, table.total)]
            columns = [tuple(row[place] for place in (1, 3, 5, 6)) for row in amounts_of]
            assert sorted(columns[:-1]) == sorted(values[:4] for values in expected.values())
            assert set(columns[-1]) == {revenue_minor}


def assert_profiles_agree(answers: Answers, by_hand: dict[str, Any], of_profile: Callable[..., dict[str, Any]]) -> None:
    """The AI profiles: each by its own plain SQL, in JSON, files and table."""
    in_json = answers.json("revenue-impact", show="profiles")["profiles"]
    in_file, in_sheet = answers.csv("profiles"), answers.xlsx("figures")["AI profiles"]
    assert in_json["count"] == len(in_json["rows"]) == len(in_file) == len(in_sheet)
    for name in ("add_to_cart_minor", "purchase_minor", "orders"):
        assert sum(row[name] for row in in_json["rows"]) == by_hand[name]
    for row, *others in zip(in_json["rows"], in_file, in_sheet, strict=True):
        for other in others:
            assert str(other["AI profile"] or "").lstrip("'") == row["profile"]
            counts = [int(other[label]) for label in ("Sessions", "Sessions with an order", "Orders")]
            assert counts == [row["sessions"], row["converted_sessions"], row["orders"]]
            money = [answers.minor(other[label]) for label in ("Add-to-cart GMV", "Purchase revenue")]
            assert money == [row["add_to_cart_minor"], row["purchase_minor"]]
        assert row["conversion_rate"] is None  # of so few orders
        if row["profile"]:
            expected = of_profile(profile=row["profile"])
            for name in ("sessions", "converted_sessions", "add_to_cart_minor", "purchase_minor", "orders"):
                assert row[name] == expected[name]
    context = answers.get(REPORT_URL, show="profiles").context
    if "cards" not in context:
        return
    table = context["profile_table"].rows if in_json["rows"] else []
    assert [(row.label, int(row.cells[0]), answers.minor(row.cells[5])) for row in table] == [
        (row["profile"] or "No AI profile", row["sessions"], row["purchase_minor"]) for row in in_json["rows"]
    ]


CONVERSATIONS = {
    "Conversations": "conversations",
    "Orders from conversations": "orders",
    "Orders per conversation": "orders_per_conversation",
    "Revenue from conversations": "purchase_minor",
    "Revenue per conversation": "revenue_per_conversation_minor",
    "Conversations with a recommendation": "recommending",
    "Conversations bought through": "bought_through",
    "Buy-through rate": "buy_through_rate",
    "Time from the interaction to the order: median": "median_minutes",
    "Orders without a time of the interaction": "undated_orders",
}
BY_TIME = "Orders by time from the interaction"


def assert_conversations_agree(answers: Answers, by_hand: dict[str, Any]) -> None:
    """The section of the page, its file, its sheet, and the JSON."""
    found = answers.json("revenue-impact", show="conversations")["conversations"]
    times = found.pop("times")
    found = {**times, **found, "timed_orders": times["orders"]}
    buckets = [bucket["orders"] for bucket in found["buckets"]]
    assert sum(buckets) == by_hand["timed_orders"]
    for name, value in by_hand.items():
        is_ratio = name in {"orders_per_conversation", "revenue_per_conversation_minor", "buy_through_rate"}
        expected = f"{amounts.with_decimals(value, 6):f}" if is_ratio and value is not None else value
        assert found[name] == expected, name

    def exported(name: str) -> Decimal | None:
        value = by_hand[name]
        if value is None or not name.endswith("_minor"):
            return None if value is None else amounts.with_decimals(value, 6)
        return amounts.in_major_units(value, answers.currency)

    for rows in (answers.csv("conversations"), answers.xlsx("figures")["Conversations"]):
        in_file = {row["Figure"]: row["Value"] for row in rows}
        for label, name in CONVERSATIONS.items():
            value = None if in_file[label] in {"", None} else Decimal(str(in_file[label]))
            assert value == exported(name), label
        assert [int(row["Value"]) for row in rows if row["Figure"] == BY_TIME] == buckets
    context = answers.get(REPORT_URL, show="conversations").context
    if "cards" not in context:
        return
    shown_values = {card.label: card.value for card in context["conversation_cards"]}
    assert shown_values.keys() == {label for label in CONVERSATIONS if not label.startswith(("Time", "Orders without"))}
    assert answers.minor(shown_values["Revenue from conversations"]) == by_hand["purchase_minor"]
    for label in ("Conversations", "Orders from conversations", "Conversations bought through"):
        assert int(shown_values[label]) == by_hand[CONVERSATIONS[label]]
    assert (shown_values["Revenue per conversation"] == "n/a") == (by_hand["revenue_per_conversation_minor"] is None)
    assert [int(bar.orders) for bar in context["times"].bars] == (buckets if sum(buckets) else [])
    assert bool(context["times"].undated) == bool(by_hand["undated_orders"])


def leave_raw(company: Company, rnd: random.Random, until: datetime) -> None:
    """Nothing is rolled up."""


def roll_all_up(company: Company, rnd: random.Random, until: datetime) -> None:
    [result] = roll_up(until)
    assert result.days
    assert not result.failed


def roll_half_up(company: Company, rnd: random.Random, until: datetime) -> None:
    """Half of the days are stale, and half have stale sessions; what is stored of those is wrong."""
    roll_all_up(company, rnd, until)
    days = sorted(RolledUpDay.objects.values_list("on", flat=True))
    stale = rnd.sample(days, len(days) // 2)
    RolledUpDay.objects.filter(on__in=stale).update(is_stale=True)
    DailyFigures.objects.filter(on__in=stale).update(conversation_orders=77, conversation_minor=77)
    for model in (DailyFigures, DailyProductFigures, DailyProductTotals):
        model._default_manager.filter(on__in=stale).update(add_to_cart_minor=77, purchase_minor=77, direct_minor=77)
    of_their_weeks = [day - timedelta(days=day.weekday()) for day in stale]
    WeeklyProductTotals.objects.filter(on__in=of_their_weeks).update(add_to_cart_minor=77, purchase_minor=77)
    DailyRecommended.objects.filter(on__in=stale).update(interactions=77)
    with_stale_sessions = rnd.sample(days, len(days) // 2)
    RolledUpDay.objects.filter(on__in=with_stale_sessions).update(has_stale_sessions=True)
    DailyTouches.objects.filter(on__in=stale).update(first_minor=77, last_minor=77, orders_without_touches=77)
    DailySessions.objects.filter(on__in={*stale, *with_stale_sessions}).update(sessions=77, converted_sessions=77)
    DailyRecommended.objects.filter(on__in=with_stale_sessions).update(interactions=77)
    DailyConversations.objects.filter(on__in={*stale, *with_stale_sessions}).update(conversations=77, bought_through=77)


PREPARATIONS = [leave_raw, roll_all_up, roll_half_up]
SEEDS = range(examples(2, full=300))


@pytest.mark.property
@pytest.mark.parametrize(
    ("seed", "prepare"),
    [*(product(SEEDS, PREPARATIONS) if IS_FULL_RUN else zip(SEEDS, cycle(PREPARATIONS), strict=False))],
)
def test_figures_when_read_everywhere_agree_with_plain_sql(
    client: Client, company: Company, seed: int, prepare: Callable[[Company, random.Random, datetime], None]
) -> None:
    rnd = random.Random(seed)
    zone, start = PLACES[seed % len(PLACES)]
    Company.objects.filter(pk=company.pk).update(time_zone=zone)
    company.refresh_from_db()
    if seed % 10 == 9:
        only = factories.VisitorSessionFactory.create(company=company, started_at=at(start, 11))
        factories.CartEventFactory.create(session=only, currency="KWD", gmv_minor=1)
    else:
        fill(company, rnd, start, days=DAYS, sessions=rnd.choice((6, 12, 18)))
    # Else nothing would be compared.
    factories.VisitorSessionFactory.create(company=company, started_at=at(start - timedelta(days=500)))
    prepare(company, rnd, at(start + timedelta(days=DAYS + 12)))
    client.force_login(factories.UserFactory.create(is_superuser=True))
    whole = {"start": str(start), "end": str(start + timedelta(days=DAYS + 3))}
    for question in ({**whole, "currency": "EUR"}, *questions(rnd, start, 2)):
        answers = Answers(client, question)
        asked: dict[str, Any] = {name: question.get(name, "") for name in ("currency", "channel", "profile", "trust")}
        of: Any = partial(figures_by_hand, company, **asked)
        period = Period(date.fromisoformat(question["start"]), date.fromisoformat(question["end"]))
        by_hand, compared = of(period), compared_with(question)
        talks = conversations_by_hand(company, period, **asked)
        assert_comparison_agrees(answers, by_hand, of(compared) if compared else None)
        assert_rows_of_time_agree(answers, question.get("grain", "day"), period, of)
        assert_figures_agree(answers, by_hand, products_by_hand(company, period, **of.keywords))
        assert_page_agrees(answers, by_hand)
        assert_rows_agree(answers, by_hand)
        assert_models_agree(answers, models_by_hand(company, period, **asked), by_hand["purchase_minor"])
        assert_profiles_agree(answers, by_hand, partial(of, period))
        assert_conversations_agree(answers, talks)

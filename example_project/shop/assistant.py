"""The shop's assistant: canned answers by keyword, in place of a real AI."""

import re
from dataclasses import dataclass
from typing import TypedDict

from django.contrib.sessions.backends.base import SessionBase

from example_project.shop.models import Product

MAX_EXCHANGES = 20


class Exchange(TypedDict):
    """A question, its answer, and the recommended products (slug and name)."""

    question: str
    answer: str
    products: list[tuple[str, str]]


@dataclass(frozen=True)
class Topic:
    """An answer, its keywords (a regular expression of word beginnings), and the recommended products."""

    keywords: str
    answer: str
    skus: tuple[str, ...] = ()


TOPICS = (
    Topic(
        "decaf|caffeine|sleep|evening|pregnan",
        "Two things without the buzz: our decaf, washed with mountain water only, and Apple Meadow, which never had "
        "any caffeine.",
        ("COF-DECAF", "TEA-ORCHARD"),
    ),
    Topic(
        "gift|present|birthday|christmas",
        "The pour-over set with a bag of Guji Dawn is what most people give, and nobody has brought one back yet. We "
        "wrap it and add a card; write the text with your order.",
        ("BRW-DRIPPER", "COF-GUJI"),
    ),
    Topic(
        "espresso|latte|cappuccino|portafilter|crema|milk",
        "Take the Hausmischung: 18 grams in, 38 grams out, 27 seconds at 93 °C. It holds its own in milk, too.",
        ("COF-HOUSE", "BRW-GRINDER"),
    ),
    Topic(
        "grind|grinder|burr|coarse",
        "Fine like flour for espresso, like table salt for pour-over, like sea salt for the press. On our grinder that "
        "is click 8, 18 and 26.",
        ("BRW-GRINDER",),
    ),
    Topic(
        "filter|pour|dripper|v60",
        "For a clear, bright filter coffee I would brew Guji Dawn: 15 grams to a quarter of a litre at 94 °C, three "
        "minutes.",
        ("COF-GUJI", "BRW-DRIPPER", "BRW-KETTLE"),
    ),
    Topic(
        "press|plunger",
        "Grind coarsely, 60 grams to the litre, four minutes, then press slowly. Huila Orchard is lovely that way.",
        ("BRW-PRESS", "COF-HUILA"),
    ),
    Topic(
        "sencha|green|bitter|temperature|degree|kettle|boil",
        "Green tea wants 70 °C, black tea 95, coffee 94. Hotter water makes sencha bitter. The kettle holds each to "
        "the degree.",
        ("BRW-KETTLE", "TEA-SENCHA"),
    ),
    Topic(
        "tea|assam|chamomile|herbal|pot",
        "Something fresh or something strong? Uji Sencha is green and sweet, Assam Gold is malty and takes milk, and "
        "Apple Meadow is the one for the evening.",
        ("TEA-SENCHA", "TEA-ASSAM", "TEA-ORCHARD"),
    ),
    Topic(
        "ship|deliver|when|arrive|post|fresh|roast",
        "We roast on Tuesday and ship on Wednesday with DHL: two days within Germany, four in the European Union, "
        "about a week to Japan. Shipping is on us.",
    ),
    Topic(
        "return|refund|broken|damage|guarantee|warranty|complain",
        "I am sorry if something is not right. Unopened goods come back within 30 days, broken ones are replaced at "
        "once: a photo to hello@morgenrot.example is enough.",
    ),
    Topic(
        "beginner|start|recommend|first|best|which",
        "If you are starting out: Huila Orchard in a press pot. It forgives almost everything and tastes of baked "
        "apple and caramel.",
        ("COF-HUILA", "BRW-PRESS"),
    ),
    Topic(r"hello|hi\b|hey\b|hallo|moin|bonjour", "Good morning! Coffee or tea, and how do you like to brew it?"),
    Topic("thank|thanks|danke|merci", "You are welcome. Enjoy the cup!"),
)

FALLBACK = Topic(
    "",
    "I know our coffees, teas and brewers best. Ask me about grinding, water, caffeine, presents or shipping, or start "
    "with what most people like.",
    ("COF-HUILA", "COF-HOUSE"),
)


def answer(question: str) -> Exchange:
    """Answer a question of a product's FAQ from the FAQ, any other by the first topic with a matching keyword."""
    for product in Product.objects.all():
        for entry in product.faq:
            if entry["question"].casefold() == question.casefold():
                return Exchange(question=question, answer=entry["answer"], products=[(product.slug, product.name)])
    topic = next((topic for topic in TOPICS if re.search(rf"\b({topic.keywords})", question, re.IGNORECASE)), FALLBACK)
    products = Product.objects.filter(sku__in=topic.skus)
    return Exchange(
        question=question, answer=topic.answer, products=[(product.slug, product.name) for product in products]
    )


class Conversation:
    """The visitor's questions and answers, stored only in the session."""

    def __init__(self, session: SessionBase) -> None:
        self._session = session

    @property
    def exchanges(self) -> list[Exchange]:
        exchanges: list[Exchange] = self._session.get("conversation", [])
        return exchanges

    def ask(self, question: str) -> Exchange:
        exchange = answer(question)
        self._session["conversation"] = [*self.exchanges, exchange][-MAX_EXCHANGES:]
        return exchange

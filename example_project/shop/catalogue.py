"""The twelve products of the shop, and the function that saves them to the database."""

from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction

from example_project.shop.models import Product

COFFEE, TEA, BREWING = Product.Category.COFFEE, Product.Category.TEA, Product.Category.BREWING


@dataclass(frozen=True, kw_only=True)
class Item:
    """A product. Prices are per kilogram if it is sold by weight, else per piece."""

    sku: str
    slug: str
    category: Product.Category
    name: str
    tagline: str
    description: str
    picture_text: str
    eur: str
    jpy: str
    facts: dict[str, str]
    faq: tuple[tuple[str, str], tuple[str, str], tuple[str, str]]
    goes_with: tuple[str, ...]
    unit: Product.Unit = Product.Unit.PIECE
    step: str = "1"


@dataclass(frozen=True, kw_only=True)
class Coffee(Item):
    category: Product.Category = COFFEE
    unit: Product.Unit = Product.Unit.KILOGRAM
    step: str = "0.250"


@dataclass(frozen=True, kw_only=True)
class Tea(Item):
    category: Product.Category = TEA
    unit: Product.Unit = Product.Unit.KILOGRAM
    step: str = "0.050"


@dataclass(frozen=True, kw_only=True)
class Brewer(Item):
    category: Product.Category = BREWING


CATALOGUE: tuple[Item, ...] = (
    Coffee(
        sku="COF-GUJI",
        slug="guji-dawn",
        name="Guji Dawn",
        tagline="Bergamot, white peach, acacia honey",
        description=(
            "Grown at 2,100 metres in the forests of Guji, washed in spring water and dried for three weeks on raised "
            "beds. We roast it light, so that the cup stays clear and bright: the first coffee of the day, best "
            "without milk."
        ),
        picture_text="A terracotta coffee bag with a rising sun on its label",
        eur="38.00",
        jpy="6400",
        facts={"Origin": "Guji, Ethiopia", "Process": "Washed", "Roast": "Light", "Best as": "Filter"},
        faq=(
            (
                "How should I grind Guji Dawn?",
                (
                    "Medium-fine for a pour-over, like table salt; a little coarser for a press. Choose whole beans if "
                    "you have a grinder: ground coffee loses its flowers within a week."
                ),
            ),
            (
                "Does a light roast have less caffeine?",
                "No, slightly more by weight. Roasting hardly changes the caffeine, but it makes the bean lighter.",
            ),
            (
                "How fresh will it be?",
                "We roast every Tuesday and ship on Wednesday. It tastes best from the fifth day to the sixth week.",
            ),
        ),
        goes_with=("BRW-DRIPPER", "BRW-KETTLE", "BRW-GRINDER"),
    ),
    Coffee(
        sku="COF-HUILA",
        slug="huila-orchard",
        name="Huila Orchard",
        tagline="Red apple, caramel, almond",
        description=(
            "Four families in southern Colombia pick these cherries by hand between their fruit trees. A round, "
            "friendly coffee with the sweetness of baked apple, roasted medium so that it works in almost any brewer."
        ),
        picture_text="A green coffee bag with an apple branch on its label",
        eur="34.00",
        jpy="5600",
        facts={"Origin": "Huila, Colombia", "Process": "Washed", "Roast": "Medium", "Best as": "Filter or press"},
        faq=(
            (
                "Is Huila Orchard good with milk?",
                "Yes. Its caramel carries a splash of milk well. For a large latte take the Hausmischung instead.",
            ),
            (
                "Is it certified organic?",
                (
                    "The farms work organically but do not pay for the certificate. We visit them every second year "
                    "and publish what we pay."
                ),
            ),
            (
                "How do I store the beans?",
                "In the closed bag, in a cupboard. Not in the fridge: beans take on smells and moisture there.",
            ),
        ),
        goes_with=("BRW-PRESS", "BRW-GRINDER", "TEA-ORCHARD"),
    ),
    Coffee(
        sku="COF-HOUSE",
        slug="hausmischung",
        name="Hausmischung",
        tagline="Dark chocolate, hazelnut, plum",
        description=(
            "The espresso behind our counter since the first day: two thirds Brazil for body, one third Guatemala for "
            "fruit. Heavy, sweet and forgiving, with a crema that holds a spoon of sugar for a moment."
        ),
        picture_text="A dark blue coffee bag with rings of gold on its label",
        eur="28.00",
        jpy="4800",
        facts={"Origin": "Brazil, Guatemala", "Process": "Natural, washed", "Roast": "Dark", "Best as": "Espresso"},
        faq=(
            (
                "Does it work in a fully automatic machine?",
                "Very well. Set the grinder one step finer than usual and the strength to medium.",
            ),
            (
                "What is your recipe for espresso?",
                "18 grams in, 38 grams out, 27 seconds at 93 °C. Start there and change one thing at a time.",
            ),
            (
                "Are there oils on the beans?",
                "Hardly. We stop before the oils come out, which keeps your grinder clean and the cup sweet.",
            ),
        ),
        goes_with=("BRW-GRINDER", "BRW-PRESS", "COF-DECAF"),
    ),
    Coffee(
        sku="COF-DECAF",
        slug="slow-sunday",
        name="Slow Sunday Decaf",
        tagline="Cocoa, orange, brown sugar",
        description=(
            "For the second pot, or the one after dinner. The caffeine is washed out with mountain water and nothing "
            "else, so what remains tastes of coffee: soft, chocolatey, a little orange in the end."
        ),
        picture_text="A violet coffee bag with a moon over waves on its label",
        eur="36.00",
        jpy="6000",
        facts={"Origin": "Chiapas, Mexico", "Process": "Mountain water", "Roast": "Medium", "Best as": "Any"},
        faq=(
            (
                "How much caffeine is left?",
                "Less than 0.1 percent. A cup has about 3 milligrams; an ordinary one has 90.",
            ),
            (
                "Are chemicals used to take the caffeine out?",
                "No. Only water, time and an active-carbon filter.",
            ),
            (
                "Can I use it for espresso?",
                "Yes. Grind a touch finer than for the Hausmischung, since decaf runs faster.",
            ),
        ),
        goes_with=("TEA-ORCHARD", "BRW-PRESS", "BRW-DRIPPER"),
    ),
    Tea(
        sku="TEA-SENCHA",
        slug="uji-sencha",
        name="Uji Sencha",
        tagline="Fresh grass, sweet pea, sea air",
        description=(
            "First flush from a single garden near Uji, steamed within hours of picking. Deep green, dense and sweet, "
            "with the savoury edge that makes good sencha hard to stop drinking."
        ),
        picture_text="A green tea tin with leaves on its label",
        eur="124.00",
        jpy="20000",
        facts={"Origin": "Uji, Japan", "Flush": "First, April", "Water": "70 °C", "Time": "60 to 90 seconds"},
        faq=(
            (
                "Why does my sencha taste bitter?",
                "The water was too hot. Let it cool to 70 °C, about six minutes after boiling, and steep for a minute.",
            ),
            (
                "How often can I steep the leaves?",
                "Three times. Make the second very short, ten seconds, and the third a minute again.",
            ),
            (
                "How much tea do I need for a pot?",
                "Five grams for 250 millilitres, so 50 grams are ten pots, or thirty with the second and third steep.",
            ),
        ),
        goes_with=("TEA-KYUSU", "BRW-KETTLE", "TEA-ASSAM"),
    ),
    Tea(
        sku="TEA-ASSAM",
        slug="assam-gold",
        name="Assam Gold",
        tagline="Malt, raisin, warm spice",
        description=(
            "A second flush full of golden tips, from a small garden on the southern bank of the Brahmaputra. Strong "
            "enough for milk, soft enough without."
        ),
        picture_text="An amber tea tin with a striped label",
        eur="78.00",
        jpy="12600",
        facts={"Origin": "Assam, India", "Flush": "Second, June", "Water": "95 °C", "Time": "3 to 4 minutes"},
        faq=(
            (
                "Is Assam Gold a breakfast tea?",
                "It is what breakfast blends are built on. On its own it is rounder and needs less sugar.",
            ),
            (
                "Milk first or tea first?",
                "Tea first: you see how strong it is. We will not tell anyone if you do it the other way.",
            ),
            (
                "Does it contain caffeine?",
                "Yes, about 50 milligrams a cup, a little more than half of a filter coffee.",
            ),
        ),
        goes_with=("BRW-KETTLE", "TEA-KYUSU", "TEA-SENCHA"),
    ),
    Tea(
        sku="TEA-ORCHARD",
        slug="apple-meadow",
        name="Apple Meadow",
        tagline="Chamomile, dried apple, lemon verbena",
        description=(
            "A herbal tea from the orchards around Leipzig. Whole chamomile flowers and apple rings, cut thick enough "
            "that you can see what you drink. No flavouring, no caffeine, no hurry."
        ),
        picture_text="A sky blue tea tin with chamomile flowers on its label",
        eur="64.00",
        jpy="10400",
        facts={"Origin": "Saxony, Germany", "Caffeine": "None", "Water": "100 °C", "Time": "8 minutes"},
        faq=(
            ("Is Apple Meadow suitable for children?", "Yes. It has no caffeine, no flavouring and no added sugar."),
            (
                "Can I drink it cold?",
                "Please do. Steep it strong, twelve grams for half a litre, and pour it over ice.",
            ),
            (
                "Is there anything to know about allergies?",
                "Chamomile is related to ragweed and mugwort. If you react to those, choose the Assam instead.",
            ),
        ),
        goes_with=("BRW-KETTLE", "COF-DECAF", "TEA-KYUSU"),
    ),
    Tea(
        sku="TEA-KYUSU",
        slug="kyusu-teapot",
        name="Kyusu Teapot",
        tagline="Red clay from Tokoname, 280 ml",
        description=(
            "Thrown by hand from iron-rich clay that softens the tea a little with every pot. The side handle pours "
            "from the wrist and the clay sieve is cut into the spout, so there is nothing to lose."
        ),
        picture_text="A red clay teapot with a side handle",
        eur="74.00",
        jpy="11800",
        facts={"Holds": "280 ml", "Material": "Tokoname clay", "Sieve": "Clay, built in", "Wash": "By hand"},
        faq=(
            (
                "Do I need to season the pot?",
                "Rinse it with hot water, brew one pot of the tea you like, pour it away. That is all.",
            ),
            (
                "Is the handle for the left or the right hand?",
                "For the right. Write to us for a left-handed one; the potter makes a dozen every spring.",
            ),
            (
                "Which tea is it made for?",
                "Green tea first of all: the low, wide body lets sencha leaves open. Assam is welcome too.",
            ),
        ),
        goes_with=("TEA-SENCHA", "TEA-ASSAM", "BRW-KETTLE"),
        unit=Product.Unit.PIECE,
        step="1",
    ),
    Brewer(
        sku="BRW-GRINDER",
        slug="hand-grinder",
        name="Hand Grinder No. 3",
        tagline="Steel burrs, walnut knob, 25 grams",
        description=(
            "Forty turns from beans to breakfast. Two ball bearings keep the steel burrs true, so the grounds are even "
            "from espresso to press, and the click dial remembers which is which."
        ),
        picture_text="A steel hand grinder with a walnut knob",
        eur="129.00",
        jpy="21000",
        facts={"Burrs": "38 mm steel", "Holds": "25 g", "Weight": "540 g", "Guarantee": "5 years"},
        faq=(
            (
                "Which click is right for my brewer?",
                "Espresso 8, moka pot 12, pour-over 18, press 26. Each click is 25 micrometres.",
            ),
            (
                "How do I clean the grinder?",
                "With the brush in the box, once a month, dry. Never under water: the bearings would rust.",
            ),
            (
                "Can I get spare burrs?",
                "Yes, for at least ten years. Most homes need a new set after about eight.",
            ),
        ),
        goes_with=("COF-GUJI", "COF-HOUSE", "BRW-DRIPPER"),
    ),
    Brewer(
        sku="BRW-DRIPPER",
        slug="pour-over-set",
        name="Pour-Over Set",
        tagline="Porcelain dripper, glass server, 40 papers",
        description=(
            "A ribbed porcelain cone that keeps its heat and a server you can see the last drop in. Made for one to "
            "four cups, and for people who like the three minutes as much as the coffee."
        ),
        picture_text="A white porcelain dripper on a glass server with coffee",
        eur="46.00",
        jpy="7600",
        facts={"Makes": "1 to 4 cups", "Material": "Porcelain, glass", "Papers": "Size 02", "Dishwasher": "Yes"},
        faq=(
            (
                "Which filter papers fit?",
                "Any cone of size 02. Forty come with the set, unbleached.",
            ),
            (
                "How much coffee for two cups?",
                "30 grams and half a litre of water at 94 °C, poured in four steps over three minutes.",
            ),
            (
                "Is the glass safe on a hob?",
                "No. Warm it with hot water before you brew; the porcelain then keeps the coffee hot.",
            ),
        ),
        goes_with=("COF-GUJI", "BRW-KETTLE", "BRW-GRINDER"),
    ),
    Brewer(
        sku="BRW-PRESS",
        slug="press-pot",
        name="Press Pot",
        tagline="Glass in a steel frame, one litre",
        description=(
            "The simplest good coffee there is: coarse grounds, hot water, four minutes. Thick glass in a steel frame "
            "that will not tip, and a fine double sieve, so that the last sip is as clean as the first."
        ),
        picture_text="A coffee press with a glass body, steel frame and wooden handle",
        eur="58.00",
        jpy="9400",
        facts={"Holds": "1 litre", "Material": "Glass, steel, beech", "Sieve": "Double", "Guarantee": "3 years"},
        faq=(
            (
                "How do I keep the grounds out of my cup?",
                "Grind coarsely, wait four minutes, stir the crust, wait two more, and press slowly.",
            ),
            (
                "How much coffee for a full pot?",
                "60 grams for the litre. For two cups, 30 grams and half a litre work just as well.",
            ),
            (
                "Can it go into the dishwasher?",
                "Yes, all but the beech handle, which unscrews by hand.",
            ),
        ),
        goes_with=("COF-HUILA", "COF-HOUSE", "BRW-GRINDER"),
    ),
    Brewer(
        sku="BRW-KETTLE",
        slug="gooseneck-kettle",
        name="Gooseneck Kettle",
        tagline="To the degree, 0.9 litres",
        description=(
            "A narrow spout for a calm hand, and a dial from 40 to 100 °C that holds its temperature for half an hour. "
            "One kettle for filter coffee, sencha and everything between."
        ),
        picture_text="A black gooseneck kettle on its base",
        eur="89.00",
        jpy="14500",
        facts={"Holds": "0.9 litres", "Range": "40 to 100 °C", "Power": "1,200 W", "Guarantee": "2 years"},
        faq=(
            (
                "How long does it take to boil?",
                "Four minutes for the full 0.9 litres, two for a pot of pour-over.",
            ),
            (
                "Does it work outside the European Union?",
                "It takes 220 to 240 volts with a type F plug. For Japan we ship the 100 volt model.",
            ),
            (
                "How do I remove limescale?",
                "A spoon of citric acid in cold water, thirty minutes, then rinse. Vinegar would stay in the spout.",
            ),
        ),
        goes_with=("BRW-DRIPPER", "TEA-SENCHA", "COF-GUJI"),
    ),
)


@transaction.atomic
def load_catalogue() -> int:
    """Create or update every product of `CATALOGUE` and return their number."""
    for position, item in enumerate(CATALOGUE, start=1):
        Product.objects.update_or_create(
            sku=item.sku,
            defaults={
                "slug": item.slug,
                "category": item.category,
                "position": position,
                "name": item.name,
                "tagline": item.tagline,
                "description": item.description,
                "facts": item.facts,
                "picture_text": item.picture_text,
                "unit": item.unit,
                "step": Decimal(item.step),
                "price_eur": Decimal(item.eur),
                "price_jpy": Decimal(item.jpy),
                "faq": [{"question": question, "answer": answer} for question, answer in item.faq],
            },
        )
    products = {product.sku: product for product in Product.objects.all()}
    for item in CATALOGUE:
        products[item.sku].goes_with.set(products[sku] for sku in item.goes_with)
    return len(CATALOGUE)

import secrets
from decimal import Decimal

from django.db import models
from django.urls import reverse

from example_project.shop.currencies import CURRENCIES, Currency


def make_order_number() -> str:
    """A random order number, short enough to read out. It does not reveal how many orders there are."""
    return "M-" + "".join(secrets.choice("23456789ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(8))


class Product(models.Model):
    """A product, sold by weight (priced per kilogram) or by the piece."""

    class Category(models.TextChoices):
        COFFEE = "coffee", "Coffee"
        TEA = "tea", "Tea"
        BREWING = "brewing", "Brewing"

    class Unit(models.TextChoices):
        KILOGRAM = "kg", "kilogram"
        PIECE = "piece", "piece"

    sku = models.CharField("SKU", max_length=20, unique=True)
    slug = models.SlugField(unique=True)
    category = models.CharField(max_length=10, choices=Category)
    position = models.PositiveSmallIntegerField(default=0)
    name = models.CharField(max_length=80)
    tagline = models.CharField(max_length=120)
    description = models.TextField()
    facts = models.JSONField(default=dict, help_text="Facts on the product page, as {name: value}.")
    picture_text = models.CharField(max_length=200, help_text="Alternative text of the picture.")
    unit = models.CharField(max_length=5, choices=Unit)
    step = models.DecimalField(
        max_digits=6, decimal_places=3, help_text="The smallest quantity, and the step of the + and − buttons."
    )
    price_eur = models.DecimalField(max_digits=8, decimal_places=2)
    price_jpy = models.DecimalField(max_digits=8, decimal_places=0)
    faq = models.JSONField("FAQ", default=list, help_text="A list of {question, answer}.")
    goes_with = models.ManyToManyField("self", symmetrical=False, blank=True)

    class Meta:
        ordering = ["position"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("shop:product", args=[self.slug])

    @property
    def picture(self) -> str:
        """The path of the picture in the static files."""
        return f"shop/images/{self.slug}.svg"

    @property
    def is_sold_by_weight(self) -> bool:
        return self.unit == self.Unit.KILOGRAM

    @property
    def sizes(self) -> list[Decimal]:
        """The quantities offered on the product page."""
        return [self.step * count for count in (1, 2, 3, 4)]

    def price_in(self, currency: Currency) -> Decimal:
        """The price of one unit (a kilogram or a piece)."""
        price: Decimal = {"EUR": self.price_eur, "JPY": self.price_jpy}[currency.code]
        return price


class Order(models.Model):
    # Unique, so that submitting the form twice makes one order.
    cart_id = models.UUIDField(unique=True, editable=False)
    number = models.CharField(max_length=20, unique=True, default=make_order_number)
    name = models.CharField(max_length=120)
    email = models.EmailField("e-mail")
    currency = models.CharField(max_length=3, choices=[(code, each.name) for code, each in CURRENCIES.items()])
    total = models.DecimalField(max_digits=12, decimal_places=2)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        return reverse("shop:thank_you", args=[self.number])

    # With `currency`, the fields of `{% alhena_checkout_event order %}` and `record_order_on_commit`.

    @property
    def order_id(self) -> str:
        return self.number

    @property
    def value(self) -> Decimal:
        return self.total

    @property
    def line_items(self) -> list[dict[str, str | Decimal]]:
        return [
            {
                "product_id": line.product.sku,
                "product_name": line.name,
                "quantity": line.quantity,
                "value": line.total,
                "currency": self.currency,
            }
            for line in self.lines.all()
        ]


class OrderLine(models.Model):
    """A product of an order, with its name and price at that time."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=80)
    quantity = models.DecimalField(max_digits=9, decimal_places=3)
    unit_price = models.DecimalField(max_digits=12, decimal_places=2)
    total = models.DecimalField(max_digits=12, decimal_places=2)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.name}"

import django.db.models.deletion
from django.db import migrations, models

import example_project.shop.models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Order",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("cart_id", models.UUIDField(editable=False, unique=True)),
                (
                    "number",
                    models.CharField(default=example_project.shop.models.make_order_number, max_length=20, unique=True),
                ),
                ("name", models.CharField(max_length=120)),
                ("email", models.EmailField(max_length=254, verbose_name="e-mail")),
                ("currency", models.CharField(choices=[("EUR", "Euro"), ("JPY", "Japanese yen")], max_length=3)),
                ("total", models.DecimalField(decimal_places=2, max_digits=12)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "ordering": ["-created_at"],
            },
        ),
        migrations.CreateModel(
            name="Product",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sku", models.CharField(max_length=20, unique=True, verbose_name="SKU")),
                ("slug", models.SlugField(unique=True)),
                (
                    "category",
                    models.CharField(
                        choices=[("coffee", "Coffee"), ("tea", "Tea"), ("brewing", "Brewing")], max_length=10
                    ),
                ),
                ("position", models.PositiveSmallIntegerField(default=0)),
                ("name", models.CharField(max_length=80)),
                ("tagline", models.CharField(max_length=120)),
                ("description", models.TextField()),
                ("facts", models.JSONField(default=dict, help_text="Facts on the product page, as {name: value}.")),
                (
                    "picture_text",
                    models.CharField(help_text="Alternative text of the picture.", max_length=200),
                ),
                ("unit", models.CharField(choices=[("kg", "kilogram"), ("piece", "piece")], max_length=5)),
                (
                    "step",
                    models.DecimalField(
                        decimal_places=3,
                        help_text="The smallest quantity, and the step of the + and − buttons.",
                        max_digits=6,
                    ),
                ),
                ("price_eur", models.DecimalField(decimal_places=2, max_digits=8)),
                ("price_jpy", models.DecimalField(decimal_places=0, max_digits=8)),
                ("faq", models.JSONField(default=list, help_text="A list of {question, answer}.", verbose_name="FAQ")),
                ("goes_with", models.ManyToManyField(blank=True, to="shop.product")),
            ],
            options={
                "ordering": ["position"],
            },
        ),
        migrations.CreateModel(
            name="OrderLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=80)),
                ("quantity", models.DecimalField(decimal_places=3, max_digits=9)),
                ("unit_price", models.DecimalField(decimal_places=2, max_digits=12)),
                ("total", models.DecimalField(decimal_places=2, max_digits=12)),
                (
                    "order",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="lines", to="shop.order"
                    ),
                ),
                (
                    "product",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="shop.product"),
                ),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
    ]

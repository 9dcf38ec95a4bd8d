from django.contrib import admin

from example_project.shop.models import Order, OrderLine, Product


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["name", "sku", "category", "price_eur", "price_jpy", "unit"]
    list_filter = ["category"]
    search_fields = ["name", "sku"]
    prepopulated_fields = {"slug": ["name"]}
    filter_horizontal = ["goes_with"]


class OrderLineInline(admin.TabularInline):  # type: ignore[type-arg]
    model = OrderLine
    extra = 0
    autocomplete_fields = ["product"]


@admin.register(Order)
class OrderAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["number", "name", "total", "currency", "created_at"]
    list_filter = ["currency", "created_at"]
    search_fields = ["number", "name", "email"]
    readonly_fields = ["number", "created_at"]
    inlines = [OrderLineInline]

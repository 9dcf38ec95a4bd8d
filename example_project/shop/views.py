"""The pages of the shop. None is cached: each shows the cart, and some report events once."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from alhena_tracking.events import record_order_on_commit
from example_project.shop.assistant import Conversation
from example_project.shop.cart import Cart
from example_project.shop.currencies import CURRENCIES
from example_project.shop.forms import CheckoutForm, CurrencyForm, QuantityForm, QuestionForm
from example_project.shop.models import Order, Product


def redirect_back(request: HttpRequest, default: str) -> HttpResponseRedirect:
    """Redirect to the form's `next` page, if it is on this host."""
    target = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}):
        target = resolve_url(default)
    return HttpResponseRedirect(target)


@never_cache
@require_safe
def catalogue(request: HttpRequest, category: str = "") -> HttpResponse:
    if category and category not in Product.Category:
        raise Http404
    products = Product.objects.filter(category=category) if category else Product.objects.all()
    return render(
        request,
        "shop/catalogue.html",
        {"products": products, "category": Product.Category(category) if category else None},
    )


@never_cache
@require_safe
def product(request: HttpRequest, slug: str) -> HttpResponse:
    shown = get_object_or_404(Product, slug=slug)
    return render(request, "shop/product.html", {"product": shown, "others": shown.goes_with.all()})


@never_cache
@require_safe
def cart(request: HttpRequest) -> HttpResponse:
    return render(request, "shop/cart.html")


@require_POST
def change_cart(request: HttpRequest, sku: str, action: str) -> HttpResponse:
    """Carry out an action (`add`, `increase`, `decrease`, `remove` or `set`) and return to the page of the form."""
    changed = get_object_or_404(Product, sku=sku)
    visitor_cart = Cart(request.session)
    if action in ("add", "set"):
        form = QuantityForm(changed, request.POST)
        if not form.is_valid():
            messages.error(request, str(form.errors["quantity"][0]))
            return redirect_back(request, "shop:cart")
        if action == "add":
            visitor_cart.add(changed, form.cleaned_data["quantity"])
            messages.success(request, f"{changed.name} is in your cart.", extra_tags="added")
        else:
            visitor_cart.set_quantity(changed, form.cleaned_data["quantity"])
    elif action == "increase":
        visitor_cart.increase(changed)
    elif action == "decrease":
        visitor_cart.decrease(changed)
    elif action == "remove":
        visitor_cart.remove(changed)
    else:
        raise Http404
    return redirect_back(request, "shop:cart")


@require_POST
def change_currency(request: HttpRequest) -> HttpResponse:
    form = CurrencyForm(request.POST)
    if form.is_valid():
        Cart(request.session).currency = CURRENCIES[form.cleaned_data["currency"]]
    return redirect_back(request, "shop:catalogue")


@never_cache
def checkout(request: HttpRequest) -> HttpResponse:
    """Ask for name and e-mail, without payment. Submitting the form again leads to the existing order."""
    visitor_cart = Cart(request.session)
    numbers: list[str] = request.session.get("orders", [])
    if not visitor_cart.lines:
        if request.method == "POST" and numbers:
            return redirect("shop:thank_you", numbers[-1])
        return redirect("shop:cart")
    form = CheckoutForm(request.POST if request.method == "POST" else None, label_suffix="")
    if request.method == "POST" and form.is_valid():
        order = visitor_cart.check_out(form.cleaned_data["name"], form.cleaned_data["email"])
        request.session["orders"] = [*numbers, order.number]
        # Confirm the order. The thank-you page reports it as well, unless it is blocked; that is a duplicate.
        record_order_on_commit(
            request, order_id=order.order_id, value=order.value, currency=order.currency, line_items=order.line_items
        )
        return redirect(order)
    return render(request, "shop/checkout.html", {"form": form})


@never_cache
@require_safe
def thank_you(request: HttpRequest, number: str) -> HttpResponse:
    """Confirm the order, only to the visitor who placed it."""
    if number not in request.session.get("orders", []):
        raise Http404
    order = get_object_or_404(Order.objects.prefetch_related("lines__product"), number=number)
    return render(request, "shop/thank_you.html", {"order": order, "currency": CURRENCIES[order.currency]})


@never_cache
def assistant(request: HttpRequest) -> HttpResponse:
    """Show the conversation, or answer a question. shop.js gets the answer as an HTML fragment."""
    if request.method == "POST":
        is_script = "X-Fragment" in request.headers
        form = QuestionForm(request.POST)
        if form.is_valid():
            exchange = Conversation(request.session).ask(form.cleaned_data["question"])
            if is_script:
                return render(request, "shop/_exchange.html", {"exchange": exchange})
        elif is_script:
            return HttpResponse(status=400)
        return redirect(reverse("shop:assistant") + "#question")
    return render(request, "shop/assistant.html")

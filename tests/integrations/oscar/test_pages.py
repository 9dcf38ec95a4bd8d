from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.contrib.sites.models import Site
from django.template import Context, Template
from django.test import Client, RequestFactory, override_settings
from django.urls import reverse
from oscar.apps.dashboard.menu import get_nodes
from oscar.test import factories

from alhena_tracking.events import record_interaction
from alhena_tracking.integrations.oscar.navigation import may_view_report
from alhena_tracking.models import Interaction, OrderLine
from tests.support.oscar import goods
from tests.support.oscar.shopper import Shopper

pytestmark = pytest.mark.django_db

REPORT = "/admin/alhena_tracking/revenueimpact/"


def render(template: str, **context: Any) -> str:
    return Template("{% load alhena_oscar %}" + template).render(Context(context))


def staff(*rights: str, **fields: Any) -> Any:
    user = factories.UserFactory(is_staff=True, **fields)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    return user


@pytest.mark.parametrize("name", ["catalogue:index", "basket:summary", "checkout:index", "customer:login"])
def test_snippet_when_in_the_layout_is_on_pages_of_the_shop(name: str) -> None:
    shopper = Shopper()
    shopper.add(goods.product())
    assert "alhena_tracking/tracker" in shopper.client.get(reverse(name)).content.decode()


def test_snippet_when_in_the_layout_is_on_the_page_of_a_guest_order() -> None:
    shopper = Shopper()
    shopper.add(goods.product())
    order = shopper.check_out()
    url = reverse("customer:anon-order", args=[order.number, order.verification_hash()])
    assert "alhena_tracking/tracker" in shopper.client.get(url, follow=True).content.decode()


def test_snippet_when_in_the_layout_is_not_in_the_dashboard() -> None:
    client = Client()
    client.force_login(factories.UserFactory(is_superuser=True, is_staff=True))
    page = client.get(reverse("dashboard:index"))
    assert "alhena_tracking/tracker" not in page.content.decode()
    assert REPORT in page.content.decode()


@pytest.mark.parametrize(
    ("rights", "fields", "is_shown"),
    [
        (["view_revenueimpact"], {}, True),
        ([], {}, False),
        (["view_revenueimpact"], {"is_staff": False}, False),
        (["view_revenueimpact"], {"is_active": False}, False),
        ([], {"is_superuser": True}, True),
    ],
)
def test_node_when_the_report_may_be_viewed_is_in_the_dashboard(
    rights: list[str], fields: dict[str, Any], is_shown: bool
) -> None:
    user = staff(*rights)
    for name, value in fields.items():
        setattr(user, name, value)
    user.save()
    assert (REPORT in [node.url for node in get_nodes(user) if not node.is_heading]) is is_shown
    client = Client()
    client.force_login(user)
    assert (client.get(REPORT).status_code == 200) is is_shown


def test_node_when_the_admin_has_no_urls_is_hidden() -> None:
    assert not may_view_report(staff("view_revenueimpact"), "admin:alhena_tracking_no_such_page")


def test_admin_when_oscar_has_analytics_names_ours_apart() -> None:
    names = [str(apps.get_app_config(label).verbose_name) for label in ("analytics", "alhena_tracking")]
    assert names == ["Analytics", "Alhena Analytics"]


def test_product_id_when_in_a_template_is_the_one_of_orders() -> None:
    parent = factories.create_product(structure="parent", product_class="Goods", upc=None)
    child = goods.product("Small", parent=parent, upc=None)
    with_upc = goods.product("Kettle", upc="97800")
    ids = [render("{{ product|alhena_product_id }}", product=each) for each in (with_upc, child, parent, None)]
    assert ids == ["97800", "SKU-Small", f"product-{parent.pk}", ""]


def test_order_when_its_product_was_asked_about_is_direct() -> None:
    kettle, shopper = goods.product(), Shopper()
    page = shopper.client.get(kettle.get_absolute_url()).content.decode()
    assert 'data-alhena-faq="SKU-Kettle"' in page
    record_interaction(shopper.visitor, type="FAQ", product_id="SKU-Kettle")
    shopper.add(kettle)
    shopper.check_out()
    assert OrderLine.objects.get().product_id == Interaction.objects.exclude(product_id="").get().product_id


def test_company_key_when_in_a_template_is_the_one_of_the_site() -> None:
    Site.objects.get_or_create(pk=1, defaults={"domain": "shop.example", "name": "Shop"})
    request = RequestFactory().get("/")
    keys = []
    for companies in ({}, {1: "acme-de"}):
        with override_settings(ALHENA_TRACKING={"COMPANY_KEY": "acme", "OSCAR_COMPANIES": companies}):
            keys.append(render("{% alhena_company_key %}", request=request))
    assert keys == ["acme", "acme-de"]


def test_navigation_when_the_project_placed_the_node_has_it_once() -> None:
    code = """
from tests.support.oscar import settings
from django.conf import settings as used
from alhena_tracking.integrations.oscar.navigation import REVENUE_IMPACT
settings.OSCAR_DASHBOARD_NAVIGATION = [{"label": "Reports", "children": [REVENUE_IMPACT]}]
import django
django.setup()
assert len(used.OSCAR_DASHBOARD_NAVIGATION) == 1, used.OSCAR_DASHBOARD_NAVIGATION
"""
    subprocess.run([sys.executable, "-c", code], check=True)

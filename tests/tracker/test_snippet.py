"""The template tags and the HTML they render."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.template import Context, Template

from alhena_tracking.snippet import snippet_html

HOSTILE = """</script><script>alert('"&\N{LINE SEPARATOR}')</script>"""


class FreshNonce:
    """As Django's: falsy until it is read."""

    def __bool__(self) -> bool:
        return False

    def __str__(self) -> str:
        return "r4nd0m"


def render(source: str, **context: Any) -> str:
    return Template("{% load alhena_tracking %}" + source).render(Context(context))


def test_snippet_when_rendered_has_inline_code_and_deferred_tracker() -> None:
    inline, tracker = _parts(render("{% alhena_snippet %}"))
    assert "window._alhenaEventQueue" in inline
    assert len(inline.encode()) <= 400
    assert tracker == (
        '<script defer src="/static/alhena_tracking/tracker.js" data-company-key="acme" data-endpoint="/alhena/" '
        'data-window="86400" data-debug-src="/static/alhena_tracking/debug.js"></script>'
    )


def _parts(html: str) -> tuple[str, str]:
    inline, _, tracker = html.rpartition("\n")
    return inline, tracker


def test_snippet_when_settings_say_more_configures_the_tracker(settings: Any) -> None:
    settings.ALHENA_TRACKING = {
        "COMPANY_KEY": "acme",
        "COOKIE_DOMAIN": "shop.example",
        "REQUIRE_CONSENT": True,
        "RESPECT_DNT": True,
        "DEBUG": True,
    }
    html = snippet_html()
    assert 'data-cookie-domain="shop.example" data-consent="required" data-dnt="respect"' in html
    assert 'data-debug="true"' in html


def test_snippet_when_ga4_events_are_read_configures_their_amounts(settings: Any) -> None:
    assert "datalayer" not in snippet_html()
    settings.ALHENA_TRACKING = {"COMPANY_KEY": "acme", "READ_DATALAYER": True, "COUNTED_QUESTIONS": "answered"}
    attributes = (
        'data-interactions="answered" data-datalayer="ga4" data-datalayer-src="/static/alhena_tracking/datalayer.js"'
    )
    html = snippet_html()
    assert attributes in html
    assert "-value=" not in html
    assert "currency" not in html
    settings.ALHENA_TRACKING |= {"DATALAYER_VALUE": "as-is", "CART_EVENT_VALUE": "total", "LINE_ITEM_VALUE": "unit"}
    settings.ALHENA_TRACKING |= {"DEFAULT_CURRENCY": "CHF"}
    attributes = 'data-datalayer-value="as-is" data-default-currency="CHF" data-cart-event-value="total" '
    assert attributes + 'data-line-item-value="unit"' in snippet_html()
    settings.ALHENA_TRACKING |= {"DATALAYER_VALUE": "net"}
    assert 'data-datalayer-value="net"' in snippet_html()


@pytest.mark.parametrize(
    "context",
    [{"csp_nonce": FreshNonce()}, {"csp_nonce": "r4nd0m"}, {"request": SimpleNamespace(csp_nonce=FreshNonce())}],
)
def test_snippet_when_there_is_a_nonce_puts_it_on_both_scripts(context: dict[str, Any]) -> None:
    assert render("{% alhena_snippet %}", **context).count('nonce="r4nd0m"') == 2


def test_snippet_when_there_is_no_nonce_has_no_such_attribute() -> None:
    assert "nonce" not in render("{% alhena_snippet %}", request=SimpleNamespace())


def test_snippet_when_the_template_names_a_company_uses_it() -> None:
    assert 'data-company-key="other"' in render('{% alhena_snippet company_key="other" %}')


def test_snippet_when_no_company_is_named_raises_what_to_do(settings: Any) -> None:
    settings.ALHENA_TRACKING = {}
    with pytest.raises(ValueError, match="COMPANY_KEY"):
        snippet_html()

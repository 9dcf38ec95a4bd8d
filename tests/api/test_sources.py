"""Whom a limit applies to, whatever a visitor writes into a header; and who is a robot."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpRequest
from django.test import RequestFactory, override_settings
from hypothesis import given
from hypothesis import strategies as st

from alhena_tracking.api.ingestion import sources
from alhena_tracking.api.ingestion.sources import is_bot, source_of
from alhena_tracking.diagnosis import event_counts
from alhena_tracking.models import Company, EventCount
from tests.support.api_calls import post

VISITOR = "203.0.113.7"
PROXY = "10.0.0.2"


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    sources._warn_of_unknown_proxies.cache_clear()
    yield
    sources._warn_of_unknown_proxies.cache_clear()


def request(address: str | None = PROXY, forwarded: str | None = None, user_agent: str | None = None) -> HttpRequest:
    request = RequestFactory().get("/")
    headers = {"REMOTE_ADDR": address, "HTTP_X_FORWARDED_FOR": forwarded, "HTTP_USER_AGENT": user_agent}
    request.META.pop("REMOTE_ADDR")
    request.META.update({name: value for name, value in headers.items() if value is not None})
    return request


def source(proxies: int | None, address: str | None = PROXY, forwarded: str | None = None) -> str | None:
    with override_settings(ALHENA_TRACKING={"TRUSTED_PROXIES": proxies}):
        return source_of(request(address, forwarded)).address


@pytest.mark.parametrize(
    ("proxies", "forwarded"),
    [
        (1, VISITOR),
        (1, f"1.1.1.1, {VISITOR}"),
        (1, f"1.1.1.1,2.2.2.2,{VISITOR}"),
        (1, f",,{VISITOR}"),
        (2, f"{VISITOR}, 10.0.0.9"),
        (2, f"1.1.1.1, {VISITOR}, 10.0.0.9"),
        (3, f"1.1.1.1, {VISITOR}, 198.51.100.1, 10.0.0.9"),
    ],
)
def test_source_when_proxies_are_trusted_is_what_the_outermost_saw(proxies: int, forwarded: str) -> None:
    assert source(proxies, PROXY, forwarded) == VISITOR


@pytest.mark.parametrize(
    ("proxies", "forwarded"),
    [(1, None), (1, ""), (2, VISITOR), (1, "unknown"), (1, f"{VISITOR}, "), (1, "203.0.113.300"), (2, f"x, {VISITOR}")],
)
def test_source_when_the_entry_is_missing_or_no_address_is_the_peer(proxies: int, forwarded: str | None) -> None:
    assert source(proxies, PROXY, forwarded) == PROXY


@pytest.mark.parametrize("forwarded", [None, VISITOR, f"1.1.1.1, {VISITOR}"])
def test_source_when_there_is_no_proxy_is_the_peer(forwarded: str | None) -> None:
    assert source(0, VISITOR, forwarded) == VISITOR
    assert source(0, PROXY, forwarded) == PROXY


@given(st.text(st.characters(codec="latin-1", exclude_characters="\r\n")), st.integers(1, 3))
def test_source_when_the_header_is_forged_is_still_the_visitors(forged: str, proxies: int) -> None:
    """The shop's proxies append what they see, the first of them the visitor's address."""
    seen = [VISITOR, *(f"10.0.0.{number}" for number in range(1, proxies))]
    assert source(proxies, PROXY, ", ".join([forged, *seen])) == VISITOR
    assert source(0, VISITOR, forged) == VISITOR
    assert source(None, VISITOR, forged) == VISITOR


@pytest.mark.parametrize(
    "peer",
    [
        PROXY,
        "127.0.0.1",
        "172.18.0.3",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.1.1",
        "::1",
        "fd00::1",
        "fe80::1",
        "::ffff:10.0.0.2",
        "",
        None,
    ],
)
def test_source_when_a_proxy_is_undeclared_is_unknown_and_warns_once(
    peer: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "alhena_tracking"):
        assert [source(None, peer, f"1.1.1.{number}, {VISITOR}") for number in range(3)] == [None] * 3
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("alhena_tracking.api.ingestion.sources", "WARNING")
    assert "TRUSTED_PROXIES" in record.getMessage()
    assert "1.1.1" not in record.getMessage()
    assert VISITOR not in record.getMessage()


@pytest.mark.parametrize(
    ("proxies", "address", "forwarded", "network"),
    [
        (0, "2001:db8:7:1::9", None, "2001:db8:7::/48"),
        (1, PROXY, "2001:db8:7:ffff::9", "2001:db8:7::/48"),
        (0, VISITOR, None, None),
        (1, PROXY, "::ffff:203.0.113.7", None),
        (0, None, None, None),
        # Behind a proxy that is not counted, its word is good for no more than a network.
        (None, PROXY, f"1.1.1.1, {VISITOR}", VISITOR),
        (None, PROXY, "2001:db8:7:1::9", "2001:db8:7::/48"),
        (None, PROXY, f"{VISITOR}, 10.0.0.9", None),
        (None, PROXY, "unknown", None),
        (None, "198.51.100.1", VISITOR, None),
    ],
)
def test_network_when_asked_for_is_what_many_addresses_share(
    proxies: int | None, address: str | None, forwarded: str | None, network: str | None
) -> None:
    with override_settings(ALHENA_TRACKING={"TRUSTED_PROXIES": proxies}):
        assert source_of(request(address, forwarded)).network == network


@pytest.mark.parametrize(
    ("proxies", "headers", "counted"),
    [
        (None, {"X-Forwarded-For": VISITOR}, 3),
        (None, {}, 0),
        (1, {"X-Forwarded-For": VISITOR}, 0),
    ],
)
def test_requests_when_a_proxy_is_undeclared_are_counted(
    company: Company, proxies: int | None, headers: dict[str, str], counted: int
) -> None:
    with override_settings(ALHENA_TRACKING={"COMPANY_KEY": company.key, "TRUSTED_PROXIES": proxies}):
        for body in ({"company_key": company.key}, b"?", {"company_key": "nobody"}):
            post("cart_events", body, **headers)
        post("batch", {"company_key": company.key}, **headers)
        post("interactions", {"company_key": company.key}, **headers)
    event_counts.flush()
    rows = EventCount.objects.filter(method=EventCount.PROXY)
    assert [(row.company, row.count) for row in rows] == ([(company, counted)] if counted else [])


@pytest.mark.django_db
def test_requests_when_rate_limited_behind_a_proxy_are_counted(company: Company) -> None:
    limit = {"COMPANY_KEY": company.key, "RATE_LIMIT_PER_COMPANY": "1/h"}
    with override_settings(ALHENA_TRACKING=limit):
        for _ in range(4):
            status, _answer = post("cart_events", {"company_key": company.key}, **{"X-Forwarded-For": VISITOR})
    assert status == 429
    event_counts.flush()
    assert EventCount.objects.get(method=EventCount.PROXY).count == 4


@pytest.mark.parametrize(("peer", "forwarded"), [(PROXY, None), (PROXY, ""), (VISITOR, None), (VISITOR, "1.1.1.1")])
def test_source_when_proxies_are_not_declared_and_none_shows_is_the_peer(
    peer: str, forwarded: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "alhena_tracking"):
        assert source(None, peer, forwarded) == peer
    assert not caplog.records


@pytest.mark.parametrize("peer", ["", None, "unix:"])
@pytest.mark.parametrize("proxies", [None, 0, 1])
def test_source_when_on_a_socket_without_addresses_is_unknown(peer: str | None, proxies: int | None) -> None:
    assert source(proxies, peer) is None
    assert source(1, peer, VISITOR) == VISITOR


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (f"{VISITOR}:4711", VISITOR),
        (f"  {VISITOR}\t", VISITOR),
        ("::ffff:203.0.113.7", VISITOR),
        ("[::ffff:203.0.113.7]:443", VISITOR),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::9]", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::9]:443", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::443", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("[2001:db8::1", PROXY),
        ("[]", PROXY),
        ("203.0.113.7:", PROXY),
        ("203.0.113.7:80:80", PROXY),
        ("03.0.113.7", PROXY),
        ("٢.0.113.7", PROXY),
        ("0xcb007107", PROXY),
    ],
)
def test_address_when_written_in_any_form_is_one_source(entry: str, expected: str) -> None:
    assert source(1, PROXY, entry) == expected


@given(st.ip_addresses(v=6), st.integers(0, 2**64 - 1))
def test_source_when_of_ipv6_is_the_same_for_a_whole_64(address: ipaddress.IPv6Address, host: int) -> None:
    neighbour = ipaddress.IPv6Address((int(address) >> 64 << 64) + host)
    if address.ipv4_mapped is None and neighbour.ipv4_mapped is None:
        assert source(0, str(address)) == source(0, str(neighbour))


WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
BOTS = [
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Googlebot-Image/1.0",
    "Mozilla/5.0 (compatible; Google-InspectionTool/1.0;)",
    "AdsBot-Google (+http://www.google.com/adsbot.html)",
    "Mediapartners-Google",
    f"Mozilla/5.0 {WEBKIT[:-1]}; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) Chrome/116.0 Safari/537.36",
    "Mozilla/5.0 (compatible; Yahoo! Slurp; http://help.yahoo.com/help/us/ysearch/slurp)",
    "DuckDuckBot/1.1; (+http://duckduckgo.com/duckduckbot.html)",
    "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
    "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
    "Mozilla/5.0 (compatible; YandexMetrika/4.0; +http://yandex.com/bots yabs01)",
    "Sogou web spider/4.0(+http://www.sogou.com/docs/help/webmasters.htm#07)",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "Mozilla/5.0 (compatible; SemrushBot/7~bl; +http://www.semrush.com/bot.html)",
    f"Mozilla/5.0 (Linux; Android 7.0;) {WEBKIT} Safari/537.36 (compatible; PetalBot;+https://webmaster.petalsearch.com/)",
    f"Mozilla/5.0 (Linux; Android 5.0) {WEBKIT} Safari/537.36 (compatible; Bytespider; spider-feedback@bytedance.com)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
    f"Mozilla/5.0 {WEBKIT}; compatible; ChatGPT-User/1.0; +https://openai.com/bot",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)",
    "CCBot/2.0 (https://commoncrawl.org/faq/)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "meta-externalagent/1.1 (+https://developers.facebook.com/docs/sharing/webmasters/crawler)",
    "Twitterbot/1.0",
    "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "Slackbot 1.0 (+https://api.slack.com/robots)",
    "TelegramBot (like TwitterBot)",
    "WhatsApp/2.23.20.0 A",
    "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
    "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
    "Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)",
    f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} Chrome/119.0.0.0 Safari/537.36 Chrome-Lighthouse",
    "ia_archiver (+http://www.alexa.com/site/help/webmasters; crawler@alexa.com)",
    "Screaming Frog SEO Spider/20.0",
]
PEOPLE = [
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/124.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:125.0) Gecko/20100101 Firefox/125.0",
    f"Mozilla/5.0 (Linux; Android 11; CUBOT NOTE 20) {WEBKIT} Chrome/120.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Linux; Android 9; CUBOT_X19; Build/PPR1) AppleWebKit/537.36 Chrome/98.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Linux; U; Android 8.1; CUBOT; Build/O11019) AppleWebKit/537.36 Version/4.0 Mobile Safari/537.36",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/122.0.0.0 YaBrowser/24.4.0.0 Safari/537.36",
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) {WEBKIT} Mobile/15E148 [Pinterest/iOS]",
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) {WEBKIT} Mobile/21E219 [FBAN/FBIOS;FBAV/459.0.0.0;FBBV/1]",
    f"Mozilla/5.0 (Linux; Android 14) {WEBKIT} Chrome/123.0.0.0 Mobile Safari/537.36 Instagram 325.0.0.0 Android",
    f"Mozilla/5.0 (Linux; Android 13) {WEBKIT} Version/4.0 Chrome/123.0.0.0 Mobile DuckDuckGo/5 Safari/537.36",
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) {WEBKIT} GSA/310.0 Mobile/15E148 Safari/604.1",
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Chrome/122.0.0.0 Safari/537.36 Slack_SSB/4.37.94",
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) {WEBKIT} KAKAOTALK 10.7.0",
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) {WEBKIT} Mobile/15E148 [LinkedInApp]/9.29",
    f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} HeadlessChrome/124.0.0.0 Safari/537.36",
    "curl/8.5.0",
    "python-requests/2.32.0",
    "python-httpx/0.27.0",
    "Go-http-client/2.0",
    "WordPress/6.5; https://shop.example",
    "",
    None,
]


@pytest.mark.parametrize("user_agent", BOTS)
def test_bot_when_it_says_so_is_known(user_agent: str) -> None:
    assert is_bot(request(user_agent=user_agent))
    assert is_bot(request(user_agent=user_agent.upper()))


@pytest.mark.parametrize("user_agent", PEOPLE)
def test_bot_when_a_browser_or_a_server_or_nothing_is_named_is_none(user_agent: str | None) -> None:
    assert not is_bot(request(user_agent=user_agent))


@pytest.mark.parametrize("user_agent", ["x" * 100_000, "x" * 512 + "Googlebot/2.1", "compatible; " * 10_000, "\x00ÿ"])
def test_bot_when_the_user_agent_is_absurd_is_none(user_agent: Any) -> None:
    assert not is_bot(request(user_agent=user_agent))

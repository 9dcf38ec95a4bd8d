"""The sender of a request: the address and the network that limits apply to, and whether it is a bot."""

from __future__ import annotations

import logging
import re
from functools import cache, lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import NamedTuple

from django.http import HttpRequest

from alhena_tracking.conf import conf

logger = logging.getLogger(__name__)

_WITH_PORT = re.compile(r"\[(?P<v6>[^]]*)\](:\d+)?|(?P<v4>[\d.]+):\d+")
#: Networks of a shop's own proxies, never of visitors from the internet.
_PRIVATE_NETWORKS = [
    ip_network(text)
    for text in (
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    )
]

# Crawlers, monitors and fetchers of previews that say so. Not: headless browsers and HTTP clients, which shops' own
# servers and tests are, too; phones of the make Cubot; and the browsers of Yandex, Pinterest or DuckDuckGo.
_BOT = re.compile(
    r"(?<!cu)bot[-/;]|crawler|spider\b"
    r"|compatible; yandex|google-inspectiontool|googleother|(?:mediapartners|feedfetcher|apis|duplexweb)-google"
    r"|google (?:favicon|page speed)|chrome-lighthouse|bingpreview|microsoftpreview|\bslurp\b"
    r"|facebookexternalhit|facebookcatalog|facebot|meta-external|\Awhatsapp/|telegrambot|slackbot|slack-imgproxy"
    r"|skypeuripreview|snap url preview|vkshare|kakaotalk-scrap|embedly|iframely|mastodon/"
    r"|(?:chatgpt|claude|perplexity|mistralai)-user|anthropic-ai|cohere-ai"
    r"|archive\.org_bot|ia_archiver|heritrix|nutch|w3c_validator|prerender|rendertron"
    r"|pingdom|statuscake|site24x7|newrelicpinger|datadogsynthetics|gtmetrix|updown\.io|better uptime|uptime-kuma"
    r"|hetrixtools|catchpoint",
    re.IGNORECASE,
)
#: More of a user agent is not read.
_USER_AGENT_LENGTH = 512


class Source(NamedTuple):
    """A sender's address, and the network within which it can change that; ``None`` where unknown.

    Of IPv6, the address stands for its /64, one household's, and the network is the /48, the most that providers give
    to one customer. ``is_forwarded`` if a proxy sent the request that ``TRUSTED_PROXIES`` does not count.
    """

    address: str | None = None
    network: str | None = None
    is_forwarded: bool = False


def source_of(request: HttpRequest) -> Source:
    """Return a request's source.

    Where the shop's own proxies append to ``X-Forwarded-For``, ``TRUSTED_PROXIES`` says how many; the entry that the
    outermost of them wrote is the visitor's, whatever a visitor wrote before it. Behind proxies that it does not count,
    the last entry may be another proxy's, and is taken for a network.
    """
    proxies = conf.trusted_proxies
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
    entries = forwarded.split(",")
    peer = _address(request.META.get("REMOTE_ADDR") or "")
    if proxies is None and forwarded and (peer is None or _is_private(peer)):
        _warn_of_unknown_proxies()
        last = _address(entries[-1])
        return Source(network=_network_of(last, 48) if last and not _is_private(last) else None, is_forwarded=True)
    visitor = _address(entries[-proxies]) if proxies and proxies <= len(entries) else None
    address = visitor or peer
    if address is None:
        return Source()
    network = _network_of(address, 48) if isinstance(address, IPv6Address) else None
    return Source(_network_of(address, 64), network)


def _network_of(address: IPv4Address | IPv6Address, bits: int) -> str:
    """Return the network of an IPv6 address with a prefix of so many bits; an IPv4 address as it is."""
    return str(ip_network((address, bits), strict=False) if isinstance(address, IPv6Address) else address)


def is_bot(request: HttpRequest) -> bool:
    """Return whether the user agent is a crawler, a monitor or a fetcher of previews. A missing one is not."""
    return _names_bot(request.META.get("HTTP_USER_AGENT", "")[:_USER_AGENT_LENGTH])


@lru_cache(maxsize=1024)
def _names_bot(user_agent: str) -> bool:
    return _BOT.search(user_agent) is not None


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """Read an address, with or without a port; an IPv4 address that IPv6 wraps is unwrapped."""
    text = text.strip()
    match = _WITH_PORT.fullmatch(text)
    try:
        address = ip_address((match["v6"] or match["v4"]) if match else text)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _is_private(address: IPv4Address | IPv6Address) -> bool:
    return any(address in network for network in _PRIVATE_NETWORKS)


@cache
def _warn_of_unknown_proxies() -> None:
    """Once a process."""
    logger.warning(
        "X-Forwarded-For comes from a proxy, but ALHENA_TRACKING does not say TRUSTED_PROXIES: visitors' addresses are "
        "not known, and ten times the limit per source holds for all that the proxy forwards from one address. Set it "
        "to the number of your own proxies that append to the header, such as 1."
    )

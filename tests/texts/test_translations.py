"""The catalogs: complete, in step with the source, compiled, and safe to fill in."""

from __future__ import annotations

import re
from gettext import GNUTranslations
from pathlib import Path

import django
import polib
import pytest
from django.utils import translation

from tests.support import catalogs
from tests.support.runs import require

pytestmark = pytest.mark.parametrize("language", catalogs.LANGUAGES)

#: Values are filled in by name, by ``%`` or by ``format_html``; ``%%`` is a percent sign.
PLACEHOLDER = re.compile(r"%%|%\(\w+\)[sd]|\{\w*\}|<[^>]+>")


def texts_of(entry: polib.POEntry) -> list[str]:
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


def test_strings_when_in_a_catalog_are_translated(language: str) -> None:
    entries = list(catalogs.catalog(language))
    assert entries
    assert [entry.msgid for entry in entries if not entry.translated() or entry.fuzzy or entry.obsolete] == []
    assert [entry.msgid for entry in entries if entry.msgid_plural and set(entry.msgstr_plural) != {0, 1}] == []


def test_catalog_when_extracted_anew_is_unchanged(language: str) -> None:
    require("gettext", catalogs.is_extractor_there(), "xgettext is not installed: apt-get install gettext")
    expected = catalogs.updated(language, catalogs.extract())
    assert [catalogs.key_of(entry) for entry in catalogs.catalog(language)] == [
        catalogs.key_of(entry) for entry in expected
    ], "run `make messages`"
    assert str(catalogs.catalog(language)) == str(expected), "run `make messages`"


def test_compiled_catalog_when_read_matches_its_source(language: str) -> None:
    path = catalogs.path_of(language)
    assert path.with_suffix(".mo").read_bytes() == catalogs.catalog(language).to_binary(), "run `make messages`"


def test_placeholders_when_translated_match_the_english(language: str) -> None:
    for entry in catalogs.catalog(language):
        singular, plural = (sorted(PLACEHOLDER.findall(text)) for text in (entry.msgid, entry.msgid_plural))
        first, *others = (sorted(PLACEHOLDER.findall(text)) for text in texts_of(entry))
        # A singular may name its number, or not: French has it for zero, too.
        assert first == singular or (entry.msgid_plural and first == plural), entry.msgid
        assert all(other == plural for other in others), entry.msgid


def test_code_names_when_translated_are_unchanged(language: str) -> None:
    name = re.compile(r"\b[A-Z]+(?:_[A-Z]+)+\b|\b[a-z]+(?:_[a-z]+)+(?:\.\w+)?\b|https?://\S+|/\w+/\w+")
    for entry in catalogs.catalog(language):
        names = set(name.findall(PLACEHOLDER.sub("", entry.msgid)))
        for text in texts_of(entry):
            assert names <= set(name.findall(PLACEHOLDER.sub("", text))), entry.msgid


def test_punctuation_when_translated_is_that_of_the_language(language: str) -> None:
    for entry in catalogs.catalog(language):
        for text in texts_of(entry):
            seen = re.sub(r"<[^>]+>|https?://\S+", "", text)
            assert not set("“”\"'" if language == "fr" else "”\"'") & set(seen), text
            assert (text[:1].isspace(), text[-1:].isspace()) == (entry.msgid[:1].isspace(), entry.msgid[-1:].isspace())
            assert entry.msgid[-1:] not in ".?…" or text[-1:] in ".?…", text
            if language == "de":
                assert seen.count("„") == seen.count("“"), text
                assert not re.search(r"[^\xa0]%%", seen), text
            else:
                assert seen.count("«\xa0") == seen.count("\xa0»") == seen.count("«"), text
                assert not re.search(r"(?<=\S)[;?!](?=\s|$)|(?<=\S):(?=\s)|[ ](?:[:;?!»](?!\w)|%%)|« ", seen), text


def test_words_when_django_has_them_are_djangos(language: str) -> None:
    """Django reads all catalogs as one: ours must not change the words of the admin's other pages."""
    if django.VERSION[:2] != (5, 2):
        pytest.skip("Django's words are compared in one version: they change with time")
    ours = {catalogs.key_of(entry): entry.msgstr for entry in catalogs.catalog(language)}
    folder = Path(django.__path__[0])
    shared: dict[catalogs.Key, str] = {}
    for app in ("conf", "contrib/sessions", "contrib/auth", "contrib/admin"):
        with (folder / app / "locale" / language / "LC_MESSAGES" / "django.mo").open("rb") as file:
            words = GNUTranslations(file)
        shared |= {key: words.gettext(key[1]) for key in ours if key[0] is None and words.gettext(key[1]) != key[1]}
    assert "Home" in {text for _context, text in shared}
    assert {key: ours[key] for key in shared} == shared


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_plurals_when_translated_follow_the_language(language: str, count: int) -> None:
    with translation.override(language):
        text = translation.ngettext("%(count)d day ago", "%(count)d days ago", count) % {"count": count}
    is_one = count == 1 or (language == "fr" and count == 0)
    assert (
        text
        == {"de": f"vor {count} {'Tag' if is_one else 'Tagen'}", "fr": f"il y a {count} jour{'s'[is_one:]}"}[language]
    )

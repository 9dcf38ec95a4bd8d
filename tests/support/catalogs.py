"""Update the translation catalogs from the source and compile them. ``make messages`` runs this.

Django's ``makemessages`` finds the strings with ``xgettext``. polib does the rest: it writes the same bytes on every
machine, so that recompiling changes nothing, and tests can compare .mo and .po without gettext.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import chdir
from copy import copy
from pathlib import Path

import polib
from django.core.management import call_command

PACKAGE = Path(__file__).resolve().parents[2] / "alhena_tracking"
LANGUAGES = {"de": "nplurals=2; plural=(n != 1);", "fr": "nplurals=2; plural=(n > 1);"}

#: The key of a string: its context and its English text.
Key = tuple[str | None, str]


def path_of(language: str) -> Path:
    return PACKAGE / "locale" / language / "LC_MESSAGES" / "django.po"


def catalog(language: str) -> polib.POFile:
    return polib.pofile(str(path_of(language)), wrapwidth=100)


def key_of(entry: polib.POEntry) -> Key:
    return entry.msgctxt, entry.msgid


def is_extractor_there() -> bool:
    return shutil.which("xgettext") is not None


def extract() -> polib.POFile:
    """All strings of the source, in its order. Works on a copy, since ``makemessages`` writes where it reads."""
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder, PACKAGE.name)
        shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("locale", "static", "__pycache__"))
        (package / "locale").mkdir()
        with chdir(package):
            call_command("makemessages", locale=["en"], keep_pot=True, add_location="file", verbosity=0)
        return polib.pofile(str(package / "locale" / "django.pot"))


def updated(language: str, source: polib.POFile) -> polib.POFile:
    """The catalog with exactly the strings of ``source``, in its order. New ones are empty."""
    path = path_of(language)
    known = {key_of(entry): entry for entry in catalog(language)} if path.exists() else {}
    new = polib.POFile(wrapwidth=100)
    new.header = "`make messages` brings the strings in and compiles them. Change nothing here but msgstr."
    # No dates and no line numbers, so that a catalog changes only with its strings.
    new.metadata = {
        "Project-Id-Version": "alhena-tracking",
        "Language": language,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Plural-Forms": LANGUAGES[language],
    }
    for found in source:
        entry, old = copy(found), known.get(key_of(found))
        is_kept = old is not None and old.msgid_plural == entry.msgid_plural
        if entry.msgid_plural:
            entry.msgstr_plural = old.msgstr_plural if old and is_kept else {0: "", 1: ""}
        else:
            entry.msgstr = old.msgstr if old and is_kept else ""
        new.append(entry)
    return new


def main() -> None:
    if not is_extractor_there():
        raise SystemExit("xgettext was not found; on Debian: apt-get install gettext")
    source = extract()
    for language in LANGUAGES:
        new = updated(language, source)
        path_of(language).parent.mkdir(parents=True, exist_ok=True)
        new.save(str(path_of(language)))
        new.save_as_mofile(str(path_of(language).with_suffix(".mo")))
        untranslated = [entry.msgid for entry in new if not entry.translated()]
        print(f"{language}: {len(new)} strings, {len(untranslated)} untranslated")
        for text in untranslated:
            print(f"    {text}")


if __name__ == "__main__":
    main()

"""The wheel and the sdist that ``python -m build`` makes, or those in the folder that ``ALHENA_DIST`` names."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import sys
import tarfile
import tomllib
from email import message_from_string
from importlib.metadata import distributions
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.support.runs import require

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "alhena_tracking"
KILOBYTES = {
    "alhena_tracking/static/alhena_tracking/tracker.js": 5,
    "alhena_tracking/static/alhena_tracking/datalayer.js": 4,
    "alhena_tracking/static/alhena_tracking/shopify.js": 2.5,
}
TOOLS = {"build", "hatch-fancy-pypi-readme", "hatchling", "tdewolff-minify"}


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if folder := os.environ.get("ALHENA_DIST"):
        return Path(folder)
    missing = TOOLS - {distribution.name for distribution in distributions()}
    require("packaging", not missing, f"run `pip install --group packaging`: no {', '.join(sorted(missing))}")
    built = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(built), str(ROOT)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    return built


@pytest.fixture
def wheel(dist: Path) -> dict[str, bytes]:
    """The contents of the wheel's files."""
    [path] = dist.glob("*.whl")
    with ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def metadata(wheel: dict[str, bytes]) -> str:
    [name] = [name for name in wheel if name.endswith(".dist-info/METADATA")]
    return wheel[name].decode()


def test_wheel_when_built_holds_the_package(wheel: dict[str, bytes]) -> None:
    source = {
        str(file.relative_to(ROOT)): file.read_bytes()
        for file in PACKAGE.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    packed = {name: content for name, content in wheel.items() if ".dist-info/" not in name}
    assert packed.keys() == source.keys()
    assert {name for name, content in packed.items() if content != source[name]} == KILOBYTES.keys()


@pytest.mark.parametrize(("script", "kilobytes"), KILOBYTES.items())
def test_script_when_in_the_wheel_is_minified(wheel: dict[str, bytes], script: str, kilobytes: int) -> None:
    source = (ROOT / script).read_bytes()
    assert len(gzip.compress(wheel[script])) <= kilobytes * 1024 < len(gzip.compress(source))
    assert len(wheel[script]) < len(source) / 2


def test_sdist_when_built_holds_every_file_of_the_repository(dist: Path) -> None:
    require("packaging", (ROOT / ".git").exists(), "this is not a Git checkout")
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\0")
    [path] = dist.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        packed = {member.name.partition("/")[2] for member in archive.getmembers()}
    assert packed - {"PKG-INFO"} == {name for name in listed if (ROOT / name).is_file()}


def test_readme_when_on_the_package_index_links_to_its_release(metadata: str) -> None:
    project = message_from_string(metadata)
    urls = dict(url.split(", ") for url in project.get_all("Project-URL", []))
    pages = f"{urls['Source']}/blob/v{project['Version']}/"
    pictures = pages.replace("//github.com/", "//raw.githubusercontent.com/").replace("/blob/", "/")
    readme = (ROOT / "README.md").read_text()
    links = re.findall(r"(!?)\[[^]]+\]\(([^)]+)\)", metadata.partition("\n\n")[2])
    assert len(links) == len(re.findall(r"\]\(", readme)) > 0
    for picture, url in links:
        base = pictures if picture else pages
        assert url.startswith(base), url
        assert (ROOT / url.removeprefix(base).partition("#")[0]).is_file(), url


def test_project_urls_when_listed_lead_to_one_repository() -> None:
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]
    assert {"Documentation", "Changelog", "Issues", "Source"} <= urls.keys()
    assert [url for url in urls.values() if not url.startswith(urls["Source"])] == []

"""The build backend: hatchling, and in a wheel minified copies of the larger scripts in the place of their sources.

The minifier shortens names, which comment strippers do not, but is no pure Python and not on every platform. So only
wheels ask for it: hatchling would ask for a build hook's dependencies for editable installs, too.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hatchling import build
from hatchling.build import *  # noqa: F403 (all that the standard for build backends asks for)
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = Path("alhena_tracking/static/alhena_tracking")
SCRIPTS = ("tracker.js", "datalayer.js", "shopify.js")
MINIFIER = "tdewolff-minify>=2.24"


def get_requires_for_build_wheel(config_settings: dict[str, Any] | None = None) -> list[str]:
    """Add the minifier to what hatchling requires."""
    return [*build.get_requires_for_build_wheel(config_settings), MINIFIER]


class MinifyScripts(BuildHookInterface[Any]):
    """Replace the scripts in the wheel; leave editable installs alone."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        import minify

        self._folder = tempfile.TemporaryDirectory()
        for name in SCRIPTS:
            source = Path(self.root, FOLDER, name).read_text(encoding="utf-8")
            copy = Path(self._folder.name, name)
            copy.write_text(minify.string("application/javascript", source), encoding="utf-8")
            build_data["force_include"][str(copy)] = str(FOLDER / name)

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if version != "editable":
            self._folder.cleanup()

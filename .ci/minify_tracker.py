"""Puts a minified copy of the tracker into the wheel, in the place of its source.

A hook of hatchling, off unless HATCH_BUILD_HOOK_ENABLE_CUSTOM is set, so that nobody who installs from source needs the
minifier. (tdewolff-minify: alive, no dependencies, and it shortens names, which comment strippers do not.)
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PATH = "alhena_tracking/static/alhena_tracking/tracker.js"


class MinifyTracker(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        import minify

        code = minify.string("application/javascript", Path(self.root, PATH).read_text())
        self._folder = tempfile.TemporaryDirectory()
        copy = Path(self._folder.name, "tracker.js")
        copy.write_text(code)
        build_data["force_include"][str(copy)] = PATH

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if version != "editable":
            self._folder.cleanup()

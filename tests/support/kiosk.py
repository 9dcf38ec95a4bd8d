"""The made-up platform *Kiosk*: the template of an integration in ``docs/integrations.md``."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

DOCS = Path(__file__).parents[2] / "docs" / "integrations.md"


def code_of_template() -> str:
    (code,) = re.findall(r'```python\n(""".*?)```', DOCS.read_text(), re.DOTALL)
    return str(code)


def load_template() -> ModuleType:
    """Run the template, which registers its platform."""
    module = ModuleType("kiosk")
    exec(code_of_template(), module.__dict__)  # noqa: S102
    return module

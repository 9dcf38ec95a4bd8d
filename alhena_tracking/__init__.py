"""How much revenue did your AI assistant bring in? A pluggable Django app that answers with a number you can defend."""

__version__ = "0.1.0"

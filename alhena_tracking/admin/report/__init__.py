"""The page *Revenue impact*."""

"""The OpenAPI schema of the endpoints, for shops that publish a schema of their own API.

Only ``extension`` needs drf-spectacular; it puts the rest into the shop's schema.
"""

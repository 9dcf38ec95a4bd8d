"""What the endpoints take and answer, in the words of OpenAPI, for shops that publish a schema of their own API.

Only ``extension`` needs drf-spectacular; it puts the rest into the shop's schema.
"""

"""What can be asked of the gateway, in OpenAPI 3.1: at /api/openapi.json, and as a page beside it."""

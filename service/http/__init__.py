"""The HTTP service: our own API, the OpenAI-compatible API and the operations endpoints."""

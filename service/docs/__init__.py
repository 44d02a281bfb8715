"""The documentation's site: its pages, and what is assembled and generated for it. `make docs` builds it."""

"""The `scholiast` command."""

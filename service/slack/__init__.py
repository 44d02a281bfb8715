"""Scholiast in Slack, over HTTP (`http.py`) or Socket Mode (`socket_mode.py`); Slack's libraries load only if used."""

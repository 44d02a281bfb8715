"""The Slack door. `door.py` is how the service opens it; nothing here loads Slack's libraries until it is opened."""

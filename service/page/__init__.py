"""The web page: its files as browsers load them, and the routes that serve them. There is no build step."""

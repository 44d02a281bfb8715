"""The Model Context Protocol: the same answers and papers as tools of somebody else's assistant."""

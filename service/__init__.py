"""The entry points: command line, HTTP and Slack. Each turns a request into a question, and the Answer back."""

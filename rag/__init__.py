"""Questions about scientific abstracts, answered with the words that support each sentence. Start at `engine.py`."""

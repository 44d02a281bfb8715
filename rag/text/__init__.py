"""Text analysis, below storage: words, names and numbers, sentences, chunks, tokens and LaTeX."""

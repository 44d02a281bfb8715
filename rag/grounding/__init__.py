"""From a writer's text to sentences with citations, verbatim quotes and a verdict on each."""

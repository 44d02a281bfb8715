"""What the sub-commands of `scholiast eval` do: about runs, about sets of questions, about trust in figures."""

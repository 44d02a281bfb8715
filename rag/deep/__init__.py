"""Deep answers: the question in parts, each searched in several wordings, and the abstracts graded by the model."""

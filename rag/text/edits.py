"""The words that are one typing error away from a word (Damerau, 1964)."""

from string import ascii_lowercase


def one_edit_away(word: str) -> set[str]:
    """A letter deleted, swapped with the next, replaced or inserted; has the word itself too."""
    splits = [(word[:i], word[i:]) for i in range(len(word) + 1)]
    deleted = {a + b[1:] for a, b in splits if b}
    replaced = {a + letter + b[1:] for a, b in splits if b for letter in ascii_lowercase}
    inserted = {a + letter + b for a, b in splits for letter in ascii_lowercase}
    return deleted | transposed(word) | replaced | inserted


def transposed(word: str) -> set[str]:
    """Two letters that follow each other swapped."""
    return {word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(len(word) - 1)}

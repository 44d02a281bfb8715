"""Is the answer short, does it begin with what was asked, and does it read well: the answer proper, without its marks.

An answer that declines has no shape: the measures of its words do not apply to it (None).
"""

import re

from eval.metrics.case import Case
from eval.metrics.citations import answer_sentences
from eval.words import says_any, without_marks

_AUTHORS = re.compile(r"\b(?:[Ww]e|WE|[Oo]urs?|OURS?|[Oo]urselves|us)\b")
_QUOTED = re.compile(r"“[^”]*”|\"[^\"]*\"")
_MARKUP = re.compile(
    r"""\\[a-zA-Z]+ | \\[%&_#$]                               # \alpha, \%
    | \$[^\s$](?:[^$\n]*[^\s$])?\$                             # $x$, not $5 and $6
    | [\^_]\{                                                  # ^{-1}
    | </?[a-zA-Z][^<>]*> | &(?:[a-zA-Z]{2,8}|\#\d+|\#x[0-9a-f]+);  # <sub>, &lt;
    | \d(?:times|pm|cdot|sim|approx|circ)(?![a-z])             # 256times256, of which the backslash is lost
    | \b(?:sim|approx|times|pm|leq?|geq?)\d
    | \b(?:mathcal|mathbf|mathrm|mathbb|textit|textbf|texttt|emph)\b""",
    re.VERBOSE,
)


def words(case: Case) -> float | None:
    """Words of the answer proper, split at white space."""
    return None if case.reply.declined else float(len(without_marks(case.reply.text).split()))


def first_sentence(case: Case) -> float:
    """1 if the first sentence states a key fact, else 0."""
    return 0.0 if case.reply.declined else float(any(_with_facts(case)[:1]))


def sentences_with_fact(case: Case) -> float | None:
    """Share of the sentences of the answer proper that state a key fact; 0 without sentences."""
    if case.reply.declined:
        return None
    found = _with_facts(case)
    return sum(found) / len(found) if found else 0.0


def speaks_as_authors(case: Case) -> float | None:
    """1 if the answer says "we" or "our", outside of quotation marks and of titles, else 0."""
    if case.reply.declined:
        return None
    text = without_marks(case.reply.text)
    for shown in case.reply.shown:
        if shown.paper.title:
            text = text.replace(shown.paper.title, "")
    return float(_AUTHORS.search(_QUOTED.sub("", text)) is not None)


def markup(case: Case) -> float | None:
    """1 if the answer holds LaTeX, HTML, or LaTeX that lost its backslashes ("256times256"), else 0."""
    return None if case.reply.declined else float(_MARKUP.search(case.reply.text) is not None)


def _with_facts(case: Case) -> list[bool]:
    """Of each sentence whether it states a key fact."""
    return [
        any(says_any(without_marks(sentence.text), fact) for fact in case.question.key_facts)
        for sentence in answer_sentences(case)
    ]

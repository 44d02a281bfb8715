"""Whether an answer in plain words declines to answer: for systems that have no field to say so.

The patterns were written from the usual phrases of chat models, not fitted to anything. Only the opening counts: a late
"the paper does not mention its cost" is no refusal. They miss unusual wordings, which makes such a system look as if it
had answered; a report on a system without typed outcomes says that refusals were read from words.
"""

import re

from eval.words import opening, without_marks

OPENING_WORDS = 40

_SOURCES = (
    r"(abstracts?|papers?|context|passages?|sources?|documents?|excerpts?|information|texts?|library|articles?"
    r"|search results|materials?|corpus|references)"
)
_DOES_NOT = r"(do(es)?|did|is|are|was|were|has|have|can|could)( not|n['’]t|not)"
_REFUSALS = re.compile(
    "|".join(
        (
            rf"\b{_SOURCES}\b[^.!?]{{0,60}}\b{_DOES_NOT}\b[^.!?]{{0,30}}"
            r"\b(say|state|mention|contain|include|provide|specify|discuss|address|cover|answer|give|tell|report|describe"
            r"|enough|sufficient|relevant|explicitly|directly)",
            rf"\b(no|none of the|not enough|insufficient|nothing in (the|this|our|my))\b[^.!?]{{0,40}}\b{_SOURCES}\b",
            r"\b(i|we) (can ?not|can['’]?t|could(n['’]t| not)|am unable|are unable|do(n['’]t| not))\b[^.!?]{0,20}"
            r"\b(answer|find|determine|know|have|provide|help|tell|say)",
            r"\b(unable|impossible|not possible) to (answer|find|determine|provide|say)",
            r"\b(is|are) not (mentioned|stated|specified|provided|discussed|addressed|available|covered|given)\b",
            r"\b(cannot|can['’]t|could not) be (answered|determined|found)",
            r"^\W*(not (found|stated|mentioned|available|enough information)|no answer|unanswerable|n/?a|unknown)\b",
            r"\b(i['’]?m|i am|we are) (sorry|not sure|afraid)\b",
            r"\b(outside|beyond) (of )?(the|my|our) (scope|library|papers|corpus)",
        )
    ),
    re.IGNORECASE,
)


def declines(text: str) -> bool:
    """Whether the first words of a text decline to answer. An empty text does."""
    start = opening(without_marks(text), OPENING_WORDS)
    return not start or _REFUSALS.search(start) is not None

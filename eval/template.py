"""A file of questions to begin with: one of each shape that a record may have."""

from eval.questions import GoldPassage, Question, dump
from rag.types import Turn

_TITLE, _OTHER = "The title of the paper that answers", "The title of another paper"

QUESTIONS = (
    Question(
        id="my-1",
        question="How long do river otters sleep in winter?",
        type="numeric",
        answerable=True,
        gold_titles=(_TITLE,),
        answer="Eleven hours a day.",
        key_facts=(("11 hours", "eleven hours"),),
        gold_passages=(GoldPassage(paper=_TITLE, text="A sentence of its abstract that answers."),),
    ),
    Question(
        id="my-2",
        question="Which papers compare the sleep of otters with that of seals?",
        type="list",
        answerable=True,
        gold_titles=(_TITLE, _OTHER),
        gold_mode="all",
        answer="Two papers do.",
    ),
    Question(
        id="my-3",
        question="Is it the same in summer?",
        type="followup",
        answerable=True,
        history=(
            Turn(role="user", content="How long do river otters sleep in winter?"),
            Turn(role="assistant", content="Eleven hours a day [1]."),
        ),
        gold_ids=("doi:10.1000/otters",),
        answer="No, they sleep less.",
        key_facts=(("less", "shorter", "fewer"),),
    ),
    Question(
        id="my-4",
        question="How long do sea otters sleep under anaesthesia?",
        type="unanswerable",
        answerable=False,
        answer="Near miss: the abstract is about natural sleep.",
    ),
)


def text() -> str:
    """The file, which `lint` finds sound."""
    return dump(QUESTIONS)

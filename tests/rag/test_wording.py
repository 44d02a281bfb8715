"""Small talk is told from questions, and politeness is taken off them."""

import pytest

from rag.wording import SmallTalk, is_between_people, small_talk, without_politeness


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("thanks everyone, see you tomorrow", "thanks"),
        ("Thank you so much, that was really helpful!", "thanks"),
        ("good morning all", "greeting"),
        ("great answer", "acknowledgement"),
        ("👍", "acknowledgement"),
        ("bye!", "farewell"),
        ("who are you?", "about_me"),
        ("Give this chat a title.", "chat_task"),
        ("### Task:\nSuggest 3-5 relevant follow-up questions", "chat_task"),
        ("Generate a concise, 3-5 word title with an emoji summarizing the chat history.", "chat_task"),
    ],
)
def test_small_talk_is_recognised(message: str, kind: SmallTalk) -> None:
    assert small_talk(message) == kind


@pytest.mark.parametrize(
    "question",
    [
        "really?",
        "and in women?",
        "why?",
        "?",
        "thanks, and how fast is it?",
        "How do they generate tags for images?",
        "What is the title of the paper on conversation summaries?",
        "Hello world programs: do they help?",
        "help seeking in adolescents",
        "List follow-up studies of Hydra",
        "Give me papers on topics in dialogue systems",
    ],
)
def test_a_question_is_no_small_talk(question: str) -> None:
    assert small_talk(question) is None


@pytest.mark.parametrize(
    ("wrapped", "bare"),
    [
        ("hey @bot, could you please tell me which loss is used? thanks!", "which loss is used?"),
        ("Hi all! Quick question: does caffeine harm sleep? Thanks in advance :)", "does caffeine harm sleep?"),
        ("Thanks for the last answer! And how fast is it?", "And how fast is it?"),
        ("Could you list the papers on bees? cheers", "list the papers on bees?"),
        ("Can you see tumours on MRI?", "Can you see tumours on MRI?"),
        ("Will anyone benefit from statins?", "Will anyone benefit from statins?"),
        ("What is best?", "What is best?"),
        ("please", "please"),
    ],
)
def test_politeness_is_taken_off(wrapped: str, bare: str) -> None:
    assert without_politeness(wrapped) == bare


def test_a_long_chain_of_pleasantries_is_read_quickly() -> None:
    assert small_talk("thanks all so much ok great " * 140 + "x") is None
    assert without_politeness("hi there please thanks! " * 160 + "what?") == "what?"


@pytest.mark.parametrize("message", ["Shall we meet at three?", "did you send the slides?", "ok, see you tomorrow"])
def test_people_talking_to_each_other_are_recognised(message: str) -> None:
    assert is_between_people(message)


@pytest.mark.parametrize("message", ["how many participants were there?", "does it work in mice?", "which is faster"])
def test_a_follow_up_is_not_between_people(message: str) -> None:
    assert not is_between_people(message)

"""`cite` and `papers export`: references as a file on standard output. They work while a service has the library."""

from contextlib import closing

from rag import config, references
from rag.workspace import candidates, open_bibliography
from service.cli.output import print_file

_CONVERSATION = "conv_"


async def cite(id: str, format: str) -> bool:
    """The references of an answer or, by the beginning of its id, a conversation."""
    references.check(format)
    with closing(open_bibliography(config.load())) as bibliography:
        if id.startswith(_CONVERSATION):
            print_file(references.write(await bibliography.conversation(id), format))
        else:
            answer, papers = await bibliography.answer(id)
            print_file(references.write_answer(answer, papers, format))
    return True


async def export(library: str, format: str) -> bool:
    """The references of a library, printed as they are read."""
    references.check(format)
    with closing(open_bibliography(config.load())) as bibliography:
        print_file(references.write(await bibliography.library(*candidates(library)), format))
    return True


def check_output(output: str) -> None:
    """Refuse a form of output that there is not (RequestError), before any work is done."""
    if output not in ("", "json", "plain"):
        references.check(output)

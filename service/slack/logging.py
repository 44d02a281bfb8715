"""The log of the Slack door, in which no token is ever written."""

import logging
import re

_SECRET = re.compile(r"xox[a-z]-[\w-]+|xapp-[\w-]+|(?<=ticket=)[\w-]+|(?<=hooks\.slack\.com/)[\w/-]+")


class _Quiet(logging.Filter):
    """Takes secrets out of whatever is about to be written, traces included."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = without_secrets(record.getMessage()), ()
        if record.exc_info and not record.exc_text:
            record.exc_text = without_secrets(logging.Formatter().formatException(record.exc_info))
        return True


def without_secrets(text: str) -> str:
    """The text with a dash for every token and ticket."""
    return _SECRET.sub("—", text)


log = logging.getLogger("scholiast.slack")
log.addFilter(_Quiet())

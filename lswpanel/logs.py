"""Logging: one line a record, as text for people or as JSON for machines, always with the request id."""

import logging
import time
from typing import Any

import structlog

Configuration = dict[str, Any]
# httpx and httpcore print whole URLs at INFO, and headers with the key in them at DEBUG (K5). The others tell of every
# task and every refused request, which jobs, events and the audit trail tell better.
QUIET = ("httpx", "httpcore", "celery.beat", "celery.app.trace", "celery.worker.strategy", "django.request")
# What strangers or an outage make the panel say at every request: one line each, and so many a minute at most.
SAMPLED = ("django.security", "django.request", "gunicorn.error", "lswpanel.csp", "lswpanel.database")
OWN_FAULTS = ("django.request", "gunicorn.error")
MOST_A_MINUTE = 20


class Sampled(logging.Filter):
    """Lets MOST_A_MINUTE records of each logger in SAMPLED through; the next minute begins with how many were left out.

    What is the panel's own fault (an error of one in OWN_FAULTS) always passes, with its traceback.
    """

    def __init__(self) -> None:
        super().__init__()
        self._taken: dict[str, tuple[int, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        own_fault = record.name in OWN_FAULTS and record.levelno >= logging.ERROR
        if own_fault or not record.name.startswith(SAMPLED):
            return True
        record.exc_info = None
        minute, (last, taken) = int(time.monotonic() // 60), self._taken.get(record.name, (0, 0))
        left_out = max(0, taken - MOST_A_MINUTE) if minute != last else 0
        taken = taken + 1 if minute == last else 1
        self._taken[record.name] = minute, taken
        if left_out and isinstance(record.msg, dict):
            record.msg = {**record.msg, "left_out": left_out}
        elif left_out:
            record.msg, record.args = f"{record.getMessage()} ({left_out} more were left out)", ()
        return taken <= MOST_A_MINUTE


STDOUT = {
    "class": "logging.StreamHandler",
    "formatter": "line",
    "filters": ["sampled"],
    "stream": "ext://sys.stdout",
}


def configuration(*, level: str, form: str) -> Configuration:
    """The LOGGING setting. `form` is "text" or "json"; `level` a standard level name."""
    chain = _shared_processors()
    structlog.configure(
        processors=[*chain, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": chain,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderers(form)],
            }
        },
        "filters": {"sampled": {"()": Sampled}},
        "handlers": {"stdout": STDOUT},
        "root": {"handlers": ["stdout"], "level": level},
        "loggers": {name: {"level": "WARNING"} for name in QUIET},
    }


def _shared_processors() -> list[structlog.types.Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]


def _renderers(form: str) -> list[structlog.types.Processor]:
    if form == "json":
        return [structlog.processors.JSONRenderer()]
    return [structlog.dev.ConsoleRenderer(colors=False)]

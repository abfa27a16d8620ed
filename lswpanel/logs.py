"""Logging: one line a record, as text for people or as JSON for machines, always with the request id."""

from typing import Any

import structlog

Configuration = dict[str, Any]
# httpx and httpcore print whole URLs at INFO, and headers with the key in them at DEBUG (K5). The others tell of every
# task and every refused request, which jobs, events and the audit trail tell better.
QUIET = ("httpx", "httpcore", "celery.beat", "celery.app.trace", "celery.worker.strategy", "django.request")


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
        "handlers": {
            "stdout": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stdout"}
        },
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

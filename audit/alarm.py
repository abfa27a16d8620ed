"""What happens when a chain is found broken, whoever finds it."""

import structlog

from audit.models import INSTALLATION

log = structlog.get_logger()


def raise_alarm(chain: int, problem: str) -> None:
    """Tell that a chain is broken, and why: at once in the log."""
    name = "installation" if chain == INSTALLATION else f"team {chain}"
    log.critical("the audit trail is broken", chain=chain, of=name, problem=problem)

"""What goes wrong, and when: rules that are matched against each request before it is answered."""

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from .routes import OPERATIONS, READS
from .seeded import fraction


class Fault(StrEnum):
    """Every way to go wrong. "Executed" means that an action had its effect.

    Instead of the answer, not executed unless the rule says `execute`:
    `refuse` (the rule's status, body, headers), `rate_limit` (429 with Retry-After), `unavailable` (503 as
    documented), `unavailable_undocumented` (503 with a page of HTML), `html_504`, `empty_401`.

    Executed, answer spoilt: `not_json`, `missing_fields`, `huge_body`, `half_body`, `slow_drip`, `delay`
    (answer comes late), `reset_after_execute` and `close_after_execute` (no byte of answer).

    `reset_before_read`: reset after the head, body unread, not executed. `delay_execution`: executed only
    after the wait, even if the client has left. `accept_and_ignore`: accepted, never done. `stuck`: the
    task never ends. `task_fails`: the task ends without what was asked for. `drop_server`: the server
    vanishes, then the request is answered.

    Lists that lie: `empty_list` (no entries and a total of 0), `half_list` (the second half is not there, and not in
    the total), `short_page` (every second entry of the page is left out, the total is not), `repeat_page` (the first
    page, whatever the offset).
    """

    REFUSE = "refuse"
    RATE_LIMIT = "rate_limit"
    UNAVAILABLE = "unavailable"
    UNAVAILABLE_UNDOCUMENTED = "unavailable_undocumented"
    HTML_504 = "html_504"
    EMPTY_401 = "empty_401"
    NOT_JSON = "not_json"
    MISSING_FIELDS = "missing_fields"
    HUGE_BODY = "huge_body"
    HALF_BODY = "half_body"
    SLOW_DRIP = "slow_drip"
    DELAY = "delay"
    DELAY_EXECUTION = "delay_execution"
    RESET_BEFORE_READ = "reset_before_read"
    RESET_AFTER_EXECUTE = "reset_after_execute"
    CLOSE_AFTER_EXECUTE = "close_after_execute"
    ACCEPT_AND_IGNORE = "accept_and_ignore"
    STUCK = "stuck"
    TASK_FAILS = "task_fails"
    DROP_SERVER = "drop_server"
    EMPTY_LIST = "empty_list"
    HALF_LIST = "half_list"
    SHORT_PAGE = "short_page"
    REPEAT_PAGE = "repeat_page"


_GROUPS = ("*", "reads", "writes")
_STANDARD_BODY = object()


@dataclass
class Rule:
    """One fault and when it strikes.

    `operation`: a name, `reads`, `writes` or `*`. `server`: only this server (for the list: which one
    `drop_server` takes). `times`: how often at most. `skip`: leave the first few matching requests alone.
    `probability`: of each request that is left, drawn from `seed`. `seconds`: of a delay, between two bytes
    of a slow drip, or in Retry-After. `size`: bytes of a huge body. `body`: JSON, text sent as it is, or
    None for an empty one; left out, it is the usual error body of the status.
    """

    fault: Fault
    operation: str = "*"
    server: str | None = None
    times: int | None = None
    skip: int = 0
    probability: float = 1.0
    seed: int = 0
    seconds: float = 1.0
    status: int = 400
    body: Any = field(default=_STANDARD_BODY)
    content_type: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    size: int = 64 * 1024 * 1024
    execute: bool = False
    id: int = 0
    seen: int = 0
    struck: int = 0

    @property
    def has_standard_body(self) -> bool:
        return self.body is _STANDARD_BODY

    def __post_init__(self) -> None:
        self.fault = Fault(self.fault)
        if self.operation not in _GROUPS and self.operation not in OPERATIONS:
            raise ValueError(f"There is no operation {self.operation!r}.")
        if not 0 <= self.probability <= 1:
            raise ValueError("A probability is a number from 0 to 1.")
        if not 0 <= self.seconds < threading.TIMEOUT_MAX:
            raise ValueError("Seconds are a number from 0 upwards.")
        if self.status not in range(200, 600):
            raise ValueError("A status is a whole number from 200 to 599.")

    def strikes(self, operation: str, server: str | None) -> bool:
        """Counts the request if the rule is about it, and says whether it goes wrong."""
        if not self._is_about(operation, server) or self.struck == self.times:
            return False
        self.seen += 1
        if self.seen <= self.skip or fraction("fault", self.seed, self.id, self.seen) >= self.probability:
            return False
        self.struck += 1
        return True

    def _is_about(self, operation: str, server: str | None) -> bool:
        group = "reads" if operation in READS else "writes"
        if self.operation not in {"*", group, operation}:
            return False
        return self.server in {None, server} or (
            operation == "listServers" and self.fault is Fault.DROP_SERVER
        )

    def as_json(self) -> dict[str, Any]:
        fields = asdict(self)
        if self.has_standard_body:
            del fields["body"]
        return fields


_SETTABLE = frozenset(Rule.__dataclass_fields__) - {"id", "seen", "struck"}


class FaultBook:
    """The rules in force. The oldest that strikes wins."""

    def __init__(self, *, seed: int = 7) -> None:
        self._seed = seed
        self._rules: list[Rule] = []
        self._count = 0
        self._lock = threading.Lock()

    def add(self, fault: Fault | str, **options: Any) -> Rule:
        """Adds a rule; `options` are the fields of Rule. Raises ValueError for one that makes no sense."""
        if unknown := set(options) - _SETTABLE:
            raise ValueError(f"A fault has no {', '.join(sorted(unknown))}.")
        with self._lock:
            rule = Rule(Fault(fault), **{"seed": self._seed, **options})
            self._count += 1
            rule.id = self._count
            self._rules.append(rule)
            return rule

    def add_json(self, data: Mapping[str, Any]) -> Rule:
        """Adds a rule that came over the control API."""
        if not isinstance(data.get("fault"), str):
            raise ValueError("A rule needs the name of its fault.")
        return self.add(**dict(data))

    def remove(self, rule_id: int) -> bool:
        with self._lock:
            before = len(self._rules)
            self._rules = [rule for rule in self._rules if rule.id != rule_id]
            return len(self._rules) < before

    def clear(self) -> None:
        with self._lock:
            self._rules.clear()

    def take(self, operation: str, server: str | None) -> Rule | None:
        """The rule that strikes this request, if any."""
        with self._lock:
            return next((rule for rule in self._rules if rule.strikes(operation, server)), None)

    def as_json(self) -> list[dict[str, Any]]:
        with self._lock:
            return [rule.as_json() for rule in self._rules]

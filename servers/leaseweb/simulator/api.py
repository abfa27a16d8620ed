"""The API without its socket: a request goes in, is carried out, written down, and answered."""

import json
import re
from dataclasses import dataclass
from uuid import uuid4

from .answers import (
    CORRELATION_HEADER,
    DOCUMENTED_503,
    Answer,
    error_answer,
    html_answer,
    json_answer,
    refusal_answer,
    without_half,
)
from .faults import Fault, FaultBook, Rule
from .handlers import HANDLERS, Call
from .journal import Journal
from .keys import KeyRing, fingerprint
from .model import Ending, NotFoundError, RefusedError
from .routes import UNKNOWN_OPERATION, Match, match
from .world import World

_INSTEAD_OF_ANSWER = {
    Fault.REFUSE,
    Fault.RATE_LIMIT,
    Fault.UNAVAILABLE,
    Fault.UNAVAILABLE_UNDOCUMENTED,
    Fault.HTML_504,
    Fault.EMPTY_401,
}
_WITHOUT_ANSWER = {Fault.RESET_BEFORE_READ, Fault.RESET_AFTER_EXECUTE, Fault.CLOSE_AFTER_EXECUTE}
_ENDINGS = {
    Fault.STUCK: Ending.STUCK,
    Fault.TASK_FAILS: Ending.FAILS,
    Fault.ACCEPT_AND_IGNORE: Ending.IGNORED,
}


_PLAIN_TEXT = re.compile(r"[!-~]{1,128}")


@dataclass(frozen=True)
class Head:
    """The head of a request. `path` is still percent-encoded and has no query."""

    method: str
    path: str
    query: str
    key: str | None
    correlation_id: str | None


@dataclass(frozen=True)
class Exchange:
    """A request whose head is known, and the fault that will strike it."""

    head: Head
    match: Match
    rule: Rule | None
    correlation_id: str

    @property
    def fault(self) -> Fault | None:
        return self.rule.fault if self.rule else None


class Api:
    """Answers requests, one at a time: the order of the journal is the order of execution."""

    def __init__(self, world: World, *, keys: KeyRing, journal: Journal, faults: FaultBook) -> None:
        self._world = world
        self._keys = keys
        self._journal = journal
        self._faults = faults

    def open(self, head: Head) -> Exchange:
        """Finds out what is asked for and what will go wrong."""
        found = match(head.method, head.path)
        rule = self._faults.take(found.operation, found.server_id)
        return Exchange(head, found, rule, _correlation_id(head.correlation_id))

    def lost(self, exchange: Exchange) -> None:
        """Writes down a request that was never read to its end."""
        self._write(exchange, call=None, received=False, status=None)

    def answer(self, exchange: Exchange, body: bytes) -> Answer:
        """Carries out the request and writes it down. What a fault does to the connection comes later."""
        with self._world.lock:
            self._drop(exchange)
            call: Call | None = None
            rule = exchange.rule
            if rule is None or rule.fault not in _INSTEAD_OF_ANSWER:
                call, answer = self._carry_out(exchange, body)
            else:
                if rule.execute:
                    call, _ = self._carry_out(exchange, body)
                answer = _instead(rule, exchange.correlation_id)
            answer = _spoil(answer, exchange.fault)
            answer.headers.setdefault(CORRELATION_HEADER, exchange.correlation_id)
            status = None if exchange.fault in _WITHOUT_ANSWER else answer.status
            self._write(exchange, call=call, received=True, status=status)
            return answer

    def _drop(self, exchange: Exchange) -> None:
        if exchange.rule and exchange.rule.fault is Fault.DROP_SERVER:
            gone = exchange.rule.server or exchange.match.server_id
            if gone:
                self._world.remove(gone)

    def _carry_out(self, exchange: Exchange, body: bytes) -> tuple[Call | None, Answer]:
        head, found = exchange.head, exchange.match
        grant = self._keys.find(head.key)
        if grant is None:
            return None, error_answer(401, correlation_id=exchange.correlation_id)
        if not grant.allows(head.method):
            return None, error_answer(403, correlation_id=exchange.correlation_id)
        ending = _ENDINGS.get(exchange.fault, Ending.NORMAL) if exchange.fault else Ending.NORMAL
        account = self._world.account(grant.account)
        call = Call(self._world, account, found.params, head.query, body, ending, exchange.fault)
        try:
            if found.operation == UNKNOWN_OPERATION:
                return call, _no_route(exchange)
            return call, HANDLERS[found.operation](call)
        except RefusedError as refusal:
            return call, refusal_answer(refusal, correlation_id=exchange.correlation_id)

    def _write(self, exchange: Exchange, *, call: Call | None, received: bool, status: int | None) -> None:
        head = exchange.head
        self._journal.add(
            method=head.method,
            path=f"{head.path}?{head.query}" if head.query else head.path,
            operation=exchange.match.operation,
            server=exchange.match.server_id,
            key=fingerprint(head.key) if head.key else None,
            correlation_id=exchange.correlation_id,
            received=received,
            executed=call.executed if call else False,
            fault=exchange.fault.value if exchange.fault else None,
            status=status,
            job=call.job if call else None,
            detail=call.detail if call else {},
        )


def _correlation_id(given: str | None) -> str:
    """The client's own, unless it could not stand in a header."""
    return given if given and _PLAIN_TEXT.fullmatch(given) else str(uuid4())


def _no_route(exchange: Exchange) -> Answer:
    if not exchange.match.allowed:
        return refusal_answer(NotFoundError(exchange.head.path), correlation_id=exchange.correlation_id)
    answer = error_answer(405, correlation_id=exchange.correlation_id)
    answer.headers["Allow"] = ", ".join(exchange.match.allowed)
    return answer


def _instead(rule: Rule, correlation_id: str) -> Answer:
    """The answer that a fault gives in place of the real one."""
    match rule.fault:
        case Fault.RATE_LIMIT:
            answer = error_answer(429, correlation_id=correlation_id)
            answer.headers["Retry-After"] = f"{rule.seconds:g}"
            return answer
        case Fault.UNAVAILABLE:
            return json_answer(503, DOCUMENTED_503)
        case Fault.UNAVAILABLE_UNDOCUMENTED:
            return html_answer(503, "Service Temporarily Unavailable")
        case Fault.HTML_504:
            return html_answer(504, "Gateway Time-out")
        case Fault.EMPTY_401:
            return Answer(401)
        case _:
            return _refuse(rule, correlation_id)


def _refuse(rule: Rule, correlation_id: str) -> Answer:
    if rule.has_standard_body:
        answer = error_answer(rule.status, correlation_id=correlation_id)
    elif rule.body is None:
        answer = Answer(rule.status)
    elif isinstance(rule.body, str):
        answer = Answer(rule.status, rule.body.encode(), "text/html; charset=utf-8")
    else:
        answer = json_answer(rule.status, rule.body)
    answer.content_type = rule.content_type or answer.content_type
    answer.headers.update(rule.headers)
    return answer


def _spoil(answer: Answer, fault: Fault | None) -> Answer:
    """Faults that change the body of an answer, not the way it travels."""
    if fault is Fault.NOT_JSON and answer.body:
        return Answer(answer.status, b"<<< " + answer.body[1:], answer.content_type, answer.headers)
    if fault is Fault.MISSING_FIELDS and answer.body:
        return json_answer(answer.status, without_half(json.loads(answer.body)))
    return answer

"""Looks at all chains at once: every one that was begun must be there, and nothing else may be (A3, A7)."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from audit import chain as hashing
from audit.actions import AuditAction
from audit.models import INSTALLATION, AuditEvent, AuditHead
from audit.verify import Verdict, verify


@dataclass(frozen=True, slots=True)
class Begun:
    """How the installation's trail says that a chain began; `twice` when it says so of two chains of one number."""

    birth: str
    twice: bool = False


def verify_all(teams: Collection[int]) -> list[Verdict]:
    """A verdict on every chain that there is or should be. `teams`: the ids of those that exist now."""
    begun = beginnings()
    heads = set(AuditHead.objects.values_list("chain", flat=True))
    told = set(AuditEvent.objects.order_by().values_list("chain", flat=True).distinct())
    return [verdict(chain, teams, begun) for chain in sorted({INSTALLATION, *teams, *begun, *heads, *told})]


def verdict(chain: int, teams: Collection[int], begun: dict[int, Begun]) -> Verdict:
    """`verify()`, and whether the chain is one that the panel began and did not lose."""
    found = verify(chain)
    head = AuditHead.objects.filter(pk=chain).first()
    if not found.intact or head is None or chain == INSTALLATION:
        return found
    problem = _problem_of_birth(head, begun.get(chain), chain in teams)
    return replace(found, first_bad=1, problem=problem) if problem else found


def beginnings() -> dict[int, Begun]:
    """The beginning of each chain, and its newest one where it was begun anew after a break."""
    entries = hashing.entries(INSTALLATION).order_by("sequence")
    begun: dict[int, Begun] = {}
    for entry in entries.filter(action__in=(AuditAction.TEAM_CREATE, AuditAction.AUDIT_RECOVER)):
        if hashing.problem_of_content(entry):
            continue
        chain, birth = int(entry.target_id), str(entry.after.get("birth"))
        begun[chain] = Begun(birth, entry.action == AuditAction.TEAM_CREATE and chain in begun)
    return begun


def _problem_of_birth(head: AuditHead, begun: Begun | None, has_team: bool) -> str:
    if begun is None or begun.birth != head.birth:
        return "the installation's trail does not tell of its beginning"
    if begun.twice:
        return "it was begun twice: an earlier chain of this number is missing"
    if not has_team and not head.closed:
        return "its team was deleted behind the panel's back"
    return ""

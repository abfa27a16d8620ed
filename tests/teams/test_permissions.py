"""The table of rights against the one that was agreed upon, written out by hand."""

from itertools import product

import pytest

from jobs.kinds import KINDS, POWER_KINDS, JobKind
from teams.permissions import (
    PERMISSION_TEXT,
    ROLE_PERMISSIONS,
    ROLE_TEXT,
    SUBJECT_TEXT,
    Permission,
    Role,
    allows,
)

pytestmark = pytest.mark.once

# One line a right; the letters say who has it: viewer, auDitor, operator, admin, owner (written W).
AGREED = {
    "servers:see": "v d o a w",
    "jobs:see": "v d o a w",
    "traffic:see": "v d o a w",
    "servers:power": "o a w",
    "servers:rename": "o a w",
    "servers:refresh": "o a w",
    "snapshots:create": "o a w",
    "jobs:cancel_own": "o a w",
    "jobs:settle_power": "o a w",
    "lists:export": "o a w",
    "members:see": "d a w",
    "audit:see": "d a w",
    "audit:export": "d a w",
    "servers:reinstall": "a w",
    "snapshots:restore": "a w",
    "snapshots:delete": "a w",
    "credentials:reveal": "a w",
    "credentials:store": "a w",
    "jobs:cancel_any": "a w",
    "jobs:settle_any": "a w",
    "api_keys:manage": "a w",
    "labels:manage": "a w",
    "traffic:quota": "a w",
    "members:manage": "a w",
    "team:settings": "a w",
    "owners:manage": "w",
    "team:transfer": "w",
    "team:retention": "w",
    "team:delete": "w",
}
LETTERS = {"v": Role.VIEWER, "d": Role.AUDITOR, "o": Role.OPERATOR, "a": Role.ADMIN, "w": Role.OWNER}


def test_agreed_table_knows_every_permission_and_no_other() -> None:
    assert set(AGREED) == {permission.value for permission in Permission}


@pytest.mark.req("X1")
@pytest.mark.parametrize(("letter", "permission"), list(product(LETTERS, Permission)))
def test_role_may_do_what_was_agreed_and_nothing_else(letter: str, permission: Permission) -> None:
    assert allows(LETTERS[letter].value, permission) == (letter in AGREED[permission.value].split())


def test_every_role_has_a_row_and_a_text() -> None:
    assert set(ROLE_PERMISSIONS) == set(ROLE_TEXT) == set(Role)
    assert all(ROLE_TEXT.values())


@pytest.mark.parametrize("permission", list(Permission))
def test_permission_has_a_text_a_subject_and_somebody_who_holds_it(permission: Permission) -> None:
    assert PERMISSION_TEXT[permission].strip()
    assert permission.value.partition(":")[0] in SUBJECT_TEXT
    assert any(permission in held for held in ROLE_PERMISSIONS.values())


def test_texts_and_subjects_name_nothing_that_does_not_exist() -> None:
    assert set(PERMISSION_TEXT) == set(Permission)
    assert len(set(PERMISSION_TEXT.values())) == len(PERMISSION_TEXT)
    assert set(SUBJECT_TEXT) == {permission.value.partition(":")[0] for permission in Permission}


def test_roles_include_one_another_in_their_order() -> None:
    viewer, operator, admin, owner = (
        ROLE_PERMISSIONS[role] for role in (Role.VIEWER, Role.OPERATOR, Role.ADMIN, Role.OWNER)
    )
    assert viewer < operator < admin < owner == set(Permission)


def test_auditor_reads_more_than_a_viewer_and_acts_on_nothing() -> None:
    more = ROLE_PERMISSIONS[Role.AUDITOR] - ROLE_PERMISSIONS[Role.VIEWER]
    assert ROLE_PERMISSIONS[Role.VIEWER] < ROLE_PERMISSIONS[Role.AUDITOR]
    assert more == {Permission.MEMBERS_SEE, Permission.AUDIT_SEE, Permission.AUDIT_EXPORT}
    acts = {kind.permission for kind in KINDS.values()} | {kind.settle_permission for kind in KINDS.values()}
    assert not acts & ROLE_PERMISSIONS[Role.AUDITOR]


@pytest.mark.parametrize("role", ["", "Owner", "OWNER", "root", "superuser", "viewer ", "owner\x00"])
def test_unknown_role_allows_nothing(role: str) -> None:
    assert not any(allows(role, permission) for permission in Permission)


@pytest.mark.parametrize("kind", list(KINDS.values()), ids=list(KINDS))
def test_operators_do_what_destroys_nothing_and_settle_power_jobs(kind: JobKind) -> None:
    operator, admin = ROLE_PERMISSIONS[Role.OPERATOR], ROLE_PERMISSIONS[Role.ADMIN]
    assert {kind.permission, kind.settle_permission} <= admin
    assert (kind.permission in operator) == (not kind.destroys)
    assert (kind.settle_permission in operator) == (kind in POWER_KINDS)

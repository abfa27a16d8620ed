"""Database triggers that refuse to change or delete audit entries, on PostgreSQL and SQLite (A5, A6)."""

from django.db.backends.base.base import BaseDatabaseWrapper

MESSAGE = "audit entries are append-only"

POSTGRESQL = (
    f"""CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '{MESSAGE}'; END $$""",
    """CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit_auditevent
    FOR EACH ROW EXECUTE FUNCTION audit_refuse()""",
    """CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit_auditevent
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()""",
)
SQLITE = tuple(
    f"""CREATE TRIGGER audit_no_{verb.lower()} BEFORE {verb} ON audit_auditevent
    BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"""
    for verb in ("UPDATE", "DELETE")
)
POSTGRESQL_AWAY = (
    "DROP TRIGGER IF EXISTS audit_no_change ON audit_auditevent",
    "DROP TRIGGER IF EXISTS audit_no_truncate ON audit_auditevent",
)
SQLITE_AWAY = ("DROP TRIGGER IF EXISTS audit_no_update", "DROP TRIGGER IF EXISTS audit_no_delete")


def install(connection: BaseDatabaseWrapper) -> None:
    """Have the database itself refuse changes of entries (A5, A6)."""
    _run(connection, POSTGRESQL if connection.vendor == "postgresql" else SQLITE)


def remove(connection: BaseDatabaseWrapper) -> None:
    """For the migration role alone: pruning by the retention rule, and emptying a test database."""
    _run(connection, POSTGRESQL_AWAY if connection.vendor == "postgresql" else SQLITE_AWAY)


def _run(connection: BaseDatabaseWrapper, statements: tuple[str, ...]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)

"""A database trigger that keeps a final status final, on PostgreSQL and SQLite, whatever a program tries (G3)."""

from django.db.backends.base.base import BaseDatabaseWrapper

from jobs.states import FINAL

MESSAGE = "a final status cannot change"
_FINAL = ", ".join(f"'{status.value}'" for status in FINAL)
_LEAVES = f"OLD.status IN ({_FINAL}) AND NEW.status <> OLD.status"

POSTGRESQL = (
    f"""CREATE OR REPLACE FUNCTION job_refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '{MESSAGE}'; END $$""",
    f"""CREATE TRIGGER job_final_stays BEFORE UPDATE OF status ON jobs_job
    FOR EACH ROW WHEN ({_LEAVES}) EXECUTE FUNCTION job_refuse()""",
)
SQLITE = (
    f"""CREATE TRIGGER job_final_stays BEFORE UPDATE OF status ON jobs_job WHEN {_LEAVES}
    BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END""",
)


def install(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        for statement in POSTGRESQL if connection.vendor == "postgresql" else SQLITE:
            cursor.execute(statement)


def remove(connection: BaseDatabaseWrapper) -> None:
    on = " ON jobs_job" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER IF EXISTS job_final_stays{on}")

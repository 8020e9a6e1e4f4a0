"""What keeps a tenant's transaction from others' rows, should a query forget to ask for its own?

On Postgres, row-level security: the second wall. Every table that holds a tenant's rows has a
policy that shows, and lets in, the rows of one organization: the one that the transaction says it
is for (the setting `tallygate.tenant`), or all, where it says `*`. No policy binds the owner of a
table or a superuser, which is what we connect as, so a tenant's transaction also takes a role that
owns nothing, until its end. `raise_wall` makes that role where it may; without one, a connection
as a user that owns no table is bound all the same. SQLite has no second wall.

Source: https://www.postgresql.org/docs/current/ddl-rowsecurity.html
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from tallygate.adapters.store.tables import metadata

EVERYBODY = "*"
"""What a transaction says that is for all tenants: no id has this form."""

ANY_TENANT = "org_any"
"""A tenant that is nobody, for a look at what a tenant's transaction is held to."""

SETTING = "tallygate.tenant"
ROLE = "tallygate_tenant_"
"""What a tenant's role is called, before the name of the database; roles belong to the server."""

SHARED = (
    *("catalogs", "installation", "meters", "provider_state", "schema_version"),
    "project_homes",  # a move concerns two tenants, and is the platform's to write
)
"""Tables that a tenant's transaction reads, and does not write."""

READ_THROUGH = ("events",)
"""Read only together with their origins and streams, which have a policy; written by COPY, which
knows none."""

LONGEST_NAME = 63
_NO_ROLE = "none"
OPENING = "opening"
"""Under this name a connection keeps what begins its next transaction."""

_WALL, _TENANT = "wall", "tenant"  # and under these whom it speaks for, and how
_REFUSED = ("42501", "42710", "23505")  # may not; is there; was made by another at the same moment

_SAY = "SELECT set_config('tallygate.tenant', %s, true)"
_LOCK = "SELECT pg_advisory_xact_lock(%s)"
_BECOME = "SELECT set_config('role', %s, true), set_config('tallygate.tenant', %s, true)"
_USABLE = """
SELECT pg_has_role(oid, %s) AND has_table_privilege(oid, 'organizations', 'SELECT')
FROM pg_roles WHERE rolname = %s AND to_regclass('organizations') IS NOT NULL
"""
_WALLED = """
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = current_schema()::regnamespace AND c.relrowsecurity
AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid)
"""
_BINDING = """
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = current_schema()::regnamespace AND row_security_active(c.oid)
"""


def tenants_tables() -> tuple[str, ...]:
    """The tables that hold tenants' rows, and so need a policy, in order."""
    named = [
        table.name
        for table in metadata.sorted_tables
        if "organization" in table.columns and table.name not in SHARED
    ]
    return tuple(sorted((*named, "organizations", "cells", "marked_values")))


def protect(tx: Connection, table: str, condition: str) -> None:
    """Give a table its policy. For migrations; on SQLite it does nothing.

    The condition says that a row is a tenant's; in it `{tenant}` stands for the organization that
    the transaction is for, and `{table}` for the table itself.
    """
    if tx.dialect.name != "postgresql":
        return
    # As a question of its own the setting is read once for a statement, and not for each row.
    said = f"(SELECT current_setting('{SETTING}', true))"
    own = condition.format(tenant=said, table=table)
    # Names of ours, and no values: Postgres takes none in the place of either.
    policy = f"USING ({own} OR {said} = '{EVERYBODY}')"
    for statement in (
        f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY',
        f'CREATE POLICY tenant ON "{table}" {policy}',
    ):
        tx.exec_driver_sql(statement)


def protect_again(tx: Connection, table: str, own: str, also_read: str) -> None:
    """Give a table another policy: what is a tenant's own is written, and more is read."""
    if tx.dialect.name != "postgresql":
        return
    said = f"(SELECT current_setting('{SETTING}', true))"
    all_ = f"{said} = '{EVERYBODY}'"
    mine, more = (one.format(tenant=said, table=table) for one in (own, also_read))
    # Names of ours, and no values, as above.
    policy = f"USING ({mine} OR {all_} OR {more}) WITH CHECK ({mine} OR {all_})"
    for statement in (
        f'DROP POLICY tenant ON "{table}"',
        f'CREATE POLICY tenant ON "{table}" {policy}',
    ):
        tx.exec_driver_sql(statement)


def role_of(tx: Connection) -> str:
    """What the tenants' role of this database is called."""
    database = str(tx.exec_driver_sql("SELECT current_database()").scalar_one())
    return (ROLE + database).encode()[:LONGEST_NAME].decode(errors="ignore")


def user_of(tx: Connection) -> str:
    """Whom the database takes us for."""
    return str(tx.exec_driver_sql("SELECT session_user").scalar_one())


def raise_wall(tx: Connection) -> None:
    """Make the role that tenants' transactions take, where that is allowed; give it what it needs.

    It may read and write the tables that have a policy, and read some that have no tenants. It
    cannot log in. Where it is there already, it is given what it lacks.
    """
    if tx.dialect.name != "postgresql":
        return
    name = role_of(tx)
    role = tx.dialect.identifier_preparer.quote(name)
    _try(tx, f"CREATE ROLE {role} NOLOGIN NOSUPERUSER NOBYPASSRLS")
    asked = "SELECT quote_ident(current_schema()) FROM pg_roles WHERE rolname = %s"
    schema = tx.exec_driver_sql(asked, (name,)).scalar()
    if schema is None:
        return
    _try(tx, f"GRANT {role} TO CURRENT_USER")
    written = ", ".join((*tenants_tables(), *READ_THROUGH))
    for statement in (
        f"GRANT USAGE ON SCHEMA {schema} TO {role}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {written} TO {role}",
        f"GRANT SELECT ON {', '.join(SHARED)} TO {role}",
    ):
        tx.exec_driver_sql(statement)


class Wall:
    """Says at the start of each transaction of Postgres whom it is for; one for a store.

    Whether there is a role for tenants is asked once, by the first of them.
    """

    def __init__(self) -> None:
        self._role: str | None = None
        self._asked = False

    def prepare(
        self, connection: Connection, begin: str, tenant: str | None, lock: int | None = None
    ) -> None:
        """Have the connection's next transaction say it. None: it is for all tenants.

        `begin` begins that transaction. Where an advisory lock is given, it is waited for first.
        """
        options: dict[str, object] = {_WALL: self, _TENANT: None}
        steps: list[tuple[str, tuple[object, ...]]] = [(begin, ())]
        if lock is not None:
            steps.append((_LOCK, (lock,)))
        if tenant is None:
            steps.append((_SAY, (EVERYBODY,)))
        else:
            assert tenant != EVERYBODY, "a tenant is an organization's id"
            if not self._asked:
                with connection.begin():
                    self._tenants_role(connection)
            role = self._tenants_role(connection)
            options[_TENANT] = (tenant, role)
            steps.append(_becoming(tenant, role))
        connection.execution_options(**options, **{OPENING: _together(connection, steps)})

    def narrow(self, tx: Connection, tenant: str) -> None:
        """Bind a transaction to a tenant from here on."""
        assert tenant != EVERYBODY, "a tenant is an organization's id"
        role = self._tenants_role(tx)
        tx.execution_options(**{_TENANT: (tenant, role)})
        _become(tx, tenant, role)

    def forget(self) -> None:
        """Ask again for the role: it may have been made."""
        self._asked = False

    def _tenants_role(self, tx: Connection) -> str | None:
        if not self._asked:
            role, version = role_of(tx), tx.dialect.server_version_info or (0,)
            how = "SET" if version >= (16,) else "MEMBER"
            usable = tx.exec_driver_sql(_USABLE, (how, role)).scalar()
            self._role = role if usable else None
            self._asked = True
        return self._role


@contextmanager
def beyond_tenant(tx: Connection) -> Iterator[None]:
    """Look at the rows of all tenants within a tenant's transaction.

    For what one sequence numbers for everybody, or everybody together uses up; never for anything
    of which a tenant is shown a row.
    """
    told: tuple[str, str | None] | None = tx.get_execution_options().get(_TENANT)
    if told is None:
        yield
        return
    _become(tx, EVERYBODY, _NO_ROLE)
    with _afterwards(lambda: _become(tx, *told)):
        yield


@contextmanager
def within_tenant(tx: Connection, tenant: str | None) -> Iterator[None]:
    """Be bound to a tenant within a transaction that is for all; None: be not.

    For one that does what several tenants have asked for, each on its own.
    """
    said = tx.get_execution_options()
    wall: Wall | None = said.get(_WALL)
    if wall is None or tenant is None or said.get(_TENANT) is not None:
        yield
        return
    wall.narrow(tx, tenant)

    def widen() -> None:
        tx.execution_options(**{_TENANT: None})
        _become(tx, EVERYBODY, _NO_ROLE)

    with _afterwards(widen):
        yield


@contextmanager
def _afterwards(again: Callable[[], None]) -> Iterator[None]:
    """Stand as before after a block, whatever happens in it.

    Where the database has ended the transaction this cannot be said, and need not be: it goes back
    to a point at which it stood so, or altogether.
    """
    try:
        yield
    except DBAPIError:
        with suppress(DBAPIError):
            again()
        raise
    except BaseException:
        again()
        raise
    again()


def begin_as_told(connection: Connection, usual: str) -> None:
    """Begin a transaction as its opening says, or as usual; an opening of None begins none."""
    opening = connection.get_execution_options().get(OPENING, usual)
    if opening is not None:
        connection.exec_driver_sql(opening)


def _become(tx: Connection, tenant: str, role: str | None) -> None:
    tx.exec_driver_sql(*_becoming(tenant, role))


def _becoming(tenant: str, role: str | None) -> tuple[str, tuple[object, ...]]:
    """The statement by which a transaction is bound to a tenant, and its values."""
    return (_SAY, (tenant,)) if role is None else (_BECOME, (role, tenant))


def _together(connection: Connection, steps: Sequence[tuple[str, tuple[object, ...]]]) -> str:
    """Statements as one text, which goes to the database at once; the driver puts values in."""
    from psycopg import ClientCursor  # noqa: PLC0415  # only those who have Postgres have it

    statement = "; ".join(step for step, _ in steps)
    values = [value for _, those in steps for value in those]
    driver: Any = connection.connection.driver_connection
    return ClientCursor(driver).mogrify(statement, values)


def unprotected(tx: Connection) -> list[str]:
    """The tables with a column `organization`, or made of such tables, that have no policy.

    Of the database, not of the declarations: it finds what a migration forgot.
    """
    asked = """
        SELECT table_name FROM information_schema.columns
        WHERE table_schema = current_schema() AND column_name = 'organization'
    """
    have = set(tx.exec_driver_sql(asked).scalars()) - set(SHARED) | set(tenants_tables())
    return sorted(have.difference(tx.exec_driver_sql(_WALLED).scalars()))


def unbound(tx: Connection) -> Sequence[str]:
    """The tables of tenants whose policy does not bind this transaction. Ask it of a tenant's."""
    binding: Collection[str] = set(tx.exec_driver_sql(_BINDING).scalars())
    return [table for table in tenants_tables() if table not in binding]


def _try(tx: Connection, statement: str) -> None:
    """Run a statement that may be refused, or be done already."""
    try:
        with tx.begin_nested():
            tx.execute(text(statement))
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) not in _REFUSED:
            raise

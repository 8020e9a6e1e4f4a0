"""How does a transaction begin, and what does a commit promise?

`open_store(url)` gives a Store. `store.read()` is a consistent snapshot; `store.write()` is
exclusive: SQLite by BEGIN IMMEDIATE, Postgres by an advisory lock that ends with the transaction,
and within this process by a lock, so that waiting writers hold no connections. One writer at a
time makes every read-modify-write safe. `store.append()` writes beside the others, where the
database can. A store speaks for all tenants; `store.of(tenant)` is the same one speaking for a
single tenant, which on Postgres cannot see or change others' rows.

A commit that returned is on disk. `open_store` reads the settings that this depends on from the
very connections that will write, and refuses (`Unsafe`) where they promise less.
"""

import copy
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    NoSuchModuleError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool, StaticPool

from tallygate.adapters.store.durability import (
    SYNCHRONOUS_LEVELS,
    check_postgres,
    check_sqlite,
)
from tallygate.adapters.store.manners import BEFORE_QUESTIONS, heed_questions
from tallygate.adapters.store.passing import is_passing, without_password
from tallygate.adapters.store.rest import ask_after_rest
from tallygate.adapters.store.turns import RightOfWay, Turns
from tallygate.adapters.store.walls import OPENING, Wall, begin_as_told
from tallygate.core.errors import Invalid, Unreachable
from tallygate.core.failpoints import failpoint

Transaction = Connection
"""An open transaction, as `read()` and `write()` yield it."""

Dialect = Literal["sqlite", "postgresql"]

WAIT_SECONDS = 10
OLDEST_SQLITE = (3, 38)
WRITER_CACHE_KIB = 64 * 1024
READER_CACHE_KIB = 8 * 1024
READERS = 8
CHECKPOINT_PAGES = 4_000
JOURNAL_LIMIT_BYTES = 128 * 1024 * 1024
ONE_TRANSACTION = "a workflow opens one transaction, not one within another"
WRITER_LOCK = 7_281_463_902_155_201  # ours among the advisory locks of a Postgres database
BEGIN_READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
BEGIN_WRITING = "BEGIN ISOLATION LEVEL READ COMMITTED"


class Store:
    """A database that is open. Close it when done; several threads may share it.

    `tenant` is the organization that its transactions are for; None: all, as for the platform.
    With `gives_way` they wait for whoever has the right of way before they begin, and while they
    read, which keeps nobody else waiting, before each question.
    """

    def __init__(self, writer: Engine, reader: Engine, place: str, *, in_memory: bool) -> None:
        self.dialect: Dialect = "sqlite" if writer.dialect.name == "sqlite" else "postgresql"
        self.in_memory = in_memory
        self.place = place
        self.writer_engine = writer
        self._reader_engine = reader
        self.wall = Wall()
        self.right_of_way = RightOfWay()
        self._writing = Turns()
        self.tenant: str | None = None
        self.gives_way = False

    def of(self, tenant: str | None) -> "Store":
        """The same store, whose transactions are for one organization; None: for all.

        On Postgres they see that organization's rows and no others', and change no others'. On
        SQLite there is only what the queries ask for.
        """
        if tenant == self.tenant:
            return self
        narrowed = copy.copy(self)
        narrowed.tenant = tenant
        return narrowed

    def in_background(self) -> "Store":
        """The same store for who answers nobody: it gives way."""
        behind = copy.copy(self)
        behind.gives_way = True
        return behind

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """A consistent snapshot that cannot write.

        Raises:
            Unreachable: the database did not answer in time.
        """
        self.give_way()
        alone = self._turn() if self.in_memory else self._beside()
        with alone, self._told(), self._begun(self._reader_engine, BEGIN_READING) as transaction:
            if not self.in_memory:
                yield transaction.execution_options(**{BEFORE_QUESTIONS: self.give_way})
                return
            # The one connection reads and writes by turns.
            transaction.exec_driver_sql("PRAGMA query_only = on")
            try:
                yield transaction
            finally:
                transaction.exec_driver_sql("PRAGMA query_only = off")

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """The only writer. Commits at the end of the block, rolls back on an exception.

        Raises:
            Unreachable: another writer kept its turn too long, or the database did not answer.
        """
        self.give_way()
        with self._turn(), self._told():
            with self._begun(self.writer_engine, BEGIN_WRITING, WRITER_LOCK) as transaction:
                yield transaction
                failpoint("store.commit.before")
            failpoint("store.commit.after")

    @contextmanager
    def append(self) -> Iterator[Transaction]:
        """Statements that each commit by themselves, one trip to the database each.

        On Postgres they wait for no writer, and none for them; SQLite has one writer at a time.
        For rows that are no tenant's and mean the same whoever else writes, before or after:
        nothing that others may be about to change must be decided upon here.

        Raises:
            Unreachable: another writer kept its turn too long, or the database did not answer.
        """
        alone = self._turn() if self.dialect == "sqlite" else self._beside()
        with alone, self._told(), self.writer_engine.connect() as connection:
            failpoint("store.commit.before")
            yield connection.execution_options(**{OPENING: None})
            failpoint("store.commit.after")

    def check_durability(self) -> None:
        """Ask the writing connection whether its commits reach the disk.

        A database in memory promises nothing to anybody and passes.

        Raises:
            Unsafe: they might not.
        """
        if self.in_memory:
            return
        with self._turn(), self._told(), self.writer_engine.connect() as connection:
            if self.dialect == "sqlite":
                check_sqlite(connection)
            else:
                check_postgres(connection)

    def give_way(self) -> None:
        """Let those go first who have the right of way, where this is a store in the background.

        Never while it writes: others may wait for that.
        """
        if self.gives_way:
            self.right_of_way.give()

    def close(self) -> None:
        """Give back every connection."""
        self.writer_engine.dispose()
        self._reader_engine.dispose()

    @contextmanager
    def _begun(self, engine: Engine, begin: str, lock: int | None = None) -> Iterator[Transaction]:
        """A transaction that has begun, and on Postgres has said whom it is for.

        There `begin` begins it, and all that is said first goes the way to the database together.
        """
        if self.dialect == "sqlite":
            with engine.begin() as transaction:
                yield transaction
            return
        with engine.connect() as connection:
            self.wall.prepare(connection, begin, self.tenant, lock)
            with connection.begin():
                yield connection

    @contextmanager
    def _beside(self) -> Iterator[None]:
        assert self._writing.thread != threading.get_ident(), ONE_TRANSACTION
        yield

    @contextmanager
    def _turn(self) -> Iterator[None]:
        me = threading.get_ident()
        assert self._writing.thread != me, ONE_TRANSACTION
        if not self._writing.take(WAIT_SECONDS):
            raise Unreachable(
                f"The database is busy: another writer has kept its turn for {WAIT_SECONDS} s. "
                "Try again in a moment."
            )
        try:
            yield
        finally:
            self._writing.give_back()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Tell what the database's own failures mean; a mistake in our SQL stays what it is."""
        try:
            yield
        except PoolTimeout:
            raise Unreachable(
                "The database is busy: all its connections are taken. Try again in a moment."
            ) from None
        except DBAPIError as error:
            if not is_passing(error):
                raise
            reason = without_password(str(error.orig), self.writer_engine.url)
            raise Unreachable(f"The database at {self.place} did not answer: {reason}.") from None


def open_store(url: str, *, create: bool = True) -> Store:
    """Open the database that an address names, and make sure that it keeps what it is given.

    `sqlite:///path/to/file.db`, `sqlite://` (in memory, for tests) or
    `postgresql://user:password@host/database`. `?synchronous=EXTRA` on a SQLite address asks for
    more than FULL, the default. A SQLite file that is not there is made, unless `create` is false;
    its folder never is.

    Raises:
        Invalid: the address has another form, or its driver is not installed, or the database
            cannot keep every text.
        Unreachable: the database did not answer, or there is none.
        Unsafe: its settings would let it forget acknowledged events.
    """
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):  # a port that is no number is a ValueError
        raise Invalid(
            "The database address must look like sqlite:///tallygate.db or "
            "postgresql://user@host/database."
        ) from None
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise Invalid(f"This Python carries SQLite {sqlite3.sqlite_version}: 3.38 is needed.")
    match address.get_backend_name():
        case "sqlite":
            store = _open_sqlite(address, create=create)
        case "postgresql" | "postgres":
            store = _open_postgres(address)
        case other:
            raise Invalid(f"The database must be sqlite or postgresql, not {other}.")
    try:
        store.check_durability()
    except BaseException as error:
        store.close()
        if not isinstance(error, DBAPIError):
            raise
        reason = without_password(str(error.orig), address)
        raise Invalid(f"The database at {store.place} cannot be used: {reason}.") from None
    return store


def _open_sqlite(address: URL, *, create: bool) -> Store:
    wished = address.query.get("synchronous", "FULL")
    level = wished.upper() if isinstance(wished, str) else ""
    unknown = sorted(set(address.query) - {"synchronous"})
    if level not in SYNCHRONOUS_LEVELS or unknown:
        raise Invalid(
            "A SQLite address takes one setting, synchronous=FULL or synchronous=EXTRA, "
            "as in sqlite:///tallygate.db?synchronous=EXTRA."
        )
    if address.database in (None, "", ":memory:"):
        engine = _sqlite_engine(":memory:", level, writes=True, shared=True)
        return Store(engine, engine, "memory", in_memory=True)
    path = Path(str(address.database))
    whole = path.absolute()
    if not whole.parent.is_dir():
        raise Unreachable(
            f"There is no folder {whole.parent} for the database: make it, or set "
            "TALLYGATE_DATABASE_URL to another file."
        )
    if not create and not whole.exists():
        raise Unreachable(
            f"There is no database at {whole}: make one with `tallygate db upgrade`, or set "
            "TALLYGATE_DATABASE_URL to the one that you mean."
        )
    writer = _sqlite_engine(str(path), level, writes=True)
    reader = _sqlite_engine(str(path), level, writes=False)
    return Store(writer, reader, str(path), in_memory=False)


def _sqlite_engine(path: str, level: str, *, writes: bool, shared: bool = False) -> Engine:
    settings: dict[str, str | int] = {
        "journal_mode": "memory" if shared else "wal",
        "synchronous": level,
        "fullfsync": "on",  # macOS alone needs to be asked twice
        "checkpoint_fullfsync": "on",
        "foreign_keys": "on",
        "wal_autocheckpoint": CHECKPOINT_PAGES,
        "journal_size_limit": JOURNAL_LIMIT_BYTES,
        "cache_size": -(WRITER_CACHE_KIB if writes else READER_CACHE_KIB),
        "query_only": "off" if writes else "on",
    }

    def connect() -> sqlite3.Connection:
        # isolation_level None: sqlite3 begins nothing by itself; the listener below does.
        connection = sqlite3.connect(
            path, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            for name, value in settings.items():
                setting = f"PRAGMA {name} = {value}"
                connection.execute(setting)
        except BaseException:
            connection.close()
            raise
        return connection

    sizes: dict[str, Any] = {"poolclass": StaticPool}
    if not shared:
        size = 1 if writes else READERS
        sizes = {
            "poolclass": QueuePool,
            "pool_size": size,
            "max_overflow": 0 if writes else READERS,
            "pool_timeout": WAIT_SECONDS,
        }
    engine = create_engine("sqlite://", creator=connect, hide_parameters=True, **sizes)
    begin = "BEGIN IMMEDIATE" if writes else "BEGIN"

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        begin_as_told(connection, begin)

    heed_questions(engine)
    return engine


def _open_postgres(address: URL) -> Store:
    wait = WAIT_SECONDS * 1000
    try:
        engine = create_engine(
            address.set(drivername="postgresql+psycopg"),
            pool_size=READERS,
            max_overflow=READERS,
            pool_timeout=WAIT_SECONDS,
            pool_use_lifo=True,  # one that was used a moment ago has its statements prepared
            isolation_level="AUTOCOMMIT",  # our own statement begins a transaction
            hide_parameters=True,
            connect_args={
                "connect_timeout": WAIT_SECONDS,
                "tcp_user_timeout": 3 * wait,
                "client_encoding": "utf8",
            },
        )
    except (ImportError, NoSuchModuleError):
        raise Invalid(
            "The Postgres driver is not installed: pip install 'tallygate[postgres]'."
        ) from None

    @event.listens_for(engine, "connect")
    def _settle(connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('lock_timeout', %s, false),"
                " set_config('idle_in_transaction_session_timeout', %s, false),"
                # Our queries are short: compiling one takes longer than running it.
                " set_config('jit', 'off', false),"
                " set_config('timezone', 'UTC', false)",
                (str(wait), str(6 * wait)),
            )
        connection.commit()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        begin_as_told(connection, BEGIN_WRITING)

    heed_questions(engine)
    ask_after_rest(engine)
    host = address.host or address.query.get("host") or "localhost"
    place = f"{host}:{address.port or 5432}/{address.database or ''}"
    return Store(engine, engine, place, in_memory=False)

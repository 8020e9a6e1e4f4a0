"""What does a connection do before each question?

What its execution option says: in the background it gives way while it reads.
"""

from sqlalchemy import Engine, event
from sqlalchemy.engine import Connection

BEFORE_QUESTIONS = "before_questions"
"""Under this name a connection keeps what is called before each statement, without arguments."""


def heed_questions(engine: Engine) -> None:
    """Let connections of an engine do what their option says."""

    @event.listens_for(engine, "before_cursor_execute")
    def _heed(connection: Connection, *_statement: object) -> None:
        prepare = connection.get_execution_options().get(BEFORE_QUESTIONS)
        if prepare is not None:
            prepare()

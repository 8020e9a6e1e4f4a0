"""Is the server there, and can it work? Asked by whoever watches it, without a key."""

from typing import Literal

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from tallygate.interfaces.api.wire import Shape

router = APIRouter(tags=["health"])


class HealthShape(Shape):
    """One word."""

    status: Literal["ok"] = "ok"


@router.get("/healthz", summary="Is the process alive?")
async def healthz() -> HealthShape:
    """Answers while the process can answer."""
    return HealthShape()


@router.get(
    "/readyz",
    summary="Can the process work?",
    responses={503: {"description": "The database does not answer, or has another schema."}},
)
async def readyz(request: Request) -> HealthShape:
    """Answers ok when the database answers and has the schema that this version needs."""
    await run_in_threadpool(request.app.state.door.check)
    return HealthShape()

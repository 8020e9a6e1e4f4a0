"""Is the server there, and can it work? Asked by whoever watches it, without a key.

The payment provider's state stands beside the answer and changes nothing of it: while the
provider is away, usage is taken in all the same. Nobody waits for the provider here; it is asked
afterwards, where that is due.
"""

from typing import Literal

from fastapi import APIRouter, BackgroundTasks
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from tallygate.interfaces.api.wire import Shape
from tallygate.workflows.health import HealthState, known_health, provider_health

router = APIRouter(tags=["health"])


class HealthShape(Shape):
    """One word, and one for the payment provider, if one is set."""

    status: Literal["ok"] = "ok"
    provider: HealthState | None = None


@router.get("/healthz", summary="Is the process alive?", response_model_exclude_none=True)
async def healthz() -> HealthShape:
    """Answers while the process can answer."""
    return HealthShape()


@router.get(
    "/readyz",
    summary="Can the process work?",
    response_model_exclude_none=True,
    responses={503: {"description": "The database does not answer, or has another schema."}},
)
async def readyz(request: Request, afterwards: BackgroundTasks) -> HealthShape:
    """Answers ok when the database answers and has the schema that this version needs."""
    state = request.app.state
    await run_in_threadpool(state.door.check)
    if state.probe is None:
        return HealthShape()
    here = state.door.installation
    known = await run_in_threadpool(known_health, here, state.probe.name)
    afterwards.add_task(provider_health, here, state.probe)
    return HealthShape(provider=known.state)

"""The calls of those who run a service, as values: learning, engines, health. `calls` has those of everybody."""

from app.client.calls import Call, Sent
from app.client.results import Engine, Health, Job, Page, Pause, Ready


def verify() -> Call[Job]:
    """Ask all live facts again, by a job: `wait(….id)`, then `report`. One that is on its way is named instead."""
    return Call(Sent("POST", "/v1/admin/verify"), Job.model_validate)


def pause(reason: str) -> Call[Pause]:
    """Begin no job until `resume`; the one that is learned now is ended. Raises BadRequest without a reason."""
    return Call(Sent("POST", "/v1/admin/pause", {"reason": reason}), Pause.model_validate)


def resume(reason: str) -> Call[Pause]:
    """Let learning go on. Raises BadRequest without a reason."""
    return Call(Sent("POST", "/v1/admin/resume", {"reason": reason}), Pause.model_validate)


def engines() -> Call[Page[Engine]]:
    """The processes that serve the model, the newest heartbeat first."""
    return Call(Sent("GET", "/v1/admin/engines"), Page[Engine].model_validate)


def health() -> Call[Health]:
    """Whether the process answers; sent once, as the state now is asked for. It needs no key."""
    return Call(Sent("GET", "/healthz", repeatable=False), Health.model_validate)


def ready() -> Call[Ready]:
    """Whether queries are answered; sent once. It needs no key. Raises Busy with what fails."""
    return Call(Sent("GET", "/readyz", repeatable=False), Ready.model_validate)

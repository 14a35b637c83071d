"""`slotwise up`: servers, migrations, first key, worker, API, and the wait for a signal that ends them."""

import os
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from signal import SIG_IGN, SIGHUP, SIGINT, SIGKILL, SIGQUIT, SIGTERM

import httpx

from app.db.migrate import migrate
from app.embedded.account import own_account
from app.embedded.banner import banner, service_url
from app.embedded.child import Program
from app.embedded.database import session_on
from app.embedded.errors import ChildEnded
from app.embedded.folder import DataFolder, Running
from app.embedded.servers import port_taken
from app.embedded.stack import Say, Stack
from app.errors import StackFailed
from app.services import keys
from app.settings import Settings

_SIGNALS = (SIGINT, SIGTERM, SIGHUP)
_NEWS_SECONDS = 30.0
_CACHE = "SLOTWISE_CACHE_DIR"  # read by the model's side alone, which has no settings


def up(settings: Settings, say: Say) -> int:
    """Runs the service until a signal; returns the exit status.

    `say` prints a line at once. Ctrl-C, SIGTERM and SIGHUP end it in the same orderly way, with status 0. A
    process that ends by itself is reported at once. Before queries are answered it brings status 1, because it
    mostly means that something is set wrongly; from then on it is started again while the others go on.

    Raises:
        StackFailed: it cannot start; the message says why.
    """
    _require_free(settings.host, settings.port, "--port")
    if settings.admin_port:
        _require_free(settings.admin_host or settings.host, settings.admin_port, "SLOTWISE_ADMIN_PORT")
    status = 0
    with _signals_interrupt(), Stack(DataFolder(settings.data_dir), say) as stack:
        try:
            _run(settings, stack, say)
        except KeyboardInterrupt:
            say("")
        except ChildEnded as ended:
            say(f"\n{ended}\n")
            status = 1
        finally:
            # Every step from here has a time limit, so a second, impatient Ctrl-C need not break the order.
            for each in _SIGNALS:
                signal.signal(each, SIG_IGN)
    return status


def _require_free(host: str, port: int, setting: str) -> None:
    if port_taken(host, port):
        raise StackFailed(
            f"Port {port} of {host} is in use. Stop what listens there, or choose another with {setting}."
        )


def _run(settings: Settings, stack: Stack, say: Say) -> None:
    say(f"Data folder: {stack.folder.path}")
    running = stack.start_servers(settings)
    migrate(running.database_url)
    stack.announce(running)
    url = service_url(settings.host, settings.port)
    # Before anything else can fail: a key that was made and never shown is lost.
    admin_url = service_url(settings.admin_host or settings.host, settings.admin_port) if settings.admin_port else url
    say(banner(url, _first_key(running.database_url), _command("keys create", settings), admin_url))
    environment = _environment(settings, stack.folder, running)
    stack.start(worker(stack.folder, environment))
    stack.start(api(stack.folder, environment))
    _wait_until_ready(url, stack, say)
    while True:
        stack.tend()
        time.sleep(0.2)


def worker(folder: DataFolder, environment: Mapping[str, str]) -> Program:
    """The Celery worker: one process without a pool, because a GPU does not survive a fork.

    SIGTERM lets a short job end, SIGQUIT does not. A job cut short runs again once its lease has expired.
    """
    options = ["--pool=solo", "--concurrency=1", "--loglevel=INFO"]
    arguments = ["-m", "celery", "--app=worker.main", "worker", *options]
    return _python("worker", arguments, folder, environment, ((SIGTERM, 10.0), (SIGQUIT, 5.0)))


def api(folder: DataFolder, environment: Mapping[str, str]) -> Program:
    """The API process, which serves the model."""
    return _python("api", ["-m", "app.server"], folder, environment, ((SIGTERM, 10.0),))


def _python(
    name: str,
    arguments: list[str],
    folder: DataFolder,
    environment: Mapping[str, str],
    stop: tuple[tuple[signal.Signals, float], ...],
) -> Program:
    """A Python process as our own account, in a folder without modules that `-m` could take for ours."""
    command = (sys.executable, *arguments)
    return Program(name, command, own_account(), folder.log(name).parent, environment, SIGKILL, stop)


def _command(arguments: str, settings: Settings) -> str:
    """`slotwise` with arguments, as a shell here finds it; for another data folder than the usual one it names that."""
    program = "slotwise" if shutil.which("slotwise") else shlex.quote(str(Path(sys.executable).with_name("slotwise")))
    if settings.data_dir == Settings.model_fields["data_dir"].default:
        return f"{program} {arguments}"
    return f"{program} {arguments} --data-dir {shlex.quote(str(settings.data_dir))}"


def _environment(settings: Settings, folder: DataFolder, running: Running) -> dict[str, str]:
    """Our environment with all our settings in it; children run elsewhere, so paths are absolute."""
    is_path = settings.base and Path(settings.base).exists()  # else it is empty, or a name on the hub
    resolved = settings.model_copy(
        update={
            "data_dir": folder.path,
            "base": str(Path(settings.base).absolute()) if is_path else settings.base,
            "memory": settings.memory.absolute(),
            "database_url": running.database_url,
            "redis_url": running.redis_url,
        }
    )
    prefix = settings.model_config["env_prefix"]
    values = {f"{prefix}{name.upper()}": str(value) for name, value in resolved if value is not None}
    if cache := os.environ.get(_CACHE):
        values[_CACHE] = str(Path(cache).absolute())
    return {**os.environ, **values, "PYTHONUNBUFFERED": "1"}


def _first_key(database_url: str) -> str | None:
    """The admin key that a database without keys gets; None if there are keys already."""
    with session_on(database_url) as session:
        if keys.exists(session):
            return None
        _, plain = keys.create(session, "first admin", "admin")
        return plain


def _wait_until_ready(url: str, stack: Stack, say: Say) -> None:
    """However long it takes: a large model loads for minutes, and a process that cannot go on ends."""
    began = said = time.monotonic()
    # No proxy of the environment stands before this machine.
    with httpx.Client(base_url=url, timeout=10, trust_env=False) as client:
        while (obstacle := _obstacle(client)) is not None:
            stack.check()
            if time.monotonic() - said > _NEWS_SECONDS:
                said = time.monotonic()
                say(f"Not ready after {said - began:.0f} s: {obstacle}. The log is {stack.folder.log('api')}")
            time.sleep(0.1)
    say(f"Ready at {url} after {time.monotonic() - began:.1f} s. Ctrl-C stops everything.")


def _obstacle(client: httpx.Client) -> str | None:
    """Why the service is not ready; None if it is."""
    try:
        answer = client.get("/readyz")
    except httpx.TransportError as error:
        return f"no answer yet ({error})"
    return None if answer.status_code == httpx.codes.OK else f"it answers {answer.status_code}: {answer.text}"


@contextmanager
def _signals_interrupt() -> Iterator[None]:
    """Makes SIGTERM and SIGHUP do what Ctrl-C does: raise KeyboardInterrupt. `nohup` keeps its meaning."""
    before = {each: signal.getsignal(each) for each in _SIGNALS}
    for each, handler in before.items():
        if each is not SIGHUP or handler is not SIG_IGN:
            signal.signal(each, signal.default_int_handler)
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)

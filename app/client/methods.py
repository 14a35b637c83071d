"""Calls as methods of both clients, with their types. Of a client it knows that it runs calls, and nothing else."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import wraps
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, overload

from app.client import calls, operating
from app.client import documents as document_calls
from app.client import keys as key_calls
from app.client.calls import Call, Stream
from app.client.events import Part

if TYPE_CHECKING:  # they are made of these methods
    from app.client.clients import AsyncSlotwise, Slotwise

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")


class Method(Generic[P, T]):
    """A call as a method: of `Slotwise` it gives the result, of `AsyncSlotwise` something to await."""

    def __init__(self, call: Callable[P, Call[T]]) -> None:
        self._call = call

    @overload
    def __get__(self, client: "Slotwise", owner: object) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: "AsyncSlotwise", owner: object) -> Callable[P, Awaitable[T]]: ...
    @overload
    def __get__(self, client: None, owner: object) -> Callable[P, Call[T]]: ...
    def __get__(self, client: Any, owner: object) -> Any:
        return self._call if client is None else _then(client.run, self._call)


class StreamMethod(Generic[P]):
    """The same for a call that gives parts: an iterator, or an asynchronous one."""

    def __init__(self, call: Callable[P, Stream]) -> None:
        self._call = call

    @overload
    def __get__(self, client: "Slotwise", owner: object) -> Callable[P, Iterator[Part]]: ...
    @overload
    def __get__(self, client: "AsyncSlotwise", owner: object) -> Callable[P, AsyncIterator[Part]]: ...
    @overload
    def __get__(self, client: None, owner: object) -> Callable[P, Stream]: ...
    def __get__(self, client: Any, owner: object) -> Any:
        return self._call if client is None else _then(client.parts, self._call)


def _then(run: Callable[[T], R], call: Callable[P, T]) -> Callable[P, R]:
    """Make a call and run it; `help` shows what it takes, as the call's own words say it."""

    @wraps(call)
    def method(*args: P.args, **kwargs: P.kwargs) -> R:
        return run(call(*args, **kwargs))

    return method


class Methods:
    """The calls of both clients. Each raises Unreachable, TimedOut, NotUnderstood, KeyRejected, RoleTooLow or Busy."""

    teach = Method(calls.teach)
    teach_many = Method(calls.teach_many)
    import_facts = Method(calls.import_facts)
    facts = Method(calls.facts)
    fact = Method(calls.fact)
    forget = Method(calls.forget)
    forget_source = Method(calls.forget_source)
    jobs = Method(calls.jobs)
    job = Method(calls.job)
    cancel = Method(calls.cancel)
    ask = Method(calls.ask)
    complete = Method(calls.complete)
    stream = StreamMethod(calls.stream)
    chat = Method(calls.chat)
    stream_chat = StreamMethod(calls.stream_chat)
    models = Method(calls.models)
    versions = Method(calls.versions)
    version = Method(calls.version)
    rollback = Method(calls.rollback)
    pause = Method(operating.pause)
    resume = Method(operating.resume)
    verify = Method(operating.verify)
    engines = Method(operating.engines)
    read_document = Method(document_calls.read)
    read_document_file = Method(document_calls.read_file)
    rehearse_document = Method(document_calls.rehearse)
    documents = Method(document_calls.documents)
    document = Method(document_calls.document)
    forget_document = Method(document_calls.forget_document)
    keys = Method(key_calls.keys)
    create_key = Method(key_calls.create_key)
    revoke_key = Method(key_calls.revoke_key)
    namespaces = Method(key_calls.namespaces)
    create_namespace = Method(key_calls.create_namespace)
    health = Method(operating.health)
    ready = Method(operating.ready)

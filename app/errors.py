"""Every error that the service raises on purpose. It knows no HTTP: `app/api/errors.py` maps them to codes.

    SlotwiseError
    ├── InvalidInput                a value is missing, empty, malformed or beyond its limit
    │   ├── IdempotencyConflict     an idempotency key comes back with another body
    │   ├── FolderNotEmpty          a folder to be written to already holds something
    │   └── BadFolder               a folder to be imported is not what was exported
    ├── AccessDenied
    │   ├── KeyRejected             no API key, an unknown one or a revoked one
    │   ├── OfMainOnly              the call is for keys of the namespace `main`
    │   └── RoleTooLow              the key's role does not allow the call
    ├── LimitReached                the key has asked for as much as it may for now
    ├── NotFound
    │   ├── ActivationNotFound      nothing was live at that moment
    │   ├── AliasNotFound           no version has this name
    │   ├── DeliveryNotFound        no message of this webhook has this id
    │   ├── DocumentNotFound
    │   ├── FactNotFound
    │   ├── JobNotFound
    │   ├── KeyNotFound
    │   ├── ModelNotFound           no model has this name
    │   ├── NamespaceNotFound       no namespace has this name
    │   ├── SlotNotFound            the memory has fewer slots
    │   ├── VersionNotFound         unknown, or never published
    │   └── WebhookNotFound         unknown, or deleted where something is to be sent
    ├── Conflict
    │   ├── DocumentNotRead         it is being read, or facts of it are on their way: it cannot be forgotten yet
    │   ├── FactNotLive             only a live fact can be forgotten
    │   │   └── FactNotLiveYet      it is on its way
    │   ├── InstallationNotEmpty    a version can be imported only where no fact was ever posted
    │   ├── IdempotencyInProgress   the first call with this idempotency key has not ended
    │   ├── JobNotCancellable       a job that is verifying or has ended
    │   ├── LastAdminKey            without this key nobody could make another one of `main` over HTTP
    │   ├── LiveVersionConflict     another version is live than the caller expected
    │   ├── NamespaceTaken          there is a namespace of this name
    │   └── NoPreviousVersion       the base version is live: nothing lies before it
    ├── Unavailable                 try again later
    │   ├── ImportInterrupted       a file was not read to its end; the message says what of it was taken in
    │   ├── TooManyImports          this process reads as many files as it may at once
    │   ├── NotBootstrapped         the database has no base version yet
    │   ├── VersionNotServed        the engine could not bring a version up in time
    │   └── HeadUnknown             the database has been away for too long to know what is live
    ├── AuditBroken                 a row of the audit log is not what was written, or is missing
    ├── LeaseLost                   a worker's learn lease has ended or passed to another: its result is void
    ├── WrongCheckpoint             the data belong to another base checkpoint
    ├── DamagedDelta                a stored delta does not match its checksum, or the rows that it is to change
    ├── DamagedAnchor               the same of an anchor, for which deltas stand in
    └── StackFailed                 the embedded stack cannot start, or one of its processes died

No class here has an `__init__` of its own, so each survives pickling between processes; the message says
everything.
"""


class SlotwiseError(Exception):
    """The root of all errors that the service raises on purpose."""


class InvalidInput(SlotwiseError):
    """A value is missing, empty, malformed or beyond its limit; the message names field, value and limit."""


class IdempotencyConflict(InvalidInput):
    """An idempotency key was used before with another body."""


class FolderNotEmpty(InvalidInput):
    """A folder to be written to already holds something."""


class BadFolder(InvalidInput):
    """A folder to be imported is not what was exported: the message names the file and what is wrong with it."""


class AccessDenied(SlotwiseError):
    """The caller may not do this."""


class KeyRejected(AccessDenied):
    """There is no API key, or it is unknown or revoked."""


class OfMainOnly(AccessDenied):
    """The API key is good, but the call tells or changes what all namespaces share; only keys of `main` may make it."""


class RoleTooLow(AccessDenied):
    """The API key is good, but its role does not allow the call."""


class LimitReached(SlotwiseError):
    """The API key has asked for as much as it may for now; the message names the limit.

    retry_after_seconds  when the same call fits again, if nothing else comes in between
    """

    retry_after_seconds = 1


class NotFound(SlotwiseError):
    """Nothing has this id."""


class ActivationNotFound(NotFound):
    """Nothing was live at that moment: it lies before the first start."""


class AliasNotFound(NotFound):
    """Nobody has set an alias of this name, or it is deleted."""


class DeliveryNotFound(NotFound):
    """No message to this webhook has this id."""


class DocumentNotFound(NotFound):
    """No document has this id."""


class FactNotFound(NotFound):
    """No fact has this id."""


class JobNotFound(NotFound):
    """No job has this id."""


class KeyNotFound(NotFound):
    """No API key has this id."""


class ModelNotFound(NotFound):
    """No model has this name, in the calls that are OpenAI's."""


class NamespaceNotFound(NotFound):
    """No namespace has this name, as far as the key may know."""


class SlotNotFound(NotFound):
    """The memory has fewer slots."""


class VersionNotFound(NotFound):
    """No published version has this id."""


class WebhookNotFound(NotFound):
    """No webhook has this id, or it is deleted and something is to be sent."""


class Conflict(SlotwiseError):
    """The call does not fit the present state; the message says what that is."""


class DocumentNotRead(Conflict):
    """The document is being read, or facts of it are on their way; then it can be forgotten. The message says which."""


class FactNotLive(Conflict):
    """The fact is not live, so nothing of it can be forgotten; the message says what it is."""


class FactNotLiveYet(FactNotLive):
    """The fact is on its way; once it is live it can be forgotten."""


class InstallationNotEmpty(Conflict):
    """A version can be imported only where no fact was ever posted."""


class IdempotencyInProgress(Conflict):
    """The first call with this idempotency key has not ended."""


class JobNotCancellable(Conflict):
    """The job is verifying, has ended, or is none that may be cancelled; the message says what it is."""


class LastAdminKey(Conflict):
    """The last admin key of `main` that is not revoked cannot be: nobody could make another one over HTTP."""


class LiveVersionConflict(Conflict):
    """Another version is live than the caller expected."""


class NamespaceTaken(Conflict):
    """There is a namespace of this name already."""


class NoPreviousVersion(Conflict):
    """The base version is live: nothing lies before it."""


class Unavailable(SlotwiseError):
    """The service cannot answer now; the same call may succeed later."""


class ImportInterrupted(Unavailable):
    """The database went away while a file was read; the message says what of it was taken in."""


class TooManyImports(Unavailable):
    """This process reads as many files at once as it may."""


class NotBootstrapped(Unavailable):
    """The database has no base version yet: no process has loaded a checkpoint against it."""


class VersionNotServed(Unavailable):
    """The engine could not bring the wanted version up in time."""


class HeadUnknown(Unavailable):
    """The database has not been reached for so long that nobody can say which version is live."""


class AuditBroken(SlotwiseError):
    """A row of the audit log is not what was written, or is missing; the message names the first such row."""


class LeaseLost(SlotwiseError):
    """A worker's learn lease was taken away or has passed to another: what it learned must not be written."""


class WrongCheckpoint(SlotwiseError):
    """The data belong to another base checkpoint than the one loaded; the message names both fingerprints."""


class DamagedDelta(SlotwiseError):
    """A stored delta does not match its checksum, or leads to another state; the message names the version."""


class DamagedAnchor(SlotwiseError):
    """The parts of a stored anchor do not match its checksum; the deltas that it stands for are used instead."""


class StackFailed(SlotwiseError):
    """The embedded stack cannot start, or one of its processes died; the message names which and why."""

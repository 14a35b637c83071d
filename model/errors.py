"""What can go wrong in `model/`; each class says when it happens.

ModelError
├── CheckpointError      a base or a memory folder that cannot be read, or the two do not belong together
├── InvalidPrompt        a conversation that the chat template refuses, or a text without a token
├── CannotBeAsked        a fact of which nothing tells what is asked
├── NoPhrasings          another model that should word a fact did not, or not usably
├── DeltaError           bytes that are no delta, or deltas that do not fit together
│   └── WrongState       rows that are not those of the state they should have, or do not fit into the table
├── SpareRowsExhausted   all spare rows are used by views in use
├── NotResident          a version asked for whose view is not in memory
└── EngineError
    ├── QueueFull        more requests wait than the queue holds
    ├── PromptTooLong    a prompt that leaves no room for an answer
    ├── Cancelled        the caller took its request back
    ├── DeadlineExceeded a request was not answered in the time that it was given
    ├── Aborted          requests of a version were ended, with the reason
    ├── NotFinite        a version's rows make the model's output no number
    └── EngineStopped    the engine thread has ended
"""


class ModelError(Exception):
    """Base of every error raised by `model/`."""


class CheckpointError(ModelError):
    """A base or a memory folder cannot be read, or the two do not belong together."""


class InvalidPrompt(ModelError):
    """The chat template refuses a conversation, or a text makes no token."""


class CannotBeAsked(ModelError):
    """Nothing in a fact tells what is asked: a question without an answer, an answer alone, a statement of one word."""


class NoPhrasings(ModelError):
    """Another model that should word a fact failed, or wrote nothing usable; the fact is taught without it."""


class DeltaError(ModelError):
    """Bytes are not a delta, or two deltas do not fit together."""


class WrongState(DeltaError):
    """Rows are not those of the state that they should have, or do not fit into the table."""


class SpareRowsExhausted(ModelError):
    """No spare row or place is left that no view uses."""


class NotResident(ModelError):
    """The version's view is not in memory; prepare it first."""


class EngineError(ModelError):
    """Base of what the engine refuses."""


class QueueFull(EngineError):
    """As many requests wait as the queue holds."""


class PromptTooLong(EngineError):
    """The prompt leaves no room for an answer within the model's positions."""


class Cancelled(EngineError):
    """The caller took the request back before it was answered."""


class DeadlineExceeded(EngineError):
    """The request was not answered within the seconds that it was given."""


class Aborted(EngineError):
    """The request was ended because of the version that it was bound to; the message is the reason."""


class NotFinite(EngineError):
    """The version's rows make the model's output infinite or no number; other versions answer as before."""


class EngineStopped(EngineError):
    """The engine thread has ended; its reason is the cause."""

"""Everything that is raised on purpose.

::

    LabRunnerError
    ├── UsageError                 the command cannot mean anything
    │   ├── UnknownName            no such scenario, node, segment, check
    │   ├── NoAttempt              nothing is running that the command could act on
    │   └── AccessDenied           the node is not the learner's to enter
    ├── DefinitionError            an author's file is wrong
    ├── EngineError                Docker or the kernel refused
    │   ├── EngineUnavailable      no engine answers
    │   ├── EnginePermission       the engine's socket is not ours to open
    │   ├── HostUnsuitable         the engine's host lacks what a node needs
    │   ├── DiskFull               the engine has no space left
    │   ├── ImageMissing           an image is not there
    │   ├── ImageBuildFailed       an image could not be built
    │   ├── ExecFailed             a step on a node ended with an error
    │   ├── NodeNotReady           a node did not boot in time
    │   ├── NodeOff                the engine does not run a node
    │   ├── WiringFailed           a cable could not be plugged in
    │   ├── SwitchboardLost        the switchboard does not answer
    │   ├── NotRemoved             something of a lab is still there
    │   └── WorkersLost            no worker is left that could do it
    ├── HandInError                a hand-in is not what it should be
    │   └── NotReplayable          its changes cannot be carried out
    ├── NotHandedOut               a start or a reset was cut short, and left this lab
    ├── FaultNotObserved           the fault was injected and nothing broke
    ├── ProbeError                 an instrument failed: nobody's repair is judged by it
    ├── Stopped                    nobody waits for the result any more
    ├── NoRoom                     this machine's disk is full
    └── StoreError                 the record of attempts cannot be read or written

The first line of a class's docstring is its default message. Each error carries
a ``hint``: what to do next.
"""


class LabRunnerError(Exception):
    """Something went wrong that the kit knows about."""

    #: The exit code of a command that ends with this error: 2 for wrong usage
    #: or a faulty file, 3 for what could not be judged or done.
    exit_code = 3

    def __init__(self, message: str = "", *, hint: str = "") -> None:
        doc = (type(self).__doc__ or "").strip().splitlines()
        super().__init__(message or (doc[0] if doc else ""))
        self.hint = hint


class UsageError(LabRunnerError):
    """The command cannot be understood."""

    exit_code = 2


class UnknownName(UsageError):
    """There is nothing of that name."""


class NoAttempt(UsageError):
    """No lab is running."""


class AccessDenied(UsageError):
    """This machine belongs to somebody else."""


class DefinitionError(LabRunnerError):
    """A definition file is wrong.

    Attributes:
        path: The file.
        line: Line of the offending value, counted from 1; 0 if there is none.
        column: Column, counted from 1; 0 if it is not known.
    """

    exit_code = 2

    def __init__(
        self, message: str, *, path: str = "", line: int = 0, column: int = 0, hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.path, self.line, self.column = path, line, column

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.path, self.line, self.column) if part)
        return (f"{place}: " if self.path else "") + super().__str__()


class EngineError(LabRunnerError):
    """The container engine refused."""


class EngineUnavailable(EngineError):
    """No container engine answers."""


class EnginePermission(EngineError):
    """The engine's socket may not be opened by this user."""


class HostUnsuitable(EngineError):
    """The engine's host lacks something that a node needs."""


class DiskFull(EngineError):
    """The engine has no space left on its disk."""


class ImageMissing(EngineError):
    """An image is missing."""


class ImageBuildFailed(EngineError):
    """An image could not be built."""


class ExecFailed(EngineError):
    """A step on a node ended with an error."""


class NodeNotReady(EngineError):
    """A node did not boot in time."""


class NodeOff(EngineError):
    """The engine does not run a node."""


class WiringFailed(EngineError):
    """A cable could not be plugged in."""


class SwitchboardLost(EngineError):
    """The switchboard does not answer."""


class NotRemoved(EngineError):
    """Something of a lab is still there."""


class WorkersLost(EngineError):
    """No worker is left that could do it."""


class HandInError(LabRunnerError):
    """This is no hand-in that can be used."""


class NotReplayable(HandInError):
    """Its changes cannot be carried out."""


class NotHandedOut(LabRunnerError):
    """This lab is not ready to be worked on: its start or its last reset was cut short."""


class FaultNotObserved(LabRunnerError):
    """The fault was injected, but the network does not show it."""


class ProbeError(LabRunnerError):
    """The measurement could not be made."""


class Stopped(LabRunnerError):
    """Nobody waits for the result any more."""


class NoRoom(LabRunnerError):
    """There is no space left on the disk."""


class StoreError(LabRunnerError):
    """The record of attempts cannot be used."""

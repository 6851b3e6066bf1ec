"""The error tree. Every message says what happened, the value, and what to do next.

WorkbenchError
├── UsageError             the caller's arguments cannot be used
├── ConfigError            a configuration or prompt file is not valid
├── AccessDenied           the policy refuses the action for this actor
│   └── SignInEnded        who signed in must do so again
├── BudgetExceeded         the run used up its tokens or its time
├── AuditError             the audit row could not be written, so the action failed
├── SourceError            one source item cannot become a document
│   ├── UnsupportedFormat  no parser for this kind of file
│   ├── CorruptFile        the bytes do not match the format
│   │   └── ParserCrashed  the file ended the parser's process
│   ├── EncryptedFile      the file needs a password
│   ├── EmptyFile          the file holds no text
│   └── FileTooLarge       the file is over the configured limit
├── MaskingError           personal data could not be masked, so nothing was stored
├── VaultError             the vault or its key cannot be used
├── ModelError             a model call failed
│   ├── ModelNotFound      the server does not have the model
│   ├── ModelUnavailable   no model server answers
│   ├── ModelTimeout       the server did not answer in time
│   ├── InvalidReply       the server or the model answered something unusable
│   └── DownloadError      model weights could not be fetched or verified
└── StoreError             the workspace could not be read or written
    ├── WorkspaceBusy      another process held the workspace for too long
    ├── WorkspaceDamaged   the workspace file cannot be opened
    ├── NewerWorkspace     the workspace was written by a newer version
    ├── EmbeddingMismatch  stored and asked vectors come from different models
    └── QueryError         a SQL or search query is not valid or not permitted
"""

from __future__ import annotations


class WorkbenchError(Exception):
    """Base of every error that Workbench raises on purpose.

    Args:
        what: what happened, as a short clause without a full stop.
        value: the offending value, shown after a colon (shortened to 200 characters).
        next_step: what the reader can do about it, as a full sentence.
    """

    def __init__(self, what: str, *, value: object = None, next_step: str) -> None:
        self.what = what
        self.value = value
        self.next_step = next_step
        super().__init__(what, value, next_step)

    def __str__(self) -> str:
        if self.value is None:
            return f"{self.what}. {self.next_step}"
        shown = str(self.value)
        if len(shown) > 200:
            shown = shown[:197] + "..."
        stop = "" if shown.endswith((".", "!", "?")) else "."
        return f"{self.what}: {shown}{stop} {self.next_step}"

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.what, self.value, self.next_step))


def _rebuild(
    kind: type[WorkbenchError], what: str, value: object, next_step: str
) -> WorkbenchError:
    return kind(what, value=value, next_step=next_step)


class UsageError(WorkbenchError):
    """The caller's arguments cannot be used."""


class ConfigError(WorkbenchError):
    """A configuration or prompt file is not valid."""


class AccessDenied(WorkbenchError):
    """The policy refuses the action for this actor."""


class SignInEnded(AccessDenied):
    """Who signed in must do so again."""


class BudgetExceeded(WorkbenchError):
    """The run used up its tokens or its time."""


class AuditError(WorkbenchError):
    """The audit row could not be written, so the action failed."""


class SourceError(WorkbenchError):
    """One source item cannot become a document."""


class UnsupportedFormat(SourceError):
    """No parser for this kind of file."""


class CorruptFile(SourceError):
    """The bytes do not match the format."""


class ParserCrashed(CorruptFile):
    """The file ended the parser's process, or another program did."""


class EncryptedFile(SourceError):
    """The file needs a password."""


class EmptyFile(SourceError):
    """The file holds no text."""


class FileTooLarge(SourceError):
    """The file is over the configured limit."""


class MaskingError(WorkbenchError):
    """Personal data could not be masked, so nothing was stored."""


class VaultError(WorkbenchError):
    """The vault or its key cannot be used."""


class ModelError(WorkbenchError):
    """A model call failed."""


class ModelNotFound(ModelError):
    """The server does not have the model."""


class ModelUnavailable(ModelError):
    """No model server answers."""


class ModelTimeout(ModelError):
    """The server did not answer in time."""


class InvalidReply(ModelError):
    """The server or the model answered something unusable."""


class DownloadError(ModelError):
    """Model weights could not be fetched or verified."""


class StoreError(WorkbenchError):
    """The workspace could not be read or written."""


class WorkspaceBusy(StoreError):
    """Another process held the workspace for too long."""


class WorkspaceDamaged(StoreError):
    """The workspace file cannot be opened."""


class NewerWorkspace(StoreError):
    """The workspace was written by a newer version of Workbench."""


class EmbeddingMismatch(StoreError):
    """Stored and asked vectors come from different models."""


class QueryError(StoreError):
    """A SQL or search query is not valid or not permitted."""

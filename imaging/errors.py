"""The one error tree. Third-party exceptions become one of these at the border where they arise.

::

    AssistantError
    |-- InputError
    |   |-- NotDicomError                  not an image file we know
    |   |-- UnsupportedTransferSyntaxError the encoding has no decoder here
    |   |-- UnsupportedImageError          readable, but not a picture this tool can show
    |   `-- PixelDataError                 the picture is damaged or contradicts its header
    |-- ModelError
    |   `-- CheckpointError                weights or card missing, altered or not matching
    |-- StoreError
    |   |-- NotFoundError                  no such record
    |   |-- ConflictError                  somebody else changed the record first
    |   |-- StoreBusyError                 another program holds it; the same succeeds later
    |   |-- StoreLockedError               it is encrypted, and no key of it is here
    |   `-- StoreReadOnlyError             it can be read and not written
    |-- DecodersBusyError                  busy with others; the same succeeds later
    |-- HeldStudyError                     its files name two patients: nothing of it may leave
    |-- AccessError                        nobody is signed in who may do this
    |   |-- SignInEndedError               the sign-in has ended, or its screen is locked
    |   |-- SecondFactorError              the password is right, and a code is needed, too
    |   |-- ProviderError                  the site's sign-in provider cannot be asked
    |   |-- RightMissingError              the account has no role that may
    |   `-- TokenError                     what the provider gave does not prove who somebody is
    |-- ExportError                        nothing can be written in the form asked for
    `-- SettingsError                      the installation is misconfigured

The message is one sentence (or two) for a clinician: what happened and what to do. It never holds
a patient identifier, a file path's folder or a library's own message; the cause travels as
``__cause__`` for the log of a developer.
"""


class AssistantError(Exception):
    """Base of every error Lightbox raises on purpose; ``str(error)`` is fit for the screen."""


class InputError(AssistantError):
    """The file given cannot be used."""


class NotDicomError(InputError):
    """The bytes are neither DICOM nor a PNG or JPEG film."""


class UnsupportedTransferSyntaxError(InputError):
    """The transfer syntax (0002,0010) has no decoder in this installation."""


class UnsupportedImageError(InputError):
    """The file is sound but holds no picture that can be shown (report, plan, waveform, ...)."""


class PixelDataError(InputError):
    """The pixel data are truncated, corrupt or contradict the header."""


class ModelError(AssistantError):
    """The network or its card cannot be used."""


class CheckpointError(ModelError):
    """A checkpoint is missing, altered or does not match its card."""


class StoreError(AssistantError):
    """The record store cannot be read or written."""


class NotFoundError(StoreError):
    """The record asked for does not exist."""


class ConflictError(StoreError):
    """The record was changed by somebody else in the meantime."""


class StoreBusyError(StoreError):
    """Another program holds the record store; what was to be saved can be saved later."""


class StoreLockedError(StoreError):
    """The data folder is encrypted, and none of its keys is here; nothing of it was touched."""


class StoreReadOnlyError(StoreError):
    """The record store can be read, not written: damaged, or on a disk that forbids it."""


class DecodersBusyError(AssistantError):
    """There is no room for a film's pixels now; it may be asked for again."""


class HeldStudyError(AssistantError):
    """The files of a study name two patients; it may not be signed, nor leave, until it is settled.

    See `imaging.patients`.
    """


class AccessError(AssistantError):
    """The name, the password or the session is not accepted."""


class SignInEndedError(AccessError):
    """A reader's sign-in has ended, or its screen is locked; nothing is done for it."""


class SecondFactorError(AccessError):
    """Name and password are right; nobody is signed in before a second factor is shown.

    ``proof`` is the store's (`imaging.store.access.second_factor.Proof`): what was proven so far.
    """

    def __init__(self, proof: object) -> None:
        super().__init__("A code of your second factor is needed, too.")
        self.proof = proof


class ProviderError(AccessError):
    """The provider by which the site signs in does not answer, or not as it must."""


class TokenError(AccessError):
    """What came from the provider does not prove who somebody is; `reason` is for the trail."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            "What came back from the sign-in provider proves nothing, so nobody was signed in. "
            "Begin again; if it stays so, tell whoever runs Lightbox."
        )
        self.reason = reason


class RightMissingError(AccessError):
    """An account has no role that may do or see this (`imaging.review.rights`)."""


class ExportError(AssistantError):
    """The requested form cannot be exported, or the files cannot be written."""


class SettingsError(AssistantError):
    """A setting names something that does not exist or makes no sense."""


def error_named(name: str, sentence: str, *, default: type[AssistantError]) -> AssistantError:
    """An error of this tree by its name, as another process tells it; else of the default kind."""
    kind = globals().get(name)
    if isinstance(kind, type) and issubclass(kind, AssistantError):
        return kind(sentence)
    return default(sentence)

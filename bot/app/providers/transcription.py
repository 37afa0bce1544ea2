"""Transcribes the audio of questions, where ``[models.transcription]`` names an endpoint."""

from collections.abc import Mapping
from typing import Final

from bot.chat.texts.unread_files import UnreadReason
from bot.chat.threads.messages.message_builder import UnreadableError
from bot.models.transcription import TranscriptionEndpoint, TranscriptionError, TranscriptionProblem

_REASONS: Final[Mapping[TranscriptionProblem, UnreadReason]] = {
    "unreachable": "transcription_failed",
    "refused": "transcription_failed",
    "no_audio": "no_audio",
}


class AudioTranscriber:
    """Reads audio files as text, at one endpoint."""

    def __init__(self, endpoint: TranscriptionEndpoint) -> None:
        self._endpoint = endpoint

    async def transcribe(self, name: str, data: bytes) -> str:
        """Return the words of an audio file; raises ``UnreadableError``."""
        try:
            words = await self._endpoint.transcribe(name, data)
        except TranscriptionError as error:
            raise UnreadableError(_REASONS[error.problem], str(error)) from error
        if not words:
            raise UnreadableError("no_speech", "there are no words in it")
        return words

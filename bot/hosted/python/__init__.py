"""The Python sandbox of code_interpreter."""

from typing import Final

DIRECTORY: Final = "/mnt/data"
"""The working directory of sandboxed code, and its only directory with files."""

"""The Python sandbox behind code_interpreter."""

"""Draws formulas at once, without the process that really draws them."""

from tests.sandbox.pictures import png


class QuickDrawer:
    """Draws a grey card for every formula, but for one with the word mistake."""

    async def formula(self, tex: str) -> bytes | None:
        """Return a small PNG; None for a formula with the word mistake."""
        return None if "mistake" in tex else png(120, 40, (30, 31, 34))

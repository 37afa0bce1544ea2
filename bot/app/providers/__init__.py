"""Adapters: they fill protocols of ``chat`` and ``server`` with parts of other packages."""

"""The sandbox over HTTP: routes by noun over the operations of ``backend``."""

"""The sandbox over HTTP: routes over the operations of ``backend``, one noun a module."""

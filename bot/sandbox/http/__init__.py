"""The sandbox over HTTP: routes to ``backend``'s operations, a module for each kind of object."""

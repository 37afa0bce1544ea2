"""Fakes of the far edge of the network, shared by all tests."""

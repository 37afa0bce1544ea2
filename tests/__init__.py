"""Tests mirror the rooms of bot; scenarios walk the whole path; shared fakes are in support."""

"""Functions, approvals, reminders and schedules."""

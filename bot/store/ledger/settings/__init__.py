"""The settings of servers, channels and members, and the alerts that the operator got."""

"""What servers and the operator have set, and what was told to them."""

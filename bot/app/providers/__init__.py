"""What chat and server need of other packages, behind the protocols that they name."""

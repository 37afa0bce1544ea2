"""The sandbox's state and every operation on it; knows no HTTP and no sockets."""

"""What the operator sets and sees: options, the console, the commands beside the daemon."""

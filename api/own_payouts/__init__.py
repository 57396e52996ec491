"""What is ours, on its way from gateways to our own bank."""

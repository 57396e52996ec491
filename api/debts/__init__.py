"""What workers owe for money that clients have back."""

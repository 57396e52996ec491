"""The interface explained by the service itself: its document, a page to read it by, and a page for every problem."""

"""The processes of Holdfast, as the tables that run them."""

"""One module for each of Adyen's APIs."""

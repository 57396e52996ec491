"""Paying in: the endpoints of PaymentSheet and CustomerSheet, and saved cards."""

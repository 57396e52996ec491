"""PayPal, in the words of the contract: the payer agrees on PayPal's page, and we collect when we ask for it."""

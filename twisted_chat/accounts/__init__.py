"""Who may come in: accounts, guests, passwords, and how often one may fail."""

"""Who may ask for what: names of this machine, keys and their scopes, the sign-in of a browser."""

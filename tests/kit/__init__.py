"""What tests share: worlds, users, doors, daemons and browsers, made once."""

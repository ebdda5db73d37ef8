"""The chat itself: sessions, members and users, knowing no socket, no frame and no file."""

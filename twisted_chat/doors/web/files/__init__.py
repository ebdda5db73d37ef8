"""Files that people put into texts: kept by content, bounded, and served so that nothing can run.

::

    POST /files?name=NAME   the file as the body --> uploads --> pictures (cleaned) --> store
    GET  /files/ID/NAME     what is kept; ?small=1: a small picture of it

A file's ID can not be guessed: whoever has the link may read it. It needs Pillow, the extra
``twisted-chat[files]``: who imports this without it gets ImportError.
"""

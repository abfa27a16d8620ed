"""Signed checkpoints: where every chain stood at a moment, each chained to the one before (A4).

`signed` is the format and knows no Django; `key` is who signs; `file` the copy in the data folder; `proof` shows that
every earlier checkpoint still holds; `making` signs the next one; `offline` reads a file where no panel is.
"""

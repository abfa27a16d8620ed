"""Starts the panel on one machine and keeps it running: Valkey, the web server, the worker and beat.

One process, one thread, one loop. It binds the port before anything starts, so a taken port is one sentence
and not a half-started panel; it restarts what ends unexpectedly; and nothing it started outlives it.
"""

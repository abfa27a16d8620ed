"""How gunicorn serves the panel, under the supervisor and in the image alike."""

import resource
from typing import Any

from lswpanel import environment, logs

worker_class = "lswpanel.web_worker.BufferingWorker"
threads = environment.integer("WEB_THREADS", 8, at_least=1)
# Each connection is an open file; running out of them would end the process.
_files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
worker_connections = 500 if _files == resource.RLIM_INFINITY else min(500, _files // 2)
# Seconds. Well above the pace at which open pages ask what has changed, so that a browser keeps its connection.
keepalive = 15
# What was loaded before the fork is shared by all processes.
preload_app = True
# It would be put into HOME.
control_socket_disable = True
# Everything is written through the socket of `web_worker`, which bounds how long that may take.
sendfile = False


def post_worker_init(worker: Any) -> None:
    """Each request that is none would be a line of the log."""
    worker.log.error_log.addFilter(logs.Sampled())

"""The server: one process, or several that share an address, each with an event loop and a reader of its own."""

from __future__ import annotations

from typing import Any

import uvicorn
from uvicorn.supervisors import Multiprocess

APP = "gql.app:create_app"


class _Processes(Multiprocess):
    """uvicorn's, but for its end: the address goes first, for who is let in then waits for processes that end."""

    def terminate_all(self) -> None:
        """End them, once nobody can connect any more."""
        for listening in self.sockets:
            listening.close()
        super().terminate_all()


def serve(host: str, port: int, processes: int, level: str) -> None:
    """Answer until a signal; what is being answered then has ten seconds."""
    line = {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}
    options: dict[str, Any] = {
        "factory": True,
        "http": "gql.wire:PatientProtocol",
        "host": host,
        "port": port,
        "workers": processes,
        # A dict, because each process begins anew.
        "log_config": {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": line},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
            "root": {"level": level, "handlers": ["stderr"]},
        },
        "access_log": False,
        "proxy_headers": False,  # nothing that is answered depends on who asks, or how they reached a proxy
        "timeout_graceful_shutdown": 10,
    }
    if processes == 1:
        uvicorn.run(APP, **options)
        return
    config = uvicorn.Config(APP, **options)
    _Processes(config, [config.bind_socket()]).run()

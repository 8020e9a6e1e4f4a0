"""A process or a thread that listens."""

import socket

import uvicorn

from tallygate_sandbox.app import Sandbox, application


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket on which the server will listen; port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, or asyncio does not turn off the waiting for more (40 ms an answer).
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((host, port))
    return listening


def server(sandbox: Sandbox) -> uvicorn.Server:
    """A server of this sandbox, quiet and without workers: the world belongs to one thread."""
    return uvicorn.Server(
        uvicorn.Config(application(sandbox), log_level="warning", access_log=False, lifespan="on")
    )

"""Block, in this process, every connection that would leave the machine."""

import ipaddress
import socket
import sys

LOCAL_NAMES = {"", "localhost", socket.gethostname()}


class LeavesTheMachine(BaseException):
    """Report an attempt to leave the machine; a BaseException, so that no `except Exception` hides it."""


def is_local(host):
    """Tell whether a host's name or address is this machine."""
    name = host.decode() if isinstance(host, bytes) else host
    if not isinstance(name, str) or name in LOCAL_NAMES:
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def guard(event, arguments):
    """Raise where an audit event of Python's socket module names another machine."""
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None  # no tuple: a Unix socket's path
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0]
    else:
        return
    if not is_local(host):
        raise LeavesTheMachine(f"A test tried to leave the machine: {event} to {host!r}.")


sys.addaudithook(guard)

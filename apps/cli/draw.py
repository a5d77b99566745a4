"""The command `digits draw`."""

import os
import socket
import threading
import time
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from apps.cli.command import Mistake, command, open_reader, out

PAGE = Path(__file__).resolve().parents[1] / "web" / "dist" / "index.html"
HOST = "127.0.0.1"  # so that only this machine reaches it


@command(
    "digits draw",
    "digits draw --port 8000 --no-browser",
    "digits draw --model data/runs/reference/model.onnx",
)
def draw(
    model: Annotated[
        str, typer.Option(help="A name in data/models, or the path of an .onnx file.")
    ] = "robust",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Where to serve the page; 0 takes a free port.")
    ] = 0,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
) -> None:
    """Open a page on which you draw digits and have them read.

    Serves the web app on this machine only, until you press Ctrl-C.
    """
    if not PAGE.is_file():
        raise Mistake(
            "the page has not been built yet: run `make web` once in the folder of the course"
        )
    if Path(model).suffix not in ("", ".onnx"):
        raise Mistake(f"the page reads .onnx files, got {model}: `digits export {model}` makes one")
    reader = open_reader(model)
    port = _free_port(port)
    address = f"http://{HOST}:{port}/"
    out.print(
        f"The page is at {address} and reads with {reader.path.stem}. Ctrl-C ends it.", markup=False
    )
    if browser:
        threading.Thread(target=_open_browser, args=(address, port), daemon=True).start()
    os.environ["MODEL"] = str(reader.path)
    import uvicorn

    from apps.web import guard, server
    from apps.web.protocol import GuardedProtocol

    app = guard.for_this_machine(server.app)
    uvicorn.run(app, host=HOST, port=port, http=GuardedProtocol, log_level="warning", ws="none")


def _free_port(wanted: int) -> int:
    """Return the wanted port, or any free one for 0; raise Mistake if it is taken."""
    with socket.socket() as probe:
        # Without this, a port that was closed a moment ago would count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted))
        except OSError as error:
            raise Mistake(
                f"port {wanted} cannot be had ({error.strerror}): leave --port out for a free one"
            ) from error
        return probe.getsockname()[1]


def _open_browser(address: str, port: int) -> None:
    """Open the page as soon as the server answers."""
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                webbrowser.open(address)
                return
        time.sleep(0.1)

"""A web server on this machine that stands in for the one that MNIST is downloaded from, in all its moods."""

import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Moody(BaseHTTPRequestHandler):
    """Answer as the server's `mood` says."""

    def do_GET(self):
        """Send the server's content: whole, cut, slowly, or not at all."""
        with suppress(ConnectionError):  # the client went away
            self.answer()

    def answer(self):
        """Answer in the server's mood."""
        self.server.requests += 1
        content, mood = self.server.content, self.server.mood
        if mood == "missing":
            return self.send_error(404)
        if mood == "broken":
            return self.send_error(503)
        if mood == "silent":
            return self.server.closing.wait()
        self.send_response(200)
        if mood != "lengthless":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if mood in ("whole", "lengthless"):
            self.wfile.write(content)
        elif mood == "cut":
            self.wfile.write(content[: len(content) // 2])
        elif mood == "stalled":
            self.wfile.write(content[: len(content) // 2])
            self.server.closing.wait()
        elif mood == "dripping":
            for byte in content[:200]:  # ten seconds of it
                if self.server.closing.wait(0.05):
                    return None
                self.wfile.write(bytes([byte]))
        return None

    def log_message(self, *args):
        """Keep stderr empty."""


@contextmanager
def serving(content, mood="whole"):
    """Yield a running server that sends content; its `url`, `mood`, `content` and `requests` can be read and set."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Moody)
    server.content, server.mood, server.requests = content, mood, 0
    server.closing = threading.Event()
    server.url = f"http://127.0.0.1:{server.server_port}/mnist.npz"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()

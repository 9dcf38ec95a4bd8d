"""The example shop, wrapped so that tests can act and observe inside the serving process."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterable
from typing import IO, TYPE_CHECKING, Any

from example_project.wsgi import application as shop

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

#: With this header, a request is handled but not answered: the process dies when the answer is ready.
DIE_HEADER = "X-Die-Before-Answering"
#: The answer's header with the number of bytes read from the request's body.
READ_HEADER = "X-Bytes-Read"
#: Delay of every other answer once it is ready, so that processes are often killed at that moment.
ANSWER_SECONDS = float(os.environ.get("FAULTS_ANSWER_SECONDS", "0"))


class _CountedInput:
    """A request's body that counts the bytes read."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.taken = 0

    def read(self, size: int = -1) -> bytes:
        return self._counted(self._stream.read(size))

    def readline(self, size: int = -1) -> bytes:
        return self._counted(self._stream.readline(size))

    def _counted(self, data: bytes) -> bytes:
        self.taken += len(data)
        return data


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    counted = environ["wsgi.input"] = _CountedInput(environ["wsgi.input"])

    def start(status: str, headers: list[tuple[str, str]], *args: Any) -> Any:
        return start_response(status, [*headers, (READ_HEADER, str(counted.taken))], *args)

    response = shop(environ, start)
    if "HTTP_" + DIE_HEADER.upper().replace("-", "_") in environ:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(random.choice([0, ANSWER_SECONDS]))
    return response

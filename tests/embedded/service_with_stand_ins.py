"""`slotwise up` with stand-ins for worker and API: what the parent does can be tested without a model.

Run as a script with the arguments of `slotwise`. With DOOMED=worker (or api) that stand-in ends by itself.
"""

import os
import signal
import sys

from app.cli import main
from app.embedded import service
from app.embedded.child import Program

_DOOM = "print('out of luck', flush=True); raise SystemExit(3)"
_WORKER = "import signal; signal.pause()"
_API = """
import http.server, sys

class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Ready).serve_forever()
"""


def _stand_in(real: Program, code: str) -> Program:
    doomed = os.environ.get("DOOMED") == real.name
    port = real.environment["SLOTWISE_PORT"]
    fields = {**vars(real), "command": (sys.executable, "-c", _DOOM if doomed else code, port)}
    return Program(**fields)


_real_worker, _real_api = service.worker, service.api
service.worker = lambda *given: _stand_in(_real_worker(*given), _WORKER)
service.api = lambda *given: _stand_in(_real_api(*given), _API)

if __name__ == "__main__":
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # tests that run under nohup inherit an ignored one
    main()

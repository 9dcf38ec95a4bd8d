"""How gunicorn serves the shop; what differs between tests is said on its command line."""

wsgi_app = "tests.support.faults.wsgi:application"
loglevel = "warning"
# Longer than any test holds a request up: what frees a worker must be the shop itself.
timeout = 90
graceful_timeout = 10
# Newer versions would open a socket in the user's home.
control_socket_disable = True

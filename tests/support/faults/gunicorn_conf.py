"""The configuration of gunicorn. Options that differ between tests are on its command line."""

wsgi_app = "tests.support.faults.wsgi:application"
loglevel = "warning"
# Longer than any test blocks a request: the shop itself must free its workers.
timeout = 90
graceful_timeout = 10
# Newer versions open a socket in the user's home directory.
control_socket_disable = True

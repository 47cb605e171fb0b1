"""A CryoSPARC instance on 127.0.0.1 for the tests: strict about logins, states and required fields. No physics.

instance.py holds the projects and jobs; http_5.py answers cryosparc-tools 5.0 (REST), http_4.py 4.7 (JSON-RPC).
Written from docs/cryosparc.md and from what the two clients send; no CryoSPARC server code was seen.
"""

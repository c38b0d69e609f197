"""Reads a run with httpx-sse, and comes back where it was cut: a line of JSON for each event.

sse.py BASE BODY
"""

import json
import sys
import time

import httpx
from httpx_sse import connect_sse

base, body = sys.argv[1:]
hang_ups = 0
last = None


def read(source):
    """True when the last event has come."""
    global last
    source.response.raise_for_status()
    for event in source.iter_sse():
        print(json.dumps({"type": event.event, "id": event.id, "data": event.data}), flush=True)
        last = event.id
        if event.event == "end":
            return True
    return False


with httpx.Client(base_url=base, timeout=30) as client:
    begun = client.post("/runs", json=json.loads(body)).raise_for_status().json()
    events = begun["links"]["events"]
    is_over = False
    while not is_over:
        headers = {"last-event-id": last} if last else {}
        try:
            with connect_sse(client, "GET", events, headers=headers) as source:
                is_over = read(source)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.ConnectError):
            hang_ups += 1
            time.sleep(0.05)
print(json.dumps({"closed": 0, "hangUps": hang_ups}), flush=True)

"""Reads a run over a WebSocket, and comes back where it was cut: a line of JSON for each event.

websocket.py URL START [ANSWERS]

It acknowledges each event, and answers the run when it asks.
"""

import json
import sys

from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidMessage
from websockets.sync.client import connect

url, start, *answers = sys.argv[1:]
run = None
last = None
hang_ups = 0
pongs = 0


def send(socket, message):
    """Sends, unless the server has closed: what it sent before that is still to be read."""
    try:
        socket.send(message)
    except ConnectionClosed:
        pass


def read(socket):
    """The close code, when the last message has come."""
    global run, last, pongs
    if run is None:
        send(socket, start)
    else:
        resume = {"type": "resume", "run": run, "window": 4}
        send(socket, json.dumps(resume if last is None else {**resume, "after": last}))
    send(socket, json.dumps({"type": "ping", "data": "still there?"}))
    for message in socket:
        message = json.loads(message)
        if message["type"] == "started":
            run = message["run"]
        elif message["type"] == "pong":
            pongs += 1
        elif message["type"] == "end":
            print(json.dumps(message), flush=True)
            if message["outcome"] == "suspended":
                send(socket, json.dumps({"type": "input", "answers": json.loads(answers.pop())}))
        elif message["type"] == "error":
            raise SystemExit(json.dumps(message))
        else:
            place = f"{message['epoch']}-{message['seq']}"
            print(
                json.dumps({"type": message["type"], "id": place, "data": json.dumps(message)}),
                flush=True,
            )
            last = place
            send(socket, json.dumps({"type": "ack", "seq": message["seq"]}))
    return socket.close_code


code = None
while code is None:
    try:
        with connect(url, subprotocols=["mainstem.v1"], proxy=None) as socket:
            code = read(socket)
    except (ConnectionClosedError, InvalidMessage, EOFError) as error:
        # A close frame is the server's word; without one the network has hung up.
        closed = getattr(error, "rcvd", None)
        if closed is not None:
            code = closed.code
        else:
            hang_ups += 1
print(json.dumps({"closed": code, "hangUps": hang_ups, "pongs": pongs}), flush=True)

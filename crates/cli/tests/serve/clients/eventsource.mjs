// Reads a run with npm's EventSource until it is told that there is no more: a line of JSON for each
// event, the last one with the status that ended it.
//
// node eventsource.mjs URL NAMES
import { createRequire } from "node:module";

const { EventSource } = createRequire(`${process.env.NODE_PATH}/`)("eventsource");
const [url, names] = process.argv.slice(2);
const print = (line) => console.log(JSON.stringify(line));

const source = new EventSource(url);
let hangUps = 0;
for (const name of names.split(",")) {
  source.addEventListener(name, (event) => {
    print({ type: event.type, id: event.lastEventId, data: event.data });
  });
}
source.addEventListener("error", (event) => {
  if (source.readyState === EventSource.CLOSED) {
    print({ closed: event.code ?? 0, hangUps });
  } else {
    hangUps += 1;
  }
});

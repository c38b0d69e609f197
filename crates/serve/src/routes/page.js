// What the server says goes in as text, never as markup: `make` sets properties, and appends strings.
const make = (tag, set = {}, ...inside) => {
  const made = Object.assign(document.createElement(tag), set);
  made.append(...inside);
  return made;
};
const at = (id) => document.getElementById(id);
// The server may be nested under a path of an application.
const base = location.pathname.replace(/\/$/, "");
const EVERY = 2000; // milliseconds from one look at the runs to the next
const STEP = 50; // runs that are listed at first, and more of them at once
const MOST = 500; // rows of anything

async function ask(path, options = {}) {
  const answer = await fetch(base + path, options);
  if (answer.ok) return answer.status === 204 ? null : answer.json();
  const { error = {} } = await answer.json().catch(() => ({}));
  const refused = new Error(error.message ?? `The server says ${answer.status}.`);
  throw Object.assign(refused, { status: answer.status, code: error.code });
}

const runPath = (id) => `/runs/${encodeURIComponent(id)}`;
const isOpen = (run) => run.status === "running" || run.status === "suspended";
/** Replaces what is inside only if it is another text: what somebody reads or selects stays. */
const put = (where, ...inside) => {
  const fresh = make("div", {}, ...inside);
  if (where.textContent !== fresh.textContent) where.replaceChildren(...fresh.childNodes);
};
const say = (text) => put(at("said"), text);
const statusOf = (run) => make("span", { className: `status ${run.status}` }, run.status);

function far(node) {
  const known = typeof node.fraction === "number";
  const told = known ? `${Math.floor(node.fraction * 100)} %` : "unknown";
  const counted = node.total ? ` (${node.done} of ${node.total})` : "";
  const bar = make("progress", known ? { value: node.fraction } : {});
  bar.setAttribute("aria-label", `How far ${node.name} is`);
  return make("span", { className: "far" }, bar, told + counted);
}

function left(node) {
  if (!node.eta) return "";
  const seconds = Math.max(0, Math.round((node.eta - Date.now()) / 1000));
  return seconds < 100 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}

// The list.

const rows = new Map();
let limit = STEP;

function newRow(run) {
  const name = make("button", { className: "name", type: "button" }, run.name);
  name.addEventListener("click", () => open(run.id));
  const cancel = make("button", { type: "button" }, "Cancel");
  cancel.setAttribute("aria-label", `Cancel ${run.name} ${run.id.slice(0, 8)}`);
  cancel.addEventListener("click", () => stop(run.id, cancel));
  const head = make("th", { scope: "row" }, name, make("span", { className: "id" }, run.id.slice(0, 8)));
  const cells = ["", "wide", "", "wide left", ""].map((className) => make("td", { className }));
  cells[1].append(make("time", {}, new Date(run.created).toLocaleString()));
  cells[4].append(cancel);
  return make("tr", { id: `run-${run.id}` }, head, ...cells);
}

function show(run, progress) {
  if (!rows.has(run.id)) rows.set(run.id, newRow(run));
  const row = rows.get(run.id);
  put(row.cells[1], statusOf(run));
  const root = progress?.nodes[0];
  if (root || !isOpen(run)) {
    put(row.cells[3], isOpen(run) ? far(root) : "");
    put(row.cells[4], run.status === "running" ? left(root) : "");
  }
  row.cells[5].firstChild.hidden = !isOpen(run);
  row.classList.toggle("shown", run.id === selected);
  return row;
}

async function stop(id, button) {
  button.disabled = true;
  await ask(runPath(id), { method: "DELETE" }).then((run) => show(run), fail);
  button.disabled = false;
  refresh();
}

async function list() {
  const { runs, next } = await ask(`/runs?limit=${limit}`);
  for (const [id, row] of rows) {
    if (!runs.some((run) => run.id === id) && rows.delete(id)) row.remove();
  }
  const body = document.querySelector("#list tbody");
  for (const [place, run] of runs.entries()) {
    const row = show(run);
    // One that is in its place stays there: moving it would take the focus from its button.
    if (body.children[place] !== row) body.insertBefore(row, body.children[place] ?? null);
  }
  [at("none").hidden, at("older").hidden] = [runs.length > 0, !next || limit >= MOST];
  at("list").hidden = false;
  for (const run of runs.filter(isOpen)) show(run, await progressOf(run.id));
}

/** A run may be gone since it was listed. */
const progressOf = (id) => ask(`${runPath(id)}/progress`).catch(() => undefined);

// One run.

let [selected, source, lastPlace, pieces] = ["", null, "", []];

/** Which one is in the address: so it can be gone back from, and kept as a bookmark. */
const open = (id) => (location.hash = id && `run=${encodeURIComponent(id)}`);

function select() {
  source?.close();
  const id = new URLSearchParams(location.hash.slice(1)).get("run") ?? "";
  [selected, source, lastPlace, pieces] = [id, null, "", []];
  for (const part of ["run-name", "run-status", "progress", "text", "events"]) at(part).replaceChildren();
  questions([]);
  say("");
  [at("run").hidden, at("cancel").hidden, at("run-id").textContent] = [!id, true, id];
  for (const [of, row] of rows) row.classList.toggle("shown", of === id);
  if (id) at("run").focus();
  refresh();
}

async function detail() {
  const id = selected;
  const [run, progress] = [await ask(runPath(id)), await progressOf(id)];
  if (id !== selected) return;
  put(at("run-name"), run.name);
  put(at("run-status"), statusOf(run));
  at("cancel").hidden = !isOpen(run);
  if (progress) put(at("progress"), ...tree(progress.nodes));
  questions(run.requests ?? []);
  if (!source && run.last && run.last !== lastPlace) watch(id);
}

/** An item of a list for each node, with those inside of it. */
function tree(nodes) {
  const lists = new Map([[undefined, make("ul")]]);
  for (const node of nodes.slice(0, MOST)) {
    const name = node.index === undefined ? node.name : `${node.name} ${node.index + 1}`;
    const told = node.message ? `${node.state}: ${node.message}` : node.state;
    lists.set(node.id, make("ul"));
    lists.get(node.parent)?.append(make("li", {}, `${name} `, far(node), ` ${told}`, lists.get(node.id)));
  }
  return lists.get(undefined).childNodes;
}

/** Reads the events; an `EventSource` comes back by itself where it was cut. */
function watch(id) {
  const query = lastPlace ? `?after=${lastPlace}&wire=sse` : "?snapshot=true&wire=sse";
  const reading = new EventSource(`${base}${runPath(id)}/events${query}`);
  source = reading;
  const done = () => {
    reading.close();
    if (source === reading) source = null;
  };
  for (const kind of at("events").dataset.kinds.split(" ")) reading.addEventListener(kind, take);
  reading.addEventListener("end", () => [done(), refresh()]);
  reading.addEventListener("error", () => reading.readyState === EventSource.CLOSED && done());
}

function take({ data, lastEventId }) {
  lastPlace = lastEventId;
  const event = JSON.parse(data);
  if (event.type === "text_delta") follow(at("text"), () => saidText(event));
  if (event.type === "retracted") takeBack(event);
  const text = event.data?.text ?? JSON.stringify(event.data ?? {});
  const rest = text.length > 160 ? `${text.slice(0, 160)}…` : text;
  const events = at("events");
  const item = make("li", {}, make("b", {}, event.type), " ", make("i", {}, event.path), ` ${rest}`);
  follow(events, () => events.append(item));
  if (events.children.length > MOST) events.firstChild.remove();
}

/** Whoever has scrolled back stays there. */
function follow(box, add) {
  const isAtEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - 4;
  add();
  if (isAtEnd) box.scrollTop = box.scrollHeight;
}

/** The text of each step by itself: those beside each other speak at once. */
function saidText({ seq, path, data }) {
  const boxes = at("text").children;
  let box = [...boxes].find((it) => it.dataset.path === path);
  if (!box) {
    box = make("div", {}, make("h4", {}, path), make("p"));
    box.dataset.path = path;
    at("text").append(box);
  }
  const node = document.createTextNode(data.text);
  pieces.push({ seq, path, node });
  box.lastChild.append(node);
}

/** What a step, and those inside of it, have said since a place doesn't hold any more. */
function takeBack({ path, data }) {
  const since = Number(data.since.split("-").pop());
  const isBelow = (it) => !path || it.path === path || it.path.startsWith(`${path}/`);
  const back = pieces.filter((it) => it.seq >= since && isBelow(it));
  back.forEach((it) => it.node.remove());
  pieces = pieces.filter((it) => !back.includes(it));
}

/** The questions as fields; the same ones stay as they are: somebody may be writing. */
function questions(asked) {
  const form = at("questions");
  const ids = JSON.stringify(asked);
  if (form.dataset.asked === ids) return;
  form.dataset.asked = ids;
  form.hidden = asked.length === 0;
  const fields = asked.map(({ id, prompt, schema }) => {
    const field = make("input", { name: id, required: true, autocomplete: "off", spellcheck: false });
    field.placeholder = schema?.type === "boolean" ? "true or false" : "JSON";
    field.addEventListener("input", () => field.setCustomValidity(""));
    const { $schema, title, ...taken } = schema ?? {};
    const about = make("span", { className: "about" }, ` It takes JSON: ${JSON.stringify(taken)}`);
    return make("label", {}, make("span", { className: "question" }, prompt), about, field);
  });
  form.querySelector("div").replaceChildren(...fields);
}

async function answer() {
  const answers = [];
  for (const field of at("questions").querySelectorAll("input")) {
    try {
      answers.push({ id: field.name, value: JSON.parse(field.value) });
    } catch {
      field.setCustomValidity('This isn\'t JSON: a text stands in quotes, as "yes".');
      return field.reportValidity();
    }
  }
  const headers = { "content-type": "application/json" };
  await ask(`${runPath(selected)}/input`, { method: "POST", headers, body: JSON.stringify({ answers }) });
  await refresh();
}

// The whole.

let [gate, timer, isBusy, isWanted, isFailing] = ["", 0, false, false, false];

/** Which forms are shown: for a token, for an id because the list is closed, or none. */
function close(why) {
  gate = why;
  at("token").hidden = why !== "token";
  at("closed").hidden = why !== "closed";
  at("list").hidden = why !== "";
}

function fail(error) {
  if (error.code === "no_right") return close("closed");
  const isFirst = error.status === 401 && gate !== "token";
  if (error.status === 401) close("token");
  if (!isFirst) say(error.status ? error.message : "The server doesn't answer; it is asked again.");
}

/** One at a time, and the next one a while after it: a slow server isn't asked more. */
async function refresh() {
  isWanted = true;
  if (isBusy || document.hidden || gate === "token") return;
  [isBusy, isWanted] = [true, false];
  clearTimeout(timer);
  const done = await Promise.allSettled([gate || list(), selected && detail()]);
  const refused = done.filter((it) => it.reason);
  if (isFailing && !refused.length) say("");
  isFailing = refused.length > 0;
  const unknown = refused.filter((it) => it.reason.status === 401).slice(0, 1);
  (unknown.length ? unknown : refused).forEach((it) => fail(it.reason));
  isBusy = false;
  timer = setTimeout(refresh, isWanted ? 0 : EVERY);
}

function onSubmit(id, act) {
  at(id).addEventListener("submit", (event) => {
    event.preventDefault();
    act(event.target.querySelector("input")).catch(fail);
  });
}

onSubmit("token", async (field) => {
  const headers = { authorization: `Bearer ${field.value}` };
  field.value = "";
  await ask("/session", { method: "POST", headers });
  say("");
  close("");
  refresh();
});
onSubmit("closed", async (field) => open(field.value.trim()));
onSubmit("questions", answer);
at("older").addEventListener("click", () => {
  limit = Math.min(limit + STEP, MOST);
  refresh();
});
at("leave").addEventListener("click", () => open(""));
at("cancel").addEventListener("click", ({ target }) => stop(selected, target));
addEventListener("hashchange", select);
document.addEventListener("visibilitychange", refresh);
select();

// The uploader of a page. Streamlit calls the default export whenever `data` changes.
//
// The engine hangs on the global object: what is being sent goes on while other pages are looked
// at, for as long as the tab is open. It announces all files first, those of a drop that has to
// wait, too; then it sends them in order: small ones many to a request, large ones in parts, none
// of them twice in memory.

const HEADER = "X-Lightbox-Ticket";
const FIRST = 20; // files of the first request: their rows are wanted soon
const TOGETHER = 250; // files of one request
const WAITS = [1000, 3000]; // milliseconds before a request that broke is made again
const PATIENCE = 300_000; // milliseconds for one request
const GIVE_UP = 3; // files in a row that would not go: the connection is gone
const SHOWN = 200; // names
const LOOKED = 100; // files looked at without a pause

class Engine {
  constructor() {
    this.settings = { ticket: "", address: "", part: 1 << 23 };
    this.waiting = []; // drops that begin when the one under way has ended
    this.drop = null; // the newest: { job, entries, running, note, stopping, opening }
    this.drops = []; // all of this tab
    this.views = new Set();
    this.drawn = 0;
    addEventListener("pagehide", () => this.leave());
    addEventListener("beforeunload", (event) => {
      if (this.running || [...this.views].some(({ looking }) => looking)) event.preventDefault();
    });
  }

  get running() { return this.drop?.running ?? false; }

  changed() {
    if (this.drawn) return;
    this.drawn = setTimeout(() => {
      this.drawn = 0;
      for (const view of this.views) view.draw();
    }, 100);
  }

  tell(name, value) { [...this.views].pop()?.tell(name, value); }

  // Entries: { name, size, file } or, of what could not even be listed, { name, size: 0, loss }.
  add(entries) {
    if (!entries.length) return;
    const stopping = new AbortController();
    const drop = { job: "", entries, running: true, note: "", stopping };
    drop.opening = this.announce(drop); // at once: a tab that is closed knows nothing any more
    drop.opening.catch(() => {}); // told when its turn comes
    this.drops.push(drop);
    this.waiting.push(drop);
    this.changed();
    void this.work();
  }

  // Send again what did not arrive: entries with their numbers, of a job that knows them. The rest
  // of its missing files stays missing.
  resume(job, entries, rest = [], before = 0) {
    for (const entry of entries) Object.assign(entry, { loss: "", sent: 0 });
    const known = this.drops.find((drop) => drop.job === job);
    const drop = known ?? { job, before, entries: [...entries, ...rest] };
    if (known) {
      for (const entry of entries) {
        const old = known.entries.findIndex(({ number }) => number === entry.number);
        known.entries[old] = entry;
      }
    }
    const stopping = new AbortController();
    this.waiting.push(Object.assign(drop, { running: true, note: "", dismissed: false, stopping }));
    if (!known) this.drops.push(drop);
    void this.work();
  }

  // Drops that are not at their end: the one under way, and those that wait for it.
  get going() { return this.drop?.running ? [this.drop, ...this.waiting] : [...this.waiting]; }

  stop() { for (const drop of this.going) drop.stopping.abort(); }

  async work() {
    if (this.busy) return;
    this.busy = true;
    while (this.waiting.length) {
      this.drop = this.waiting.shift();
      try {
        await this.run(this.drop);
      } catch (error) {
        this.drop.note = error.reason ?? "";
        const loss = this.drop.stopping.signal.aborted ? "stopped" : "cut";
        for (const entry of this.open(this.drop)) entry.loss = loss;
      }
      this.drop.running = false;
      this.changed();
      if (this.drop.job) this.tell("opened", this.drop.job);
    }
    this.busy = false;
  }

  open(drop) { return drop.entries.filter((entry) => !entry.arrived && !entry.loss); }

  // Say what will be sent. The key makes it one drop however often it has to be said.
  async announce(drop) {
    const files = drop.entries.map(({ name, size }) => [name, size]);
    const key = `${Date.now()}-${Math.random()}`;
    const body = JSON.stringify({ files, lost: losses(drop), key });
    const answer = await this.post("open", body, drop.stopping.signal);
    drop.entries.forEach((entry, number) => {
      Object.assign(entry, { number, sent: 0, loss: answer.lost[number] ?? "" });
    });
    drop.job = answer.job;
  }

  async run(drop) {
    if (!drop.job) await drop.opening;
    const { signal } = drop.stopping;
    let fails = 0;
    let most = FIRST;
    while (this.open(drop).length && fails < GIVE_UP && !signal.aborted) {
      const batch = this.nextBatch(drop, most);
      most = TOGETHER;
      if (await this.send(drop, batch)) {
        fails = 0;
        continue;
      }
      // one of them may be what the line will not carry: each alone, and the others go on
      for (const entry of batch) {
        if (signal.aborted || fails >= GIVE_UP) break;
        if (entry.arrived || entry.loss) continue;
        if (batch.length > 1 && await this.send(drop, [entry])) {
          fails = 0;
        } else if (!signal.aborted) {
          entry.loss = drop.unkept ? "unkept" : "cut";
          fails += 1;
        }
      }
    }
    const rest = signal.aborted ? "stopped" : drop.unkept ? "unkept" : "cut";
    for (const entry of this.open(drop)) entry.loss = rest;
    drop.note = "";
    const end = JSON.stringify({ job: drop.job, lost: losses(drop), rest });
    await this.post("close", end, new AbortController().signal).catch(() => {}); // the server finds out by itself, later
  }

  // Have the page follow the job: not before its first files are there, which for a handful is all.
  name(drop) {
    if (!drop.named) this.tell("opened", drop.job);
    drop.named = true;
  }

  nextBatch(drop, most) {
    const batch = [];
    let size = 0;
    for (const entry of this.open(drop)) {
      if (batch.length === most || (batch.length && size + entry.size > this.settings.part)) break;
      batch.push(entry);
      size += entry.size;
    }
    return batch;
  }

  // False when the request would not go; what the browser cannot read is lost and stops nobody.
  async send(drop, batch) {
    let stalls = 0;
    while (batch.some((entry) => !entry.arrived && !entry.loss)) {
      const open = batch.filter((entry) => !entry.arrived && !entry.loss);
      const pieces = await Promise.all(open.map((entry) => read(entry, this.settings.part)));
      const here = open.map((entry, i) => [entry, pieces[i]]).filter(([, piece]) => piece);
      if (!here.length) continue;
      const header = JSON.stringify({
        job: drop.job,
        pieces: here.map(([entry, piece]) => [entry.number, entry.sent, piece.byteLength]),
      });
      const text = new TextEncoder().encode(header);
      const length = new Uint8Array(4);
      new DataView(length.buffer).setUint32(0, text.length, true);
      let answer;
      try {
        const body = new Blob([length, text, ...here.map(([, piece]) => piece)]);
        answer = await this.post("send", body, drop.stopping.signal, drop);
      } catch (error) {
        if (error.final) throw error;
        return false;
      }
      for (const [entry, piece] of here) {
        const now = answer.here[entry.number];
        if (now === -1) {
          entry.arrived = true;
          entry.file = null;
        } else {
          stalls = now > entry.sent ? 0 : stalls + 1;
          entry.sent = now;
        }
      }
      this.name(drop);
      this.changed();
      if (stalls > 5) return false;
    }
    return true;
  }

  async post(step, body, stopping, drop) {
    for (let tried = 0; ; tried += 1) {
      let status = 0;
      let reason = "";
      try {
        const answer = await fetch(`${this.settings.address}/${step}`, {
          method: "POST",
          headers: { [HEADER]: this.settings.ticket },
          body,
          cache: "no-store",
          redirect: "error",
          signal: AbortSignal.any([stopping, AbortSignal.timeout(PATIENCE)]),
        });
        status = answer.status;
        const said = await answer.json().catch(() => ({}));
        if (answer.ok) {
          if (drop) Object.assign(drop, { note: "", unkept: false });
          return said;
        }
        reason = said.reason ?? "";
      } catch (error) {
        if (stopping.aborted) throw error;
      }
      if (status === 409 || status === 413) {
        throw Object.assign(new Error(reason), { reason, final: true });
      }
      if (drop) Object.assign(drop, { note: "again", unkept: status === 503 });
      this.changed();
      if (status === 403) this.tell("stale", Date.now());
      if (tried === WAITS.length) throw Object.assign(new Error(reason), { reason });
      await new Promise((done) => setTimeout(done, WAITS[tried]));
    }
  }

  leave() {
    const headers = { [HEADER]: this.settings.ticket };
    for (const { job } of this.going.filter((drop) => drop.job)) {
      const body = JSON.stringify({ job, lost: {}, rest: "silent" });
      void fetch(
        `${this.settings.address}/close`, { method: "POST", headers, body, keepalive: true });
    }
  }
}

function losses(drop) {
  return Object.fromEntries(
    drop.entries.map((entry, i) => [entry.number ?? i, entry.loss]).filter(([, loss]) => loss),
  );
}

// The next part of a file; null, and a loss, where the browser may not or cannot read it.
async function read(entry, part) {
  try {
    const piece = await entry.file.slice(entry.sent, entry.sent + part).arrayBuffer();
    if (piece.byteLength === Math.min(part, entry.size - entry.sent)) return piece;
  } catch { /* told below */ }
  entry.loss = "unreadable";
  return null;
}

// The missing file that was picked again; none where it may be another one. Folder after folder of a
// disc holds an IM000001 of the same size: what has the name of several is none of them for sure,
// and is sent as a file of its own.
function missingAs(entry, like) {
  const same = like.find(({ name }) => name === entry.name);
  const inside = like.filter(({ name }) => name.endsWith(`/${entry.name}`));
  return same ?? (inside.length === 1 ? inside[0] : undefined);
}

function keyOf({ name, size }) { return `${size} ${name.split("/").pop()}`; }

// A browser looks the size of a file up when it is asked for, one by one: 5,000 of them in one go
// would silence the page for seconds.
async function picked(files, count) {
  const entries = [];
  for (const file of files) {
    entries.push({ name: file.webkitRelativePath || file.name, size: file.size, file });
    if (entries.length % LOOKED === 0) {
      count(entries.length);
      await new Promise((done) => setTimeout(done));
    }
  }
  return entries;
}

async function dropped(items, count) {
  const entries = [];
  const walk = async (entry) => {
    const name = entry.fullPath.replace(/^\//, "");
    try {
      if (entry.isFile) {
        const file = await new Promise((done, fail) => entry.file(done, fail));
        entries.push({ name, size: file.size, file });
        count(entries.length);
        return;
      }
      const reader = entry.createReader();
      const inside = [];
      for (;;) {
        const more = await new Promise((done, fail) => reader.readEntries(done, fail));
        if (!more.length) break;
        inside.push(...more);
      }
      inside.sort((a, b) => (a.name < b.name ? -1 : 1));
      for (const one of inside) await walk(one);
    } catch {
      entries.push({ name, size: 0, loss: "unreadable" });
    }
  };
  for (const item of items) await walk(item);
  return entries;
}

const engine = (globalThis.__lightboxIntake ??= new Engine());
const views = new WeakMap();

class View {
  constructor(root) {
    this.root = root;
    this.find = (name) => root.querySelector(`[data-part="${name}"]`);
    this.again = null; // job and missing files that are being picked again
    const zone = this.find("zone");
    for (const name of ["files", "folder"]) {
      const input = this.find(`${name}-input`);
      this.find(name).onclick = () => { this.again = null; input.click(); };
      input.oncancel = () => { this.again = null; };
      input.onchange = () => {
        void this.look([...input.files]);
        input.value = "";
      };
    }
    zone.ondragover = (event) => { event.preventDefault(); zone.classList.add("over"); };
    zone.ondragleave = () => zone.classList.remove("over");
    zone.ondrop = (event) => {
      event.preventDefault();
      zone.classList.remove("over");
      const items = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.());
      if (!items.length || items.some((item) => !item)) {
        return this.look([...event.dataTransfer.files]);
      }
      return this.look(items, dropped);
    };
    this.find("stop").onclick = () => engine.stop();
    this.find("retry").onclick = () => this.retry();
    this.find("dismiss").onclick = () => this.dismiss();
    engine.views.add(this);
  }

  update(data, tell) {
    this.data = data;
    this.tell = tell;
    Object.assign(engine.settings, {
      ticket: data.ticket, address: new URL(data.address, location.origin).href, part: data.part,
    });
    const { words } = data;
    for (const name of ["label", "limit", "files", "folder", "stop", "dismiss"]) {
      this.find(name).textContent = words[name];
    }
    for (const name of ["files", "folder"]) {
      this.find(`${name}-input`).setAttribute("aria-label", words[name]);
      this.find(name).disabled = !data.ticket;
    }
    this.draw();
  }

  async look(items, way = picked) {
    const again = this.again;
    this.again = null;
    const entries = await way(items, (n) => { this.looking = n; engine.changed(); });
    this.looking = 0;
    this.take(entries, again);
  }

  take(entries, again) {
    if (!again) return engine.add(entries);
    const missing = new Map(again.files.map((file) => [file.number, file]));
    const byKey = Map.groupBy(again.files, keyOf);
    const resumed = [];
    const others = [];
    for (const entry of entries) {
      const like = (byKey.get(keyOf(entry)) ?? []).filter(({ number }) => missing.has(number));
      const found = missingAs(entry, like);
      if (!found) {
        others.push(entry);
        continue;
      }
      missing.delete(found.number);
      resumed.push({ ...entry, name: found.name, number: found.number });
    }
    if (resumed.length) {
      engine.resume(again.job, resumed, [...missing.values()], again.arrived);
    }
    return engine.add(others);
  }

  // Drops with what is missing of them: as this tab knows them, else as the server has it written.
  missing() {
    const own = engine.drops.filter((drop) => drop.job || !drop.running);
    const jobs = new Set(own.map(({ job }) => job));
    const groups = own.filter((drop) => !drop.dismissed).map((drop) => (
      { job: drop.job, drop, files: drop.entries.filter((entry) => entry.loss) }));
    const others = this.data.drops.filter(({ job }) => !jobs.has(job));
    return [...groups, ...others].filter(({ files, count }) => count ?? files.length);
  }

  retry() {
    const groups = this.missing().map(({ job, drop, arrived, files }) => (
      { job, drop, arrived, files: files.filter(({ loss }) => loss !== "large") }));
    let held = false;
    for (const { job, drop, files } of groups) {
      const here = files.filter(({ file }) => file);
      if (!here.length) continue;
      held = true;
      if (job) {
        engine.resume(job, here);
      } else { // not even announced
        drop.dismissed = true;
        engine.add(here.map(({ name, size, file }) => ({ name, size, file })));
      }
    }
    if (held) return;
    this.again = groups.find(({ files }) => files.length);
    this.find("files-input").click();
  }

  dismiss() {
    const jobs = [];
    for (const { job, drop } of this.missing()) {
      if (drop) drop.dismissed = true;
      if (job) jobs.push(job);
    }
    this.draw();
    if (jobs.length) this.tell("dismissed", jobs);
  }

  draw() {
    if (!this.data) return;
    const { words, hidden } = this.data;
    const { drop } = engine;
    const put = (text, values) => (
      text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole));
    const told = drop?.running ? engine.going : drop ? [drop] : [];
    const entries = told.flatMap((one) => one.entries);
    // had arrived before this tab was opened
    const before = told.reduce((sum, one) => sum + (one.before ?? 0), 0);
    const arrived = before + entries.filter((entry) => entry.arrived).length;
    const all = before + entries.length;
    const counts = put(all === 1 ? words.arrivedOne : words.arrived, { arrived, all });
    let status = "";
    if (!this.data.ticket) status = words.closed;
    else if (this.looking) status = put(words.looking, { count: this.looking });
    else if (drop?.running) status = drop.note ? `${counts} ${words.again}` : counts;
    else if (drop && !drop.dismissed) status = drop.note || counts;
    this.find("status").textContent = status;
    this.find("bar").hidden = !drop?.running;
    const size = (entry) => entry.size + 1; // so that empty files count too
    this.find("bar").max = entries.reduce((sum, entry) => sum + size(entry), 0) || 1;
    this.find("bar").value = entries.reduce(
      (sum, entry) => sum + (entry.arrived ? size(entry) : entry.sent ?? 0), 0);
    this.find("stop").hidden = !drop?.running;
    this.find("progress").hidden = !status;
    this.root.dataset.state = drop?.running ? "sending" : "ready";

    const groups = this.missing();
    const files = groups.flatMap((group) => group.files);
    const count = groups.reduce((sum, group) => sum + (group.count ?? group.files.length), 0);
    const box = this.find("missing");
    box.hidden = !count;
    const list = this.find("list");
    list.replaceChildren();
    for (const loss of Object.keys(words.losses)) {
      const names = files.filter((file) => file.loss === loss);
      if (!names.length) continue;
      const said = document.createElement("p");
      said.textContent = words.losses[loss];
      const items = document.createElement("ul");
      for (const { name } of names.slice(0, SHOWN)) {
        const item = document.createElement("li");
        item.textContent = hidden ? words.hiddenName : name;
        items.append(item);
      }
      if (names.length > SHOWN) {
        const more = document.createElement("li");
        more.textContent = put(words.more, { count: names.length - SHOWN });
        items.append(more);
      }
      list.append(said, items);
    }
    if (count > files.length) { // of these the server tells no names: there are too many
      const more = document.createElement("p");
      more.textContent = put(words.more, { count: count - files.length });
      list.append(more);
    }
    this.find("count").textContent = put(
      count === 1 ? words.missingOne : words.missing, { count });
    const retried = files.filter((file) => file.loss !== "large");
    this.find("retry").hidden = !retried.length || engine.running;
    this.find("retry").textContent = retried.some((file) => file.file)
      ? words.retry : words.chooseAgain;
    this.find("dismiss").hidden = engine.running;
  }

  close() { engine.views.delete(this); }
}

export default function uploader({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".intake");
  let view = views.get(root);
  if (!view) {
    view = new View(root);
    views.set(root, view);
  }
  engine.views.add(view);
  view.update(data, setTriggerValue);
  const call = (view.call = {}); // Streamlit may clean up an earlier call after a later one
  return () => {
    if (view.call !== call) return;
    view.close();
    views.delete(root);
  };
}

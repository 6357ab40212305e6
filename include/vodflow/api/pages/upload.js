// Sends files from this browser to S3 with requests that the API signs: in parts, with progress, pauses, and on after the
// tab was closed or killed. What is begun is kept by id in localStorage; which parts have arrived is asked of the API.

const API = new URL("../api/v1/", location.href);
const BEGUN = "vodflow.uploads";
const KEY = "vodflow.key";
const IN_PARTS = 8 * 1024 ** 2; // bytes from which a file is sent in parts
const AT_ONCE = 3; // parts of a file at a time
const SIGNED_AT_ONCE = 6;
const TRIES = 6; // of one request, with pauses that grow
const LOOK = 3000; // milliseconds between two looks at a job

const element = (id) => document.getElementById(id);
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
// crypto.randomUUID is for https pages alone.
const unique = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
const say = (text) => { element("said").textContent = text; };

class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail || `The answer was ${status}.`);
    this.status = status;
    this.problem = problem;
  }
}
class Stopped extends Error {}

// --- The API ---------------------------------------------------------------------------------------------------------

async function ask(method, path, body, signal, headers = {}) {
  const key = sessionStorage.getItem(KEY);
  if (key) headers.Authorization = `Bearer ${key}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  for (let tries = 1; ; tries += 1) {
    try {
      const answer = await fetch(new URL(path, API), { method, headers, signal, body: body && JSON.stringify(body) });
      const document = await answer.json().catch(() => ({}));
      if (answer.ok) return document;
      const passing = answer.status >= 500 || ["too_many_requests", "request_in_progress"].includes(document.code);
      if (!passing || tries >= TRIES) throw new Refused(answer.status, document);
    } catch (error) {
      if (error instanceof Refused) throw error;
      if (signal?.aborted) throw new Stopped();
      if (tries >= TRIES) throw new Error("The API does not answer.");
    }
    await pause(2 ** tries * 250);
  }
}

// --- Bytes -----------------------------------------------------------------------------------------------------------

const CRC = Uint32Array.from({ length: 256 }, (_, number) => {
  for (let bit = 0; bit < 8; bit += 1) number = number & 1 ? (number >>> 1) ^ 0xedb88320 : number >>> 1;
  return number;
});

async function crc32(blob) {
  let value = 0xffffffff;
  const reader = blob.stream().getReader();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    for (const byte of piece.value) value = CRC[(value ^ byte) & 255] ^ (value >>> 8);
  }
  value = ~value;
  return btoa(String.fromCharCode(value >>> 24 & 255, value >>> 16 & 255, value >>> 8 & 255, value & 255));
}

// XMLHttpRequest, for fetch does not say how much has been sent.
function send(request, blob, onProgress, signal) {
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest();
    const stop = () => sending.abort();
    sending.open(request.method, request.url);
    for (const [name, value] of Object.entries(request.headers)) sending.setRequestHeader(name, value);
    sending.upload.onprogress = (event) => onProgress(event.loaded);
    sending.onload = () => sending.status < 300 ? resolve() : reject(new Refused(sending.status, { detail: reason(sending) }));
    sending.onerror = () => reject(new Error("The storage does not answer, or refuses this page (CORS)."));
    sending.onabort = () => reject(new Stopped());
    sending.onloadend = () => signal.removeEventListener("abort", stop);
    signal.addEventListener("abort", stop);
    if (signal.aborted) reject(new Stopped()); else sending.send(blob);
  });
}

function reason(sending) {
  const said = sending.responseXML?.querySelector("Message")?.textContent;
  return `The storage answered ${sending.status}${said ? `: ${said}` : ""}.`;
}

function shownSize(bytes) {
  const power = Math.min(4, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return `${(bytes / 1024 ** power).toFixed(power ? 1 : 0)} ${["B", "KiB", "MiB", "GiB", "TiB"][power]}`;
}

// --- What was begun --------------------------------------------------------------------------------------------------

function begun() {
  try {
    return JSON.parse(localStorage.getItem(BEGUN)) || {};
  } catch {
    return {};
  }
}
function remember(id, file) {
  localStorage.setItem(BEGUN, JSON.stringify({ ...begun(), [id]: { name: file.name, size: file.size, modified: file.lastModified } }));
}
function forget(id) {
  const { [id]: _, ...others } = begun();
  localStorage.setItem(BEGUN, JSON.stringify(others));
}

// --- One upload ------------------------------------------------------------------------------------------------------

const entries = new Set();
let turn = Promise.resolve();

class Entry {
  constructor(file, upload) {
    this.file = file;
    this.upload = upload;
    this.name = file ? file.name : upload.filename;
    this.size = file ? file.size : upload.size;
    this.sent = new Map();
    this.draw();
    entries.add(this);
  }

  draw() {
    const copy = element("entry").content.cloneNode(true);
    this.item = copy.querySelector("li");
    this.parts = Object.fromEntries(["state", "pause", "resume", "again", "cancel", "watch"].map((name) => [name, copy.querySelector(`.${name}`)]));
    this.bar = copy.querySelector("progress");
    copy.querySelector(".name").textContent = this.name;
    copy.querySelector(".size").textContent = shownSize(this.size);
    this.bar.setAttribute("aria-label", `Progress of ${this.name}`);
    for (const name of ["pause", "resume", "cancel"]) {
      this.parts[name].setAttribute("aria-label", `${this.parts[name].textContent} ${this.name}`);
      this.parts[name].addEventListener("click", () => this[name]());
    }
    this.parts.again.querySelector("input").setAttribute("aria-label", `Choose ${this.name} again`);
    this.parts.again.querySelector("input").addEventListener("change", (event) => this.chosen(event.target.files[0]));
    element("list").append(this.item);
  }

  show(state, text, buttons = []) {
    this.item.dataset.state = state;
    this.item.classList.toggle("failed", state === "failed");
    this.parts.state.textContent = text;
    for (const [name, part] of Object.entries(this.parts)) {
      if (name !== "state" && name !== "watch") part.hidden = !buttons.includes(name);
    }
  }

  progress() {
    const sent = [...this.sent.values()].reduce((sum, bytes) => sum + bytes, 0);
    const percent = Math.min(100, 100 * sent / this.size);
    this.bar.value = percent;
    this.show("sending", `${shownSize(sent)} of ${shownSize(this.size)} sent, ${percent.toFixed(0)} %`, ["pause", "cancel"]);
  }

  // One file after the other: each is there sooner so.
  queue() {
    this.show("waiting", "Waits for its turn.", ["cancel"]);
    this.stopped = new AbortController();
    const { signal } = this.stopped;
    turn = turn.then(() => signal.aborted ? undefined : this.run(signal));
    return turn;
  }

  async run(signal) {
    try {
      await this.begin(signal);
      if (this.upload.status === "OPEN") {
        await (this.upload.multipart ? this.sendParts(signal) : this.sendWhole(signal));
        this.show("completing", "Everything is sent; it is looked at.");
        this.upload = await ask("POST", `uploads/${this.upload.id}/complete`, {}, signal);
      }
      forget(this.upload.id);
      this.follow();
    } catch (error) {
      if (error instanceof Stopped || signal.aborted) return;
      this.show("failed", error.message, this.upload?.status === "OPEN" || !this.upload ? ["resume", "cancel"] : []);
      say(`${this.name}: ${error.message}`);
    }
  }

  async begin(signal) {
    if (this.upload) {
      this.upload = await ask("GET", `uploads/${this.upload.id}`, undefined, signal);
      return;
    }
    const inParts = this.size > IN_PARTS;
    this.show("preparing", "Begins.", ["cancel"]);
    const wishes = Object.fromEntries(["tenant", "profile"].map((name) => [name, element(name).value.trim()]).filter(([, value]) => value));
    this.upload = await ask("POST", "uploads", {
      filename: this.name, size: this.size, content_type: /^video\//.test(this.file.type) ? this.file.type : undefined, ...wishes,
      ...(inParts ? { method: "multipart", part_checksums: true } : { method: "single", crc32: await crc32(this.file) }),
    }, signal, { "Idempotency-Key": unique() }); // an answer that is lost leaves no second one behind
    remember(this.upload.id, this.file);
  }

  async sendWhole(signal) {
    this.progress();
    await this.tried(signal, async () => {
      const { single } = await ask("GET", `uploads/${this.upload.id}`, undefined, signal);
      try {
        await send(single, this.file, (bytes) => this.count(0, bytes), signal);
      } catch (error) {
        if (error.status !== 412) throw error; // it has arrived before, and only the answer was lost
      }
    });
    this.count(0, this.size);
  }

  async sendParts(signal) {
    const { part_size: size, parts, received, checksums } = this.upload.multipart;
    const blob = (number) => this.file.slice((number - 1) * size, Math.min(this.size, number * size));
    for (const part of received.length > 1 ? [received[0], received.at(-1)] : received) {
      if (part.crc32 && part.crc32 !== await crc32(blob(part.number))) {
        throw new Error("This is another file than the one that was begun. Choose that one, or cancel and begin anew.");
      }
    }
    for (const part of received) this.sent.set(part.number, part.size);
    const there = new Set(received.map((part) => part.number));
    const left = Array.from({ length: parts }, (_, index) => index + 1).filter((number) => !there.has(number));
    this.progress();
    const signed = new Map();
    let signing = Promise.resolve();
    const request = async (number) => {
      // One after the other, for a batch at a time: most numbers find theirs signed already.
      signing = signing.catch(() => {}).then(async () => {
        if (signed.has(number)) return;
        const batch = [number, ...left.filter((one) => one !== number).slice(0, SIGNED_AT_ONCE - 1)];
        const wanted = [];
        for (const one of batch) wanted.push({ number: one, ...(checksums ? { crc32: await crc32(blob(one)) } : {}) });
        const answer = await ask("POST", `uploads/${this.upload.id}/parts`, { parts: wanted }, signal);
        for (const one of answer.parts) signed.set(one.number, one);
      });
      await signing;
      const found = signed.get(number);
      signed.delete(number); // another try has it signed anew: it may have run out
      return found;
    };
    const work = async () => {
      for (let number = left.shift(); number !== undefined; number = left.shift()) {
        const part = number;
        await this.tried(signal, async () => send(await request(part), blob(part), (bytes) => this.count(part, bytes), signal));
        this.count(part, blob(part).size);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  }

  count(number, bytes) {
    this.sent.set(number, bytes);
    if (!this.stopped.signal.aborted) this.progress();
  }

  async tried(signal, attempt) {
    for (let tries = 1; ; tries += 1) {
      try {
        return await attempt();
      } catch (error) {
        if (error instanceof Stopped || signal.aborted) throw new Stopped();
        if (tries >= TRIES || (error instanceof Refused && error.status < 500 && error.status !== 403)) throw error;
        await pause(2 ** tries * 250);
      }
    }
  }

  pause() {
    this.stopped.abort();
    this.show("paused", `Paused at ${this.bar.value.toFixed(0)} %.`, ["resume", "cancel"]);
  }

  resume() {
    if (this.file) this.queue();
  }

  // After the tab was closed only its user can hand the file to the page again.
  interrupted() {
    const { multipart } = this.upload;
    const bytes = multipart ? multipart.received.reduce((sum, part) => sum + part.size, 0) : 0;
    this.bar.value = 100 * bytes / this.size;
    this.show("interrupted", `Interrupted; ${shownSize(bytes)} of ${shownSize(this.size)} have arrived. Choose the file again to go on.`, ["again", "cancel"]);
  }

  chosen(file) {
    if (!file) return;
    if (file.name !== this.name || file.size !== this.size) {
      say(`${file.name} (${shownSize(file.size)}) is not ${this.name} (${shownSize(this.size)}): choose that one.`);
      return;
    }
    this.file = file;
    this.queue();
  }

  async cancel() {
    this.stopped?.abort();
    try {
      if (this.upload) {
        await ask("DELETE", `uploads/${this.upload.id}`);
        forget(this.upload.id);
      }
      this.show("canceled", "Cancelled.");
      entries.delete(this);
    } catch (error) {
      this.show("failed", error.message, ["resume"]);
    }
  }

  async follow() {
    this.bar.value = 100;
    say(`${this.name} has arrived.`);
    for (;;) {
      const { job } = this.upload;
      if (!job) break;
      const said = job.stage ? `${job.status.toLowerCase()}, ${job.stage}` : job.status.toLowerCase();
      this.show("sent", `Sent. Its job ${job.ref}: ${said}${job.progress ? `, ${job.progress.toFixed(0)} %` : ""}${job.reason ? `. ${job.reason}` : ""}`);
      if (job.player) {
        this.parts.watch.href = job.player;
        this.parts.watch.hidden = false;
      }
      if (job.over) break;
      await pause(LOOK);
      this.upload = await ask("GET", `uploads/${this.upload.id}`).catch(() => this.upload);
    }
  }
}

// --- The page --------------------------------------------------------------------------------------------------------

let opened = false;
const early = []; // files that were chosen before it was known what is begun: one of them may go on

function take(files) {
  if (!opened) {
    early.push(...files);
    return;
  }
  for (const file of files) {
    const same = [...entries].find((entry) => entry.item.dataset.state === "interrupted" && entry.name === file.name && entry.size === file.size);
    if (same) same.chosen(file); else new Entry(file).queue();
  }
}

function takeChosen() {
  const { files } = element("files");
  take([...files]);
  element("files").value = "";
}

async function open() {
  try {
    await ask("GET", "uploads?limit=1");
  } catch (error) {
    element("log-in").hidden = error.status !== 401 && error.status !== 403;
    if (sessionStorage.getItem(KEY) || error.status !== 401) say(error.message);
    sessionStorage.removeItem(KEY);
    return;
  }
  element("log-in").hidden = true;
  element("choose").hidden = false;
  element("tenant-field").hidden = false;
  say("");
  for (const id of Object.keys(begun())) {
    const upload = await ask("GET", `uploads/${id}`).catch((error) => error.status === 404 ? null : undefined);
    if (upload === undefined) continue;
    if (upload?.status === "OPEN") new Entry(undefined, upload).interrupted(); else forget(id);
    if (upload?.status === "COMPLETED") new Entry(undefined, upload).follow();
  }
  opened = true;
  take(early.splice(0));
  takeChosen();  // what was chosen before this script ran
}

element("log-in").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(KEY, element("key").value.trim());
  element("key").value = "";
  open();
});
element("files").addEventListener("change", takeChosen);
const drop = element("drop");
for (const [name, over] of [["dragover", true], ["dragleave", false], ["drop", false]]) {
  drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.toggle("over", over);
    if (name === "drop") take(event.dataTransfer.files);
  });
}
window.addEventListener("beforeunload", (event) => {
  if ([...entries].some((entry) => entry.item.dataset.state === "sending")) event.preventDefault();
});
open();

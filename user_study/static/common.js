// What the pages share: addresses, requests that are tried again, waiting.

export const base = document.body.dataset.base;
const csrf = document.body.dataset.csrf || "";

export const byId = (id) => document.getElementById(id);
export const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
export const seconds = () => performance.now() / 1000;

export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name in node && name !== "list") node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

export class Refused extends Error {
  constructor(status, message) { super(message); this.status = status; }
}

// Sends JSON, or asks when there is no body. Tries again, for as long as it takes, while the network or the server is
// away: `onWait` is told. Throws Refused for every other answer that is not 2xx.
export async function request(path, body, onWait = () => {}) {
  for (let wait = 1; ; wait = Math.min(wait * 2, 15)) {
    let reply = null;
    try {
      reply = await fetch(`${base}/${path}`, {
        method: body === undefined ? "GET" : "POST",
        headers: body === undefined ? {} : { "content-type": "application/json", "x-csrf-token": csrf },
        body: body === undefined ? undefined : JSON.stringify(body),
        credentials: "same-origin",
        cache: "no-store",
      });
    } catch {
      reply = null;
    }
    if (reply && reply.ok) return reply.json();
    if (reply && reply.status < 500 && reply.status !== 429) {
      const told = await reply.json().catch(() => ({}));
      throw new Refused(reply.status, told.error || "The server refused this.");
    }
    onWait(wait);
    await sleep(wait * 1000 * (0.75 + Math.random() / 2));
  }
}

export function randomId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

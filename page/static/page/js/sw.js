// The service worker: keeps the shell for offline, and takes what a phone shares.
//
// No word of anybody is in its cache: pages of a person are never kept here, only the empty shell
// and the files of the page. A classic script, since not every browser takes modules here.

const CACHE = "bau-shell-1";
const SHELL = "/offline";

self.addEventListener("install", (event) => {
  event.waitUntil(keepShell().then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(dropOld().then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (url.origin !== location.origin) return;
  if (request.method === "POST" && url.pathname === "/share") event.respondWith(takeShared(request));
  else if (request.method !== "GET") return;
  else if (url.pathname.startsWith("/static/")) event.respondWith(fileOrKept(request));
  else if (request.mode === "navigate") event.respondWith(pageOrShell(request));
});

async function dropOld() {
  for (const name of await caches.keys())
    if (name.startsWith("bau-") && name !== CACHE) await caches.delete(name);
}

/** The shell, what it names, and what that imports. */
async function keepShell() {
  const cache = await caches.open(CACHE);
  const done = new Set();
  const fetchInto = async (url) => {
    if (done.has(url)) return;
    done.add(url);
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
    const words = await answer.clone().text();
    await cache.put(url, answer);
    await Promise.all(namedIn(words, url).map(fetchInto));
  };
  await fetchInto(new URL(SHELL, location.origin).href);
}

function namedIn(words, url) {
  if (!/(\/offline|\.js)$/.test(url)) return [];
  const pattern = url.endsWith(".js")
    ? /(?:from|import\()\s*["'](\.[^"']+)["']/g
    : /(?:href|src)="(\/static\/[^"]+)"/g;
  return [...words.matchAll(pattern)].map(([, named]) => new URL(named, url).href);
}

async function fileOrKept(request) {
  try {
    const answer = await fetch(request);
    if (answer.ok && answer.status === 200) {
      const cache = await caches.open(CACHE);
      await cache.put(request, answer.clone());
    }
    return answer;
  } catch (fault) {
    const kept = await caches.match(request, { ignoreVary: true });
    if (kept) return kept;
    throw fault;
  }
}

async function pageOrShell(request) {
  try {
    return await fetch(request);
  } catch (fault) {
    const shell = await caches.match(SHELL, { ignoreVary: true });
    if (shell) return shell;
    throw fault;
  }
}

/** Put what was shared into the outbox, as an offer: a form of any site can lead here, so nothing
 * is sent before the person has said so on our page. */
async function takeShared(request) {
  const form = await request.formData().catch(() => new FormData());
  const files = [...form.values()].filter((value) => value instanceof File && value.size);
  for (const file of files.slice(0, 20)) {
    const id = crypto.randomUUID();
    await put("chunks", [id, 0], file);
    await put("outbox", id, {
      id, owner: "", name: file.name, type: file.type, size: file.size, source: "forwarded",
      recorded_at: file.lastModified ? new Date(file.lastModified).toISOString() : "",
      added: Date.now(), state: "offered", reason: "shared", tries: 0, next: 0,
    });
  }
  return Response.redirect(files.length ? "/?shared=1" : "/", 303);
}

// The same shape as idb-keyval's, which store.js uses.
function put(name, key, value) {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(`bau-${name}`);
    opening.onupgradeneeded = () => opening.result.createObjectStore(name);
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const change = opening.result.transaction(name, "readwrite");
      change.objectStore(name).put(value, key);
      change.oncomplete = () => (opening.result.close(), resolve());
      change.onabort = () => (opening.result.close(), reject(change.error));
    };
  });
}

// Starts what the tests need: a Headwater of this tree, a browser, and an API client for set-up.
import { execFile, spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromium } from "playwright-core";

const repository = fileURLToPath(new URL("../..", import.meta.url));

export const email = "admin@example.net";
export const password = "a-long-enough-password";

/** Waits until check gives something true; rejects after a time (ms). */
export async function until(what, check, limit = 60_000) {
  const end = Date.now() + limit;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited too long for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Ends a process that was started here. */
export async function stop(process, signal = "SIGTERM") {
  if (process.exitCode !== null || process.signalCode !== null) return;
  const ended = new Promise((resolve) => process.once("exit", resolve));
  process.kill(signal);
  await ended;
}

const built = {};

/** Builds a program of this tree, once for a process, unless the environment names one. Headwater has the dashboard of web/dist. */
export function build(path, named) {
  built[path] ??= (async () => {
    if (named) return named;
    const folder = await mkdtemp(join(tmpdir(), "headwater-build-"));
    process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
    const binary = join(folder, "program");
    await promisify(execFile)("go", ["build", "-C", path, "-o", binary, "."], { cwd: repository });
    return binary;
  })();
  return built[path];
}

/** Starts what holds every exchange with the API against its documents; HEADWATER_FRONT names it, and without it there is none. */
async function startFront(url) {
  if (!process.env.HEADWATER_FRONT) return { url, close: () => {} };
  const child = spawn(process.env.HEADWATER_FRONT, ["-to", url], { cwd: repository, stdio: ["ignore", "pipe", "pipe"] });
  let address;
  let log = "";
  createInterface({ input: child.stdout }).on("line", (line) => (address = /^front (\S+)/.exec(line)?.[1]));
  createInterface({ input: child.stderr }).on("line", (line) => (log += `${line}\n`));
  await until("front", () => address);
  return {
    url: address,
    close: async () => {
      await stop(child);
      if (child.exitCode !== 0) throw new Error(`exchanges departed from the API's documents:\n${log}`);
    },
  };
}

/** The environment of the program: what the tests tell one another by HEADWATER_… is not its own, and it refuses what it does not know. */
const ownEnv = () => Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("HEADWATER_")));

/** Runs another command of the program; gives what it writes. */
export async function command(cwd, ...args) {
  const binary = await build("./cmd/headwater", process.env.HEADWATER_BINARY);
  return (await promisify(execFile)(binary, args, { cwd, env: ownEnv() })).stdout;
}

/** Starts Headwater on free ports; more are flags besides the usual. */
export const startHeadwater = (...more) => start(true, more);

/** Starts it as a default install is: nothing stands in for proxied records. */
export const startPlain = () => start(false, []);

/** Starts it with passkeys, at an address of localhost: browsers and server have to know it before the server has a port. */
export async function startWithPasskeys(...more) {
  let to;
  const open = new Set();
  const relay = createServer((from) => {
    const on = connect(to, "127.0.0.1");
    for (const [a, b] of [[from, on], [on, from]]) {
      open.add(a);
      a.on("error", () => b.destroy()).on("close", () => (open.delete(a), b.destroy()));
      a.pipe(b);
    }
  });
  await new Promise((resolve) => relay.listen(0, "127.0.0.1", resolve));
  const url = `http://localhost:${relay.address().port}`;
  const server = await startHeadwater("--passkey-origin", url, ...more);
  to = Number(new URL(server.url).port);
  return {
    ...server,
    url,
    close: async () => {
      relay.close();
      for (const socket of open) socket.destroy();
      await server.close();
    },
  };
}

async function start(edges, more) {
  const binary = await build("./cmd/headwater", process.env.HEADWATER_BINARY);
  const folder = await mkdtemp(join(tmpdir(), "headwater-e2e-"));
  const args = ["serve", "--data", join(folder, "data"), "--dns-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"];
  args.push("--admin-email", email, "--admin-password", password, "--nameservers", "ns1.example.net,ns2.example.net");
  args.push("--notify-interval", "100ms", "--probe-interval", "1s");
  if (edges) args.push("--edge-addresses", "198.51.100.1,198.51.100.2,2001:db8:e::1,2001:db8:e::2");
  args.push(...more);
  const child = spawn(binary, args, { stdio: ["ignore", "pipe", "pipe"], env: ownEnv() });
  const seen = {};
  let log = "";
  const read = (line) => {
    log += `${line}\n`;
    seen.url ??= /dashboard\s+(http:\S+[^/\s])\/?$/.exec(line)?.[1];
    seen.dns ??= /DNS\s+127\.0\.0\.1:(\d+)/.exec(line)?.[1];
    seen.account ??= /account\s+([0-9a-f]{32})/.exec(line)?.[1];
  };
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on("line", read);
  await until("headwater", () => {
    if (child.exitCode !== null) throw new Error(`headwater ended:\n${log}`);
    return seen.url && seen.dns && seen.account;
  });
  // Standard output is no terminal: what is secret lies in a file.
  seen.token = /API token\s+(\S+)/.exec(await readFile(join(folder, "data", "first-credentials.txt"), "utf8"))[1];
  const front = await startFront(seen.url);
  seen.url = front.url;
  return {
    ...seen,
    folder,
    log: () => log,
    api: (method, path, body) => request(seen, method, path, body),
    close: async () => {
      await calm();
      await front.close();
      await stop(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function request({ url, token }, method, path, body) {
  const answer = await fetch(url + path, {
    method,
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const parsed = await answer.json();
  if (!parsed.success) throw new Error(`${method} ${path}: ${JSON.stringify(parsed.errors)}`);
  return parsed.result;
}

/** What each context has asked for and not been answered; streams, which have no end, are not among it. */
const pending = new Map();

function track(context) {
  const open = new Set();
  pending.set(context, open);
  context.on("request", (r) => r.resourceType() !== "eventsource" && open.add(r));
  for (const end of ["requestfinished", "requestfailed"]) context.on(end, (r) => open.delete(r));
  context.on("close", () => pending.delete(context));
  return calmly(context, [context]);
}

/**
 * Ends what tests answer in a server's place: what they are about to ask the server, or to tell a page, when one of the two goes has nobody left to
 * fail for.
 */
const calm = (contexts = pending.keys()) => Promise.all([...contexts].flatMap((c) => c.pages()).map((p) => p.unrouteAll({ behavior: "ignoreErrors" })));

/** Has a context, or a browser with all its contexts, closed after that. */
function calmly(of, contexts) {
  const close = of.close.bind(of);
  of.close = async (...how) => {
    await calm(contexts);
    await close(...how);
  };
  return of;
}

/** A browser with a fresh profile. */
export async function startBrowser() {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  const newContext = browser.newContext.bind(browser);
  browser.newContext = async (options) => track(await newContext(options));
  return calmly(browser);
}

/** Signs in by hand. */
export async function signIn(page, url) {
  await page.goto(`${url}/`);
  await page.getByLabel("E-mail", { exact: true }).fill(email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("heading", { name: "Account home" }).waitFor();
}

/** How long nothing must be asked before a page counts as quiet, in milliseconds. */
const quiet = 500;

/** Waits until a page shows its contents: heading there, nothing on its way, no request open for a while. */
export async function settled(page) {
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.waitForFunction(() => document.querySelector('[role="status"][aria-label="Loading"]') === null);
  const open = pending.get(page.context());
  let since = Date.now();
  await until("an end of requests", () => {
    if (open.size > 0) since = Date.now();
    return Date.now() - since >= quiet;
  }).catch((e) => {
    throw new Error(`${e.message}: ${[...open].map((r) => r.url()).join(", ")}`);
  });
}

/** Waits until nothing moves or fades any more. Animations of scrolling run as long as there is something to scroll. */
export async function still(page) {
  await page.waitForFunction(() => document.getAnimations().every((a) => a.playState !== "running" || a.timeline !== document.timeline || a.effect?.getTiming().iterations === Infinity));
}

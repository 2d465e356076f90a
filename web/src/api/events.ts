import type { QueryClient } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";

// One stream for all tabs of a browser: who holds the lock reads it and hands on what comes.
const address = "/headwater/v1/events";
const lockName = "headwater-events";
const channelName = "headwater-events";

/** How long what comes is gathered before anything is read, in milliseconds. */
const gather = 250;
/** Who reads the stream says so that often, and is taken for gone after twice that. */
const beat = 10_000;
/** How long after a refusal the stream is tried again. */
const again = 60_000;

/** What an event tells, as far as the dashboard asks for it. */
type Told = { kind: "zone" | "account" | "secondary" | "alarm" | "reset"; account_id?: string; zone_id?: string };

let live = false;
let lastBeat = 0;
const listeners = new Set<() => void>();

/** Called when the stream has come, and when it has gone. */
let onTurn: (on: boolean) => void = () => undefined;

function setLive(on: boolean): void {
  if (on) lastBeat = Date.now();
  if (live === on) return;
  live = on;
  onTurn(on);
  for (const l of listeners) l();
}

/** Whether changes are told as they come; where they are not, pages ask now and then. */
export function isLive(): boolean {
  return live;
}

export const useLive = () =>
  useSyncExternalStore(
    (l) => {
      listeners.add(l);
      return () => listeners.delete(l);
    },
    isLive,
  );

/** How often a page asks by itself: not at all while changes are told, unless it shows what nobody tells. */
export const pace = (alone: number, told: number | false = false) => () => (live ? told : alone);

/** The same for a page that is drawn anew when that turns: it stops to ask at once. */
export const usePace = (alone: number): number | false => (useLive() ? false : alone);

/** The keys of what an event has made old. */
export function staleBy(t: Told): readonly (readonly unknown[])[] {
  switch (t.kind) {
    case "zone":
      return [["zones"], ["trouble"], ["matrix"], ...["zone", "secondaries", "course", "records", "history", "outgoing", "outgoing-status", "dns-settings", "dnssec", "drafts", "four-eyes", "zonemd", "update-policies", "audit"].map((k) => (k === "zone" || k === "audit" ? [k, t.account_id] : [k, t.zone_id]))];
    case "secondary":
      return [["zones"], ["trouble"], ["matrix"], ["secondaries", t.zone_id], ["course", t.zone_id]];
    case "account":
      return [["tsigs", t.account_id], ["peers", t.account_id], ["acls", t.account_id], ["peer-uses", t.account_id]];
    case "alarm":
      return [["alarms", t.account_id]];
    case "reset":
      return [[]];
  }
}

const kinds = ["zone", "account", "secondary", "alarm", "reset"] as const;

/** Whether a query shows what events tell of: what was read before the stream began may be old. */
const watched = new Set(["zones", "trouble", "matrix", "zone", "secondaries", "course", "records", "history", "outgoing", "outgoing-status", "dns-settings", "drafts", "four-eyes", "alarms", "peers", "tsigs", "acls", "peer-uses"]);

function overtaken(client: QueryClient, since: number): void {
  void client.invalidateQueries({ predicate: (q) => watched.has(String(q.queryKey[0])) && q.state.dataUpdatedAt > 0 && q.state.dataUpdatedAt < since });
}

/** Reads what is shown anew when something tells that it is old, a little later, together. */
function reader(client: QueryClient) {
  let waiting = new Map<string, readonly unknown[]>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  return (t: Told) => {
    for (const key of staleBy(t)) waiting.set(JSON.stringify(key), key);
    timer ??= setTimeout(() => {
      const keys = [...waiting.values()];
      waiting = new Map();
      timer = undefined;
      for (const queryKey of keys) void client.invalidateQueries({ queryKey });
    }, gather);
  };
}

/** Opens the stream, tells what comes, and ends with the signal. */
function stream(told: (t: Told) => void, up: (on: boolean) => void, signal: AbortSignal): void {
  const source = new EventSource(address);
  source.addEventListener("open", () => up(true));
  for (const kind of kinds) {
    source.addEventListener(kind, (e) => {
      const data = JSON.parse((e as MessageEvent<string>).data) as Omit<Told, "kind">;
      told({ kind, account_id: data.account_id, zone_id: data.zone_id });
    });
  }
  source.onerror = () => {
    up(false);
    // A refusal is for good: the browser does not come again by itself.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => signal.aborted || stream(told, up, signal), again);
  };
  signal.addEventListener("abort", () => source.close());
}

let stop: AbortController | null = null;

/** Listens for what changes, from now on and until endEvents. */
export function startEvents(client: QueryClient): void {
  if (stop !== null || typeof EventSource === "undefined") return;
  stop = new AbortController();
  const { signal } = stop;
  const read = reader(client);
  // What pages ask for by themselves they stop to ask for, or begin to, with the next answer.
  onTurn = (on) => (on ? overtaken(client, Date.now()) : read({ kind: "reset" }));
  if (!("locks" in navigator) || typeof BroadcastChannel === "undefined") {
    // Without TLS browsers lend no locks: each tab listens for itself, as long as it is looked at.
    let own: AbortController | null = null;
    const look = () => {
      if (document.visibilityState === "visible" && own === null) {
        own = new AbortController();
        stream(read, setLive, AbortSignal.any([signal, own.signal]));
      } else if (document.visibilityState === "hidden" && own !== null) {
        own.abort();
        own = null;
        setLive(false);
      }
    };
    document.addEventListener("visibilitychange", look, { signal });
    look();
    return;
  }
  const channel = new BroadcastChannel(channelName);
  let reads = false;
  channel.onmessage = (e: MessageEvent<Told | boolean | null>) => {
    if (e.data === null) {
      if (reads) channel.postMessage(live);
    } else if (typeof e.data === "boolean") setLive(e.data);
    else read(e.data);
  };
  channel.postMessage(null); // does anybody read the stream already?
  const watch = setInterval(() => live && Date.now() - lastBeat > 2 * beat && setLive(false), beat);
  signal.addEventListener("abort", () => {
    clearInterval(watch);
    channel.close();
    onTurn = () => undefined;
    setLive(false);
  });
  void navigator.locks
    .request(lockName, { signal }, () => {
      reads = true;
      const up = (on: boolean) => {
        setLive(on);
        channel.postMessage(on);
      };
      const beats = setInterval(() => {
        if (live) setLive(true);
        channel.postMessage(live);
      }, beat);
      stream(
        (t) => {
          read(t);
          channel.postMessage(t);
        },
        up,
        signal,
      );
      return new Promise<void>((done) =>
        signal.addEventListener("abort", () => {
          clearInterval(beats);
          done();
        }),
      );
    })
    .catch(() => undefined); // the signal has ended the wait
}

/** Listens no more: nobody is signed in. */
export function endEvents(): void {
  stop?.abort();
  stop = null;
}

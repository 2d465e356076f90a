import type { Query, QueryClient } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import { lookNow } from "./contact";

// One stream for all tabs of a browser: who holds the lock reads it and hands on what comes.
const address = "/headwater/v1/events";
const lockName = "headwater-events";
const channelName = "headwater-events";

/** How long what comes is gathered before anything is read, in milliseconds. */
const gather = 250;
/** Who listens to another tab asks so often whether it reads the stream, and takes it for gone when two questions were not answered. */
const beat = 10_000;
/** How long a stream that was cut may take to come back: it goes on where it was, so nothing need be read for that. */
const grace = 5_000;
/** How long after a refusal the stream is tried again. */
const again = 60_000;

/** What an event tells, as far as the dashboard asks for it, and the cursor that stands behind it. */
type Told = { kind: "zone" | "account" | "secondary" | "alarm" | "reset"; account_id?: string; zone_id?: string; cursor?: string };

let live = false;
/** Questions to the tab that reads the stream which it has not answered. */
let unheard = 0;
/** Behind what a stream begins: what had happened by then is in what was read since. Empty: not known. */
let at = "";
const listeners = new Set<() => void>();

/** Called when the stream has come, and when it has gone. */
let onTurn: (on: boolean) => void = () => undefined;

function setLive(on: boolean): void {
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

/**
 * What was asked for before the cursor was known, such as the records of a deep link: it may be older than the stream's beginning, and
 * is read once more when the stream is there. Where no cursor is known that is all that was read by then.
 */
function overtaken(client: QueryClient, known: boolean): (key?: readonly unknown[]) => void {
  const shows = (q: Query) => watched.has(String(q.queryKey[0]));
  const early = new Set(known ? client.getQueryCache().getAll() : []);
  const keys: (readonly unknown[])[] = [];
  let there = false;
  return (key) => {
    if (key !== undefined && !there) keys.push(key);
    else if (key !== undefined) void client.invalidateQueries({ queryKey: key });
    else if (!there) {
      there = true;
      void client.invalidateQueries({ predicate: (q) => shows(q) && (!known || early.has(q)) });
      for (const queryKey of keys) void client.invalidateQueries({ queryKey });
    }
  };
}

let readAgain: (key?: readonly unknown[]) => void = () => undefined;

/** Tells that what a query has just been given was asked for before anybody was known to be signed in. */
export function askedBefore(key: readonly unknown[]): void {
  setTimeout(() => readAgain(key)); // its answer comes first
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

/** Opens the stream behind what is known, tells what comes, and ends with the signal. */
function stream(told: (t: Told) => void, up: (on: boolean) => void, signal: AbortSignal): void {
  const source = new EventSource(at === "" ? address : `${address}?cursor=${encodeURIComponent(at)}`);
  let cut: ReturnType<typeof setTimeout> | undefined;
  source.addEventListener("open", (e) => {
    clearTimeout(cut);
    if (e instanceof MessageEvent) at = e.lastEventId;
    up(true);
  });
  for (const kind of kinds) {
    source.addEventListener(kind, (e) => {
      const { data, lastEventId } = e as MessageEvent<string>;
      const { account_id, zone_id } = JSON.parse(data) as Omit<Told, "kind">;
      told({ kind, account_id, zone_id, cursor: lastEventId });
    });
  }
  source.onerror = () => {
    clearTimeout(cut);
    if (source.readyState === EventSource.CLOSED) {
      // A refusal is for good: the browser does not come again by itself.
      up(false);
      setTimeout(() => signal.aborted || stream(told, up, signal), again);
      return;
    }
    lookNow();
    cut = setTimeout(() => up(false), grace);
  };
  signal.addEventListener("abort", () => {
    clearTimeout(cut);
    source.close();
  });
}

let stop: AbortController | null = null;

/**
 * Listens for what changes, from now on and until endEvents. The cursor is that of the session's answer: what is read after that need not be
 * read again when the stream is there.
 */
export function startEvents(client: QueryClient, cursor: string | null): void {
  if (stop !== null || typeof EventSource === "undefined") return;
  stop = new AbortController();
  const { signal } = stop;
  at = cursor ?? "";
  const gathered = reader(client);
  const read = (t: Told) => {
    at = t.cursor ?? at;
    gathered(t);
  };
  readAgain = overtaken(client, at !== "");
  // What pages ask for by themselves they stop to ask for, or begin to, with the next answer.
  onTurn = (on) => (on ? readAgain() : read({ kind: "reset" }));
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
    } else if (typeof e.data === "boolean") {
      unheard = 0;
      setLive(e.data);
    } else read(e.data);
  };
  channel.postMessage(null); // does anybody read the stream already?
  // It is asked, rather than telling by itself: browsers let timers of a tab that is out of sight run once a minute, its messages at once.
  const watch = setInterval(() => {
    if (reads) return;
    if (live && ++unheard > 2) setLive(false);
    channel.postMessage(null);
  }, beat);
  signal.addEventListener("abort", () => {
    clearInterval(watch);
    channel.close();
    onTurn = () => undefined;
    readAgain = () => undefined;
    setLive(false);
  });
  void navigator.locks
    .request(lockName, { signal }, () => {
      reads = true;
      const up = (on: boolean) => {
        setLive(on);
        channel.postMessage(on);
      };
      stream(
        (t) => {
          read(t);
          channel.postMessage(t);
        },
        up,
        signal,
      );
      return new Promise<void>((done) => signal.addEventListener("abort", () => done()));
    })
    .catch(() => undefined); // the signal has ended the wait
}

/** Listens no more: nobody is signed in. */
export function endEvents(): void {
  stop?.abort();
  stop = null;
}
